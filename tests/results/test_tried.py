"""Candidates as they are read of a run: whole, from the values that the store holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from record_cases import IDENTITY, STUDY, a_plan, a_truth

from shoal.errors import RunFolderError
from shoal.results import CandidateRow, Results, Store


def results_of(folder: Path, values: dict[str, Any]) -> Results:
    """A run that tries what `a_plan` has, and one candidate more with these values."""
    entries, candidates = a_plan()
    with Store.create_or_open(folder, IDENTITY) as store:
        store.put_fact("study", STUDY)
        store.put_truth(a_truth())
        store.set_plan(entries, [*candidates, CandidateRow("c", values, 30)])
        store.put_fact("environment", {})
    return Results.open(folder)


def test_candidates_are_read_whole(tmp_path: Path) -> None:
    """Also one that lies outside of the space: a method may ask for any."""
    results = results_of(tmp_path, {"network.hidden": [7, 5], "training.lr": 0.7})
    assert list(results.tried) == ["a", "b", "c"]
    assert [candidate.training.lr for candidate in results.tried.values()] == [0.1, 0.2, 0.7]
    assert results.tried["a"].network == results.study.network
    assert results.tried["c"].network.hidden == (7, 5)


@pytest.mark.parametrize(
    "values", [{"training.lr": -1.0}, {"data.dataset": "digits"}, {"network.hidden[9]": 3}, {"": 1}]
)
def test_values_of_no_candidate_are_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    results = results_of(tmp_path, values)
    with pytest.raises(RunFolderError, match="a candidate in its results is not what Shoal writes"):
        _ = results.tried
