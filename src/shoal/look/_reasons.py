"""Why a candidate was chosen, and how many are statistically indistinguishable from the best, as sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from shoal.kinds import splitter_kind, splitter_like
from shoal.results import Standing, margin_of, reach_of, search_scores
from shoal.study import Folds, settings_text
from shoal.wording import counted, listed, one_number, rounded

if TYPE_CHECKING:
    from shoal.results import Results

CORRECTION: Final = "bias-corrected bootstrap cross-validation"
TEST: Final = "model confidence set over the rows held out"
NOT_COMPARED: Final = "not compared"
"""The verdict of candidates whose score tells nothing of other rows."""


def reasons(results: Results) -> tuple[str, ...]:
    """Give the reasons of the choice as sentences; empty before the choice."""
    choice = results.choice
    if choice is None:
        return ()
    standings = results.standings
    best, *others = standings
    title = results.truth.title_of(choice.metric)
    cells = {(entry.fold, entry.repeat) for entry in results.plan if entry.stage == "search"}
    folds, repeats = (len({cell[axis] for cell in cells}) for axis in (0, 1))
    over = counted(folds, "fold") + (f" and {counted(repeats, 'repeat')}" if repeats > 1 else "")
    which = "has the best selection score" if others else "is the only one; its selection score"
    sentences = [
        f"Candidate {_named(best, results)} {which}: mean {title} over {over}"
        f" {rounded(best.selection_score, 4)}, standard error {_error_text(best.standard_error)}."
    ]
    if others:
        healthy = [verdict_of(standing) for standing in others if not standing.failed]
        sentences += [*_by_rule(results), *_beside_others(healthy, results)]
    sentences += _left_out(results, title)
    sentences.append("A selection score is optimistic, since it is what the choice was made by.")
    if others and not math.isnan(results.expected_score):
        corrected = f"mean {title} {one_number(results.expected_score)}"
        sentences.append(f"Expected on new rows, the luck of choosing taken out: {corrected} ({CORRECTION}).")
    return tuple(sentences)


def _beside_others(verdicts: Sequence[str], results: Results) -> list[str]:
    """Say how the best candidate stands beside the others, and what would resolve more."""
    if NOT_COMPARED in verdicts:
        return [f"{verdict_sentence(verdicts)}."]
    return [f"{verdict_sentence(verdicts)} ({TEST}{_in_time(results)}, 5 %).", *resolution(results)]


def _in_time(results: Results) -> str:
    """Say what chance draws of rows in order of time; nothing of others."""
    truth = results.truth
    if not len(truth.times):
        return ""
    as_if = ", as if groups near each other in time were independent"
    return as_if if len(truth.groups) else ", in blocks of neighbours in time"


def _left_out(results: Results, title: str) -> list[str]:
    """Say which candidates and folds do not count, and why."""
    standings = results.standings
    broken = {
        entry.candidate_id
        for entry in results.plan
        if entry.stage == "search"
        and entry.fit_id in results.summaries
        and results.summaries[entry.fit_id].status != "ok"
    }
    lost = [standing.candidate_id in broken for standing in standings if standing.failed]
    ways = (("a fit that diverged or failed", "fits that diverged or failed"), (f"no {title}", f"no {title}"))
    sentences = []
    for (once, often), failed in zip(ways, (sum(lost), len(lost) - sum(lost)), strict=True):
        verbs = ("has", once, "was") if failed == 1 else ("have", often, "were")
        if failed:
            sentences.append(
                f"{failed:,} of {counted(len(standings), 'candidate')} {verbs[0]} {verbs[1]} and {verbs[2]} left out."
            )
    scores = search_scores(results.plan, results.candidate_rows, results.summaries, results.study)
    if scores.undefined:
        counts = "counts" if scores.undefined == 1 else "count"
        folds = scores.undefined + scores.scores_CFR.shape[1]
        sentences.append(
            f"{title} is undefined on the rows of {scores.undefined:,} of {counted(folds, 'fold')}, which {counts}"
            " for no candidate."
        )
    return sentences


def significance_sentence(alike: int, others: int) -> str:
    """Say from how many of `others` the best candidate does not differ significantly (`alike`), without a full stop."""
    if not others:
        return "There is no other healthy candidate to compare the best with"
    all_others = "the other one" if others == 1 else f"all {others:,} others"
    if not alike:
        return f"The best candidate is significantly better than {all_others}"
    which = all_others if alike == others else f"{alike:,} of the {others:,} others"
    return f"The best candidate is statistically indistinguishable from {which}"


def verdict_of(standing: Standing) -> str:
    """Give the verdict of a candidate; results of old have none, and say only whether it may be the best."""
    if standing.verdict or standing.failed:
        return standing.verdict or "failed"
    return "best" if standing.rank == 1 else "unresolved" if standing.indistinguishable else "worse"


def verdict_sentence(verdicts: Sequence[str]) -> str:
    """Say how the best candidate stands beside the others, by their verdicts, without a full stop."""
    others, equivalent = len(verdicts), verdicts.count("equivalent")
    if NOT_COMPARED in verdicts:
        whom = "the other one" if others == 1 else f"the {others:,} others"
        return f"Whether the best candidate is better than {whom} is not known: the score tells nothing of other rows"
    unresolved = verdicts.count("unresolved")
    if not equivalent:
        return significance_sentence(unresolved, others)
    meaning = "a candidate that is worse by less than the margin is called equivalent"
    if equivalent == others:
        all_others = "the other one" if others == 1 else f"all {others:,} others"
        return f"The best candidate is equivalent to {all_others}: {meaning}"
    ways = {
        "significantly better than": others - equivalent - unresolved,
        "equivalent to": equivalent,
        "statistically indistinguishable from": unresolved,
    }
    parts = [f"{words} {count:,}" for words, count in ways.items() if count]
    return f"Of the {others:,} others, the best candidate is {listed(parts)}: {meaning}"


def level_of(verdicts: Sequence[str]) -> str:
    """Give the level at which verdicts were tested, for the end of their sentence; nothing where none was."""
    return " (5 %)" if verdicts and NOT_COMPARED not in verdicts else ""


def resolution(results: Results) -> list[str]:
    """Say within which margin others are equivalent to the best, where some are, and what would resolve more."""
    best, *others = [standing for standing in results.standings if not standing.failed]
    if not others or results.study.search is None:
        return []
    search = results.study.search
    said = results.tried[best.candidate_id].training.distribution
    sentences: list[str] = []
    if any(standing.verdict == "equivalent" for standing in others):
        margin = one_number(margin_of(search.metric, best.selection_score, search.margin, said), 2)
        sentences.append(
            f"The margin is {margin}: the interval of the difference to an equivalent candidate lies within it."
        )
    needed = [standing.networks for standing in others if standing.networks is not None]
    unresolved = sum(standing.verdict == "unresolved" for standing in others)
    if needed:
        sentences.append(
            f"About {counted(min(needed), 'network')} a candidate, of other folds or repeats, would resolve the next"
            f" one (search.repeats{_or_repeated(results)}; what is trained already is kept where it is part of the new"
            " plan)."
        )
    elif unresolved:
        sentences.append(
            "More folds or repeats would hardly resolve more: other rows would have to be added."
        )
    return sentences


def _or_repeated(results: Results) -> str:
    """Name the repeated kind of the folds that the search has, if there is one; groups of the study are kept."""
    study = results.study
    kind = study.folds_kind(study.search.splitter) if study.search else study.folds_kind(Folds())
    if splitter_kind("search.folds.kind", kind).by_time:
        return ""
    repeated = splitter_like(kind, grouped=bool(study.data.groups), repeats=True)
    return f', or times of search.folds.kind = "{repeated}"'


def others_alike(results: Results) -> tuple[int, int]:
    """Count the healthy candidates that are statistically indistinguishable from the best, and all but the best."""
    others = [standing for standing in results.standings[1:] if not standing.failed]
    alike = (standing.indistinguishable and standing.verdict != NOT_COMPARED for standing in others)
    return sum(alike), len(others)


def _by_rule(results: Results) -> list[str]:
    """Say what the rule of one standard error made of the candidates near the best; nothing for the rule `best`."""
    choice, best = results.choice, results.standings[0]
    near = [standing for standing in results.standings if _within(standing, best)]
    if choice is None or choice.rule == "best":
        return []
    if len(near) == 1:
        return ["No other candidate lies within one standard error of it."]
    if choice.candidate_id == best.candidate_id:
        others = "The other candidate" if len(near) == 2 else f"Of the {len(near) - 1:,} others"
        fewer = "has no fewer parameters" if len(near) == 2 else "none has fewer parameters"
        return [f"{others} within one standard error of it{',' * (len(near) > 2)} {fewer}."]
    chosen = next(standing for standing in near if standing.candidate_id == choice.candidate_id)
    return [
        f"Of the {counted(len(near), 'candidate')} within one standard error of the best, itself among them,"
        f" candidate {_named(chosen, results)} has the fewest parameters: {chosen.parameter_count:,}, not"
        f" {best.parameter_count:,}."
    ]


def _error_text(error: float) -> str:
    return "not known" if math.isnan(error) else rounded(error, 2)


def _named(standing: Standing, results: Results) -> str:
    """Name a healthy candidate by its rank and its settings, as the lists and pictures of a search do."""
    values = next(row.values for row in results.candidate_rows if row.candidate_id == standing.candidate_id)
    return f"{standing.rank} ({settings_text(values)})"


def _within(standing: Standing, best: Standing) -> bool:
    """Say whether a candidate is no further from the best than the best's standard error (0 where there is none)."""
    reach = reach_of(best.selection_score, best.standard_error)
    return abs(standing.selection_score - best.selection_score) <= reach
