"""What a store holds of a planned fit, held against the plan before anything is built on it.

A run folder may come from a stranger: arrays of another size would be read past their end by the arithmetic.
Letters: V rows predicted, K targets or classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data import Dataset
from shoal.engine._fit import Fit
from shoal.engine._planned import PlannedFit, StudyFit
from shoal.engine._train import Checkpoint
from shoal.engine._trainer import State, initial_state
from shoal.errors import RunFolderError
from shoal.results import FitRecord, Store, expect, refusing

_SIZED = ("parameters_P", "buffers", "first_P", "second_P", "best_P", "best_buffers")


def refuse_strangers(planned: Sequence[PlannedFit], dataset: Dataset, store: Store) -> None:
    """Refuse fits in the store that bear the id of a planned one and are none of its results. Raises RunFolderError."""
    known = store.known()
    for fit in {item.fit.id: item.fit for item in planned if item.fit.id in known}.values():
        with refusing_stored(f"fit {fit.id}"):
            _check_record(store.record(fit.id), fit, dataset)


def stored_checkpoint(fit: Fit, store: Store) -> Checkpoint | None:
    """Give where a fit stood, or None; RunFolderError for what is no state of this fit."""
    saved = store.checkpoint(fit.id)
    if saved is None:
        return None
    with refusing_stored(f"the checkpoint of fit {fit.id}"):
        checkpoint = Checkpoint(fit.id, *saved)
        check_state(checkpoint.state(), fit)
    return checkpoint


@contextmanager
def refusing_stored(what: str) -> Iterator[None]:
    """Say in one sentence that what is read within is none of Shoal's."""
    sentence = (
        f"{what} in the results is not what Shoal writes; move the run folder away and run the study again"
    )
    with refusing(lambda: RunFolderError(sentence)):
        yield


def _check_record(record: FitRecord, fit: StudyFit, dataset: Dataset) -> None:
    expect(record.trainer == fit.trainer and record.kept_epoch <= record.epochs <= fit.job.training.epochs)
    if record.status != "ok":
        return
    expect(fit.job.architecture.holds(record.parameters))
    rows = {"validation": len(fit.rows.validation)}
    if fit.tested:
        rows["test"] = dataset.rows - dataset.train_rows
    rows = {name: count for name, count in rows.items() if count}
    expect(record.predictions.keys() == rows.keys() == record.scores.keys())
    for name, predicted_VK in record.predictions.items():
        shape = rows[name], dataset.outputs * fit.job.outputs_of_target
        expect(predicted_VK.shape == shape and np.isfinite(predicted_VK).all())


def check_state(state: State, fit: Fit) -> None:
    """Every array is as long as the fit's own at its start, and what counts stays within them."""
    fresh = initial_state(fit.job)
    for name in _SIZED:
        expect(_alike(getattr(state, name), getattr(fresh, name)))
    expect(state.epoch_T.dtype == fresh.epoch_T.dtype and state.epoch_T.ndim == 1)
    expect(state.curve_TC.dtype == fresh.curve_TC.dtype)
    expect(state.curve_TC.shape == (len(state.epoch_T), *fresh.curve_TC.shape[1:]))
    counts = (
        state.epoch,
        state.step,
        state.points,
        state.best_epoch,
        state.diverged_epoch,
        state.diverged_batch,
    )
    expect(all(type(count) is int and count >= 0 for count in counts))
    expect(type(state.best_loss) in (float, int) and not math.isnan(state.best_loss))
    expect(state.status in ("training", "done", "diverged"))
    epochs = fit.job.training.epochs
    expect(state.epoch <= epochs and state.best_epoch <= state.epoch)
    expect(state.step < max(1, fit.steps // max(1, epochs)))
    expect(state.points <= len(state.epoch_T))
    if state.status == "training":
        expect(state.points == np.count_nonzero(state.epoch_T <= state.epoch))


def _alike(array: NDArray[Any], other: NDArray[Any]) -> bool:
    return bool(array.dtype == other.dtype and array.shape == other.shape)
