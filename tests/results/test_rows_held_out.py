"""The rows that a search holds out, in the caller's own block: its errors are its own, those of a damaged store not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal.errors import RunFolderError
from shoal.results import Results, reading


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, dots: None) -> Path:
    draw = np.random.default_rng(0)
    table = pd.DataFrame({"x": draw.normal(size=40), "y": draw.normal(size=40)})
    folder = tmp_path_factory.mktemp("run") / "out"
    shoal.run(
        table,
        target="y",
        out=folder,
        training={"epochs": 2},
        network={"hidden": []},
        search={"folds": 2, "space": {"training.weight_decay": [0, 0.1]}},
        checks={"baselines": False},
    )
    return folder


@pytest.mark.parametrize(
    "kind", [KeyError, ValueError, AttributeError, TypeError, IndexError, ZeroDivisionError]
)
@pytest.mark.parametrize(
    "block", [lambda folder: Results.open(folder).rows_held_out(), reading], ids=["rows held out", "reading"]
)
def test_an_error_of_the_callers_own_stays_what_it_is(
    run: Path, kind: type[Exception], block: Callable[[Path], AbstractContextManager[Any]]
) -> None:
    own = kind("mine")
    with pytest.raises(kind) as caught, block(run):
        raise own
    assert caught.value is own


def test_an_error_among_the_cells_is_the_callers_too(run: Path) -> None:
    results = Results.open(run)

    def fails() -> None:
        with results.rows_held_out() as rows:
            for _ in rows.cells(list(results.tried), "mse"):
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()


def test_rows_that_cannot_be_read_are_refused_inside_the_block(run: Path) -> None:
    results = Results.open(run)
    with results.rows_held_out() as rows:
        damaged = replace(rows, truth=replace(rows.truth, validation_rows={}))
        cells: Iterator[Any] = damaged.cells(list(results.tried), "mse")
        with pytest.raises(RunFolderError, match="the rows held out in its results is not what Shoal writes"):
            list(cells)
        with pytest.raises(RunFolderError, match="the rows held out"):
            list(rows.cells(["no such candidate"], "mse"))
