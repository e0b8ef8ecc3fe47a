"""How many fits a study asks for, known before one is laid out; more than anybody means are refused."""

from __future__ import annotations

from typing import Final

from shoal.errors import Problem, StudyError
from shoal.kinds import SEARCHES, row_of
from shoal.study import Study

MOST_FITS: Final = 1_000_000


def refuse_too_many(study: Study, candidates: int, folds: int, outer: int = 0) -> None:
    """Raise StudyError above `MOST_FITS`: candidates on all folds, comparisons, twice the winner, its permutations.

    With `outer` folds, candidates on all folds and one refit of each are added. It names the key that asks for the most
    of them.
    """
    repeats, search = study.study.repeats, study.search
    once = candidates * folds * search.repeats if search else 0
    searched = once + outer * (once + 1)
    permuted = study.checks.permutations
    last = (len(study.compare) + 2) * repeats + permuted
    if searched + last <= MOST_FITS:
        return
    asked = {"study.repeats": repeats, "compare": len(study.compare), "checks.permutations": permuted}
    if search and searched > last:
        method = row_of("search.method", SEARCHES, search.method)
        listed = "search.samples" if method.drawn else "search.space"
        asked = {listed: candidates, "search.folds": folds, "search.repeats": search.repeats}
        asked |= {"nested.folds": outer} if outer else {}
    key = max(asked, key=lambda name: asked[name])
    what = (
        f"expected at most {MOST_FITS:,} fits in all, got {searched + last:,}; a smaller {key} asks for fewer"
    )
    raise StudyError(Problem(key, what))
