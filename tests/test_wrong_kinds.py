"""Arguments of a kind that cannot be meant: one sentence says what was expected and what came."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import shoal

FRAME = pd.DataFrame({"x": [1.0, 2.0]})
KINDS: list[tuple[Any, str]] = [
    (FRAME, "a DataFrame"),
    (np.zeros(3), "a ndarray"),
    (None, "None"),
    (3, "an int"),
    (b"two-peaks", "a bytes"),
    ({"study": {}}, "a dict"),
    (["two-peaks"], "a list"),
]
STUDY = "a Study, the path of a study file, the name of a built-in study, or rows in memory"
ROWS = ("a DataFrame", "a ndarray", "a dict")
"""What `run` and `plan` take for rows in memory."""
ASKED: list[tuple[Callable[[Any], Any], str]] = [
    (shoal.run, STUDY),
    (shoal.plan, STUDY),
    (shoal.load_study, "the path of a study file or the name of a built-in study"),
    (shoal.load, "the path of a run folder or a model file"),
    (shoal.Results.open, "the path of a run folder"),
]


@pytest.mark.parametrize(("given", "kind"), KINDS, ids=[kind for _, kind in KINDS])
@pytest.mark.parametrize(("ask", "expected"), ASKED, ids=["run", "plan", "load_study", "load", "open"])
def test_the_one_thing_that_is_asked_for(
    ask: Callable[[Any], Any], expected: str, given: Any, kind: str
) -> None:
    with pytest.raises(shoal.InputError) as caught:
        ask(given)
    rows = expected == STUDY and kind in ROWS
    assert rows or str(caught.value) == f"expected {expected}, got {kind}"


@pytest.mark.parametrize(
    ("argument", "value", "sentence"),
    [
        ("out", 3, "expected the path of a run folder for `out`, got an int"),
        ("out", FRAME, "expected the path of a run folder for `out`, got a DataFrame"),
        ("workers", 0, "workers: expected a whole number of at least 1, got 0"),
        ("workers", "2", "workers: expected a whole number of at least 1, got '2'"),
        ("workers", True, "workers: expected a whole number of at least 1, got true"),
        ("workers", 1.5, "workers: expected a whole number of at least 1, got 1.5"),
        ("trainer", "jax", "trainer: expected one of auto, torch, native, got 'jax'"),
        ("trainer", None, "trainer: expected one of auto, torch, native, got nothing"),
        ("device", "gpu", "device: expected one of auto, cpu, cuda, mps, got 'gpu'; did you mean 'cuda'?"),
    ],
)
@pytest.mark.parametrize("ask", [shoal.run, shoal.plan])
def test_what_goes_with_a_study(ask: Callable[..., Any], argument: str, value: Any, sentence: str) -> None:
    with pytest.raises(shoal.InputError) as caught:
        ask("two-peaks", **{argument: value})
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("overrides", "end"),
    [
        ("training.epochs=3", ", got a str"),
        (3, ", got an int"),
        ([3], ", each a text, got an int"),
        ({"training.epochs": 3}.items(), ", each a text, got a tuple"),
    ],
)
def test_overrides(overrides: Any, end: str) -> None:
    with pytest.raises(shoal.InputError) as caught:
        shoal.load_study("two-peaks", overrides)
    assert str(caught.value) == f'expected overrides as a list of texts such as ["training.epochs=10"]{end}'


def test_whole_numbers_of_numpy_are_whole_numbers(tmp_path: Path) -> None:
    workers: Any = np.int64(1)
    assert shoal.plan("two-peaks", workers=workers, out=tmp_path / "none").steps > 0
