"""A search beside dask: with joblib's dask backend around it, and inside a task of a worker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="dask.distributed is not installed")

PROGRAM = """
import sys
import joblib
import numpy as np
from distributed import Client
from sklearn import model_selection
import shoal

X = np.random.default_rng(0).normal(size=(40, 3))
GRID = {"dropout": [0.0, 0.2], "dtype": ["float32", "float64"]}  # the core's work, and torch's


def scores(kind):
    search = kind(shoal.MLPRegressor((4,), max_iter=2, random_state=0), GRID, cv=2)
    return search.fit(X, X[:, 0]).cv_results_["mean_test_score"].tolist()


if __name__ == "__main__":
    expected = scores(model_selection.GridSearchCV)
    workers = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": None}
    with Client(processes=sys.argv[1] == "processes", **workers) as client:
        with joblib.parallel_config("dask"):
            assert scores(shoal.GridSearchCV) == expected
        assert client.submit(scores, shoal.GridSearchCV).result(timeout=100) == expected
    print("equal")
"""


@pytest.mark.parametrize("workers", ["processes", "threads"])
def test_a_search_goes_on_beside_dask_as_without(workers: str, tmp_path: Path) -> None:
    program = tmp_path / "search.py"
    program.write_text(PROGRAM, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, str(program), workers], capture_output=True, text=True, timeout=200, check=False
    )
    assert ran.stdout.strip() == "equal", ran.stderr
