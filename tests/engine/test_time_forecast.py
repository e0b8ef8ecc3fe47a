"""The predicted time of a whole run: a sum of parts, the same for the same plan, more for more work. Not timed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.data import Dataset
from shoal.engine import Circumstances, Planner, Trainers, load_data, make_plan
from shoal.engine.forecast import time as forecast
from shoal.engine.forecast.steps import CROWD_SECONDS, Watched, crowding
from shoal.engine.forecast.time import PACE, exciting_seconds, map_seconds, spread
from shoal.nets import Architecture, build_architecture, seen_by_the_middle
from shoal.pipeline import run
from shoal.planning import plan
from shoal.results import Plan
from shoal.study import Network, Study
from studies import drawing_of, tiny_study

PARTS = ["reading", "training", "simple models", "ensemble", "inside", "drawing"]
CNN: dict[str, Any] = {
    "study": {"name": "small", "task": "classification"},
    "data": {"dataset": "digits"},
    "network": {"kind": "cnn", "conv": [{"channels": 4, "padding": 1, "pool": {}}], "hidden": [5]},
    "training": {"epochs": 2},
}


@pytest.fixture(autouse=True)
def _same_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of one pace, on which nobody else works: what is left is the plan alone."""
    for module in ("time", "steps"):
        monkeypatch.setattr(f"shoal.engine.forecast.{module}.machine_pace", lambda: PACE)
    monkeypatch.setattr("shoal.engine.forecast.time.crowding", lambda _: 1.0)
    monkeypatch.setattr("shoal.engine.forecast.time.core_count", lambda: 4)


def predicted(study: Study, workers: int = 1, dataset: Dataset | None = None, **more: Any) -> Plan:
    trainers = Trainers("torch", "cpu")
    planner = Planner(study, dataset or load_data(study), trainers.choose)
    return make_plan(planner, Circumstances(trainers.by_name, workers, drawing_of(planner), **more))


def images(**network: Any) -> Study:
    return Study.model_validate({**CNN, "network": {**CNN["network"], **network}})


def test_the_whole_is_the_sum_of_its_parts_and_the_same_each_time() -> None:
    one, same = predicted(tiny_study()), predicted(tiny_study())
    assert [*one.time] == [*one.time_alone] == PARTS
    assert one.seconds == sum(one.time.values())
    assert one.time == same.time == one.time_alone


def test_seconds_of_reading_are_those_that_it_took() -> None:
    more = predicted(tiny_study(), read=7.0).time["reading"] - predicted(tiny_study()).time["reading"]
    assert more == pytest.approx(7)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"training": {"epochs": 80}}, "training"),
        ({"study": {"repeats": 5}}, "training"),
        ({"study": {"repeats": 5}}, "drawing"),
        ({"compare": [{"name": name} for name in "abc"]}, "drawing"),
        ({"search": {"folds": 6, "space": {"training.lr": [0.1, 0.2, 0.3, 0.4]}}}, "ensemble"),
        ({"search": {"folds": 3, "space": {"training.lr": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}}}, "drawing"),
        ({"inspect": {"history": 5}}, "inside"),
        ({"inspect": {"history": 5}}, "drawing"),
        ({"training": {"schedule": "cosine"}}, "drawing"),
        ({"compare": [{"name": n, "training": {"schedule": "step"}} for n in ("a", "b")]}, "drawing"),
        ({"network": {"hidden": [6, 5, 4]}}, "drawing"),
    ],
)
def test_more_work_takes_longer(changes: dict[str, Any], part: str) -> None:
    before, after = predicted(tiny_study()).time, predicted(tiny_study(**changes)).time
    assert after[part] > before[part]


@pytest.mark.parametrize(
    "network",
    [
        {"conv": [{"channels": 9, "padding": 1, "pool": {}}]},
        {"conv": [{"channels": 4, "padding": 1, "pool": {}}, {"channels": 4}]},
        {"conv": [{"channels": 4, "padding": 2, "pool": {}}]},
    ],
)
def test_more_channels_layers_and_larger_maps_take_longer_to_look_into_and_to_draw(network: Any) -> None:
    before, after = predicted(images()).time, predicted(images(**network)).time
    assert after["inside"] > before["inside"]
    assert after["drawing"] > before["drawing"]


def test_each_snapshot_of_a_history_takes_as_long_as_the_rows_that_it_is_measured_at() -> None:
    plans = [predicted(tiny_study(inspect={"history": snapshots})) for snapshots in (2, 4, 8, 500)]
    few, some, all_of_them, more = (one.time["inside"] for one in plans)
    assert all_of_them == more  # at most one an epoch, of which there are eight
    assert all_of_them - some == pytest.approx(2 * (some - few))
    assert some > few


def test_of_many_test_images_no_more_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = predicted(images()).time["inside"]
    monkeypatch.setattr(forecast, "LOOKED_AT", 100)
    each = map_seconds(architecture_of(images().network, (1, 8, 8)))
    assert whole - predicted(images()).time["inside"] == pytest.approx((359 - 100) * each)


def test_where_others_want_the_cores_all_parts_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = predicted(tiny_study(), workers=2)
    monkeypatch.setattr("shoal.engine.forecast.time.crowding", lambda _: 3.0)
    busy = predicted(tiny_study(), workers=2)
    assert busy.time_alone == alone.time
    for part in PARTS:
        # Two workers that train stand in the queue of four cores twice.
        factor = 3.25 if part == "training" else 3
        assert busy.time[part] == pytest.approx(factor * alone.time[part])


def test_the_crowd_is_measured_in_times_of_ones_own() -> None:
    nothing = Watched()
    assert crowding(nothing) >= 1
    assert nothing.own >= 0.9 * CROWD_SECONDS  # the watch begins a moment later
    enough = Watched(clock=30.0, own=10.0)
    begun = time.thread_time()
    assert crowding(enough) == pytest.approx(3, rel=1e-3)
    assert time.thread_time() - begun < CROWD_SECONDS


def test_work_is_watched_on_the_clock_and_on_its_core() -> None:
    watched = Watched()
    for _ in range(2):
        watched.call(lambda: time.sleep(0.03))
    assert watched.clock >= 0.06 > 10 * watched.own


def test_what_is_done_already_is_not_predicted_again(tmp_path: Path) -> None:
    study = tiny_study(training={"epochs": 20}, checks={"baselines": False})
    before = plan(study, out=tmp_path, workers=1, trainer="torch")
    run(study, out=tmp_path, workers=1, trainer="torch")
    after = plan(study, out=tmp_path, workers=1, trainer="torch")
    assert after.known > 0
    assert after.time["training"] < before.time["training"] / 2


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.integers(1, 8))
def test_work_is_spread_over_workers(seconds: list[float], workers: int) -> None:
    whole = spread(seconds, workers)
    assert max(*seconds, sum(seconds) / workers) <= whole * (1 + 1e-12)
    assert whole <= sum(seconds) / workers + max(seconds) + 1e-9
    assert spread(seconds, 1) == pytest.approx(sum(seconds))


def test_workers_beyond_the_cores_do_not_help() -> None:
    study = tiny_study(search={"folds": 8, "space": {"training.lr": [0.1, 0.2]}}, training={"epochs": 2000})
    four, eight = (predicted(study, workers=n, dataset=None).time["training"] for n in (4, 8))
    assert eight == pytest.approx(four, rel=0.01)


def architecture_of(network: Network, shape: tuple[int, ...]) -> Architecture:
    return build_architecture(network, shape, 10)


def test_images_made_for_a_first_layer_cost_little_more_where_the_image_is_larger() -> None:
    """Only what its unit sees passes through the network; pixels are held smooth, and tried, as a whole."""
    network = Network.model_validate({"kind": "cnn", "conv": [{"channels": 64, "kernel": 5}], "hidden": [3]})
    small, large = (architecture_of(network, (1, side, side)) for side in (20, 40))
    products = np.array([layer.layers[0].multiply_adds for layer in (small, large)])
    assert products[1] / products[0] > 4.5
    assert exciting_seconds(small, 32) < exciting_seconds(large, 32) < 4 * exciting_seconds(small, 32)


def test_images_are_made_of_what_units_see_layer_by_layer_and_by_torch_at_its_price() -> None:
    """The products of a step are those of the part of the image that the middle unit sees, as it is cut out there."""
    conv = {"channels": 8, "kernel": [3, 5], "stride": [1, 2], "dilation": [2, 1], "pool": {"size": 2}}
    sums, seconds = 0.0, [0.0]
    for layers in (1, 2, 3):
        network = Network.model_validate({"kind": "cnn", "conv": [conv] * layers, "hidden": []})
        architecture = architecture_of(network, (1, 400, 400))
        convolutions = architecture.convolutions
        sums += convolutions[-1].multiply_adds
        seconds.append(exciting_seconds(architecture, 8))
        parts = [seen_by_the_middle(convolutions, layers - 1, axis)[0] for axis in (0, 1)]
        seen = np.prod([len(range(400)[part]) / 400 for part in parts])
        products = (seconds[-1] - seconds[-2]) / (forecast.EXCITING_STEPS * 8 * forecast.EXCITE_MULTIPLY_ADD)
        numbers = sum(layer.numbers for layer in convolutions)
        trials = forecast.EXCITE_TRIALS * 8 * (forecast.FORWARD * sums + forecast.EXCITED * numbers)
        steps = forecast.EXCITE_STEP[False] * layers + 8 * forecast.EXCITE_PIXEL * 400**2
        beside = trials / forecast.EXCITING_STEPS + steps
        products -= beside / (8 * forecast.EXCITE_MULTIPLY_ADD)
        assert products == pytest.approx(seen * sums, rel=0.35)
        assert exciting_seconds(architecture, 8, torch=True) > seconds[-1]
        normed = network.model_copy(update={"norm": "batch"})
        by_torch = exciting_seconds(architecture_of(normed, (1, 400, 400)), 8, torch=True)
        assert by_torch > exciting_seconds(architecture, 8, torch=True)


@pytest.mark.parametrize("space", [None, {"training.lr": [0.01, 0.02]}, {"training.lr": [0.02]}])
def test_a_fit_of_several_stages_is_counted_once_as_it_is_trained_once(
    tmp_path: Path, space: dict[str, Any] | None
) -> None:
    """The winner may be one of the comparisons: then it is trained on all rows alone."""
    compare = [{"name": "as it is"}, {"name": "the same"}, {"name": "slower", "training": {"lr": 0.02}}]
    search = {"folds": 2, "space": space} if space else None
    study = tiny_study(compare=compare, training={"lr": 0.01}, search=search)
    told = predicted(study)
    assert told.fits == sum(fits for _, fits, _ in told.stages) == sum(told.trainers.values())
    assert told.steps == sum(steps for _, _, steps in told.stages)
    results = run(study, out=tmp_path / "run")
    assert told.fits == len(results.summaries)
    assert told.steps == sum(fit.steps for fit in results.summaries.values())


def test_of_candidates_that_cost_the_same_one_that_is_no_comparison_stands_for_the_winner() -> None:
    space = {"training.lr": [0.01, 0.02]}
    study = tiny_study(
        compare=[{"name": "as it is"}], training={"lr": 0.01}, search={"folds": 2, "space": space}
    )
    repeats = study.study.repeats
    assert [fits for _, fits, _ in predicted(study).stages] == [4, repeats, 2 * repeats]
