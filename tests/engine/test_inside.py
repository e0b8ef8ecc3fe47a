"""What a run keeps of the inside of its delivered network: right, complete, at no cost to any fit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from dots import end_with_the_model
from shoal.data import load_builtin
from shoal.engine import Planner, Trainers, _inside, load_data
from shoal.engine._channels import Channels
from shoal.errors import RunFolderError
from shoal.look import RunFindings
from shoal.look.figures.class_activation import class_activation
from shoal.look.figures.dead_units import dead_units
from shoal.look.figures.gradients import gradients
from shoal.look.figures.weight_history import history
from shoal.nets import build_architecture, initial_parameters
from shoal.pipeline import run
from shoal.results import Identity, Results, Store
from shoal.streams import REFIT_STREAM, StreamKey
from shoal.study import Study
from studies import tiny_study, two_peaks

CONV: dict[str, Any] = {
    "study": {"name": "small", "task": "classification"},
    "data": {"dataset": "digits"},
    "network": {
        "kind": "cnn",
        "conv": [{"channels": 3, "pool": {}}, {"channels": 4, "kernel": 2}],
        "hidden": [5],
    },
    "training": {"batch_size": 200, "epochs": 3, "lr": 0.01},
}


def small(**inspect: Any) -> Study:
    return Study.model_validate({**CONV, "inspect": inspect})


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Results:
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        return run(small(history=2, images=[7, 3]), out=tmp_path_factory.mktemp("images"), workers=1)


def test_looking_changes_no_byte_of_the_results(images: Results, tmp_path: Path) -> None:
    without = run(small(), out=tmp_path, workers=1)
    assert without.digest == images.digest
    assert without.inside is not None
    assert without.inside.history == {}


@pytest.mark.parametrize("trainer", ["torch", "native"])
def test_the_history_goes_from_the_start_to_the_delivered_weights(tmp_path: Path, trainer: Any) -> None:
    results = run(
        tiny_study(search=None, compare=None, inspect={"history": 3}),
        out=tmp_path,
        workers=1,
        trainer=trainer,
    )
    assert results.inside is not None
    kept = results.inside.history
    assert kept["epoch"].tolist() == [0, 3, 5, 8]
    delivered = results.parameters(results.refit["fit_id"][0])
    architecture = build_architecture(results.study.network, (1,), 1)
    start = architecture.named(initial_parameters(architecture, StreamKey(3, REFIT_STREAM, 0)))
    for layer in ("hidden1", "hidden2", "output"):
        for place, weights in ((0, start), (-1, delivered)):
            expected = np.quantile(weights[f"{layer}.weight"].astype(np.float64), kept["share"])
            np.testing.assert_allclose(kept[f"{layer}/quantile"][place], expected)
        moved = delivered[f"{layer}.weight"].astype(np.float64) - start[f"{layer}.weight"]
        np.testing.assert_allclose(kept[f"{layer}/moved"][[0, -1]], [0, np.sqrt(np.mean(moved**2))])


def test_a_finished_run_can_be_asked_for_its_history_and_for_other_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(small(), out=tmp_path, workers=1)
    assert first.inside is not None
    computed: list[str] = []
    real = _inside._channel_facts
    monkeypatch.setattr(_inside, "_channel_facts", lambda *given: computed.append("channels") or real(*given))
    again = run(small(history=500, images=[5]), out=tmp_path, workers=1)
    assert again.inside is not None
    assert again.digest == first.digest
    assert again.inside.history["epoch"].tolist() == [0, 1, 2, 3]
    assert again.inside.maps["rows"].tolist() == [1438 + 5]
    assert computed == []
    back = run(small(), out=tmp_path, workers=1)
    assert back.inside is not None
    assert back.inside.history == {}
    np.testing.assert_array_equal(back.inside.maps["rows"], first.inside.maps["rows"])


def test_a_replay_that_was_interrupted_goes_on_where_it_stood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tiny_study(search=None, compare=None, inspect={"history": 8})
    whole = run(study, out=tmp_path / "whole", workers=1).inside
    monkeypatch.setattr(_inside, "CHECKPOINT_SECONDS", 0.0)
    real, seen = _inside._snapshot, []

    def stopping(*given: Any) -> Any:
        seen.append(1)
        if len(seen) == 6:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(_inside, "_snapshot", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(study, out=tmp_path / "cut", workers=1)
    resumed = run(study, out=tmp_path / "cut", workers=1).inside
    assert len(seen) == 6 + 1 + 4  # 5 of 9 snapshots were kept, and held against one of the first network
    assert whole is not None
    assert resumed is not None
    for name, array in whole.history.items():
        np.testing.assert_array_equal(resumed.history[name], array)
    with Store.open_readonly(tmp_path / "cut") as store:
        assert store.checkpoint(f"{resumed.fit_id} {store.fact('inside')['parts']['history']}") is None


def test_a_history_of_old_is_shown_and_made_anew_by_the_next_run(tmp_path: Path) -> None:
    """It stands under another name, and knows neither gradients nor dead units."""
    study = tiny_study(search=None, compare=None, inspect={"history": 4})
    new = run(study, out=tmp_path, workers=1)
    assert new.inside is not None
    fit_id, kept = new.inside.fit_id, new.inside.history
    old = {name: kept[name] for name in kept if name.partition("/")[2] in ("", "quantile", "moved")}
    del old["looked_at"]
    with Store.create_or_open(
        tmp_path, Identity("tiny", "regression", two_peaks().train_fingerprint)
    ) as store:
        store.put_derived(fit_id, "history 4", old)
        store.put_fact("inside", {"fit": fit_id, "parts": {"history": "history 4"}})
    findings = RunFindings(Results.open(tmp_path))
    assert gradients(findings) is dead_units(findings) is None
    assert history(findings) is not None
    again = run(study, out=tmp_path, workers=1)
    assert again.digest == new.digest
    assert gradients(RunFindings(again)) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("looked_at", np.array([0, 4000])),
        ("looked_at", np.zeros(0, np.int64)),
        ("looked_at", np.zeros(3)),
        ("hidden1/gradient", np.array([1.0, -1.0, 0.0, 2.0, 1.0])),
        ("hidden1/gradient", np.ones(4)),
        ("hidden1/dead", np.array([0, 0.5, 1.1, 0, 0])),
        ("hidden3/dead", np.zeros(5)),
        ("output/dead", np.zeros(5)),
    ],
)
def test_a_history_that_shoal_would_not_have_kept_is_refused(
    watched: Results, tmp_path: Path, name: str, value: Any
) -> None:
    assert watched.inside is not None
    shutil.copytree(watched.folder, tmp_path / "run")
    fit_id, kept = watched.inside.fit_id, {**watched.inside.history, name: value}
    identity = Identity("tiny", "regression", two_peaks().train_fingerprint)
    with Store.create_or_open(tmp_path / "run", identity) as store:
        store.put_derived(fit_id, "history made up", kept)
        store.put_fact("inside", {"fit": fit_id, "parts": {"history": "history made up"}})
    with pytest.raises(RunFolderError):
        RunFindings(Results.open(tmp_path / "run")).inside  # noqa: B018 - looked at when it is read


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Results:
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        study = tiny_study(search=None, compare=None, inspect={"history": 4})
        return run(study, out=tmp_path_factory.mktemp("watched"), workers=1)


def test_channels_are_measured_over_all_test_images(images: Results) -> None:
    data, inside = load_builtin("digits"), images.inside
    assert data.images is not None
    assert inside is not None
    planner = Planner(images.study, load_data(images.study), Trainers().choose)
    architecture = build_architecture(images.study.network, (1, 8, 8), 10)
    channels = Channels(
        architecture,
        images.parameters(inside.fit_id),
        np.array([1 / 255], np.float32),
        np.zeros(1, np.float32),
    )
    assert planner.dataset.test_fingerprint == data.test_fingerprint
    test, class_N = data.images[data.train_rows :], data.targets[data.train_rows :]
    maps = [np.concatenate(parts) for parts in zip(*channels.maps(test), strict=True)]
    for layer, map_NUHW in zip(("conv1", "conv2"), maps, strict=True):
        kept = {
            name: inside.channels[f"{layer}/{name}"]
            for name in ("mean", "rows", "activation", "images", "low", "high")
        }
        expected = [map_NUHW[class_N == k].mean(axis=(0, 2, 3)) for k in range(10)]
        np.testing.assert_allclose(kept["mean"], expected, rtol=1e-4, atol=1e-6)
        top_NU = map_NUHW.max(axis=(2, 3))
        np.testing.assert_allclose(kept["activation"], np.sort(top_NU, axis=0)[:-5:-1].T, rtol=1e-6)
        np.testing.assert_allclose(kept["high"], map_NUHW.max(axis=(0, 2, 3)), rtol=1e-6)
        np.testing.assert_allclose(kept["low"], map_NUHW.min(axis=(0, 2, 3)), rtol=1e-6)
        np.testing.assert_array_equal(kept["images"], data.images[kept["rows"]])
        made = inside.channels[f"{layer}/made"]
        number = int(layer[-1]) - 1
        np.testing.assert_allclose(
            inside.channels[f"{layer}/made_activation"],
            np.diagonal(channels.activation(number, made)),
            rtol=1e-6,
        )


def test_of_many_test_images_a_part_is_looked_at_each_class_with_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: Results
) -> None:
    whole = images.inside
    assert whole is not None
    assert whole.channels["looked_at"].tolist() == [*range(1438, 1438 + 359)]
    monkeypatch.setattr(_inside, "LOOKED_AT", 40)
    inside, data = run(small(), out=tmp_path, workers=1).inside, load_builtin("digits")
    assert inside is not None
    assert data.images is not None
    row_N = inside.channels["looked_at"]
    assert len(np.unique(row_N)) == 40
    assert row_N.min() >= data.train_rows
    share = np.bincount(data.targets[data.train_rows :]) * 40 / 359
    assert (np.abs(np.bincount(data.targets[row_N]) - share) < 1).all()
    assert np.diff(row_N).max() < 60  # over the whole file, not its first images
    architecture = build_architecture(small().network, (1, 8, 8), 10)
    named = images.parameters(inside.fit_id)
    channels = Channels(architecture, named, np.array([1 / 255], np.float32), np.zeros(1, np.float32))
    (maps,) = channels.maps(data.images[row_N])
    np.testing.assert_allclose(inside.channels["conv1/high"], maps[0].max(axis=(0, 2, 3)), rtol=1e-6)
    assert np.isin(inside.channels["conv1/rows"], row_N).all()
    np.testing.assert_array_equal(inside.channels["conv1/made"], whole.channels["conv1/made"])
    answers = class_activation(RunFindings(Results.open(tmp_path)))
    assert answers is not None
    assert (answers.images, answers.of) == (40, 359)


def test_channels_kept_by_earlier_versions_are_still_read(images: Results, tmp_path: Path) -> None:
    """They stand under another name, were measured at all test images, and do not say at which."""
    assert images.inside is not None
    shutil.copytree(images.folder, tmp_path / "old")
    fact = {"fit": images.inside.fit_id, "parts": {"channels": "channels of old"}}
    kept = {name: part for name, part in images.inside.channels.items() if name != "looked_at"}
    identity = Identity("small", "classification", load_builtin("digits").train_fingerprint)
    with Store.create_or_open(tmp_path / "old", identity) as store:
        store.put_derived(images.inside.fit_id, "channels of old", kept)
        store.put_fact("inside", fact)
    answers = class_activation(RunFindings(Results.open(tmp_path / "old")))
    assert answers is not None
    assert (answers.images, answers.of) == (359, 359)


def test_maps_and_units_belong_to_their_rows(images: Results) -> None:
    inside, data = images.inside, load_builtin("digits")
    assert inside is not None
    assert data.images is not None
    assert inside.maps["rows"].tolist() == [1438 + 7, 1438 + 3]
    np.testing.assert_array_equal(inside.maps["images"], data.images[[1438 + 7, 1438 + 3]])
    assert inside.maps["conv1"].shape == (2, 3, 6, 6)
    assert inside.maps["conv2"].shape == (2, 4, 2, 2)
    logit_MK = inside.units["output"]
    probability = images.predictions_of("refit").query("rows == 'test'").iloc[:, -10:].to_numpy()
    assert inside.units["rows"].tolist() == [*range(1438, 1438 + 359)]
    np.testing.assert_allclose(
        np.exp(logit_MK) / np.exp(logit_MK).sum(axis=1, keepdims=True), probability, rtol=1e-3, atol=1e-5
    )


def test_without_choice_the_first_test_image_of_each_class_is_shown(tmp_path: Path) -> None:
    data, results = load_builtin("digits"), run(small(), out=tmp_path, workers=1)
    assert results.inside is not None
    rows = results.inside.maps["rows"]
    assert data.targets[rows].tolist() == [*range(10)]
    for row in rows.tolist():
        assert data.targets[row] not in data.targets[data.train_rows : row]


def test_images_are_explained_once_those_of_the_study_and_the_surest_mistakes(images: Results) -> None:
    inside, truth = images.inside, images.truth
    assert inside is not None
    probability_VK = images.test_predictions(inside.fit_id)
    wrong = np.flatnonzero(probability_VK.argmax(axis=1) != truth.y[truth.train_rows :])
    surest = wrong[np.argsort(-probability_VK[wrong].max(axis=1), kind="stable")][:10]
    for kept in (inside.integrated, inside.grad_cam):
        asked = list(dict.fromkeys((kept["rows"] - truth.train_rows).tolist()))
        assert asked == list(dict.fromkeys([7, 3, *surest.tolist()]))
        named = probability_VK[kept["rows"] - truth.train_rows].argmax(axis=1)
        assert ((kept["classes"] == named) | (kept["classes"] == truth.y[kept["rows"]])).all()
    kept = inside.integrated
    of_class = probability_VK[kept["rows"] - truth.train_rows, kept["classes"]]
    np.testing.assert_allclose(1 / (1 + np.exp(-kept["answer"])), of_class, rtol=1e-4, atol=1e-7)
    on_map = inside.activations
    assert len(on_map["rows"]) == 359
    units = {int(row): place for place, row in enumerate(inside.units["rows"])}
    shared = [(place, units[row]) for place, row in enumerate(on_map["rows"].tolist()) if row in units]
    own, other = (np.array(part) for part in zip(*shared, strict=True))
    centred = inside.units["hidden1"][other] - inside.units["hidden1"].mean(axis=0)
    first = np.linalg.svd(centred, full_matrices=False)[2][0]
    assert abs(np.corrcoef(centred @ first, on_map["place"][own, 0])[0, 1]) > 0.999


def two_classes(**search: Any) -> tuple[Study, Any, Any]:
    study = Study.model_validate(
        {
            "study": {"name": "two", "task": "classification"},
            "data": {"train": "a", "test": "b", "positive": "b"},
            "network": {"kind": "cnn", "conv": [{"channels": 2}], "hidden": []},
            "training": {"batch_size": 20, "epochs": 2},
            **search,
        }
    )
    draw = np.random.default_rng(1)
    labels = draw.choice(np.array(["a", "b"]), 90)
    pixels = draw.integers(0, 256, (90, 6, 5, 3), dtype=np.uint8)
    return study, (pixels[:70], labels[:70]), (pixels[70:], labels[70:])


@pytest.mark.usefixtures("dots")
def test_of_two_classes_the_class_that_a_threshold_names_is_explained(tmp_path: Path) -> None:
    study, train, test = two_classes(
        search={"folds": 2, "threshold": "balanced", "space": {"training.lr": [0.1, 0.01]}}
    )
    results = shoal.run(study, train=train, test=test, out=tmp_path, workers=1)
    inside, decision = results.inside, results.decision
    assert inside is not None
    assert decision is not None
    named_V = decision.named(results.test_predictions(inside.fit_id))
    true_V = results.truth.y[70:]
    mistakes = results.truth.image_rows - 70
    assert sorted(mistakes.tolist()) == np.flatnonzero(named_V != true_V).tolist()
    row_Q, class_Q = inside.integrated["rows"] - 70, inside.integrated["classes"]
    first = np.unique(row_Q, return_index=True)[1]
    np.testing.assert_array_equal(class_Q[first], named_V[row_Q[first]])
    assert inside.integrated["images"].shape[1:] == (3, 6, 5)
    assert {"conv1", "rows", "classes", "images"} == inside.grad_cam.keys()


@pytest.mark.usefixtures("dots")
def test_a_class_without_test_rows_and_a_few_images_are_explained_too(tmp_path: Path) -> None:
    study, train, (pixels, labels) = two_classes()
    only_b = labels == "b"
    results = shoal.run(
        study, train=train, test=(pixels[only_b][:2], labels[only_b][:2]), out=tmp_path, workers=1
    )
    inside = results.inside
    assert inside is not None
    assert results.missing == ()
    assert inside.activations == {}  # two rows are no map
    assert set(inside.integrated["rows"].tolist()) <= {70, 71}


@pytest.mark.parametrize(
    ("part", "name", "change"),
    [
        ("integrated", "classes", lambda class_Q: class_Q + 10),
        ("integrated", "baseline", lambda baseline_Q: baseline_Q + 1e308),
        ("integrated", "added", lambda added_QHW: added_QHW.astype(np.float64)),
        ("grad_cam", "images", lambda image_QCHW: image_QCHW[..., :0]),
        ("grad_cam", "conv2", lambda map_QHW: map_QHW[:, :0]),
        ("history", "frames/kernels", lambda kernels: np.repeat(kernels, 100, axis=1)),
        ("history", "frames/conv1/maps", lambda maps: np.repeat(maps, 100, axis=2)),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(
    part: str, name: str, change: Any, images: Results, tmp_path: Path
) -> None:
    assert images.inside is not None
    identity = Identity("small", "classification", load_builtin("digits").train_fingerprint)
    shutil.copytree(images.folder, tmp_path / "other")
    with Store.create_or_open(tmp_path / "other", identity) as store:
        arrays = store.arrays(images.inside.fit_id, store.fact("inside")["parts"][part])
        store.put_derived(images.inside.fit_id, "of old", {**arrays, name: change(arrays[name])})
        store.put_fact("inside", {"fit": images.inside.fit_id, "parts": {part: "of old"}})
    with pytest.raises(RunFolderError):
        _ = Results.open(tmp_path / "other").inside
