"""What the 95 % intervals of test scores speak of, and why there is none where there is none, in words."""

from __future__ import annotations

import math

from shoal.look._evidence import in_quotes
from shoal.look._measures import leading_metric
from shoal.results import Results, calibrated_error
from shoal.wording import counted, first_few, listed, percent, rounded


def drawn_by_chance(results: Results, repeats: int = 1) -> str:
    """Name what an interval lets chance draw anew: test rows, or groups of them, and initialisations.

    Where the groups of the test rows were trained on, it says nothing of other groups. Where rows have an order they
    are drawn in blocks; groups of such rows, or rows whose times are not known, are taken for independent.
    """
    rows, known, units = "other test rows", results.groups_trained_on, results.test_units
    if known == 1:
        rows = "other rows of these groups"
    elif units.grouped and not units.in_time:
        rows = "other groups of test rows"
        rows += f" ({percent(known, 0)} of them trained on)" if known else ""
    if units.in_time:
        rows += " (in blocks of neighbours in time)"
    elif results.study.data.timed:
        rows += " (as if those near each other in time were independent)"
    return f"{rows} and other initialisations" if repeats > 1 else rows


def groups_unknown(results: Results) -> bool:
    """Whether the study names groups that the test rows do not tell."""
    units, named = results.test_units, bool(results.study.data.groups)
    return named and (units.in_time or not units.grouped) and not results.groups_trained_on


def differences_sentences(results: Results) -> str:
    """Say what the intervals of the differences of comparisons speak of, and which have none; empty without any."""
    metric = leading_metric(results)
    differences = {label: scores[metric] for label, scores in results.differences.items()}
    if not differences:
        return ""
    sentences: list[str] = []
    without: dict[str, list[str]] = {}
    known = [difference for difference in differences.values() if not difference.why]
    if known:
        over = drawn_by_chance(results, max(difference.repeats for difference in known))
        sentences.append(f"The 95 % interval of a difference is for {over}.")
    if groups_unknown(results):
        sentences.append("The groups of the test rows are not known, so rows are taken for independent.")
    for label, difference in differences.items():
        if difference.why:
            without.setdefault(difference.why, []).append(in_quotes(label))
    sentences += [f"No interval for {listed(labels, most=4)}: {why}." for why, labels in without.items()]
    return " ".join(sentences)


def ece_sentence(results: Results) -> str:
    """Say what the calibration error of perfect probabilities would be on as many rows; empty in regression."""
    healthy = [
        entry.fit_id
        for entry in results.plan
        if entry.stage == "refit"
        and entry.fit_id in results.summaries
        and results.summaries[entry.fit_id].status == "ok"
    ]
    rows = len(results.truth.y) - results.truth.train_rows
    if not results.truth.classes or not healthy or not rows:
        return ""
    if results.truth.test_weights is not None:
        return "What ECE would be by chance alone is not shown: it is known of rows that count the same."
    mean, high = calibrated_error(results.test_predictions(healthy[0]))
    return (
        f"ECE is above 0 by chance alone: were the delivered network’s probabilities perfectly calibrated, it would be"
        f" {rounded(mean, 2)} on average on {counted(rows, 'row')}, {_spread(mean, high)}."
    )


def _spread(mean: float, high: float) -> str:
    """Say up to where 95 % of cases go; where that lies below their mean, a few rare ones make the mean."""
    if high < mean:
        return "less than that in 95 % of cases and far more in the few others"
    return f"and up to {rounded(high, 2)} in 95 % of cases"


def published_sentence(results: Results) -> str:
    """Say how published values lie to the intervals of what was measured; empty where none is published."""
    frame = results.references
    if not len(frame):
        return ""
    verdicts = []
    for name, value, low, high in frame[["name", "published", "ci_low", "ci_high"]].itertuples(index=False):
        if low <= value <= high:
            verdicts.append(f"{in_quotes(name)} is in agreement")
        elif not math.isnan(low):
            verdicts.append(f"{in_quotes(name)} lies {'below' if value < low else 'above'} it")
    repeats = int(frame["repeats"].max())
    over = drawn_by_chance(results, repeats)
    if not verdicts:
        return "No interval of the measured values: the test rows are too few, or too unlike each other."
    return (
        f"The 95 % interval is that of the measured mean, for {over}; a single published value has a chance of its own"
        f" beside it. Held against it, {first_few(verdicts, 6, joint='; and ')}."
    )
