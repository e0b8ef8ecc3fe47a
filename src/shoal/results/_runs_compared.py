"""Several runs of one task, held against each other: scores, and their differences, from their folders alone.

What is paired follows from the rows themselves, wherever the runs lie: targets, weights and the numbers of the inputs
that all runs have, in the same order.
Letters: R runs.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution
from shoal.results._apart import LEVEL, Method, Pair, RunScore, ScoreOf, holm, unpaired
from shoal.results._brief import Brief
from shoal.results._confidence_set import SearchErrors, search_errors, undefined
from shoal.results._decided import judged_answers
from shoal.results._differences import test_units
from shoal.results._intervals import UNDEFINED, Interval, Units
from shoal.results._mean_recall import BALANCED, recall_difference
from shoal.results._out_of_fold import OutOfFold
from shoal.results._record import PlanEntry
from shoal.results._results import Results
from shoal.results._said import in_common
from shoal.results._score_rows import score_on
from shoal.results._scores import higher_is_better
from shoal.results._two_way import Difference, Scored, difference
from shoal.scores import scores_of

ALIKE: Final = "they answer every row held out alike"
_NO_CHOICE: Final = "nothing is chosen by a search yet"
_NO_SEARCH: Final = "there is no search"
_UNTESTED: Final = "no network is delivered"


@dataclass(frozen=True, eq=False, repr=False)
class RunsCompared(Brief):
    """The runs by name, of one task, targets and classes.

    `metric` is the test score by which they are compared, `selection` the selection score; empty where they have none
    in common. `left_out` says of runs in a folder that was named why they are not among them.
    """

    names: tuple[str, ...]
    runs: tuple[Results, ...]
    left_out: tuple[str, ...] = ()

    @cached_property
    def metric(self) -> str:
        """The score that heads most of the runs which are tested, where all of those have it; else the next."""
        tested = [run for run in self.runs if run.delivered_id is not None]
        heads = Counter(run.judged_by for run in tested)
        ordered = sorted(heads, key=lambda name: (-heads[name], name))
        names = dict.fromkeys((*ordered, *scores_of(self.runs[0].truth.task)))
        return next((name for name in names if tested and self._in_common(name, tested)), "")

    def _in_common(self, metric: str, tested: Sequence[Results]) -> bool:
        said = [run.said(str(run.delivered_id)) for run in tested]
        same = metric != "loss" or in_common(said)
        return same and len({run.truth.title_of(metric) for run in tested}) == 1 and all(
            math.isfinite(delivered_score(run, metric).value) for run in tested
        )  # fmt: skip

    @cached_property
    def selection(self) -> str:
        """The score that all runs with a search choose by; empty where it is not the same, and without any search."""
        searched = [run for run in self.runs if run.study.search is not None]
        metrics = {run.study.search.metric for run in searched if run.study.search}
        titles = {run.truth.title_of(metric) for run in searched for metric in metrics}
        said = [_said_of_search(run) for run in searched]
        same = len(metrics) == len(titles) == 1 and ("loss" not in metrics or in_common(said))
        return metrics.pop() if same else ""

    @property
    def first_compared(self) -> ScoreOf:
        """Which score heads the comparison: that of the test rows, where there is any."""
        return "test" if self.metric else "selection"

    def metric_of(self, scored: ScoreOf) -> str:
        """Name one of the two scores."""
        return self.metric if scored == "test" else self.selection

    @cached_property
    def tests(self) -> tuple[RunScore, ...]:
        """The test score of every run's delivered network."""
        return tuple(delivered_score(run, self.metric) if self.metric else _untested() for run in self.runs)

    @cached_property
    def selections(self) -> tuple[RunScore, ...]:
        """The selection score of every run's chosen candidate."""
        return tuple(selection_score(run, self.selection) for run in self.runs)

    def scores(self, scored: ScoreOf) -> tuple[RunScore, ...]:
        """Give one of the two scores of every run."""
        return self.tests if scored == "test" else self.selections

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The numbers of the runs, best first by the score that heads the comparison; those without it last."""
        sign = -1.0 if higher_is_better(self.metric_of(self.first_compared)) else 1.0
        values = [sign * score.value for score in self.scores(self.first_compared)]
        return tuple(
            sorted(
                range(len(values)),
                key=lambda r: (
                    math.isnan(values[r]),
                    0.0 if math.isnan(values[r]) else values[r],
                    self.names[r],
                ),
            )
        )

    @cached_property
    def test_rows(self) -> tuple[str, ...]:
        """A name of every run's test rows: equal where the rows are."""
        return tuple(_rows_name(run, self._inputs, slice(run.truth.train_rows, None)) for run in self.runs)

    @cached_property
    def train_rows(self) -> tuple[str, ...]:
        """A name of every run's training rows."""
        return tuple(_rows_name(run, self._inputs, slice(0, run.truth.train_rows)) for run in self.runs)

    @cached_property
    def folds(self) -> tuple[str, ...]:
        """A name of every run's training rows, folds and repeats; empty where nothing is chosen by a search."""
        named = zip(self.runs, self.train_rows, strict=True)
        return tuple(_folds_name(run, rows) if run.choice else "" for run, rows in named)

    @cached_property
    def _inputs(self) -> tuple[str, ...]:
        """The inputs of numbers that all runs have; dates are counted from the first training row of each."""
        dates = {name for run in self.runs for name in run.dates}
        common = set.intersection(*(set(run.truth.input_names) for run in self.runs)) - dates
        return tuple(sorted(common))

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """The differences of all pairs of runs, of the test score and of the selection score, in order of the runs."""
        tested = self._corrected(self._test_pairs()) if self.metric else ()
        return (*tested, *(self._corrected(self._selection_pairs()) if self.selection else ()))

    @staticmethod
    def _corrected(pairs: Iterator[Pair]) -> tuple[Pair, ...]:
        all_pairs = list(pairs)
        adjusted = holm([pair.difference.p for pair in all_pairs]).tolist()
        return tuple(replace(pair, adjusted_p=p) for pair, p in zip(all_pairs, adjusted, strict=True))

    def _test_pairs(self) -> Iterator[Pair]:
        taken_apart = [self._taken_apart(run) for run in range(len(self.runs))]
        for first, second in combinations(range(len(self.runs)), 2):
            before, after = taken_apart[first], taken_apart[second]
            if before is None or after is None:
                yield Pair("test", first, second, _nothing(_UNTESTED), "not compared")
            elif self.test_rows[first] == self.test_rows[second]:
                yield Pair("test", first, second, self._paired(after, before), _PAIRED["test"])
            else:
                apart = unpaired(self.tests[second], self.tests[first])
                yield Pair("test", first, second, apart, "unpaired")

    def _taken_apart(self, number: int) -> Scored | None:
        """Give what each unit of chance adds to a run's test score; None where nothing is tested."""
        run = self.runs[number]
        answers_VA = _answers(run, self.metric)
        if answers_VA is None:
            return None
        truth = run.truth
        score = score_on(truth, self.metric, run.said(str(run.delivered_id)))
        return Scored.of(score, truth.y[truth.train_rows :], {0: answers_VA}, self._units(number))

    def _units(self, number: int) -> Units:
        """Give what chance draws among test rows: of runs that share them the fewest units that any of these has."""
        sharing = (
            run for run, name in zip(self.runs, self.test_rows, strict=True) if name == self.test_rows[number]
        )
        return min((test_units(run.truth) for run in sharing), key=lambda units: units.effective)

    def _paired(self, second: Scored, first: Scored) -> Difference:
        if self.metric == BALANCED:
            return recall_difference(first.y, second.answers[0], first.answers[0], first.units)
        return difference(second, first)

    def _selection_pairs(self) -> Iterator[Pair]:
        errors = {name: self._errors(name) for name in dict.fromkeys(self.folds) if name}
        for first, second in combinations(range(len(self.runs)), 2):
            scores = self.selections[second], self.selections[first]
            name = self.folds[first]
            if any(math.isnan(score.value) for score in scores):
                why = next(score.interval.why for score in scores if math.isnan(score.value))
                yield Pair("selection", first, second, _nothing(why), "not compared")
            elif name == self.folds[second]:
                apart = scores[0].value - scores[1].value
                paired = _of_folds(apart, errors[name], self._places(name), (first, second))
                yield Pair("selection", first, second, paired, _PAIRED["selection"])
            else:
                yield Pair("selection", first, second, unpaired(*scores), "unpaired")

    def _places(self, folds: str) -> list[int]:
        """Give the numbers of the runs that have these folds, and a score on them."""
        return [
            run
            for run, name in enumerate(self.folds)
            if name == folds and not math.isnan(self.selections[run].value)
        ]

    def _errors(self, folds: str) -> SearchErrors | None:
        """Give how far the chosen candidates of runs that share their folds may be off beside each other."""
        places = self._places(folds)
        if len(places) < 2 or score_on(self.runs[places[0]].truth, self.selection).why_none:
            return None
        with ExitStack() as stack:
            rows = {str(run): stack.enter_context(self.runs[run].rows_held_out()) for run in places}
            entries = [
                replace(entry, candidate_id=number)
                for number, of_run in rows.items()
                for entry in of_run.entries
                if entry.candidate_id == _chosen(self.runs[int(number)])
            ]
            first = rows[
                str(max(places, key=lambda run: len(self.runs[run].truth.groups)))
            ]  # which knows groups

            def predictions(entry: PlanEntry) -> NDArray[np.float64]:
                return rows[entry.candidate_id].predictions(entry)

            together = OutOfFold(entries, first.truth, predictions, first.said, first.guard)
            return search_errors(together.cells(list(rows), self.selection))

    def between(self, scored: ScoreOf, second: int, first: int) -> Pair | None:
        """Give the score of one run less that of another one, whichever of both stands first; None for the same run."""
        for pair in self.pairs:
            if pair.scored == scored and {pair.first, pair.second} == {first, second}:
                return pair if pair.first == first else pair.turned
        return None

    @cached_property
    def beside_best(self) -> tuple[str, ...]:
        """How every run stands beside the best by the score that heads the comparison.

        "best", "worse" where the corrected p-value of the difference is below 5 %, else "unresolved"; empty for
        a run without that score, and where nothing can be said of the difference but that it is there.
        """
        scored, best = self.first_compared, self.order[0]
        stands = ["" for _ in self.runs]
        if not math.isnan(self.scores(scored)[best].value):
            stands[best] = "best"
        for other in self.order[1:]:
            if pair := self.between(scored, other, best):
                stands[other] = _standing(pair)
        return tuple(stands)

    @cached_property
    def equal(self) -> tuple[tuple[int, ...], ...]:
        """The numbers of runs that have one digest, group by group."""
        groups: dict[str, list[int]] = {}
        for number, run in enumerate(self.runs):
            groups.setdefault(run.digest, []).append(number)
        return tuple(tuple(group) for group in groups.values() if len(group) > 1)


_PAIRED: Final[dict[ScoreOf, Method]] = {"test": "paired by test row", "selection": "paired by row held out"}


def delivered_score(run: Results, metric: str) -> RunScore:
    """Give a test score of the delivered network, of the classes that it names, with its interval."""
    answers_VA = _answers(run, metric)
    if answers_VA is None:
        return _untested()
    truth, delivered = run.truth, str(run.delivered_id)
    score = score_on(truth, metric, run.said(delivered))
    value = score.score(truth.y[truth.train_rows :], answers_VA, truth.test_weights)
    return RunScore(value, run.test_interval(metric, [delivered], decided=True))


def selection_score(run: Results, metric: str) -> RunScore:
    """Give the selection score of the chosen candidate, with an interval for other rows and other trainings.

    None where the score of the search is another one.
    """
    search, chosen = run.study.search, _chosen(run)
    if search is None or chosen is None:
        return RunScore.none(_NO_SEARCH if search is None else _NO_CHOICE)
    if search.metric != metric:
        return RunScore.none("its selection score is another one")
    value = next(row.selection_score for row in run.standings if row.candidate_id == chosen)
    if why := score_on(run.truth, metric).why_none:
        return RunScore(value, Interval(math.nan, math.nan, why))
    errors = run.search_errors([chosen])
    if undefined(errors):
        return RunScore(value, Interval(math.nan, math.nan, UNDEFINED))
    reach = _reach(errors.scores.freedom) * math.sqrt(float(errors.scores.whole[0]))
    kind = score_on(run.truth, metric, _said_of_search(run))
    least = 0.0 if kind.positive or kind.share else -math.inf
    return RunScore(
        value, Interval(max(least, value - reach), min(1.0 if kind.share else math.inf, value + reach))
    )


def _of_folds(
    apart: float, errors: SearchErrors | None, places: Sequence[int], pair: tuple[int, int]
) -> Difference:
    """Give the interval and p-value of a difference of selection scores, allowing for other rows and trainings."""
    from scipy.special import stdtr

    if errors is None or undefined(errors):
        return Difference(apart, math.nan, math.nan, math.nan, 1, UNDEFINED)
    one_place, other_place = (places.index(run) for run in pair)
    error = math.sqrt(float(errors.pairs.whole[one_place, other_place]))
    if not error > 0:
        return Difference(apart, math.nan, math.nan, math.nan, 1, ALIKE)
    freedom = errors.pairs.freedom
    reach = _reach(freedom) * error
    p = float(2 * stdtr(freedom, -abs(apart) / error))
    return Difference(apart, apart - reach, apart + reach, p, 1)


def _reach(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(max(freedom, 1.0), 1 - LEVEL / 2))


def _standing(pair: Pair) -> str:
    if pair.difference.mean == 0:
        return "unresolved"
    if math.isnan(pair.adjusted_p):
        return ""
    return "worse" if pair.adjusted_p < LEVEL else "unresolved"


def _answers(run: Results, metric: str) -> NDArray[np.float64] | None:
    if run.delivered_id is None:
        return None
    return judged_answers(metric, run.test_answers(run.delivered_id), run.decision)


def _untested() -> RunScore:
    return RunScore.none(_UNTESTED)


def _nothing(why: str) -> Difference:
    return Difference(math.nan, math.nan, math.nan, math.nan, 0, why)


def _chosen(run: Results) -> str | None:
    return run.choice.candidate_id if run.choice else None


def _said_of_search(run: Results) -> Distribution | None:
    search = [entry for entry in run.plan if entry.stage == "search"]
    return run.said(search[0].fit_id) if search else None


def _rows_name(run: Results, inputs: Sequence[str], rows: slice) -> str:
    """Name some rows by their content: targets, weights, and these inputs."""
    truth = run.truth
    columns = [truth.input_names.index(name) for name in inputs]
    parts = (truth.y[rows], truth.weights[rows], truth.x_ND[rows][:, columns])
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.shape} {part.dtype.kind}".encode())
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def _folds_name(run: Results, rows: str) -> str:
    """Name the folds and repeats of a search, and its training rows."""
    digest = hashlib.sha256(rows.encode())
    repeats = {entry.repeat for entry in run.plan if entry.stage == "search"}
    digest.update(str(sorted(repeats)).encode())
    for (stage, fold), row_V in sorted(run.truth.validation_rows.items()):
        if stage == "search":
            digest.update(f"{fold} {len(row_V)} ".encode() + row_V.astype("<i8").tobytes())
    return digest.hexdigest()
