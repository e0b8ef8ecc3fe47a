"""Rows to be split: training rows with classes, groups or given folds, and two test rows after them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from shoal.data import Column, Dataset

SEEDS = st.integers(0, 2**32 - 1)


def dataset(
    rows: int,
    classes: NDArray[np.int64] | None = None,
    groups: NDArray[np.str_] | None = None,
    folds: NDArray[np.int64] | None = None,
    times: NDArray[np.float64] | None = None,
    gap: int = 0,
) -> Dataset:
    """Build a data set of `rows` training rows, with two test rows after them."""
    all_rows = rows + 2
    names = tuple(f"c{i}" for i in range(int(classes.max()) + 1)) if classes is not None else ()
    targets = np.zeros((all_rows, 1)) if classes is None else np.concatenate((classes, [0, 0]))
    return Dataset(
        name="d",
        task="regression" if classes is None else "classification",
        columns=(Column("x", np.arange(all_rows, dtype=np.float64)),),
        target_names=("y",),
        targets=targets,
        classes=names,
        train_rows=rows,
        groups=groups,
        given_folds=folds,
        train_fingerprint="",
        test_fingerprint="",
        source="",
        times=times,
        gap=gap,
    )
