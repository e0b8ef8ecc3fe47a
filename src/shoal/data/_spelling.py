"""One value, one spelling: cells held against texts that were learned, whatever format either came from.

A text file has the spelling of whoever wrote it (`True`, `1.0`, `01`); the same table read by pandas, polars or from
Parquet has true, 1.0 and 1. What was learned keeps its spelling, and the same value finds it.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._classes import NUMBER, nfc

_PLAIN: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""A number as programs write it. With other zeros before it (01) a text is text, and equals no other text."""
TRUTH: Final = {"true": True, "false": False}
_LONGEST: Final = 300
"""Digits of a number beyond which it is none of 64 bits."""


def respelled(
    written: Sequence[str], cells: Sequence[Any] | NDArray[Any], known: Collection[str]
) -> tuple[list[str], dict[str, list[str]]]:
    """Replace each text by the known one of the same value; a value that is none of them stays as it is written.

    `written` are the cells as text. A text equals a known one letter by letter in NFC, else by a plain value (true =
    True, 1 = 1.0); a value that came as a number or truth value may also be written with zeros before it (01).
    Gives, too, the values that several known texts have, with these texts.
    """
    if not known:
        return list(written), {}
    typed = _typed(cells)
    by_text = {nfc(text): text for text in known} | {text: text for text in known}
    by_value = {kind: _by_value(known, kind, _rounding(cells)) for kind in (False, True)}
    answers: dict[tuple[str, bool], str] = {}
    doubtful: dict[str, list[str]] = {}
    for key in set(zip(written, typed, strict=True)):
        text, is_typed = key
        same = by_value[is_typed].get(_value(text, loose=is_typed), [])
        if len(same) > 1 and is_typed:
            doubtful[text] = sorted(same)
        answers[key] = by_text.get(text) or (same[0] if len(same) == 1 else text)
    return [answers[key] for key in zip(written, typed, strict=True)], doubtful


def _typed(cells: Sequence[Any] | NDArray[Any]) -> list[bool]:
    """Whether each cell came as a number or truth value, and not as text."""
    if isinstance(cells, np.ndarray) and cells.dtype.kind != "O":
        return [cells.dtype.kind != "U"] * len(cells)
    return [not isinstance(cell, str) for cell in cells]


def _rounding(cells: Sequence[Any] | NDArray[Any]) -> Callable[[float], float]:
    """Give what happened to numbers on their way into the type of the cells: float32 knows no 0.1."""
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "f" and cells.dtype.itemsize < 8:
        return lambda value: float(cells.dtype.type(value))
    return float


def _by_value(
    known: Collection[str], loose: bool, rounding: Callable[[float], float]
) -> dict[Hashable, list[str]]:
    """Sort the known texts by their value; those without one are left out."""
    texts: dict[Hashable, list[str]] = defaultdict(list)
    for text in known:
        value = _value(text, loose=loose)
        if isinstance(value, float):
            value = rounding(value)
        if value is not None:
            texts[value].append(text)
    return texts


def _value(text: str, *, loose: bool) -> Hashable | None:
    """Give what a text stands for: ("truth", bool), a number, or nothing but its letters."""
    if text.lower() in TRUTH:
        return "truth", TRUTH[text.lower()]
    pattern = NUMBER if loose else _PLAIN
    if not pattern.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit() and len(text) < _LONGEST:
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else None
