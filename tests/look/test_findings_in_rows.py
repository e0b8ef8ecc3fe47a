"""What the checks of the rows measured, as checks of method of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from look_runs import MadeUp, make_run

from shoal.data import checks_of_rows
from shoal.errors import RunFolderError
from shoal.look import Check, checks
from shoal.results import Identity, Results, Store


def found(results: Results) -> dict[str, Check]:
    return {check.code: check for check in checks(results)}


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("SH022", "near-duplicates"),
        ("SH023", "identifiers"),
        ("SH024", "undeclared groups"),
        ("SH025", "shared groups"),
        ("SH026", "giveaways"),
        ("SH027", "row order"),
        ("SH028", "drift"),
    ],
)
def test_what_was_found_in_the_rows_is_a_sentence(code: str, name: str, tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp())
    assert code not in found(results)
    check = found(replace(results, findings_in_rows={name: "the rows are so"}))[code]
    assert (check.what, check.severity) == ("The rows are so.", "warning")
    assert name == "drift" or name in {check.name for check in checks_of_rows()}


def test_findings_in_rows_that_are_no_sentences_are_refused(tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp())
    with Store.create_or_open(tmp_path, Identity(results.study.study.name, "regression", "0" * 64)) as store:
        store.put_fact("findings in rows", {"giveaways": 3})
    with pytest.raises(RunFolderError, match="a finding in the rows"):
        Results.open(tmp_path)
