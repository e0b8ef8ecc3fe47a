"""How often each check of method speaks where its fault is planted, and where there is no fault.

Every study is a run of its own (`shoal.run` without the pictures), with small networks, in this process.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from benchmarks.honesty.drawn_studies import DrawnStudy, clean, results_of
from benchmarks.honesty.planted import planted
from benchmarks.record import table
from shoal.look import checks
from shoal.look.method_checks import method_checks
from shoal.results import Results

CLEAN = 100
"""Studies without fault, at least: one in a hundred is to be seen."""
SEED = 1
"""Studies of seed 0 were looked at while checks and planted faults were written."""
RATES = ["check", "severity", "what is said", "hits, %", "false alarms, %"]
HITS, FALSE_ALARMS, ANY_WARNING = 80, 5, 10
"""Per cent: the fewest hits of a check, the most false alarms of a warning, and of clean studies with any warning."""


@dataclass(frozen=True)
class Verdict:
    """What the checks say of one study: severity by code."""

    kind: str
    said: dict[str, str]

    @property
    def warned(self) -> bool:
        """Whether a warning is among it."""
        return "warning" in self.said.values()


def verdict(study: DrawnStudy) -> Verdict:
    """Run a study and look for every doubt."""

    def said(results: Results) -> dict[str, str]:
        return {check.code: check.severity for check in checks(results)}

    return Verdict(study.kind, results_of(study, said))


def hits(code: str, studies: int, seed: int = 0) -> float:
    """Give the per cent of planted studies in which a check speaks."""
    plant = planted()[code]
    spoken = [
        code in verdict(plant(np.random.default_rng([seed, number, *code.encode()]))).said
        for number in range(studies)
    ]
    return 100 * float(np.mean(spoken))


def clean_verdicts(studies: int, seed: int = 0) -> list[Verdict]:
    """Give what is said of studies without fault."""
    return [verdict(clean(np.random.default_rng([seed, number]), number)) for number in range(studies)]


def run(studies: int = 100, codes: Container[str] | None = None) -> list[str]:
    """Measure every check, or those of these codes, print the table as it grows, and give its lines."""
    verdicts = clean_verdicts(max(studies, CLEAN), SEED)
    alarms = Counter(code for verdict in verdicts for code in verdict.said)
    rows = []
    for check in method_checks():
        if codes is not None and check.code not in codes:
            continue
        share, alarm = hits(check.code, studies, SEED), 100 * alarms[check.code] / len(verdicts)
        rows.append([check.code, check.severity, check.title, f"{share:.0f}", f"{alarm:.0f}"])
        print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    warned = 100 * float(np.mean([verdict.warned for verdict in verdicts]))
    return [
        *table(RATES, rows),
        "",
        f"Of {len(verdicts)} clean studies, {warned:.0f} % see a warning. Each check was looked for in"
        f" {studies} studies with its fault planted. Asked for: hits at least {HITS} %, false alarms of a warning at"
        f" most {FALSE_ALARMS} %, any warning in at most {ANY_WARNING} % of clean studies.",
    ]
