"""The short form of the campaign on checks: every check has a world in which it has to speak, and speaks there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
from benchmarks.honesty.checks import FALSE_ALARMS, HITS, clean_verdicts, verdict
from benchmarks.honesty.planted import planted, plants

from shoal.look.method_checks import method_checks

ROOT = Path(__file__).parents[2]
CODES = [check.code for check in method_checks()]
NEEDED = {"ask_simple_models": ("SH030", "SH031"), "drift_of_rows": ("SH028",)}


def table_of(path: str, head: str) -> list[str]:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    start = lines.index(head)
    return list(takewhile(lambda line: line.startswith("|"), lines[start:]))


def cells(lines: Iterable[str]) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_rates_on_the_page_are_those_of_the_record() -> None:
    page = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    head = "| check | severity | what is said | hits, % | false alarms, % |"
    named = re.findall(r"benchmarks/records/[\w-]+\.md", page)
    records = [record for record in named if head in (ROOT / record).read_text(encoding="utf-8")]
    assert len(records) == 4
    rates = table_of("docs/checks.md", head)
    rows = cells(rates[2:])
    # Checks whose world is of a loss of its own, or in order of time, are measured beside these. What is said may have
    # been worded otherwise when it was measured.
    measured = cells(line for record in records for line in table_of(record, head)[2:])
    assert [[code, *rest] for code, _, _, *rest in rows] == [[code, *rest] for code, _, _, *rest in measured]
    assert [row[:3] for row in rows] == [
        [check.code, check.severity, check.title] for check in method_checks()
    ]
    for code, severity, _, hits, alarms in rows:
        assert int(hits) >= HITS, code
        assert severity == "note" or int(alarms) <= FALSE_ALARMS, code


def test_every_check_has_a_planted_world() -> None:
    assert list(planted()) == CODES
    with pytest.raises(ValueError, match="SH001 has a planted world already"):
        plants("SH001")(planted()["SH001"])


@pytest.mark.parametrize("code", CODES)
def test_a_check_speaks_where_its_fault_is_planted(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, of_checks in NEEDED.items():  # what no other check asks for takes half of the time
        if code not in of_checks:
            monkeypatch.setattr(f"shoal.pipeline.{name}", lambda *_: "")
    said = verdict(planted()[code](np.random.default_rng([1, *code.encode()]))).said
    assert code in said


def test_clean_studies_see_no_warning() -> None:
    warned = {verdict.kind: verdict.said for verdict in clean_verdicts(6, seed=3) if verdict.warned}
    assert warned == {}
