"""SH001: an edge of the values tried, said only where all further inward is resolved to be worse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from look_runs import MadeUp, make_run

from shoal.look import Check, checks
from shoal.look.method_checks.edge_of_grid import edge_of, edge_of_range
from shoal.results import Results
from shoal.study import Range


def found(results: Results) -> dict[str, Check]:
    return {check.code: check for check in checks(results)}


def told_apart(results: Results, worse: float, places: slice = slice(1, None)) -> dict[str, Check]:
    """What is found where all candidates but the best (or some of them) are significantly worse, by so much."""
    standings = list(results.choice.standings)
    for place in range(len(standings))[places]:
        standings[place] = replace(standings[place], difference=worse, indistinguishable=False)
    return found(replace(results, choice=replace(results.choice, standings=tuple(standings))))


def edged(folder: Path, space: dict[str, Any], **changes: Any) -> Results:
    return make_run(folder, MadeUp(space=space, **changes))


def test_edge_of_the_grid_names_axis_and_side(tmp_path: Path) -> None:
    # Of made-up candidates the first is the best.
    space = {
        "training.lr": [0.1, 0.2, 0.3],
        "network.dropout": [0.0, 0.25],
        "training.optimizer": ["adam", "sgd"],
    }
    inward = "; every candidate further inward is significantly worse."
    check = told_apart(edged(tmp_path / "low", space), 10.0)["SH001"]
    assert check.what == f"The chosen candidate has learning rate 0.1, the lowest of 0.1, 0.2, 0.3{inward}"
    high = edged(tmp_path / "high", {"training.lr": [0.3, 0.2]})
    assert told_apart(high, 10.0)["SH001"].what == (
        f"The chosen candidate has learning rate 0.3, the highest of 0.2, 0.3{inward}"
    )
    inside = edged(tmp_path / "inside", {"training.lr": [0.2, 0.1, 0.3]})
    assert "SH001" not in told_apart(inside, 10.0)
    assert "SH001" not in told_apart(edged(tmp_path / "natural", {"network.dropout": [0.0, 0.25]}), 10.0)


def test_an_edge_is_said_only_where_it_is_resolved(tmp_path: Path) -> None:
    results = edged(tmp_path / "a", {"training.lr": [0.3, 0.2, 0.1]})
    assert "SH001" not in found(replace(results, choice=replace(results.choice, standings=tuple(
        replace(row, indistinguishable=True) for row in results.choice.standings
    ))))  # fmt: skip
    assert "SH001" not in told_apart(results, 10.0, slice(1, 2))  # of the other two, one may be as good
    assert "SH001" not in told_apart(results, 1e-9)  # worse, and by nothing that matters
    by_rule = replace(results.choice, candidate_id=results.choice.standings[1].candidate_id)
    assert "SH001" not in told_apart(replace(results, choice=by_rule), 10.0)
    failed = frozenset({("search", 1, 0), ("search", 2, 0)})
    assert "SH001" in found(edged(tmp_path / "b", {"training.lr": [0.3, 0.2, 0.1]}, failed=failed))


def test_the_edge_of_a_range_is_a_twentieth_of_it() -> None:
    log = Range(low=1e-4, high=1e-2, log=True)
    assert edge_of_range(9e-3, log) == "highest"
    assert edge_of_range(1.2e-4, log) == "lowest"
    assert edge_of_range(1e-3, log) is None
    assert edge_of_range(None, log) is None
    assert edge_of_range(0.01, Range(low=0, high=1)) is None  # nothing lies beyond
    assert edge_of_range(1, Range(low=1, high=64, integer=True)) is None
    assert edge_of_range(2, Range(low=2, high=64, integer=True)) == "lowest"


@pytest.mark.parametrize(
    ("value", "tried", "side"),
    [
        (1, [1, 2, 3], None), (2, [2, 3], "lowest"), (3, [1, 2, 3], "highest"), (2, [1, 2, 3], None),
        (0.0, [0.0, 0.5], None), (0.5, [0.0, 0.5], "highest"), (1.0, [1.0, 2.0], "lowest"),
        (5, [5], None), (5, [5, 5], None), ("a", ["a", "b"], None), (True, [True, False], None),
        (None, [1, 2], None), (1, [1, "b"], None),
    ],
)  # fmt: skip
def test_edges(value: Any, tried: list[Any], side: str | None) -> None:
    assert edge_of(value, tried) == side
