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

from shoal.errors import TrainingError
from shoal.kinds import row_of
from shoal.results._record import CandidateRow, FitRecord, PlanEntry
from shoal.results._schema import checker, expect
from shoal.results._scores import higher_is_better
from shoal.results._statistics import as_compared, corrected_t_test, holm, mean_and_error, reach_of
from shoal.results._store import Store
from shoal.study import Metric, Study

Rule = Literal["best", "one-standard-error"]
# Each rule chooses from those within one standard error of the best, which come in order of score, the best first.
_RULES: Final[dict[str, Callable[[Sequence[Standing]], Standing]]] = {
    "best": lambda near: near[0],
    "one-standard-error": lambda near: min(near, key=lambda row: row.parameter_count),
}
LEVEL: Final = 0.05


@dataclass(frozen=True, eq=False)
class SearchScores:
    """All that a choice is made from. `scores_CFR` is NaN for a fit that failed; `rows` are means over the folds.

    `missing` counts fits not yet trained: their candidates are left out here. `cause` is the likely
    cause of such fits in words, empty where there are none.
    """

    candidate_ids: tuple[str, ...]
    parameter_counts: tuple[int, ...]
    scores_CFR: NDArray[np.float64]
    metric: Metric
    train_rows: float
    validation_rows: float
    missing: int = 0
    cause: str = ""


@dataclass(frozen=True)
class Standing:
    """Where one candidate stands. `rank` counts from 1, and is None for a candidate with a failed fit (score NaN).

    `difference` is its mean score minus the best's, over the same folds and repeats; `p_value` and the 95 %
    interval are those of the corrected resampled t-test, `adjusted_p_value` is Holm's over all candidates.
    `indistinguishable`: not shown to differ from the best at 5 %. The best is the best of many
    and so a little lucky: the set is a guide, no proof of equality.
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

    @property
    def failed(self) -> bool:
        """Whether any of its fits diverged or failed."""
        return self.rank is None


@dataclass(frozen=True)
class Choice:
    """The chosen candidate, by which rule and for which reasons (sentences), and how all stand, best first."""

    candidate_id: str
    rule: Rule
    metric: Metric
    reasons: tuple[str, ...]
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
        """Build what `to_json` gave. Raises ValueError for anything else."""
        choice = _choice(value)
        ranks = [row.rank for row in choice.standings if row.rank is not None]
        expect(ranks == list(range(1, len(ranks) + 1)), "ranks")
        return choice


_choice: Final = checker(Choice)


def choose_candidate(study: Study, store: Store) -> Choice:
    """Choose from what `store` holds of the study's search, and keep the choice there. Raises as `choose`."""
    scores = search_scores(store.plan(), store.candidate_rows(), store.summaries(), study)
    choice = choose(scores, study.search.rule if study.search else "best")
    store.put_fact("choice", choice.to_json())
    return choice


def search_scores(
    plan: Sequence[PlanEntry], candidates: Sequence[CandidateRow], fits: Mapping[str, FitRecord], study: Study
) -> SearchScores:
    """Gather the validation scores of the search's fits, whole candidates only."""
    metric = study.search.metric if study.search else "loss"
    entries = [entry for entry in plan if entry.stage == "search"]
    cells = sorted({(entry.fold, entry.repeat) for entry in entries})
    repeats = len({repeat for _, repeat in cells}) or 1
    by_candidate: dict[str, dict[tuple[int, int], float]] = {row.candidate_id: {} for row in candidates}
    for entry in entries:
        if entry.fit_id in fits:
            score = _validation_score(fits[entry.fit_id], metric)
            by_candidate[entry.candidate_id][entry.fold, entry.repeat] = score
    whole = [row for row in candidates if cells and len(by_candidate[row.candidate_id]) == len(cells)]
    scores = [[by_candidate[row.candidate_id][cell] for cell in cells] for row in whole]
    return SearchScores(
        candidate_ids=tuple(row.candidate_id for row in whole),
        parameter_counts=tuple(row.parameter_count for row in whole),
        scores_CFR=np.array(scores, np.float64).reshape(len(whole), len(cells) // repeats, repeats),
        metric=metric,
        train_rows=_mean([entry.train_rows for entry in entries]),
        validation_rows=_mean([entry.validation_rows for entry in entries]),
        missing=sum(entry.fit_id not in fits for entry in entries),
        cause=_likely_cause(entries, candidates, fits, study),
    )


def choose(scores: SearchScores, rule: Rule) -> Choice:
    """Choose a candidate; the order in which they come makes no difference.

    best: the best mean score. one-standard-error: the fewest parameters among those whose mean lies within one standard
    error (the best's own) of the best (Breiman, Friedman, Olshen, Stone 1984). Ties go to the fewer
    parameters (best) or the better score (one-standard-error), then to the smaller id.

    TrainingError if every candidate has a failed fit, or while fits are missing; StudyError for a rule that is unknown.
    """
    if scores.missing:
        raise TrainingError(
            f"{scores.missing} fits of the search are not trained yet, so that nothing can be chosen"
        )
    standings = rank_candidates(scores)
    healthy = [row for row in standings if not row.failed]
    if not healthy:
        raise TrainingError(
            f"every one of {len(standings)} candidates has a fit that diverged or failed; {scores.cause}"
        )
    best = healthy[0]
    reach = reach_of(best.selection_score, best.standard_error)
    near = [row for row in healthy if abs(row.selection_score - best.selection_score) <= reach]
    chosen = row_of("search.rule", _RULES, rule)(near)
    reasons = _reasons(scores, standings, chosen, len(near), rule)
    return Choice(chosen.candidate_id, rule, scores.metric, reasons, standings)


def rank_candidates(scores: SearchScores) -> tuple[Standing, ...]:
    """Say where every candidate stands, best first, those with a failed fit last."""
    if not scores.candidate_ids:
        return ()
    by_id = np.argsort(np.array(scores.candidate_ids))
    scores_CFR = scores.scores_CFR[by_id]
    scores_CFR = np.where(np.isfinite(scores_CFR).all(axis=(1, 2), keepdims=True), scores_CFR, np.nan)
    parameters_C = np.array(scores.parameter_counts)[by_id]
    mean_C, error_C = mean_and_error(scores_CFR)
    signed_C = -mean_C if higher_is_better(scores.metric) else mean_C
    order = np.lexsort((parameters_C, as_compared(signed_C)))  # NaN last; stable, so ids break ties
    count, best = len(order), order[0]
    test = corrected_t_test(
        (scores_CFR - scores_CFR[best]).reshape(count, -1), scores.train_rows, scores.validation_rows
    )
    adjusted_C = holm(test.p)
    return tuple(
        Standing(
            candidate_id=scores.candidate_ids[by_id[place]],
            rank=None if math.isnan(mean_C[place]) else rank,
            parameter_count=int(parameters_C[place]),
            selection_score=float(mean_C[place]),
            standard_error=float(error_C[place]),
            difference=float(test.mean[place]),
            ci_low=float(test.ci_low[place]),
            ci_high=float(test.ci_high[place]),
            p_value=float(test.p[place]),
            adjusted_p_value=float(adjusted_C[place]),
            indistinguishable=not math.isnan(mean_C[place]) and not adjusted_C[place] < LEVEL,
        )
        for rank, place in enumerate(order, start=1)
    )


def _reasons(
    scores: SearchScores, standings: tuple[Standing, ...], chosen: Standing, near: int, rule: Rule
) -> tuple[str, ...]:
    best, count = standings[0], len(standings)
    _, folds, repeats = scores.scores_CFR.shape
    over = f"{folds} folds" + (f" and {repeats} repeats" if repeats > 1 else "")
    reasons = [
        f"Candidate {best.candidate_id} has the best selection score: mean {scores.metric} over {over}"
        f" {best.selection_score:.4g}, standard error {best.standard_error:.2g}."
    ]
    if rule == "one-standard-error" and chosen is best:
        reasons.append(
            f"Of the {near} candidates within one standard error of it, none has fewer parameters."
        )
    elif rule == "one-standard-error":
        reasons.append(
            f"Of the {near} candidates within one standard error of it, {chosen.candidate_id} has the fewest"
            f" parameters: {chosen.parameter_count:,}, not {best.parameter_count:,}."
        )
    alike = sum(row.indistinguishable for row in standings)
    reasons.append(
        f"{alike} of {count} candidates, the best among them, are statistically indistinguishable from the best"
        " (corrected resampled t-test, Holm's correction, 5 %)."
    )
    if failed := sum(row.failed for row in standings):
        reasons.append(
            f"{failed} of {count} candidates have a fit that diverged or failed and were left out."
        )
    reasons.append("A selection score is optimistic, since it is what the choice was made by.")
    return tuple(reasons)


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
