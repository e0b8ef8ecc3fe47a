"""Why a candidate was chosen, and how many are statistically indistinguishable from the best, as sentences."""

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
    sentences = [
        f"Candidate {_named(best, results)} {which}: mean {choice.metric} over {over} {best.selection_score:.4g},"
        f" standard error {best.standard_error:.2g}."
    ]
    if others:
        significance = significance_sentence(*others_alike(choice))
        sentences += [
            *_by_rule(choice, results),
            f"{significance} (corrected resampled t-test, Holm’s correction, 5 %).",
        ]
    if failed := sum(standing.failed for standing in choice.standings):
        many = "has a fit that diverged or failed" if failed == 1 else "have fits that diverged or failed"
        verb = "was" if failed == 1 else "were"
        sentences.append(f"{failed:,} of {len(choice.standings):,} candidates {many} and {verb} left out.")
    return (*sentences, "A selection score is optimistic, since it is what the choice was made by.")


def significance_sentence(alike: int, others: int) -> str:
    """Say from how many of `others` the best candidate does not differ significantly (`alike`), without a full stop."""
    if not others:
        return "There is no other healthy candidate to compare the best with"
    all_others = "the other one" if others == 1 else f"all {others:,} others"
    if not alike:
        return f"The best candidate is significantly better than {all_others}"
    which = all_others if alike == others else f"{alike:,} of the {others:,} others"
    return f"The best candidate is statistically indistinguishable from {which}"


def others_alike(choice: Choice) -> tuple[int, int]:
    """Count the healthy candidates that are statistically indistinguishable from the best, and all but the best."""
    others = [standing for standing in choice.standings[1:] if not standing.failed]
    return sum(standing.indistinguishable for standing in others), len(others)


def _by_rule(choice: Choice, results: Results) -> list[str]:
    """Say what the rule of one standard error made of the candidates near the best; nothing for the rule `best`."""
    best = choice.standings[0]
    near = [standing for standing in choice.standings if _within(standing, best)]
    if choice.rule == "best":
        return []
    if len(near) == 1:
        return ["No other candidate lies within one standard error of it."]
    if choice.candidate_id == best.candidate_id:
        others = "The other candidate" if len(near) == 2 else f"Of the {len(near) - 1:,} others"
        fewer = "has no fewer parameters" if len(near) == 2 else "none has fewer parameters"
        return [f"{others} within one standard error of it{',' * (len(near) > 2)} {fewer}."]
    chosen = next(standing for standing in near if standing.candidate_id == choice.candidate_id)
    return [
        f"Of the {len(near):,} candidates within one standard error of the best, itself among them,"
        f" candidate {_named(chosen, results)} has the fewest parameters: {chosen.parameter_count:,}, not"
        f" {best.parameter_count:,}."
    ]


def _named(standing: Standing, results: Results) -> str:
    """Name a healthy candidate by its rank and its settings, as the lists and pictures of a search do."""
    values = next(row.values for row in results.candidate_rows if row.candidate_id == standing.candidate_id)
    return f"{standing.rank} ({settings_text(values)})"


def _within(standing: Standing, best: Standing) -> bool:
    """Say whether a candidate is no further from the best than the best's standard error (0 where there is none)."""
    reach = 0.0 if best.standard_error != best.standard_error else best.standard_error
    return abs(standing.selection_score - best.selection_score) <= reach
