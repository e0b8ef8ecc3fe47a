"""Records to store: a small one by name, and all that Hypothesis can draw."""

from __future__ import annotations

import itertools
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from shoal.errors import RunFolderError
from shoal.results import CandidateRow, FitRecord, Identity, PlanEntry, Store, Truth

FILE = "results.sqlite"
IDENTITY = Identity("peaks", "regression", "f1")
STUDY = """
[study]
name = "peaks"
task = "regression"
repeats = 3
[data]
train = "train.csv"
[search]
repeats = 2
[search.space]
"training.lr" = [0.01, 0.1]
"""
_numbers = itertools.count()


def a_fit(fit_id: str, loss: float = 0.5, **changes: Any) -> FitRecord:
    """A healthy fit whose scores and arrays follow from its id and loss."""
    seed = np.frombuffer(fit_id.encode(), np.uint8).sum()
    draw = np.random.default_rng(seed)
    scores = {"loss": loss, "mse": loss, "rmse": loss**0.5, "mae": loss / 2, "r2": 1 - loss}
    values: dict[str, Any] = {
        "fit_id": fit_id,
        "trainer": "torch",
        "status": "ok",
        "message": "",
        "epochs": 4,
        "kept_epoch": 4,
        "steps": 40,
        "curves": {"epoch": np.array([2.0, 4.0]), "train_loss": draw.random(2)},
        "parameters": {"output.weight": draw.random((1, 3), np.float32)},
        "predictions": {"validation": draw.random((2, 1))},
        "scores": {"validation": scores},
        "seconds": 1.5,
    }
    return FitRecord(**{**values, **changes})


def a_failed_fit(fit_id: str, message: str, steps: int = 3, status: str = "diverged") -> FitRecord:
    nothing: dict[str, Any] = {"parameters": {}, "predictions": {}, "scores": {}}
    return a_fit(fit_id, status=status, message=message, steps=steps, **nothing)


def a_truth() -> Truth:
    return Truth(
        input_names=("x",),
        target_names=("y",),
        classes=(),
        x_ND=np.arange(8.0).reshape(8, 1),
        y=10 + np.arange(8.0).reshape(8, 1),
        train_rows=6,
        validation_rows={
            ("search", 0): np.array([0, 3]),
            ("search", 1): np.array([1, 4]),
            ("compare", 1): np.array([1, 5]),
        },
    )


def a_plan() -> tuple[list[PlanEntry], list[CandidateRow]]:
    candidates = [CandidateRow("a", {"training.lr": 0.1}, 10), CandidateRow("b", {"training.lr": 0.2}, 20)]
    entries = [
        PlanEntry(f"{name}{fold}", "search", name, "", fold, 0, 4, 2) for name in "ab" for fold in (0, 1)
    ]
    return entries, candidates


def new_store(folder: Path) -> Store:
    """A store in a folder of its own."""
    return Store.create_or_open(folder / str(next(_numbers)), IDENTITY)


def sql(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / FILE)) as connection, connection:
        connection.execute(statement, values)


def refusal(folder: Path, act=lambda store: None) -> str:
    """The sentence with which reading is refused."""
    with pytest.raises(RunFolderError) as caught, Store.open_readonly(folder) as store:
        act(store)
    return str(caught.value).removeprefix(str(folder))


def same(one: object, other: object) -> bool:
    """Equal to the last bit: values, types of floats (-0.0, NaN and its payload), shapes and bytes of arrays."""
    if isinstance(one, FitRecord | Truth) and type(one) is type(other):
        return same(vars(one), vars(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, float):
        return isinstance(other, float) and np.float64(one).tobytes() == np.float64(other).tobytes()
    return type(one) is type(other) and one == other


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda text: text != "__metadata__"
)


@st.composite
def arrays(draw: st.DrawFn, dtype: Any) -> dict[str, np.ndarray]:
    """Arrays of any bits and any layout: empty, transposed, strided."""
    shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    bits = np.dtype(f"u{np.dtype(dtype).itemsize}")
    found = draw(
        st.dictionaries(names, hnp.arrays(bits, shapes).map(lambda array: array.view(dtype)), max_size=3)
    )
    layouts = [lambda array: array, lambda array: array.T, lambda array: array[::-1] if array.ndim else array]
    return {name: draw(st.sampled_from(layouts))(array) for name, array in found.items()}


@st.composite
def fit_records(draw: st.DrawFn) -> FitRecord:
    counts = st.integers(0, 2**62)
    scores = st.dictionaries(names, st.dictionaries(names, st.floats(), max_size=3), max_size=2)
    # A NaN score comes back as the usual NaN: JSON has one.
    scores = scores.map(lambda found: json.loads(json.dumps(found)))
    return FitRecord(
        fit_id=f"{next(_numbers):064x}",
        trainer=draw(names),
        status=draw(st.sampled_from(["ok", "diverged", "failed"])),
        message=draw(st.text(st.characters(exclude_categories=["Cs"]))),
        epochs=draw(counts),
        kept_epoch=draw(counts),
        steps=draw(counts),
        curves=draw(arrays(np.float64)),
        parameters=draw(arrays(np.float32)),
        predictions=draw(arrays(np.float64)),
        scores=draw(scores),
        seconds=draw(st.floats(0, 1e9)),
    )
