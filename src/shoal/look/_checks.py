"""The checks of method of a run: every one looked for in turn; a check that finds nothing says nothing.

Every code has its section in docs/checks.md.
"""

from __future__ import annotations

from shoal.look._check import Check
from shoal.look.method_checks import method_checks
from shoal.results import Results


def checks(results: Results) -> tuple[Check, ...]:
    """Give every doubt that the results themselves raise, from the run folder alone: the most alarming first, then
    the other warnings, then notes, each by code.

    Raises RunFolderError where what the folder holds is not what Shoal writes.
    """
    ordered = sorted(
        method_checks(), key=lambda method: (method.severity == "note", not method.alarming, method.code)
    )
    return tuple(check for method in ordered if (check := method.of(results)) is not None)
