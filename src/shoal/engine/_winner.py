"""From the search's records to the winner: which candidate, for how many epochs, and its model file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from shoal.engine._fits import PlannedFit, Planner, StudyFit, prepare
from shoal.errors import TrainingError
from shoal.nets import model_bytes
from shoal.results import FitRecord, Store, choose_candidate
from shoal.study import Candidate, base_candidate


def choose_winner(planner: Planner, store: Store) -> tuple[Candidate, int]:
    """Choose by the search (the base study where there is none) and decide the epochs of the refit.

    The epochs are the candidate's own; where rows decided them (`keep = "best"`, early stopping), the mean
    over its fits, rounded half up: no row that is held out later has a say.
    """
    records = store.summaries()
    if planner.folds:
        choice = choose_candidate(planner.study, store)
        winner = next(c for c in planner.candidates if c.id == choice.candidate_id)
        fits = [item.fit.id for item in planner.search_fits() if item.entry.candidate_id == winner.id]
    else:
        winner = base_candidate(planner.study)
        fits = []
    return winner, decided_epochs(winner, [records[name] for name in fits])


def decided_epochs(winner: Candidate, records: Sequence[FitRecord]) -> int:
    """Decide the epochs of a refit from the winner's records in the search; see `choose_winner`."""
    training = winner.training
    if training.keep == "last" and training.early_stopping == "none":
        return training.epochs
    epochs = [_decided(record, training.keep) for record in records]
    return max(1, math.floor(float(np.mean(epochs)) + 0.5)) if epochs else training.epochs


def _decided(record: FitRecord, keep: str) -> int:
    return record.kept_epoch if keep == "best" else record.epochs


def pick_delivered(planned: Sequence[PlannedFit], store: Store) -> tuple[StudyFit, FitRecord]:
    """Pick the network that is delivered, its fit and its record: the first refit that is well.

    Raises TrainingError without one.
    """
    refits = [item.fit for item in planned if item.entry.stage == "refit"]
    for fit in refits:
        record = store.record(fit.id)
        if record.status == "ok":
            return fit, record
    first = store.record(refits[0].id)
    raise TrainingError(
        f"the refit of the winner on all training rows diverged or failed in every repeat: {first.message}"
    )


def model_file_bytes(planner: Planner, fit: StudyFit, record: FitRecord) -> bytes:
    """Give the model file of the delivered network, with all that predicting needs."""
    preprocessing = prepare(planner.dataset, fit.split, planner.study.data.standardize)
    facts = {
        "task": planner.study.study.task,
        "classes": list(planner.dataset.classes),
        "targets": list(planner.dataset.target_names),
        "preprocessing": preprocessing.to_json(),
        "training": fit.candidate.content,
        "fit": {"id": fit.id, "trainer": fit.trainer, "epochs": record.epochs, "repeat": fit.repeat},
        "scores": _sayable(record.scores),
    }
    return model_bytes(fit.job.architecture, record.parameters, facts)


def _sayable(scores: dict[str, dict[str, float]]) -> dict[str, dict[str, float | None]]:
    """Scores as JSON says them: what has no number (R2 of a constant target) is null."""
    return {
        rows: {name: value if math.isfinite(value) else None for name, value in pairs.items()}
        for rows, pairs in scores.items()
    }


def fold_preprocessing(planner: Planner) -> list[dict[str, Any]]:
    """Describe how each fold of the search prepares its rows, so that its networks can predict new ones."""
    standardize = planner.study.data.standardize
    return [prepare(planner.dataset, split, standardize).to_json() for split in planner.folds]
