"""How sure single predictions of a run are, in words: what is said of new rows, and why nothing is where nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shoal.look._evidence import in_quotes
from shoal.results import (
    COVERAGE,
    FEWEST_TO_SHARPEN,
    Certainty,
    Tempered,
    guaranteed_coverage,
    wilson,
)
from shoal.wording import counted, one_number, percent, worth

if TYPE_CHECKING:
    from shoal.results import Results

NOMINAL: Final = f"{100 * COVERAGE:.0f}\u00a0%"

_FAR: Final = 0.1


def certainty_sentences(results: Results) -> list[str]:
    """Say what the intervals, or the sets of classes, speak of, and what the model file holds of them."""
    certainty = results.certainty
    if certainty.why:
        return [f"How sure single predictions are is not shown: {certainty.why}."]
    weighted = certainty.worth < certainty.rows
    sentences = [_promise(certainty, classes=bool(results.truth.classes), weighted=weighted)]
    sentences += _least_covered(certainty, weighted=results.truth.test_weights is not None)
    sentences += _own_words(results)
    chosen_among = len(results.choice.standings) if results.choice else 1
    if chosen_among > 1:
        among = f"The settings were chosen among {counted(chosen_among, 'candidate')} by these same rows"
        sentences.append(f"{among}, so that it may be a little less.")
    sentences += [why for target in certainty.covered[:1] if (why := _no_interval(target.interval.why))]
    if certainty.tempered is not None:
        sentences.append(_temperature(certainty.tempered, certainty.folds))
    if certainty.not_in_file:
        sentences.append(f"The model file leaves the networks of the folds out: {certainty.not_in_file}.")
    return sentences


def _promise(certainty: Certainty, *, classes: bool, weighted: bool) -> str:
    least = percent(guaranteed_coverage(COVERAGE, certainty.folds, certainty.rows), 0)
    within = "have the true class in their set" if classes else "lie within their interval"
    way = "CV+ for classes" if classes else "CV+"
    networks = f"from {counted(certainty.folds, 'network')} that each held out some of the"
    rows = counted(certainty.rows, "training row")
    new = "Of new rows of the same kind as the training rows,"
    if not weighted:
        guaranteed = f"at least {least} is guaranteed, on average over training rows"
        return f"{new} about {NOMINAL} {within} ({way}: {networks} {rows}); {guaranteed}."
    of_weight = f"{networks} {rows}, which are worth {worth(certainty.worth)} of one weight"
    share = f"each counted by its weight, about {NOMINAL} {within}"
    return f"{new} {share} ({way} of weighted rows: {of_weight}). Of weighted rows no share is guaranteed."


def _own_words(results: Results) -> list[str]:
    """Say that what the delivered network itself says of how far each target may be off has no part in intervals."""
    said = results.said(results.delivered_id or "")
    if said is None:
        return []
    own = f"the {said.output} that the network itself gives for each row have no part in them"
    return [
        f"Intervals are made of the errors on the rows held out, and are about as wide for every row: {own}."
    ]


def _least_covered(certainty: Certainty, *, weighted: bool) -> list[str]:
    """Name the class whose rows have it in their set far less often than all rows have theirs; nothing where none is.

    Far: by more than a tenth of all rows, and beyond the 95 % interval of its share, for as many classes (Bonferroni).
    """
    if not certainty.classes:
        return []
    least = certainty.classes[0]
    from statistics import NormalDist

    quantile = NormalDist().inv_cdf(1 - 0.025 / len(certainty.classes))
    if least.share >= COVERAGE - _FAR or wilson(least.share, least.worth, quantile)[1] >= COVERAGE:
        return []
    by_weight = ", by weight," if weighted else ""
    return [
        f"That is a share of all rows, not of each class: of the {counted(least.rows, 'test row')} of"
        f" {in_quotes(least.name)}{by_weight} {percent(least.share)} have it in their set."
    ]


def _no_interval(why: str) -> str:
    return f"No interval of the share of test rows: {why}." if why else ""


def _temperature(tempered: Tempered, folds: int) -> str:
    temperature, (before, after) = tempered.temperature, tempered.loss
    if temperature == 1:
        state = "The probabilities of the delivered network are left as they are (temperature 1):"
        if folds >= FEWEST_TO_SHARPEN:
            return f"{state} no other temperature lowers the cross-entropy of the rows held out by more than chance."
        return (
            f"{state} none above 1, which makes them less sure, lowers the cross-entropy of the rows held out by more"
            f" than chance, and one below 1 is not trusted with fewer than {FEWEST_TO_SHARPEN} folds (here {folds})."
        )
    way = "too sure of themselves" if temperature > 1 else "not sure enough"
    sentence = (
        f"On the rows held out, the networks were {way}: the temperature of their probabilities is"
        f" {one_number(temperature)}, and brings those of the delivered network to what is said below."
    )
    if after <= before:
        return sentence
    worse = f"is higher at it, {one_number(after, 4)} in place of {one_number(before, 4)}"
    return f"{sentence} It did not help: the cross-entropy of the test rows {worse}."
