"""The checks of method of a run: every one looked for in turn; a check that finds nothing says nothing.

Every code has its section in docs/checks.md.
"""

from __future__ import annotations

from typing import Final

from shoal.look._check import Check, MethodCheck
from shoal.look.method_checks import method_checks
from shoal.results import Results

GRAVEST: Final = 3
"""Checks that a summary names, at most: the first of them; how many more there are is said."""


def checks(results: Results) -> tuple[Check, ...]:
    """Give every doubt that the results themselves raise, from the run folder alone.

    The most alarming first, then warnings about the test score (the leaks that invalidate it before the others), then
    the other warnings, then notes, each by code.
    Raises RunFolderError where what the folder holds is not what Shoal writes.
    """
    ordered = sorted(method_checks(), key=gravity)
    return tuple(check for method in ordered if (check := method.of(results)) is not None)


def alarms(results: Results) -> tuple[str, ...]:
    """Give what stands before the score itself, the gravest first: it is of no use as it stands."""
    ordered = sorted(method_checks(), key=gravity)
    before = (method for method in ordered if method.alarming and not method.said_by_verdict)
    return tuple(f"{method.title}. {what}" for method in before if (what := method.find(results)))


def gravity(method: MethodCheck) -> tuple[bool, bool, bool, bool, str]:
    """Give the place of a check among all: the gravest sorts first."""
    of_test = not method.about_test, not method.invalidating
    return method.severity == "note", not method.alarming, *of_test, method.code
