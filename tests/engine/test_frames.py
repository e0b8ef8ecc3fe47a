"""What snapshots keep for moving pictures: it begins with the initial network and ends with the delivered one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal import load
from shoal.data import load_builtin
from shoal.engine import _frames, _inside
from shoal.engine._channels import Channels
from shoal.engine._frames import BINS, every_pixel, one_width
from shoal.errors import RunFolderError
from shoal.look import RunFindings
from shoal.nets import build_architecture, initial_parameters, weights_by_layer
from shoal.pipeline import run
from shoal.results import Identity, Inside, Results, Store
from shoal.streams import REFIT_STREAM, StreamKey
from shoal.study import Study
from studies import tiny_study, two_peaks

pytestmark = pytest.mark.usefixtures("dots")
IMAGES: dict[str, Any] = {
    "study": {"name": "small", "task": "classification"},
    "data": {"dataset": "digits"},
    "network": {
        "kind": "cnn",
        "conv": [{"channels": 3, "pool": {}}, {"channels": 9, "kernel": 2}],
        "hidden": [5],
        "batch_norm": True,
    },
    "training": {"batch_size": 200, "epochs": 3, "lr": 0.01},
    "inspect": {"history": 2},
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, dots: None) -> Results:
    return run(Study.model_validate(IMAGES), out=tmp_path_factory.mktemp("images"), workers=1)


def inside_of(results: Results) -> Inside:
    assert results.inside is not None
    return results.inside


def ends(results: Results, architecture: Any, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays of the network before its first step, and of the delivered one."""
    start = initial_parameters(architecture, StreamKey(seed, REFIT_STREAM, 0))
    return architecture.named(start), results.parameters(inside_of(results).fit_id)


def test_counts_are_histograms_of_the_first_and_of_the_delivered_weights(tmp_path: Path) -> None:
    results = run(tiny_study(search=None, compare=None, inspect={"history": 3}), out=tmp_path, workers=1)
    frames = inside_of(results).frames
    architecture = build_architecture(results.study.network, (1,), 1)
    for place, named in zip((0, -1), ends(results, architecture, 3), strict=True):
        for layer, weights in weights_by_layer(named).items():
            width = 2.0 ** int(frames[f"{layer}/power"])
            edges = (np.arange(BINS + 1) - BINS // 2) * width
            expected, _ = np.histogram(weights.astype(np.float64), edges)
            assert expected.sum() == weights.size
            np.testing.assert_array_equal(frames[f"{layer}/counts"][place], expected)


def test_the_last_curve_is_that_of_the_delivered_model(tmp_path: Path) -> None:
    results = run(tiny_study(search=None, compare=None, inspect={"history": 3}), out=tmp_path, workers=1)
    frames = inside_of(results).frames
    answers = load(tmp_path).predict(frames["x"][:, None])
    np.testing.assert_array_equal(frames["curve"][-1, :, 0], np.asarray(answers, np.float32).reshape(-1))
    assert not np.array_equal(frames["curve"][0], frames["curve"][-1])
    x_N = results.truth.x_ND[:, 0]
    assert (frames["x"][0], frames["x"][-1]) == (x_N.min(), x_N.max())


def test_the_last_kernels_and_maps_are_those_of_the_delivered_network(images: Results) -> None:
    inside = inside_of(images)
    frames, named = inside.frames, images.parameters(inside.fit_id)
    architecture = build_architecture(images.study.network, (1, 8, 8), 10)
    scale, offset = np.array([1 / 255], np.float32), np.zeros(1, np.float32)
    (maps,) = Channels(architecture, named, scale, offset).maps(frames["images"])
    cases = {"kernels": named["conv1.weight"], "conv1/maps": maps[0], "conv2/maps": maps[1][:, :8]}
    for name, expected in cases.items():
        low, high = frames[f"{name}_ends"][-1]
        assert (low, high) == (expected.min(), expected.max())
        kept = low + frames[name][-1] / 255 * (high - low)
        np.testing.assert_allclose(kept, expected, rtol=0, atol=(high - low) / 255 * 0.51)
    np.testing.assert_array_equal(frames["images"], inside.maps["images"][:2])
    start, _ = ends(images, architecture, 0)
    assert frames["kernels_ends"][0].tolist() == [start["conv1.weight"].min(), start["conv1.weight"].max()]


def test_classes_are_as_sure_as_the_delivered_network_is_of_rows_that_it_learned_from(
    images: Results,
) -> None:
    data, frames = load_builtin("digits"), inside_of(images).frames
    assert data.images is not None
    row_N = frames["rows"]
    assert (np.bincount(data.targets[row_N]) == 100).all()
    assert (np.diff(row_N) > 0).all()
    probability_NK = load(images.folder).predict_proba(data.images[row_N])
    true_N = data.targets[row_N]
    expected = [probability_NK[true_N == k, k].mean() for k in range(10)]
    np.testing.assert_allclose(frames["sure"][-1], expected, rtol=1e-5)
    assert frames["sure"][0].mean() < 0.2 < frames["sure"][-1].mean()


def test_other_answers_are_those_to_rows_that_were_learned_from(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{a},{b},{a - b},{a > 0:d},{b > 0:d}" for a, b in rng.normal(size=(60, 2)).round(3).tolist()]
    (tmp_path / "table.csv").write_text("\n".join(["a,b,y,up,right", *lines]))
    training = {"epochs": 4, "batch_size": 20}
    common = {"network": {"hidden": [3]}, "training": training, "inspect": {"history": 4, "importance": 0}}
    data = {"train": str(tmp_path / "table.csv"), "test_share": 0.25}
    for task, targets in (("regression", ["y"]), ("multilabel", ["up", "right"])):
        roles = {"target": targets, "ignore": sorted({"y", "up", "right"} - {*targets})}
        study = {"study": {"name": task, "task": task}, "data": data | roles, **common}
        results = run(Study.model_validate(study), out=tmp_path / task, workers=1)
        frames, truth = inside_of(results).frames, results.truth
        row_N = frames["rows"]
        assert row_N.tolist() == [*range(45)]
        model = load(results.folder)
        if task == "regression":
            answers = np.asarray(model.predict(truth.x_ND[row_N]), np.float32).reshape(-1, 1)
            np.testing.assert_array_equal(frames["answers"][-1], answers)
            continue
        probability_NK, has_NK = model.predict_proba(truth.x_ND[row_N]), truth.y[row_N]
        expected = [[probability_NK[has_NK[:, k] == has, k].mean() for has in (1, 0)] for k in range(2)]
        np.testing.assert_allclose(frames["sure"][-1], expected, rtol=1e-5)


@pytest.mark.parametrize("stops_at", [1, 6, 8])
def test_a_replay_that_was_interrupted_keeps_the_same_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops_at: int
) -> None:
    study = tiny_study(search=None, compare=None, inspect={"history": 8})
    whole = inside_of(run(study, out=tmp_path / "whole", workers=1))
    monkeypatch.setattr(_inside, "CHECKPOINT_SECONDS", 0.0)
    real, seen = _inside._snapshot, []

    def stopping(*given: Any) -> Any:
        seen.append(1)
        if len(seen) == stops_at:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(_inside, "_snapshot", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(study, out=tmp_path / "cut", workers=1)
    resumed = inside_of(run(study, out=tmp_path / "cut", workers=1))
    assert resumed.frames.keys() == whole.frames.keys()
    for name, array in whole.frames.items():
        np.testing.assert_array_equal(resumed.frames[name], array)


def test_a_history_of_an_earlier_version_is_read_and_made_anew_where_the_run_goes_on(tmp_path: Path) -> None:
    study = tiny_study(search=None, compare=None, inspect={"history": 3})
    first = run(study, out=tmp_path, workers=1)
    whole = inside_of(first)
    identity = Identity("tiny", "regression", two_peaks().train_fingerprint)
    with Store.create_or_open(tmp_path, identity) as store:
        store.put_derived(whole.fit_id, "history 3", whole.history)
        fact = store.fact("inside")
        store.put_fact("inside", {**fact, "parts": {**fact["parts"], "history": "history 3"}})
    old = inside_of(Results.open(tmp_path))
    assert (old.frames, old.history.keys()) == ({}, whole.history.keys())
    again = run(study, out=tmp_path, workers=1)
    assert again.digest == first.digest
    assert inside_of(again).frames.keys() == whole.frames.keys()


@given(
    exponents=st.lists(st.integers(-70, 40), min_size=1, max_size=6),
    shares=st.lists(st.floats(-1, 1), min_size=1, max_size=20),
)
def test_bins_put_together_are_those_of_one_width(exponents: list[int], shares: list[float]) -> None:
    weights = [np.ldexp(np.array(shares), exponent) for exponent in exponents]
    kept = [_frames._counted({"output.weight": values}) for values in weights]
    count_SB, power_S = (np.array([one[f"output/{name}"] for one in kept]) for name in ("counts", "power"))
    wide_SB, power = one_width(count_SB, power_S)
    assert (wide_SB.sum(axis=1) == len(shares)).all()
    edges = np.ldexp(np.arange(BINS + 1) - BINS // 2, int(power))
    for count_B, values in zip(wide_SB, weights, strict=True):
        expected = np.histogram(values, edges)[0]
        np.testing.assert_array_equal(count_B, expected)


@given(high=st.integers(1, 300), wide=st.integers(1, 300), room=st.integers(1, 10_000))
def test_large_maps_are_thinned_until_some_fit(high: int, wide: int, room: int) -> None:
    every = every_pixel((high, wide), room)
    kept = len(range(0, high, every)) * len(range(0, wide, every))
    assert max(len(range(0, high, every)), len(range(0, wide, every))) <= 32
    assert 4 * kept <= max(room, 4)
    if every > 1:
        finer = -(-high // (every - 1)), -(-wide // (every - 1))
        assert max(finer) > 32 or 4 * finer[0] * finer[1] > room


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("conv1/counts", np.zeros((2, 64), np.int64)),
        ("conv1/power", np.array(2000)),
        ("sure", np.zeros((3, 9), np.float32)),
        ("sure", np.full((3, 10), np.inf, np.float32)),
        ("rows", np.array([0, 1438])),
        ("kernels", np.zeros((3, 3, 1, 3, 3), np.float32)),
        ("kernels_ends", np.full((3, 2), np.nan)),
        ("conv1/maps", np.zeros((3, 1, 3, 6, 6), np.uint8)),
        ("image_rows", np.array([0, 1])),
        ("conv9/maps", np.zeros((3, 2, 3, 6, 6), np.uint8)),
        ("strange", np.zeros(3)),
    ],
)
def test_frames_that_shoal_would_not_have_kept_are_refused(
    images: Results, tmp_path: Path, name: str, value: Any
) -> None:
    shutil.copytree(images.folder, tmp_path / "run")
    inside = inside_of(images)
    frames = {f"frames/{own}": array for own, array in {**inside.frames, name: value}.items()}
    identity = Identity("small", "classification", load_builtin("digits").train_fingerprint)
    with Store.create_or_open(tmp_path / "run", identity) as store:
        store.put_derived(inside.fit_id, "history made up", {**inside.history, **frames})
        store.put_fact("inside", {"fit": inside.fit_id, "parts": {"history": "history made up"}})
    with pytest.raises(RunFolderError):
        RunFindings(Results.open(tmp_path / "run")).inside  # noqa: B018 - looked at when it is read
