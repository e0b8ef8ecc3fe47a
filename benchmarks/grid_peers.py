"""The published grid in each peer: `python -m benchmarks.grid_peers NAME FOLDER EPOCHS`, in `.bench-venv`."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import published
from benchmarks.cases import Case


def skorch_grid(x: NDArray[Any], y: NDArray[Any], epochs: int) -> None:
    """Search with skorch in GridSearchCV on every core, then refit the best, as it does by default."""
    import torch
    from sklearn.model_selection import GridSearchCV
    from skorch import NeuralNetRegressor

    from benchmarks.peers import TwoHidden

    net = NeuralNetRegressor(
        TwoHidden,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    space = {
        "module__first": published.FIRST,
        "module__second": published.SECOND,
        "module__dropout": published.DROPOUTS,
        "optimizer__weight_decay": published.DECAYS,
        "batch_size": published.BATCHES,
    }
    GridSearchCV(net, space, cv=published.FOLDS, scoring="neg_mean_squared_error", n_jobs=-1).fit(x, y)


def sklearn_grid(x: NDArray[Any], y: NDArray[Any], epochs: int) -> None:
    """Search with MLPRegressor, which has no dropout: three seeds stand for the three rates."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPRegressor

    net = MLPRegressor(activation="logistic", max_iter=epochs, n_iter_no_change=epochs + 1, tol=0.0)
    space = {
        "hidden_layer_sizes": list(itertools.product(published.FIRST, published.SECOND)),
        "random_state": range(len(published.DROPOUTS)),
        "alpha": published.DECAYS,
        "batch_size": published.BATCHES,
    }
    os.environ["PYTHONWARNINGS"] = "ignore"  # in its workers: that the given epochs are not convergence
    warnings.simplefilter("ignore")
    search = GridSearchCV(net, space, cv=published.FOLDS, scoring="neg_mean_squared_error", n_jobs=-1)
    search.fit(x, np.squeeze(y, 1))


def _one_fit(setting: tuple[Any, ...]) -> None:
    from benchmarks.peers import train_loop

    (first, second, dropout, decay, batch), rows, epochs = setting
    x, y = rows
    case = Case("", 1, (first, second), 1, "sigmoid", dropout, batch, len(x))
    train_loop(case, x, y, epochs, weight_decay=decay)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def torch_grid(x: NDArray[Any], y: NDArray[Any], epochs: int) -> None:
    """Train every candidate on every fold with the plain loop, one process for each core."""
    thirds = [np.delete(np.arange(len(x)), np.s_[fold :: published.FOLDS]) for fold in range(published.FOLDS)]
    candidates = itertools.product(
        published.FIRST, published.SECOND, published.DROPOUTS, published.DECAYS, published.BATCHES
    )
    settings = [(values, (x[rows], y[rows]), epochs) for values in candidates for rows in thirds]
    processes = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    with multiprocessing.get_context("spawn").Pool(processes, _one_thread) as pool:
        for _ in pool.imap_unordered(_one_fit, settings):
            pass


GRIDS = {"skorch": skorch_grid, "scikit-learn": sklearn_grid, "PyTorch loop": torch_grid}


if __name__ == "__main__":
    GRIDS[sys.argv[1]](*published.read_rows(Path(sys.argv[2])), int(sys.argv[3]))
