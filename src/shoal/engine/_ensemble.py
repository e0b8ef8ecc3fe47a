"""The networks of the chosen candidate's folds and repeats on the test rows: an ensemble that costs no training.

It is asked once, after the choice, and for the chosen candidate alone, so that test rows have no say in what is chosen.
Letters: M networks, V test rows, G points of a grid, K targets or classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import Column, Dataset, Preprocessing
from shoal.engine._extents import GRID_POINTS
from shoal.engine._fits import Planner
from shoal.engine._planned import StudyFit
from shoal.engine._predict import PredictedRows, Trained, answers
from shoal.engine._stored import refusing_stored
from shoal.engine._trainer import Trainer
from shoal.results import FitRecord, Store, expect, vote_entropy
from shoal.study import Candidate

IMAGES_KEPT: Final = 40
"""Images of disputed test rows that the results keep, at most."""

Arrays = dict[str, NDArray[Any]]


def ask_ensemble(planner: Planner, winner: Candidate, store: Store, trainers: Mapping[str, Trainer]) -> None:
    """Have every healthy network of the winner's search fits answer, and keep the answers beside its fit.

    The fact "ensemble" says which networks and which part of their arrays. What is kept already is not computed
    again; fewer than two networks are no ensemble.
    """
    store.put_fact("ensemble", None)  # an earlier one is not believed, whatever comes
    fits = [item.fit for item in planner.search_fits() if item.entry.candidate_id == winner.id]
    part = f"ensemble {planner.dataset.test_fingerprint}"
    grid = grid_of(planner.dataset)
    members: list[str] = []
    for fit in dict.fromkeys(fits):
        stored = store.derived(fit.id, part)
        if stored is not None:
            with refusing_stored(f"the ensemble's part of fit {fit.id}"):
                expect(stored["test"].dtype == np.float64)
                tested = planner.dataset.rows - planner.dataset.train_rows
                answers_of_row = planner.dataset.outputs * fit.job.outputs_of_target
                expect(stored["test"].shape == (tested, answers_of_row))
        else:
            record = store.record(fit.id)
            if record.status != "ok":
                continue
            store.put_derived(fit.id, part, _answered(planner, fit, record, trainers[fit.trainer], grid))
        members.append(fit.id)
    if len(members) < 2:
        return
    disputed = ""
    if planner.dataset.images is not None:
        disputed = f"disputed {planner.dataset.test_fingerprint}"
        answers_MVK = np.array([store.arrays(name, part)["test"] for name in members])
        seen = _disputed(planner.dataset.images, planner.dataset.train_rows, answers_MVK)
        store.put_derived(members[0], disputed, seen)
    fact = {"candidate_id": winner.id, "fits": members, "part": part, "disputed": disputed}
    store.put_fact("ensemble", fact)


def _answered(
    planner: Planner, fit: StudyFit, record: FitRecord, trainer: Trainer, grid: Column | None
) -> Arrays:
    """Answers of one network for the test rows, and for the grid where there is one."""
    dataset, architecture = planner.dataset, fit.job.architecture
    parameters_P, buffers = architecture.flat(record.parameters)
    preprocessing: Preprocessing = planner.preprocessing_of(fit)
    trained = Trained(architecture, parameters_P, buffers, preprocessing, dataset.task)

    def asked(source: PredictedRows, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return answers(trainer, trained, source, rows)

    arrays: Arrays = {"test": asked(dataset, np.arange(dataset.train_rows, dataset.rows, dtype=np.int64))}
    if grid is not None:
        arrays |= {"grid_x": grid.values, "grid": asked([grid], np.arange(GRID_POINTS, dtype=np.int64))}
    return arrays


def grid_of(dataset: Dataset) -> Column | None:
    """Give points along the one input, over all rows; None where there are more inputs, or categories."""
    column = dataset.one_input
    if column is None or column.categorical:
        return None
    return Column(column.name, np.linspace(np.nanmin(column.values), np.nanmax(column.values), GRID_POINTS))


def _disputed(images: NDArray[np.uint8], train_rows: int, answers_MVK: NDArray[np.float64]) -> Arrays:
    """Give the test rows that the networks disagree about most, and their images."""
    entropy_V = vote_entropy(answers_MVK)
    first = np.argsort(-entropy_V, kind="stable")[:IMAGES_KEPT]
    rows = train_rows + first[entropy_V[first] > 0].astype(np.int64)
    return {"rows": rows, "images": images[rows]}
