"""Searches whose scores are known row by row."""

from __future__ import annotations

import numpy as np

from shoal.results import PlanEntry, SearchScores, Truth
from shoal.results._out_of_fold import OutOfFold


def searched(loss_CFV, parameters=None, groups=(), folds=None, repeats=1) -> tuple[SearchScores, OutOfFold]:
    """A regression whose candidates have these losses on the rows of each fold (repeats of a fold come one after the
    other), (C, F * R, V); `folds` are the rows of each fold, else they lie one behind the other.
    """
    loss_CFV = np.asarray(loss_CFV, np.float64)
    count, cells, held = loss_CFV.shape
    folds = np.arange(cells // repeats * held).reshape(-1, held) if folds is None else np.asarray(folds)
    names = tuple("abcdefghijklmnopqrstuvwxyz"[:count] if count <= 26 else map("c{:03}".format, range(count)))
    entries = [
        PlanEntry(f"{name}{cell}", "search", name, "", cell // repeats, cell % repeats, 9, held)
        for name in names
        for cell in range(cells)
    ]
    answers = {
        f"{name}{cell}": np.sqrt(loss_CFV[place, cell])[:, None]
        for place, name in enumerate(names)
        for cell in range(cells)
    }
    rows = int(folds.max()) + 1
    truth = Truth(
        input_names=("x",),
        target_names=("y",),
        classes=(),
        x_ND=np.zeros((rows, 1)),
        y=np.zeros((rows, 1)),
        train_rows=rows,
        validation_rows={("search", fold): held_V for fold, held_V in enumerate(folds)},
        groups=np.asarray(groups, np.int64),
    )
    scores = SearchScores(
        names,
        tuple(parameters or [10] * count),
        loss_CFV.mean(axis=2).reshape(count, -1, repeats),
        "loss",
        9.0,
        float(held),
    )
    return scores, OutOfFold(entries, truth, lambda entry: answers[entry.fit_id])
