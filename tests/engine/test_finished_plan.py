"""The plan of a study that is finished: nothing is left to train, whichever candidate won."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.engine import Planner, Trainers
from shoal.engine.forecast.time import PACE
from shoal.look import plan_text
from shoal.pipeline import run
from shoal.planning import plan
from shoal.results import place_in
from studies import tiny_study, two_peaks

TRAINERS = Trainers("native")


def test_a_finished_study_has_nothing_left_to_train_whoever_won(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("time", "steps"):  # what is left is the plan, not the pace of this machine
        monkeypatch.setattr(f"shoal.engine.forecast.{module}.machine_pace", lambda: PACE)
    study = tiny_study(nested={"folds": 3}, checks={"permutations": 2})
    results = run(study, out=tmp_path / "run", workers=1)
    planner = Planner(study, two_peaks(), TRAINERS.choose)
    likely = {item.fit.id for item in (*planner.likely_winner, *planner.likely_nested)}
    assert likely - set(results.summaries), "the costliest candidate won everywhere: this shows nothing"
    planned = plan(study, out=tmp_path / "run", workers=1, trainer="native")
    fits = sum(fits for _, fits, _ in planned.stages)
    assert (planned.fits, planned.known) == (0, fits)
    assert f"{fits:,} of them done already" in plan_text(study, planned, tmp_path / "run", 1)
    assert planned.time_alone["training"] < 1
    assert len(run(study, out=tmp_path / "run", workers=1).summaries) == len(results.summaries)
    # Another study of the same folder: what the actual winner has trained says nothing of its places.
    edited = tiny_study(nested={"folds": 3}, checks={"permutations": 2}, training={"epochs": 9})
    assert plan(edited, out=tmp_path / "run", workers=1, trainer="native").known == 0
    assert plan(study, out=tmp_path / "run", workers=1, trainer="torch").known == 0
    assert plan(study, out=tmp_path / "none", workers=1, trainer="native").known == 0
    winner = {item.fit.id for item in planner.likely_winner}
    places, known = frozenset(map(place_in, results.plan)), frozenset(results.summaries)
    assert planner.known_by_place(places, known) >= winner
    fewer = known - {planner.search_fits()[0].fit.id}  # one more of the search, and another may win
    assert not planner.known_by_place(places, fewer)
