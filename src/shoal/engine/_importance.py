"""What the score of a run costs where a column of held-out rows is permuted: permutation importance.

Breiman 2001: Random forests. Machine Learning 45, 5-32; of any model: Fisher, Rudin, Dominici 2019: All models are
wrong, but many are useful. JMLR 20, 177. A column is permuted with all inputs that a network's preprocessing makes of
it; columns that go along with each other closely are permuted together, too, since each alone is vouched for by the
others. Every column is permuted in the same orders.

Letters: N rows, D inputs, F networks, S subjects (columns, then groups of columns), P permutations, A answers.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.data import Preprocessing, grouped_columns
from shoal.decisions import Decision
from shoal.engine._extents import MOST_GROUPED, rows_permuted
from shoal.engine._fits import Planner
from shoal.engine._planned import StudyFit
from shoal.engine._predict import Trained, answers_of
from shoal.engine._row_weights import judging_weights
from shoal.engine._source import ground_truth
from shoal.engine._trainer import Trainer
from shoal.engine._winner import decision_of
from shoal.results import (
    FitRecord,
    ImportanceAsked,
    RowScore,
    Scored,
    Store,
    Truth,
    Units,
    difference,
    fold_intervals,
    higher_is_better,
    judged_answers,
    judging_score,
    score_on,
    suiting_scores,
    test_units,
    with_asked_scores,
    worse_by,
)
from shoal.streams import Role, permutation
from shoal.study import Candidate
from shoal.wording import counted

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Asking:
    """A trained network, the rows that it is asked about, their targets and weights, and how its answers are scored."""

    trained: Trained
    trainer: Trainer
    x_ND: NDArray[np.float32]
    y: NDArray[Any]
    weight_N: Floats | None
    score: RowScore
    judged: Callable[[Floats], Floats]

    def answers(self, x_ND: NDArray[np.float32]) -> Floats:
        """Answer rows made ready, as a score judges them, (N, A)."""
        trained = self.trained
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self.trainer.outputs(trained.architecture, trained.parameters_P, trained.buffers, x_ND)
            return self.judged(answers_of(outputs, trained.preprocessing, trained.task))

    def permuted(self, inputs: Sequence[int], order_N: Rows) -> Floats:
        """Answer the rows with some inputs taken from others."""
        x_ND = self.x_ND.copy()
        x_ND[:, inputs] = self.x_ND[order_N][:, inputs]
        return self.answers(x_ND)

    def tells(self, subjects: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
        """Say of which subjects, (S,), permuting tells anything: not of those that are the same in all rows."""
        varies_D = (self.x_ND != self.x_ND[:1]).any(axis=0)
        return np.array([not len(inputs) or bool(varies_D[list(inputs)].any()) for inputs in subjects])

    def scored(self, answers_NA: Floats) -> float:
        """Score answers."""
        return self.score.score(self.y, answers_NA, self.weight_N)


def permuted_scores(
    asking: Asking, subjects: Sequence[Sequence[int]], orders_PN: Sequence[Rows]
) -> tuple[float, Floats]:
    """Give the score of the rows, and those with the inputs of each subject permuted in each order, (S, P).

    A subject without inputs, which the network does not know, costs nothing.
    """
    base = asking.scored(asking.answers(asking.x_ND))
    scores_SP = np.full((len(subjects), len(orders_PN)), base)
    for place, inputs in enumerate(subjects):
        if len(inputs):
            scores_SP[place] = [asking.scored(asking.permuted(inputs, order_N)) for order_N in orders_PN]
    return base, scores_SP


def inputs_of(preprocessing: Preprocessing, names: Sequence[str]) -> list[int]:
    """Give the places of all inputs that some columns become."""
    spans = preprocessing.spans
    return [place for name in names for place in range(spans[name].start, spans[name].stop)]


def spaced(rows: Rows, most: int) -> Rows:
    """Give so many of some rows at most, evenly spaced."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).round().astype(np.int64))]


def ask_importance(
    planner: Planner,
    winner: Candidate,
    delivered: tuple[StudyFit, FitRecord],
    store: Store,
    trainers: Mapping[str, Trainer],
) -> ImportanceAsked:
    """Permute every column of held-out rows, and keep what that costs beside the delivered network's fit.

    The networks of the winner's folds are asked, each about the rows that it held out; without a search the delivered
    one about test rows. What is kept already is not computed again.
    """
    dataset, names = planner.dataset, tuple(column.name for column in planner.dataset.columns)
    judging = _Judging.of(planner, winner, delivered, store)
    networks = _networks(planner, winner, store)
    groups = grouped_columns(dataset.columns, np.arange(dataset.train_rows), MOST_GROUPED)
    subjects = len(names) + len(groups)
    rows = rows_permuted(planner, delivered[0].job.architecture, subjects, max(1, len(networks)))
    on: Literal["folds", "test"] = "folds" if networks else "test"
    asked = ImportanceAsked(delivered[0].id, "", judging.metric, on, names, groups, rows)
    if not rows:
        return replace(
            asked, groups=(), why=f"{counted(len(names), 'input')} permuted one by one take minutes"
        )
    asked = replace(asked, part=_part(planner, asked, networks, judging))
    if store.derived(asked.fit, asked.part) is None:
        asking = _Networks(planner, trainers, judging, asked)
        store.put_derived(
            asked.fit, asked.part, asking.of_folds(networks) if networks else asking.of_test(delivered)
        )
    return asked


@dataclass(frozen=True, eq=False)
class _Judging:
    """How the run judges its delivered network: by a score, of the classes that a decision names."""

    truth: Truth
    metric: str
    score: RowScore
    decision: Decision | None

    @classmethod
    def of(
        cls, planner: Planner, winner: Candidate, delivered: tuple[StudyFit, FitRecord], store: Store
    ) -> _Judging:
        """Name the score that heads the run, as its results will."""
        (fit, record), truth, study = delivered, ground_truth(planner), planner.study
        tested = truth.y[truth.train_rows :], truth.test_weights
        own = replace(
            record, scores={"test": record.scores["test"]}, predictions={"test": record.predictions["test"]}
        )
        scored = with_asked_scores(own, {"test": tested}, suiting_scores(study, truth), truth.positive)
        decision = decision_of(planner, winner, store)
        training = fit.candidate.training
        metric = judging_score(truth, scored.scores["test"], study, training, decided=decision is not None)
        said = fit.job.distribution if metric == "loss" else None
        return cls(truth, metric, score_on(truth, metric, said), decision)

    def answers(self, answers_NA: Floats) -> Floats:
        """Give answers as the score judges them."""
        return judged_answers(self.metric, answers_NA, self.decision)


def _networks(planner: Planner, winner: Candidate, store: Store) -> list[tuple[StudyFit, FitRecord]]:
    """Give the winner's healthy networks of the folds, in the order of the plan, with their records."""
    if not planner.folds:
        return []
    fits = [item.fit for item in planner.search_fits() if item.entry.candidate_id == winner.id]
    pairs = ((fit, store.record(fit.id)) for fit in dict.fromkeys(fits))
    return [(fit, record) for fit, record in pairs if record.status == "ok"]


def _part(
    planner: Planner,
    asked: ImportanceAsked,
    networks: Sequence[tuple[StudyFit, FitRecord]],
    judging: _Judging,
) -> str:
    """Name the arrays by all that they depend on."""
    decision = judging.decision and [judging.decision.positive, judging.decision.threshold]
    of = [fit.id for fit, _ in networks] or [asked.fit, planner.dataset.test_fingerprint]
    facts = [
        planner.study.inspect.importance,
        asked.metric,
        asked.rows,
        decision,
        asked.columns,
        asked.groups,
        of,
    ]
    return f"importance {hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]}"


@dataclass(frozen=True, eq=False)
class _Networks:
    """Asks networks of a run about rows with permuted columns."""

    planner: Planner
    trainers: Mapping[str, Trainer]
    judging: _Judging
    asked: ImportanceAsked

    def _asking(self, fit: StudyFit, record: FitRecord, rows: Rows) -> Asking:
        dataset, preprocessing = self.planner.dataset, self.planner.preprocessing_of(fit)
        return Asking(
            trained_network(self.planner, fit, record),
            self.trainers[fit.trainer],
            preprocessing.inputs(dataset, rows),
            dataset.targets[rows],
            judging_weights(dataset, rows),
            self.judging.score,
            self.judging.answers,
        )

    def _subjects(self, fit: StudyFit) -> list[list[int]]:
        names, preprocessing = self.asked.columns, self.planner.preprocessing_of(fit)
        several = [[names[place] for place in group] for group in self.asked.groups]
        return [inputs_of(preprocessing, subject) for subject in [*([name] for name in names), *several]]

    def _orders(self, fit: StudyFit, rows: int) -> list[Rows]:
        key = fit.job.key.words(Role.PERMUTE)
        return [
            permutation(key, rows, epoch=number) for number in range(self.planner.study.inspect.importance)
        ]

    def of_folds(self, networks: Sequence[tuple[StudyFit, FitRecord]]) -> Arrays:
        """Ask every network about rows that its fold held out."""
        bases, worse, tells, of_split = [], [], [], dict[int, list[int]]()
        for number, (fit, record) in enumerate(networks):
            rows = spaced(fit.rows.validation, self.asked.rows)
            asking, subjects = self._asking(fit, record, rows), self._subjects(fit)
            base, scores_SP = permuted_scores(asking, subjects, self._orders(fit, len(rows)))
            tells.append(asking.tells(subjects))
            bases.append(base)
            worse.append(worse_by(self.asked.metric, base, scores_SP))
            of_split.setdefault(fit.split.stream, []).append(number)
        worse_FSP = np.array(worse)
        worse_FSP[:, ~np.any(tells, axis=0)] = math.nan
        by_split = np.array([worse_FSP[numbers].mean(axis=0) for numbers in of_split.values()])
        share = sum(len(fit.rows.validation) / len(fit.rows.train) for fit, _ in networks) / len(networks)
        low_S, high_S = fold_intervals(by_split, share)
        return {"base": np.array(bases), "worse": worse_FSP, "low": low_S, "high": high_S}

    def of_test(self, delivered: tuple[StudyFit, FitRecord]) -> Arrays:
        """Ask the delivered network about test rows."""
        (fit, record), dataset = delivered, self.planner.dataset
        places = spaced(np.arange(dataset.rows - dataset.train_rows), self.asked.rows)
        asking, subjects = self._asking(fit, record, dataset.train_rows + places), self._subjects(fit)
        orders_PN, units = self._orders(fit, len(places)), test_units(self.judging.truth).of_rows(places)
        base, scores_SP = permuted_scores(asking, subjects, orders_PN)
        ends = [self._ends(asking, inputs, orders_PN, units) for inputs in subjects]
        low_S, high_S = (np.array(end, np.float64) for end in zip(*ends, strict=True))
        worse_SP = worse_by(self.asked.metric, base, scores_SP)
        worse_SP[~asking.tells(subjects)] = math.nan
        return {"base": np.array([base]), "worse": worse_SP[None], "low": low_S, "high": high_S}

    def _ends(
        self, asking: Asking, inputs: Sequence[int], orders_PN: Sequence[Rows], units: Units
    ) -> tuple[float, float]:
        """Give the ends of the interval of one importance, on other rows and at other permutations."""
        if not len(inputs):
            return math.nan, math.nan
        own = asking.answers(asking.x_ND)
        score, y = asking.score, asking.y
        permuted = {number: asking.permuted(inputs, order_N) for number, order_N in enumerate(orders_PN)}
        apart = difference(
            Scored.of(score, y, permuted, units), Scored.of(score, y, dict.fromkeys(permuted, own), units)
        )
        if higher_is_better(self.asked.metric):
            return -apart.high, -apart.low
        return apart.low, apart.high


def trained_network(planner: Planner, fit: StudyFit, record: FitRecord) -> Trained:
    """Give the network of a fit as what answers rows."""
    architecture = fit.job.architecture
    parameters_P, buffers = architecture.flat(record.parameters)
    return Trained(architecture, parameters_P, buffers, planner.preprocessing_of(fit), planner.dataset.task)
