"""The methods of search: what they ask for, and when they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal import search
from shoal.kinds import SEARCHES
from shoal.search import History, Trial, next_round
from shoal.study import candidates
from studies import tiny_study

SPACE = {"network.hidden[0]": [4, 5, 6], "network.dropout": [0, 0.25]}
ROOM = Path(search.__file__).parent / "methods"


def test_every_method_has_its_file() -> None:
    assert {path.stem for path in ROOM.glob("*.py")} - {"__init__"} == {
        name.replace("-", "_") for name in SEARCHES
    }


@pytest.mark.parametrize("method", [name for name, kind in SEARCHES.items() if kind.one_round])
def test_all_is_asked_for_in_one_round(method: str) -> None:
    study = tiny_study(search={"method": method, "samples": 4, "space": SPACE})
    trials = next_round(History(study))
    assert tuple(trial.candidate for trial in trials) == candidates(study)
    assert len(trials) == (4 if SEARCHES[method].drawn else 6)
    assert next_round(History(study, trials)) == ()


def test_without_a_search_nothing_is_asked_for() -> None:
    assert next_round(History(tiny_study(search=None))) == ()


def test_what_was_asked_for_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    study = tiny_study(search={"space": SPACE})
    everyone = tuple(map(Trial, candidates(study)))
    monkeypatch.setattr("shoal.search.methods.grid.ask", lambda history: everyone + everyone[:2])
    search._searcher.searcher_of.cache_clear()
    try:
        assert next_round(History(study, everyone[1:3])) == (everyone[0], *everyone[3:])
    finally:
        search._searcher.searcher_of.cache_clear()
