"""The rows of a study, which all its fits share: made ready for each by the statistics of its training rows.

Letters: C channels, P parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from shoal.data import Dataset, Preprocessing, Standardize, with_permuted_targets
from shoal.distributions import Distribution
from shoal.engine._planned import StudyFit, prepare, prepared_for
from shoal.engine._predict import Trained, answers, answers_of, network_inputs
from shoal.engine._row_weights import judging_weights, training_shares, training_weights
from shoal.engine._train import Outcome
from shoal.engine._trainer import FitData, Rows, State, Trainer
from shoal.errors import Problem, TrainingError
from shoal.results import (
    FitRecord,
    higher_is_better,
    score_of_answers,
    scores_of_answers,
    undefined_on,
    with_asked_scores,
)
from shoal.scores import title_of
from shoal.wording import first_few, quoted


@dataclass(frozen=True, eq=False)
class StudyRows:
    """What all fits of a study share, sent to every worker once; `asked` are scores that a display is shown."""

    dataset: Dataset
    standardize: Standardize
    asked: tuple[str, ...] = ()

    advice = "fewer --workers need less"

    def prepared(self, fit: StudyFit) -> PreparedFit:
        """Make the rows of one fit ready: from its training rows alone."""
        dataset = with_permuted_targets(self.dataset, fit.job.key) if fit.permuted else self.dataset
        preprocessing = prepare(dataset, fit.split, self.standardize)
        return PreparedFit(fit, dataset, prepared_for(fit, preprocessing))

    def shown(self, record: FitRecord, fit: StudyFit) -> FitRecord:
        """Give the record of a fit with the scores asked for, for whoever follows the run."""
        dataset, test = self.dataset, np.arange(self.dataset.train_rows, self.dataset.rows, dtype=np.int64)
        true = {
            name: (dataset.targets[rows], judging_weights(dataset, rows))
            for name, rows in (("validation", fit.rows.validation), ("test", test))
        }
        return with_asked_scores(record, true, self.asked, dataset.positive)


@dataclass(frozen=True, eq=False)
class PreparedFit:
    """The rows of one fit of a study, and how they were made ready."""

    fit: StudyFit
    dataset: Dataset
    preprocessing: Preprocessing

    @cached_property
    def data(self) -> FitData:
        """Inputs of the network, targets in its units."""
        rows, training = self.fit.rows, self.fit.job.training
        weights = training_weights(self.dataset, training, rows.learning)
        learning = self._made_ready(rows.learning, weights)
        return FitData(
            replace(learning, share=training_shares(self.dataset, training, rows.learning)),
            self._made_ready(rows.validation, judging_weights(self.dataset, rows.validation)),
            self._made_ready(rows.inner, judging_weights(self.dataset, rows.inner)),
            self.preprocessing.pixel_scale_C,
            self.preprocessing.pixel_offset_C,
            self._judge if self.fit.job.scored else None,
            self._unjudged() if self.fit.job.scored else "",
        )

    @property
    def _monitored(self) -> NDArray[np.int64]:
        return self.fit.rows.inner if self.fit.job.monitor == "inner" else self.fit.rows.validation

    def _judge(self, outputs_NK: NDArray[np.float32]) -> float:
        """Score outputs for the rows that choose the epoch, as answers are scored; the lower the better."""
        name, monitored, dataset = self.fit.job.training.monitor, self._monitored, self.dataset
        with np.errstate(over="ignore", invalid="ignore"):
            answers_NK = answers_of(outputs_NK, self.preprocessing, dataset.task)
        weight_N = judging_weights(dataset, monitored)
        value = score_of_answers(name, dataset.targets[monitored], answers_NK, weight_N, dataset.positive)
        return -value if higher_is_better(name) else value

    def _unjudged(self) -> str:
        """Say that no epoch has a score, of which class it is, and why, where that is due to the rows."""
        name, dataset = self.fit.job.training.monitor, self.dataset
        y, weight_N = dataset.targets[self._monitored], judging_weights(dataset, self._monitored)
        title = title_of(name, dataset.classes, dataset.positive)
        said = f"{title} is undefined on the {self.fit.job.monitor} rows after every epoch that was evaluated"
        why = undefined_on(name, y, weight_N)
        there = set((y if weight_N is None else y[weight_N > 0]).tolist()) if dataset.classes else set()
        which = f", {quoted(dataset.classes[there.pop()])}" if len(there) == 1 else ""
        return f"{said}: {why}{which}" if why else said

    def _made_ready(self, rows: NDArray[np.int64], weight_N: NDArray[np.float64] | None) -> Rows:
        architecture, y = self.fit.job.architecture, self.preprocessing.targets(self.dataset, rows)
        if self.dataset.images is not None and architecture.takes == "images":
            return Rows(self.dataset.images, y, rows, weight_N)
        return Rows(network_inputs(architecture, self.preprocessing, self.dataset, rows), y, None, weight_N)

    def outcome(self, trainer: Trainer, state: State) -> Outcome:
        """Predict and score the validation rows and, where the fit is tested, the test rows.

        Raises TrainingError where test rows alone would decide whether a network of a refit is delivered.
        """
        best = self.fit.job.training.keep == "best"
        parameters_P, buffers = (
            (state.best_P, state.best_buffers) if best else (state.parameters_P, state.buffers)
        )
        dataset = self.dataset
        trained = Trained(self.fit.job.architecture, parameters_P, buffers, self.preprocessing, dataset.task)
        rows_of = {"validation": self.fit.rows.validation}
        if self.fit.tested:
            rows_of["test"] = np.arange(dataset.train_rows, dataset.rows, dtype=np.int64)
        predictions = {
            name: answers(trainer, trained, dataset, rows) for name, rows in rows_of.items() if len(rows)
        }
        if self.fit.delivers and np.isfinite(parameters_P).all():
            _refuse_overflow(predictions["test"])
        said = self.fit.job.distribution
        scores = {name: _scores(dataset, rows_of[name], values, said) for name, values in predictions.items()}
        return Outcome(parameters_P, buffers, predictions, scores)


def _refuse_overflow(predictions: NDArray[np.float64]) -> None:
    """Refuse test rows for which a network that is well has no finite prediction. Raises TrainingError.

    As a diverged fit it would give way to the next repeat: test rows would choose what is delivered.
    """
    places = 1 + np.flatnonzero(~np.isfinite(predictions).all(axis=1))
    if len(places):
        where = f"{'row' if len(places) == 1 else 'rows'} {first_few([*map(str, places.tolist())], 4)}"
        what = "expected inputs for which the network that would be delivered has finite predictions"
        got = f"got too large ones in {where} of {len(predictions):,}"
        raise TrainingError(Problem("test rows", f"{what}, {got}"))


def _scores(
    dataset: Dataset,
    rows: NDArray[np.int64],
    predictions: NDArray[np.float64],
    distribution: Distribution | None,
) -> dict[str, float]:
    weight_N = judging_weights(dataset, rows)
    return scores_of_answers(dataset.targets[rows], predictions, weight_N, distribution=distribution)
