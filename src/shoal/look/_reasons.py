"""Why a candidate was chosen, and what it cannot be told from: sentences derived from where all candidates stand."""

from __future__ import annotations

from shoal.look._settings import settings_text
from shoal.results import Choice, Results, Standing
from shoal.wording import counted


def reasons(results: Results) -> tuple[str, ...]:
    """Give the reasons of the choice as sentences; empty before the choice."""
    choice = results.choice
    if choice is None:
        return ()
    best, *others = choice.standings
    cells = {(entry.fold, entry.repeat) for entry in results.plan if entry.stage == "search"}
    folds, repeats = (len({cell[axis] for cell in cells}) for axis in (0, 1))
    over = f"{counted(folds, 'fold')}" + (f" and {counted(repeats, 'repeat')}" if repeats > 1 else "")
    which = "has the best selection score" if others else "is the only one; its selection score"
    found = [
        f"Candidate {_named(best, results)} {which}: mean {choice.metric} over {over} {best.selection_score:.4g},"
        f" standard error {best.standard_error:.2g}."
    ]
    if others:
        told = told_from_others(*others_alike(choice))
        found += [*_by_rule(choice, results), f"{told} (corrected resampled t-test, Holm’s correction, 5 %)."]
    if sick := sum(one.sick for one in choice.standings):
        many = "has a fit that diverged or failed" if sick == 1 else "have fits that diverged or failed"
        left = "was" if sick == 1 else "were"
        found.append(f"{sick:,} of {len(choice.standings):,} candidates {many} and {left} left out.")
    return (*found, "A selection score is optimistic, since it is what the choice was made by.")


def told_from_others(alike: int, others: int) -> str:
    """Say that the best candidate cannot be told from `alike` of `others`, as a sentence without its stop."""
    if not others:
        return "There is no other healthy candidate to tell the best from"
    if not alike:
        return f"The best candidate can be told from {'the other one' if others == 1 else f'all {others:,} others'}"
    if alike == others:
        many = "the other one" if others == 1 else f"any of the {others:,} others"
        return f"The best candidate cannot be told from {many}"
    return f"The best candidate cannot be told from {alike:,} of the {others:,} others"


def others_alike(choice: Choice) -> tuple[int, int]:
    """Count the healthy candidates beside the best that cannot be told from it, and all of them."""
    others = [one for one in choice.standings[1:] if not one.sick]
    return sum(one.indistinguishable for one in others), len(others)


def _by_rule(choice: Choice, results: Results) -> list[str]:
    """Say what the rule of one standard error made of the candidates near the best; nothing for the rule `best`."""
    best = choice.standings[0]
    near = [one for one in choice.standings if _within(one, best)]
    if choice.rule == "best":
        return []
    if len(near) == 1:
        return ["No other candidate lies within one standard error of it."]
    if choice.candidate_id == best.candidate_id:
        others = "The other candidate" if len(near) == 2 else f"Of the {len(near) - 1:,} others"
        fewer = "has no fewer parameters" if len(near) == 2 else "none has fewer parameters"
        return [f"{others} within one standard error of it{',' * (len(near) > 2)} {fewer}."]
    chosen = next(one for one in near if one.candidate_id == choice.candidate_id)
    return [
        f"Of the {len(near):,} candidates within one standard error of the best, itself among them,"
        f" candidate {_named(chosen, results)} has the fewest parameters: {chosen.parameter_count:,}, not"
        f" {best.parameter_count:,}."
    ]


def _named(one: Standing, results: Results) -> str:
    """Name a healthy candidate by its rank and its settings, as the lists and pictures of a search do."""
    values = next(row.values for row in results.candidate_rows if row.candidate_id == one.candidate_id)
    return f"{one.rank} ({settings_text(values)})"


def _within(one: Standing, best: Standing) -> bool:
    """Say whether a candidate is no further from the best than the best's standard error (0 where there is none)."""
    reach = 0.0 if best.standard_error != best.standard_error else best.standard_error
    return abs(one.selection_score - best.selection_score) <= reach
