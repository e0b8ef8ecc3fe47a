"""The numbers behind a picture as CSV: any fact, which is a frozen dataclass of arrays, tuples and such again.

A fact becomes blocks under each other, a blank line between them: its single values first, then one block for
the arrays of each axis, then one for each tuple of facts inside. Rows of a block belong together: arrays of one
length alone do not stand side by side, since three repeats are no three classes.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.wording import counted, safe_cell

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_CELLS: Final = 10_000
_CELL_LETTERS: Final = 10
_MOST_AXES: Final = 3
MOST_FRAME_CELLS: Final = 100_000
"""Browsers refuse to save addresses of more than 2 MB."""
Row = tuple[Any, ...]
_FLOATS: Final = (float, np.floating)
_BOOLS: Final = (bool, np.bool_)
_INTEGERS: Final = (int, np.integer)
_SUFFIX: Final = re.compile(r"_[A-Z]+$")
_AXES: Final = {"classes": "K", "keys": "keys"} | {
    f"{rows}_{axis}": rows for rows in ("train", "test") for axis in "xy"
}
"""What arrays whose names end in no letter lie along; others go with the next one of their length, else the last."""


@dataclass(frozen=True)
class Block:
    """One table: its title, the names of its columns, and rows as long as they."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def fact_csv(fact: Any, most: int = MOST_CELLS) -> str:
    """Write a fact as CSV; a block of more than `most` cells keeps one row in so many, which its title says; a
    text has a cell for every ten letters.

    Arrays whose single rows are longer than that keep one column in so many. Those of more than three axes (pixels of
    images and maps, kernels) are left out, which the title says.
    """
    return blocks_csv(_thinned(block, most) for block in _merged(_blocks(fact, "", most)))


def frame_csv(frame: DataFrame) -> str:
    """Write a frame as CSV; of a very long one the first rows, which the title says."""
    columns = tuple(str(name) for name in frame.columns)
    shown = frame.head(MOST_FRAME_CELLS // max(1, len(columns)))
    title = f"the first {len(shown):,} of {counted(len(frame), 'row')}" if len(shown) < len(frame) else ""
    return blocks_csv([Block(title, columns, tuple(shown.itertuples(index=False, name=None)))])


def blocks_csv(blocks: Iterable[Block]) -> str:
    """Write blocks; numbers have six significant digits, texts that look like formulas begin with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for place, block in enumerate(blocks):
        if place:
            text.write("\n")
        if block.title:
            text.write(f"# {block.title}\n")
        writer.writerow([_cell(name) for name in block.columns])
        writer.writerows([_cell(value) for value in row] for row in block.rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, _FLOATS):  # nearly all are
        return f"{value:z.6g}" if math.isfinite(value) else ""
    if value is None:
        return ""
    if isinstance(value, _BOOLS):
        return "yes" if value else "no"
    if isinstance(value, _INTEGERS):
        return str(int(value))
    return safe_cell(str(value))


def _thinned(block: Block, most: int) -> Block:
    """Keep one row in so many; a long text counts as a cell for every ten letters."""
    rows = len(block.rows)
    texts = sum(len(cell) // _CELL_LETTERS for row in block.rows for cell in row if isinstance(cell, str))
    step = min(rows, math.ceil((rows * len(block.columns) + texts) / most))
    if step <= 1:
        return block
    title = f"{block.title}: one row in {step} of {rows}".removeprefix(": ")
    return Block(title, block.columns, block.rows[::step])


def _blocks(fact: Any, title: str, most: int) -> Iterator[Block]:
    """Give the blocks of one fact; a list of facts is numbered."""
    if isinstance(fact, list | tuple):
        yield from _of_many(fact, title, most)
        return
    single: list[tuple[str, Any]] = []
    arrays: list[tuple[str, NDArray[Any]]] = []
    inner: list[tuple[str, Any]] = []
    for name, value in _fields(fact):
        if _is_fact(value) or (isinstance(value, list | tuple) and value and _is_fact(value[0])):
            inner.append((name, value))
        elif (array := _as_array(value)) is not None:
            arrays.append((name, array))
        else:
            single.append((name, value))
    if single:
        yield Block(title, tuple(name for name, _ in single), (tuple(value for _, value in single),))
    for group in _by_axis(arrays):
        yield _columns(group, title, dict(_fields(fact)).get("keys"), most)
    for name, value in inner:
        yield from _blocks(value, f"{title} {name}".strip(), most)


def _by_axis(arrays: list[tuple[str, NDArray[Any]]]) -> Iterable[list[tuple[str, NDArray[Any]]]]:
    """Put arrays together whose rows are the same things: of one length, whose names end in one letter."""
    axes = [_axis(name) for name, _ in arrays]
    groups: dict[tuple[int, str], list[tuple[str, NDArray[Any]]]] = {}
    for place, ((name, array), axis) in enumerate(zip(arrays, axes, strict=True)):
        others = [*range(place + 1, len(arrays)), *reversed(range(place))]
        alike = (axes[other] for other in others if len(arrays[other][1]) == len(array) and axes[other])
        groups.setdefault((len(array), axis or next(alike, "")), []).append((name, array))
    return groups.values()


def _axis(name: str) -> str:
    letters = _SUFFIX.search(name)
    return letters[0][1] if letters else _AXES.get(name, "")


def _of_many(facts: Sequence[Any], title: str, most: int) -> Iterator[Block]:
    """Give the blocks of facts of one kind; each row begins with the number and the name of its fact."""
    for number, fact in enumerate(facts, start=1):
        known = next((value for _, value in _fields(fact) if isinstance(value, str)), "")
        for block in _blocks(fact, title, most):
            lead, names = (number, known), ("number", "of")
            yield Block(block.title, names + block.columns, tuple(lead + row for row in block.rows))


def _merged(blocks: Iterator[Block]) -> list[Block]:
    """Put blocks of one title and the same columns under each other."""
    rows_of: dict[tuple[str, tuple[str, ...]], list[Row]] = {}
    for block in blocks:
        rows_of.setdefault((block.title, block.columns), []).extend(block.rows)
    return [Block(title, columns, tuple(rows)) for (title, columns), rows in rows_of.items()]


def _columns(group: list[tuple[str, NDArray[Any]]], title: str, keys: Any, most: int) -> Block:
    """Put arrays of one length side by side; the further axes of an array become columns."""
    names: list[str] = []
    thinned: list[str] = []
    parts: list[list[Any]] = []
    for name, array in group:
        plain = _SUFFIX.sub("", name)
        if array.ndim == 1:
            names.append(plain)
            parts.append(array.tolist())
            continue
        if array.ndim > _MOST_AXES:
            thinned.append(f"left out: {plain}, {' × '.join(map(str, array.shape))}")
            continue
        flat = array.reshape(len(array), math.prod(array.shape[1:]))
        labels = _labels(name, flat.shape[1], group, keys)
        step = math.ceil(array.size / most) if flat.shape[1] > most else 1
        thinned += [f"one column in {step} of {plain}"] * (step > 1)
        names += [str(label) if labels is keys else f"{plain} {label}" for label in labels[::step]]
        parts += flat[:, ::step].T.tolist()
    full_title = f"{title}: {', '.join(thinned)}".removeprefix(": ") if thinned else title
    if not parts:
        return Block(full_title, ("left out",), ())
    return Block(full_title, tuple(names), tuple(zip(*parts, strict=True)))


def _labels(name: str, count: int, group: list[tuple[str, NDArray[Any]]], keys: Any) -> Sequence[Any]:
    """Name the columns of an array: a square one like its rows, settings by their keys, others by number."""
    square = re.search(r"_([A-Z])\1$", name)
    texts = next((array for _, array in group if array.ndim == 1 and array.dtype == object), None)
    if square and texts is not None and len(texts) == count:
        return list(texts)
    if name == "values" and isinstance(keys, tuple) and len(keys) == count:
        return keys
    return range(1, count + 1)


def _as_array(value: Any) -> NDArray[Any] | None:
    """Give an array with at least one axis for arrays and tuples of values; ragged tuples are filled with None."""
    if isinstance(value, np.ndarray):
        return value if value.ndim else None
    if not isinstance(value, list | tuple):
        return None
    rows = [list(row) if isinstance(row, list | tuple | np.ndarray) else row for row in value]
    if rows and all(isinstance(row, list) for row in rows):
        widest = max(len(row) for row in rows)
        filled = np.full((len(rows), widest), None, dtype=object)
        for place, row in enumerate(rows):
            filled[place, : len(row)] = row
        return filled
    flat = np.empty(len(rows), dtype=object)
    flat[:] = rows
    return flat


def _fields(fact: Any) -> Iterator[tuple[str, Any]]:
    return ((field.name, getattr(fact, field.name)) for field in fields(fact))


def _is_fact(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)
