"""What the searches without the rows of each outer fold say: how good, how stable the choice, in words."""

from __future__ import annotations

import math

from shoal.look._measures import shown_scores
from shoal.results import BALANCED, Nested, Results, rare_classes
from shoal.scores import different
from shoal.study import settings_text, short_keys
from shoal.wording import counted, listed, one_number

METHOD = (
    "The whole search was made again without the rows of each outer fold; what it chose there was refitted and scored"
    " on those rows. Its networks learned from fewer rows than the delivered one."
)


def nested_sentences(results: Results) -> tuple[str, ...]:
    """Say how it was done, what the intervals speak of and how stable the choice is; empty without a nested search."""
    nested = results.nested
    if nested is None:
        return ()
    sentences = [METHOD]
    if nested.why:
        sentences.append(f"There is no score of all outer folds: {nested.why}.")
    elif any(score.interval.known for score in nested.scores.values()):
        rows = "rows of new groups" if results.study.data.groups else "new rows of the same kind"
        sentences.append(
            f"The 95 % interval is for the score, on {rows}, of what this search delivers when it is made on these"
            " training rows."
        )
    sentences += [f"No interval for {names}: {why}." for why, names in _without(results, nested).items()]
    return (*sentences, *_thresholds(nested), *_stability(results, nested))


def _thresholds(nested: Nested) -> list[str]:
    """Say which thresholds of two classes the outer folds chose, each by itself."""
    own = [fold.threshold for fold in nested.folds if not math.isnan(fold.threshold)]
    if not own:
        return []
    low, high = one_number(min(own)), one_number(max(own))
    return [
        f"Each outer fold chose a threshold of its own, on the rows that its search held out: {low} to {high}."
    ]


def nested_metrics(results: Results) -> tuple[str, ...]:
    """Name the scores that are shown of outer folds: those of test rows, after the search's own and, where a class is
    rare, balanced accuracy.
    """
    metric = results.study.search.metric if results.study.search else "loss"
    rare = (BALANCED,) * bool(rare_classes(results.truth))
    return different((metric, *rare, *shown_scores(results)), results.truth.task)


def chosen_settings(results: Results, candidate_id: str) -> str:
    """Name the settings that an outer fold's search chose; a dash where nothing was delivered."""
    values = {row.candidate_id: row.values for row in results.candidate_rows}
    return settings_text(values[candidate_id]) if candidate_id else "–"


def _without(results: Results, nested: Nested) -> dict[str, str]:
    """Give the scores that have no interval, by the reason."""
    names: dict[str, list[str]] = {}
    for name, score in nested.scores.items():
        if not score.interval.known:
            names.setdefault(score.interval.why, []).append(results.truth.key_of(name))
    return {why: listed(those) for why, those in names.items()}


def _stability(results: Results, nested: Nested) -> list[str]:
    """Say in how many outer folds the winner's settings were chosen, all of them and each of them."""
    winner = results.choice.candidate_id if results.choice else ""
    times, folds = nested.times_chosen, len(nested.folds)
    values = {row.candidate_id: row.values for row in results.candidate_rows}
    if not times or winner not in values:
        return []
    of = f"of {counted(folds, 'outer fold')}"
    sentences = [f"The winner’s settings were chosen in {times.get(winner, 0)} {of}."]
    keys = list(values[winner])
    if len(keys) > 1 and times.get(winner, 0) < folds:
        each = [
            f"{name} in {sum(n for other, n in times.items() if values[other].get(key) == values[winner][key])}"
            for key, name in zip(keys, short_keys(keys), strict=True)
        ]
        sentences.append(f"Each of them by itself: {listed(each)}.")
    others = [(candidate, count) for candidate, count in times.items() if candidate != winner]
    if others:
        named = [f"{settings_text(values[candidate])} ({count})" for candidate, count in others]
        sentences.append(
            f"Also chosen: {'; '.join(named[:5])}{f'; {len(named) - 5} more' * (len(named) > 5)}."
        )
    return sentences
