"""From the search's records to the winner: which candidate, for how many epochs, and its model file."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import numpy as np

from shoal.decisions import Decision, described
from shoal.engine._calibration import Calibration, FoldNetwork
from shoal.engine._fits import Planner
from shoal.engine._layout import embedded, input_records
from shoal.engine._planned import PlannedFit, StudyFit
from shoal.engine._row_weights import judging_weights
from shoal.errors import ModelFileError, TrainingError
from shoal.nets import MOST_FOLDS, model_bytes
from shoal.results import (
    NOT_IN_FILE,
    FitRecord,
    Store,
    choose_candidate,
    choose_threshold,
    conformities,
    decided_of,
    fold_networks,
    in_order,
    residuals,
    says_nothing_of,
    temperature_of,
)
from shoal.study import Candidate, base_candidate
from shoal.wording import counted

MOST_NUMBERS: Final = 8_000_000
"""Parameters of the networks of the folds, and scores of rows, that a model file takes: 32 to 64 MB."""


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


def model_file(
    planner: Planner, winner: Candidate, delivered: tuple[StudyFit, FitRecord], store: Store
) -> bytes:
    """Give the model file of the delivered network, with all that predicting needs.

    It holds the networks of the folds too, where these say how sure a prediction is and are not too large; why not is
    kept as a fact.
    """
    fit, record = delivered
    preprocessing = planner.preprocessing_of(fit)
    facts = {
        "task": planner.study.study.task,
        "classes": list(planner.dataset.classes),
        "targets": list(planner.dataset.target_names),
        "preprocessing": preprocessing.with_ranges(planner.dataset, fit.split.train).to_json(),
        "training": fit.candidate.content,
        "fit": {"id": fit.id, "trainer": fit.trainer, "epochs": record.epochs, "repeat": fit.repeat},
        "scores": _sayable(record.scores),
    }
    if decision := decision_of(planner, winner, store):
        facts["decision"] = described(decision, planner.dataset.classes)
        facts["scores"] = _sayable(_decided_scores(planner, record, decision))
    architecture, parameters = fit.job.architecture, record.parameters
    planned, why_not = _fold_fits(planner, winner)
    content = b""
    if planned:
        calibration = _calibration(planner, planned, store)
        with suppress(ModelFileError):
            content = model_bytes(
                architecture,
                parameters,
                {**facts, "temperature": calibration.temperature},
                calibration.stored,
            )
        why_not = "" if content else "their descriptions are too long together"
    store.put_fact(NOT_IN_FILE, why_not)
    said = embedded(winner.network, preprocessing)
    store.put_fact("inputs", [dataclasses.asdict(record) for record in input_records(preprocessing)])
    store.put_fact("embedded", [f"embedded: {said}"] if said else [])
    return content or model_bytes(architecture, parameters, facts)


def decision_of(planner: Planner, winner: Candidate, store: Store) -> Decision | None:
    """Choose the threshold that the study asks for on the rows that the winner's networks held out; else None."""
    rule = planner.study.search.threshold if planner.study.search else "none"
    if rule == "none":
        return None
    dataset = planner.dataset
    fits = [item.fit for item in planner.search_fits() if item.entry.candidate_id == winner.id]
    row_V = np.concatenate([fit.split.validation for fit in fits])
    answer_VK = np.concatenate([store.record(fit.id).predictions["validation"] for fit in fits])
    weight_V = judging_weights(dataset, row_V)
    return choose_threshold(rule, dataset.positive, dataset.targets[row_V], answer_VK, weight_V).decision


def _decided_scores(planner: Planner, record: FitRecord, decision: Decision) -> dict[str, dict[str, float]]:
    """Give the scores of the delivered network, on test rows those of the classes that are named."""
    dataset = planner.dataset
    row_V = np.arange(dataset.train_rows, dataset.rows)
    weight_V = judging_weights(dataset, row_V)
    own, answers_VK = record.scores["test"], record.predictions["test"]
    return {**record.scores, "test": decided_of(own, dataset.targets[row_V], answers_VK, weight_V, decision)}


def _fold_fits(planner: Planner, winner: Candidate) -> tuple[list[StudyFit], str]:
    """Give the fits of the winner that say how sure a prediction is; none where there are none, or too large ones."""
    fits = {item.entry: item.fit for item in planner.search_fits() if item.entry.candidate_id == winner.id}
    dataset = planner.dataset
    if why := says_nothing_of(dataset.task):
        return [], why
    networks = fold_networks(
        list(fits) if planner.folds else [],
        winner.training,
        dataset.train_rows,
        lambda entry: fits[entry].split.validation,
        grouped=dataset.groups is not None,
    )
    chosen = [fits[entry] for entry in networks.entries]
    if len(chosen) > MOST_FOLDS:
        return [], f"there are {len(chosen):,} of them, and a file takes {MOST_FOLDS:,}"
    numbers = sum(fit.job.architecture.parameter_count for fit in chosen)
    of_rows = dataset.train_rows * dataset.outputs * (1 if dataset.weights is None else 2)
    if numbers + of_rows > MOST_NUMBERS:
        return (
            [],
            f"they have {counted(numbers, 'parameter')} together, and a file takes {MOST_NUMBERS:,} numbers",
        )
    return chosen, ""


def _calibration(planner: Planner, fits: Sequence[StudyFit], store: Store) -> Calibration:
    """Read the networks of these fits, and score the rows that each held out."""
    dataset = planner.dataset
    parts, records = [fit.split.validation for fit in fits], [store.record(fit.id) for fit in fits]
    true, answers = (
        [dataset.targets[row_V] for row_V in parts],
        [of.predictions["validation"] for of in records],
    )
    score = conformities if dataset.task == "classification" else residuals
    scores = [score(y, answer[:, : dataset.outputs]) for y, answer in zip(true, answers, strict=True)]
    weights = None if dataset.weights is None else [dataset.weights[row_V] for row_V in parts]
    folds = tuple(
        FoldNetwork(fit.job.architecture, record.parameters, planner.preprocessing_of(fit), held_out)
        for fit, record, held_out in zip(fits, records, in_order(scores, weights), strict=True)
    )
    if dataset.task != "classification":
        return Calibration(dataset.task, folds, None)
    weight_V = None if weights is None else np.concatenate(weights)
    temperature = temperature_of(np.concatenate(true), np.concatenate(answers), len(fits), weight_V)
    return Calibration(dataset.task, folds, temperature)


def _sayable(scores: dict[str, dict[str, float]]) -> dict[str, dict[str, float | None]]:
    """Scores as JSON says them: what has no number (R2 of a constant target) is null."""
    return {
        rows: {name: value if math.isfinite(value) else None for name, value in pairs.items()}
        for rows, pairs in scores.items()
    }


def fold_preprocessing(planner: Planner) -> list[dict[str, Any]]:
    """Describe how each fold of the search prepares its rows, so that its networks can predict new ones."""
    return [planner.preprocessing(split).to_json() for split in planner.folds]
