"""What a check of method is: what it looks for, why that matters and what to do; one file of `method_checks/` each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from shoal.results import Results

Severity = Literal["warning", "note"]


@dataclass(frozen=True)
class Check:
    """One reason to doubt a run: `what` was measured, `why` it matters, the `remedy`, the `reference` in full.

    A warning: a conclusion may be wrong. A note: it stands, but is to be read with this in mind.
    """

    code: str
    title: str
    what: str
    why: str
    remedy: str
    reference: str
    severity: Severity


@dataclass(frozen=True)
class MethodCheck:
    """A check before it is looked for: `find` gives the measured sentence, empty where there is no doubt."""

    code: str
    severity: Severity
    title: str
    find: Callable[[Results], str]
    why: str
    remedy: str
    reference: str
    alarming: bool = False
    """Whether it is said before all others, and before the score: what was trained is of no use as it stands."""
    said_by_verdict: bool = False
    """Whether the verdict, with which the headline begins, says as much."""
    about_test: bool = False
    """Whether it is said next: the test score itself, or what it is taken for, is in doubt."""
    invalidating: bool = False
    """Whether it is the first of these: what a network may not know of test rows is known to it."""
    remedy_of: Callable[[Results], str] | None = None
    """Gives what of the remedy is left to do in a run, where it has done the rest."""

    def of(self, results: Results) -> Check | None:
        """Look for it in a run; None where there is no doubt."""
        what = self.find(results)
        if not what:
            return None
        remedy = self.remedy_of(results) if self.remedy_of else self.remedy
        return Check(self.code, self.title, what, self.why, remedy, self.reference, self.severity)
