"""Whether the scores that a study names are defined on its rows, known before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator

from shoal.engine._fits import Planner
from shoal.engine._row_weights import judging_weights
from shoal.errors import DataError, Problem
from shoal.results import refusal_of, row_score, undefined_on
from shoal.scores import SCORES, score_kind
from shoal.study import Study
from shoal.wording import counted


def refuse_undefined_scores(planner: Planner) -> None:
    """Refuse scores that the data have none of, and a metric that no fold has. Raises DataError."""
    study, dataset = planner.study, planner.dataset
    problems = [
        Problem(key, what)
        for key, name in _named(study)
        if SCORES[name].peer
        and (what := refusal_of(name, dataset.targets, dataset.outputs, weighted=dataset.weights is not None))
    ]
    rule = study.search.rule if study.search else "best"
    if rule != "best" and study.search and (why := row_score(study.study.task, study.search.metric).why_none):
        title = score_kind(study.search.metric).title
        problems.append(Problem("search.rule", f"expected best, since {title} has no standard error: {why}"))
    for search in () if problems or study.search is None else (planner, *planner.outer_searches):
        whys = _undefined(search)
        if whys and len(whys) == len(search.folds):
            title = score_kind(search.study.search.metric if search.study.search else "loss").title
            what = (
                f"expected folds with rows on which {title} is defined, got none: {next(iter(whys.values()))}"
            )
            problems.append(Problem("search.metric", what))
            break
    if problems:
        raise DataError(problems)


def undefined_warnings(planner: Planner) -> Iterator[str]:
    """Name the folds that count for no candidate, since the metric is undefined on their rows."""
    search, whys = planner.study.search, _undefined(planner)
    if search is not None and whys:
        numbers = ", ".join(str(fold + 1) for fold in whys)
        which = f"fold {numbers}" if len(whys) == 1 else f"folds {numbers}"
        title, why = score_kind(search.metric).title, next(iter(whys.values()))
        yield (
            f"{title} is undefined on the rows of {which} of {counted(len(planner.folds), 'fold')} ({why}):"
            f" {'it counts' if len(whys) == 1 else 'they count'} for no candidate"
        )


def _named(study: Study) -> Iterator[tuple[str, str]]:
    """Give the scores that a study names, by their keys."""
    if study.search is not None:
        yield "search.metric", study.search.metric
        yield from ((f"search.scores[{number}]", name) for number, name in enumerate(study.search.scores))
    yield from ((f"reference[{number}].metric", each.metric) for number, each in enumerate(study.reference))


def _undefined(planner: Planner) -> dict[int, str]:
    """Give the folds on whose rows the metric is undefined, by number, with the reason."""
    search, targets = planner.study.search, planner.dataset.targets
    if search is None:
        return {}
    whys = {
        number: undefined_on(
            search.metric, targets[fold.validation], judging_weights(planner.dataset, fold.validation)
        )
        for number, fold in enumerate(planner.folds)
    }
    return {number: why for number, why in whys.items() if why}
