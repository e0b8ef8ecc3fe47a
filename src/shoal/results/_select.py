"""Which candidate is chosen, and why: from the scores of the search, by the study's rule.

Letters: C candidates, F folds, R repeats.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution
from shoal.errors import TrainingError
from shoal.kinds import row_of
from shoal.results._asked import choosing_scores, scored_summaries
from shoal.results._confidence_set import LEVEL, SearchErrors, confidence_set, search_errors, undefined
from shoal.results._out_of_fold import OutOfFold
from shoal.results._procedure import procedure_score
from shoal.results._record import CandidateRow, FitRecord, PlanEntry
from shoal.results._said import said_by
from shoal.results._schema import checker, expect
from shoal.results._score_rows import score_on
from shoal.results._scores import higher_is_better
from shoal.results._statistics import as_compared, reach_of
from shoal.results._store import Store
from shoal.scores import score_kind
from shoal.study import Metric, Search, Study
from shoal.wording import counted, is_or_are

Rule = Literal["best", "one-standard-error"]
Floats = NDArray[np.float64]


def _smallest_near_the_best(loss_DC: Floats, reach: float, parameters_C: Floats) -> NDArray[np.int64]:
    near_DC = loss_DC <= loss_DC.min(axis=-1, keepdims=True) + reach
    size_DC = np.where(near_DC, parameters_C, np.inf)
    return _first_of_the_lowest(np.where(size_DC == size_DC.min(axis=-1, keepdims=True), loss_DC, np.inf))


def _first_of_the_lowest(loss_DC: Floats) -> NDArray[np.int64]:
    """Give the place of the lowest loss, of equal ones (see `as_compared`) the first."""
    low_D1 = loss_DC.min(axis=-1, keepdims=True)
    return np.asarray((loss_DC <= low_D1 + 1e-12 * np.abs(low_D1)).argmax(axis=-1))


# Each rule gives the place of the chosen candidate, (...), from scores of which less is better, (..., C), of equal ones
# the first; from how far one may lie from the best to be near it; and from the numbers of parameters, (C,).
_RULES: Final[dict[str, Callable[[Floats, float, Floats], NDArray[np.int64]]]] = {
    "best": lambda loss_DC, _reach, _parameters_C: _first_of_the_lowest(loss_DC),
    "one-standard-error": _smallest_near_the_best,
}
MOST_NETWORKS: Final = 1000
"""More networks a candidate than this are no advice."""
Verdict = Literal["", "best", "equivalent", "unresolved", "worse", "not compared", "failed"]


@dataclass(frozen=True, eq=False)
class SearchScores:
    """All that a choice is made from. `scores_CFR` is NaN for a fit that failed; `rows` are means over the folds.

    `undefined` folds have rows on which the score is not defined: they count for no candidate. `missing` counts fits
    not yet trained: their candidates are left out here. `cause` is the likely cause of fits that failed in words, empty
    where there are none.
    """

    candidate_ids: tuple[str, ...]
    parameter_counts: tuple[int, ...]
    scores_CFR: NDArray[np.float64]
    metric: Metric
    train_rows: float
    validation_rows: float
    missing: int = 0
    cause: str = ""
    undefined: int = 0


@dataclass(frozen=True)
class Standing:
    """Where one candidate stands. `rank` counts from 1, and is None for one with a fit that failed or has no such score
    (NaN).

    `difference` is its mean score minus the best's, over the same rows; the 95 % interval and `p_value` allow for other
    rows and for other trainings, `adjusted_p_value` also for the candidates being many: it is that of the model
    confidence set. `indistinguishable`: in that set, so that it may be the best. NaN where no rows are at hand.

    `verdict`: "equivalent" to the best, where the interval lies within the margin; "worse", where it is not in the set;
    else "unresolved", and then `networks` says how many folds times repeats would about resolve it (None: more rows are
    needed). "not compared", where nothing can be said of the score on other rows. Empty in results of old.
    """

    candidate_id: str
    rank: int | None
    parameter_count: int
    selection_score: float
    standard_error: float
    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    adjusted_p_value: float
    indistinguishable: bool
    verdict: Verdict = ""
    networks: int | None = None

    @property
    def failed(self) -> bool:
        """Whether any of its fits diverged, failed or has no score."""
        return self.rank is None


@dataclass(frozen=True)
class Choice:
    """The chosen candidate, by which rule, and how all stand, best first."""

    candidate_id: str
    rule: Rule
    metric: Metric
    standings: tuple[Standing, ...]

    @property
    def indistinguishable(self) -> frozenset[str]:
        """Ids of the candidates that are statistically indistinguishable from the best, itself among them."""
        return frozenset(row.candidate_id for row in self.standings if row.indistinguishable)

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `from_json` reads them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Choice:
        """Build what `to_json` gave, earlier versions' too. Raises ValueError for anything else."""
        known = isinstance(value, dict) and {key: part for key, part in value.items() if key != "reasons"}
        choice = _choice(known)
        ranks = [row.rank for row in choice.standings if row.rank is not None]
        expect(ranks == list(range(1, len(ranks) + 1)), "ranks")
        return choice


_choice: Final = checker(Choice)


def choose_candidate(study: Study, store: Store) -> Choice:
    """Choose from what `store` holds of the study's search, and keep the choice there. Raises as `choose`."""
    plan, candidates = store.plan(), store.candidate_rows()
    scores = search_scores(plan, candidates, scored_summaries(store, choosing_scores(study)), study)
    entries = [entry for entry in plan if entry.stage == "search"]
    rows = OutOfFold(
        entries,
        store.truth(),
        lambda entry: store.arrays(entry.fit_id, "predictions")["validation"],
        said_by(study, candidates, entries[0].candidate_id if entries else None),
    )
    search = study.search or Search()
    choice = choose(scores, search.rule, rows, search.margin)
    store.put_fact("choice", choice.to_json())
    return choice


def search_scores(
    plan: Sequence[PlanEntry],
    candidates: Sequence[CandidateRow],
    fits: Mapping[str, FitRecord],
    study: Study,
    metric: Metric | None = None,
) -> SearchScores:
    """Gather the validation scores of the search's fits, whole candidates only; of a `metric`, else the study's."""
    metric = metric or (study.search.metric if study.search else "loss")
    entries = [entry for entry in plan if entry.stage == "search"]
    cells = sorted({(entry.fold, entry.repeat) for entry in entries})
    repeats = len({repeat for _, repeat in cells}) or 1
    by_candidate: dict[str, dict[tuple[int, int], float]] = {row.candidate_id: {} for row in candidates}
    for entry in entries:
        if entry.fit_id in fits:
            score = _validation_score(fits[entry.fit_id], metric)
            by_candidate[entry.candidate_id][entry.fold, entry.repeat] = score
    whole = [row for row in candidates if cells and len(by_candidate[row.candidate_id]) == len(cells)]
    undefined = _undefined_folds(entries, fits, metric)
    counting = [cell for cell in cells if cell[0] not in undefined]
    lost = {e.candidate_id for e in entries if e.fold in undefined and _failed(fits.get(e.fit_id))}
    scores = [
        [math.nan if row.candidate_id in lost else by_candidate[row.candidate_id][cell] for cell in counting]
        for row in whole
    ]
    return SearchScores(
        candidate_ids=tuple(row.candidate_id for row in whole),
        parameter_counts=tuple(row.parameter_count for row in whole),
        scores_CFR=np.array(scores, np.float64).reshape(len(whole), len(counting) // repeats, repeats),
        metric=metric,
        train_rows=_mean([entry.train_rows for entry in entries]),
        validation_rows=_mean([entry.validation_rows for entry in entries]),
        missing=sum(entry.fit_id not in fits for entry in entries),
        cause=_likely_cause(entries, candidates, fits, study),
        undefined=len(undefined),
    )


def _undefined_folds(entries: Sequence[PlanEntry], fits: Mapping[str, FitRecord], metric: Metric) -> set[int]:
    """Give the folds on whose rows the score is undefined, whatever is answered: a fit that is well has none there."""
    if score_kind(metric).needs == "rows":
        return set()
    done = [(entry.fold, fits[entry.fit_id]) for entry in entries if entry.fit_id in fits]
    return {fold for fold, fit in done if fit.status == "ok" and math.isnan(_validation_score(fit, metric))}


def choose(
    scores: SearchScores, rule: Rule, rows: OutOfFold | None = None, margin: float | None = None
) -> Choice:
    """Choose a candidate; the order in which they come makes no difference.

    best: the best mean score. one-standard-error: the fewest parameters among those whose mean lies within one standard
    error (the best's own) of the best (Breiman, Friedman, Olshen, Stone 1984). Ties go to the fewer
    parameters (best) or the better score (one-standard-error), then to the smaller id.

    TrainingError if every candidate has a failed fit, or while fits are missing; StudyError for a rule that is unknown.
    """
    if scores.missing:
        raise TrainingError(
            f"{counted(scores.missing, 'fit')} of the search"
            f" {is_or_are(scores.missing)} not trained yet, so that nothing can be chosen"
        )
    standings = rank_candidates(scores, rows, margin)
    healthy = [row for row in standings if not row.failed]
    if not healthy:
        raise TrainingError(
            f"every one of {counted(len(standings), 'candidate')} has a fit that diverged or failed; {scores.cause}"
        )
    place = int(_picked(healthy, healthy[0], rule)(_losses(healthy, scores.metric)))
    return Choice(healthy[place].candidate_id, rule, scores.metric, standings)


def expected_score(standings: Sequence[Standing], errors: SearchErrors, rule: Rule, metric: Metric) -> float:
    """Give what the whole search may expect of its choice; see `procedure_score`.

    `standings` are those without a failed fit, best first, as are the candidates of `errors`.
    """
    # Ties among drawn rows go as ties among all rows do: were the better one of all rows taken, the others would tell.
    in_ties = [(row.parameter_count, row.candidate_id) for row in standings]
    order = sorted(range(len(standings)), key=in_ties.__getitem__)
    sign, pick = _sign(metric), _picked([standings[place] for place in order], standings[0], rule)
    return sign * procedure_score(sign * errors.part_UC[:, order], errors.share_U, pick)


def _picked(healthy: Sequence[Standing], best: Standing, rule: Rule) -> Callable[[Floats], NDArray[np.int64]]:
    """Give how the rule chooses among these candidates by scores of which less is better."""
    apply = row_of("search.rule", _RULES, rule)
    reach = reach_of(best.selection_score, best.standard_error)
    parameters_C = np.array([float(row.parameter_count) for row in healthy])
    return lambda loss_DC: apply(loss_DC, reach, parameters_C)


def _losses(healthy: Sequence[Standing], metric: Metric) -> Floats:
    return _sign(metric) * np.array([row.selection_score for row in healthy])


def _sign(metric: Metric) -> float:
    return -1.0 if higher_is_better(metric) else 1.0


def rank_candidates(
    scores: SearchScores, rows: OutOfFold | None = None, margin: float | None = None
) -> tuple[Standing, ...]:
    """Say where every candidate stands, best first, those with a failed fit last.

    Differences are weighed by what is answered to the `rows` held out. `margin` is the difference that does not matter,
    the score's own where it is None: a share of the best score, or for scores that are shares themselves a difference.
    """
    if not scores.candidate_ids:
        return ()
    by_id = np.argsort(np.array(scores.candidate_ids))
    scores_CFR = scores.scores_CFR[by_id]
    mean_C = means_of(scores_CFR)
    parameters_C = np.array(scores.parameter_counts)[by_id]
    loss_C = -mean_C if higher_is_better(scores.metric) else mean_C
    order = np.lexsort((parameters_C, as_compared(loss_C)))  # NaN last; stable, so ids break ties
    ranked = [
        Standing(
            candidate_id=scores.candidate_ids[by_id[place]],
            rank=rank,
            parameter_count=int(parameters_C[place]),
            selection_score=float(mean_C[place]),
            standard_error=math.nan,
            difference=float(mean_C[place] - mean_C[order[0]]),
            ci_low=math.nan,
            ci_high=math.nan,
            p_value=math.nan,
            adjusted_p_value=math.nan,
            indistinguishable=True,
        )
        for rank, place in enumerate(order, start=1)
    ]
    healthy = [row for row in ranked if not math.isnan(row.selection_score)]
    failed = [
        dataclasses.replace(row, rank=None, indistinguishable=False, verdict="failed")
        for row in ranked[len(healthy) :]
    ]
    if rows is not None and score_on(rows.truth, scores.metric).why_none:
        healthy = _not_compared(healthy)
    elif rows is not None and healthy:
        cells = rows.cells([row.candidate_id for row in healthy], scores.metric)
        size = margin_of(scores.metric, healthy[0].selection_score, margin, rows.said)
        errors = search_errors(cells)
        healthy = _not_compared(healthy) if undefined(errors) else _weighed(healthy, errors, size)
    return (*healthy, *failed)


def means_of(scores_CFR: Floats) -> Floats:
    """Give the mean of every candidate over folds and repeats, NaN where one is not finite or there is none."""
    if not scores_CFR.shape[1]:
        return np.full(len(scores_CFR), np.nan)
    return np.where(np.isfinite(scores_CFR).all(axis=(1, 2)), scores_CFR.mean(axis=(1, 2)), np.nan)


def margin_of(metric: str, best: float, margin: float | None, said: Distribution | None = None) -> float:
    """Give the difference to the best score that does not matter, in the score's own unit; see `rank_candidates`.

    Of a loss that has no zero to be a share of, a likelihood of what is `said`, it is what the likelihood of normal
    errors loses where their mean square is larger by that share: log(1 + share) / 2 nats.
    """
    share = score_kind(metric).is_share
    size = (0.01 if share else 0.05) if margin is None else margin
    if metric == "loss" and said is not None and not said.positive:
        return math.log1p(size) / 2
    return size if share else size * abs(best)


def _not_compared(healthy: Sequence[Standing]) -> list[Standing]:
    verdicts: tuple[Verdict, Verdict] = ("best", "not compared")
    return [dataclasses.replace(row, verdict=verdicts[place > 0]) for place, row in enumerate(healthy)]


def _weighed(healthy: Sequence[Standing], errors: SearchErrors, margin: float) -> list[Standing]:
    """Say of each candidate, best first, how far its difference to the best may be off, and what follows."""
    from scipy.special import stdtr, stdtrit

    worse_C = np.array([abs(row.difference) for row in healthy])
    in_set = confidence_set(worse_C[: len(errors.pairs.rows)], errors)
    freedom, error_C = errors.to_best.freedom, np.sqrt(errors.to_best.whole)
    t_C = np.divide(worse_C, error_C, out=np.zeros_like(worse_C), where=error_C > 0)
    p_C = 2 * stdtr(freedom, -t_C)
    adjusted_C = np.minimum(1, p_C * len(healthy))
    # The best is the luckiest of those that may be the best, and so too far from the others.
    lucky, reach = in_set.to_best, float(stdtrit(freedom, 1 - LEVEL / 2))
    if len(lucky):
        reach = max(reach, float(np.quantile(lucky, 1 - LEVEL)))
        p_C = np.maximum(p_C, 1 - np.searchsorted(lucky, t_C) / len(lucky))
    adjusted_C[: len(in_set.p_S)] = in_set.p_S
    half_C = reach * error_C
    networks_C = _networks(worse_C, errors, in_set.reach)
    weighed = []
    for place, row in enumerate(healthy):
        may_be_best = not adjusted_C[place] < LEVEL
        alike = bool(worse_C[place] + half_C[place] <= margin)
        verdict: Verdict = "equivalent" if alike else "unresolved" if may_be_best else "worse"
        facts: dict[str, Any] = {"standard_error": _finite(np.sqrt(errors.scores.whole[place]))}
        if place:
            facts |= {
                "ci_low": _finite(row.difference - half_C[place]),
                "ci_high": _finite(row.difference + half_C[place]),
                "p_value": float(p_C[place]),
                "networks": networks_C[place] if verdict == "unresolved" else None,
            }
        facts |= {"adjusted_p_value": float(adjusted_C[place]), "indistinguishable": may_be_best}
        weighed.append(dataclasses.replace(row, **facts, verdict=verdict if place else "best"))
    return weighed


def _finite(value: float) -> float:
    """Give a number, NaN for one that overflowed: it is not known then."""
    return float(value) if math.isfinite(value) else math.nan


def _networks(worse_C: NDArray[np.float64], errors: SearchErrors, reach: float) -> list[int | None]:
    """Give how many networks a candidate, of other folds or first weights, would about tell it from the best one.

    None where even networks without end would not: what is left of the variance comes from the rows.
    """
    variances = errors.to_best
    if not reach:
        return [None] * len(worse_C)
    of_training_C = variances.rows * variances.training * errors.cells
    room_C = (worse_C / reach) ** 2 - variances.rows - variances.largest
    needed_C = np.divide(of_training_C, room_C, out=np.full_like(room_C, np.inf), where=room_C > 0)
    return [
        max(errors.cells + 1, math.ceil(count)) if count <= MOST_NETWORKS else None
        for count in needed_C.tolist()
    ]


def _failed(fit: FitRecord | None) -> bool:
    return fit is not None and fit.status != "ok"


def _validation_score(fit: FitRecord, metric: Metric) -> float:
    return fit.scores.get("validation", {}).get(metric, math.nan) if fit.status == "ok" else math.nan


def _mean(counts: list[int]) -> float:
    return sum(counts) / len(counts) if counts else math.nan


def _likely_cause(
    entries: Sequence[PlanEntry],
    candidates: Sequence[CandidateRow],
    fits: Mapping[str, FitRecord],
    study: Study,
) -> str:
    """Name the fit that failed first (in training steps), and what is probably at fault."""
    trained = [(fits[entry.fit_id], entry) for entry in entries if entry.fit_id in fits]
    unhealthy = [(fit, entry) for fit, entry in trained if fit.status != "ok"]
    if not unhealthy:
        return ""
    fit, entry = min(unhealthy, key=lambda pair: (pair[0].steps, pair[0].fit_id))
    if fit.status == "failed":
        return f"the earliest: {fit.message}"
    values = next(row.values for row in candidates if row.candidate_id == entry.candidate_id)
    rate = values.get("training.lr", study.training.lr)
    return f"the earliest: {fit.message}; the learning rate {rate} is probably too high"
