"""From which probability on a class of two is named, and what that changes, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from shoal.look._evidence import in_quotes
from shoal.results import COST
from shoal.scores import SCORES
from shoal.study import RULES, Costs, ThresholdRule
from shoal.wording import counted, listed, one_number, percent

if TYPE_CHECKING:
    from shoal.results import DecidedScore, Results

_IN_PERCENT: Final = frozenset(kind.title for kind in SCORES.values() if kind.percent)
DIGITS: Final = 4
"""Of a threshold."""
BESIDE: Final = (
    "Scores of the classes named are by its threshold for the delivered network, by the likelier class for simple"
    " models."
)
TOGETHER: Final = (
    "Scores of the classes named are here those of the likelier class, those of the delivered network too."
)
"""What a table says that shows networks with and without a threshold."""
COMPARED: Final = (
    "Scores that compare networks with one another (candidates, variants, the ensemble), and those of simple models,"
    " are those of the likelier class: the threshold is the delivered network’s."
)


def threshold_sentences(results: Results) -> tuple[str, ...]:
    """Say which class is named from which probability on, by which rule, and what that changes; () for no rule."""
    chosen = results.threshold
    if chosen is None:
        return ()
    if chosen.decision is None:
        return (f"There is no threshold (search.threshold): {chosen.why}. The likelier class is named.",)
    own = in_quotes(results.truth.classes[chosen.decision.positive])
    rows, at = counted(chosen.answers, "answer"), one_number(chosen.decision.threshold, DIGITS)
    first = (
        f"The class {own} is named where its probability is {at} or more: the"
        f" threshold {rule_words(chosen.rule, own)} on {rows} of the chosen candidate’s networks to rows held out."
    )
    changed = (*_change(results), *_not_known(results))
    return (first, *_bound(results, chosen.rule), *changed, COMPARED)


def where_decided(results: Results, sentence: str) -> str:
    """Give a sentence where a threshold names the classes of the delivered network; else nothing."""
    return sentence if results.decision else ""


def headline_sentences(results: Results) -> tuple[str, ...]:
    """Say the same in short: what is named, and what the threshold changes on the test rows."""
    return (*threshold_sentences(results)[:1], *_change(results))


def rule_words(rule: ThresholdRule, own: str) -> str:
    """Say by what a threshold is chosen."""
    if isinstance(rule, Costs):
        false, missed = one_number(rule.false_positive), one_number(rule.false_negative)
        return (
            f"of the lowest mean cost (a row wrongly named {own} costs {false}, one that is missed {missed})"
        )
    return f"of the highest {RULES[rule]}"


def _bound(results: Results, rule: ThresholdRule) -> tuple[str, ...]:
    """Say where it would be if probabilities were true ones, which those of weighted classes are not."""
    chosen = results.tried[results.choice.candidate_id] if results.choice else None
    if not isinstance(rule, Costs) or chosen is None or chosen.training.class_weight != "none":
        return ()
    at = one_number(rule.ratio_threshold, DIGITS)
    return (f"Were the probabilities true ones, it would be {at}, by the costs alone.",)


def _change(results: Results) -> tuple[str, ...]:
    """Say what it does to recall and precision, and to the cost, on the test rows."""
    rows = {row.title: row for row in results.decided_scores}
    if not rows or len(results.truth.y) == results.truth.train_rows:
        return ()
    names = (COST, *map(results.truth.title_of, ("recall", "precision")))
    said = [_step(rows[name]) for name in names if name in rows]
    return (f"On the test rows it {listed(said)}, against naming the likelier class.",)


def _not_known(results: Results) -> tuple[str, ...]:
    """Say of which scores the change has no interval, and why, in a sentence for each reason."""
    titles: dict[str, list[str]] = {}
    for row in results.decided_scores:
        if row.change.why and not math.isnan(row.change.mean):
            titles.setdefault(
                row.change.why.replace("they differ", "the likelier class and the threshold differ"), []
            ).append(row.title)
    return tuple(f"No interval of the change of {listed(names)}: {why}." for why, names in titles.items())


def _step(row: DecidedScore) -> str:
    before, after = (written(row.title, value) for value in row.tested)
    span = row.interval
    ends = f" (95 % interval {written(row.title, span.low)} to {written(row.title, span.high)})"
    if before == after:
        return f"leaves {row.title} at {after}{ends if span.known else ''}"
    way = "raises" if row.tested[1] > row.tested[0] else "lowers"
    return f"{way} {row.title} from {before} to {after}{ends if span.known else ''}"


def written(title: str, value: float) -> str:
    """Write a score of the table."""
    return percent(value) if title in _IN_PERCENT else one_number(value)
