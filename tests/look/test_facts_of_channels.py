"""Facts and pictures of convolutional layers, against arrays worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from look_runs import MadeUp, make_run
from readable import faults

from shoal.look import RunFindings
from shoal.look._mosaics import mosaic as _mosaic
from shoal.look._unit_counts import unit_counts
from shoal.look.figures import exciting as exciting_figure
from shoal.look.figures import kernels as kernels_figure
from shoal.look.figures.class_activation import (
    ClassActivation,
    class_activation,
    draw_class_activation,
    layer_activation,
)
from shoal.look.figures.exciting import Exciting, draw_exciting, exciting, exciting_images
from shoal.look.figures.feature_maps import draw_feature_maps, feature_maps, maps_of_images
from shoal.look.figures.kernels import convolution_kernels, draw_kernels, kernels
from shoal.look.figures.weight_history import WeightHistory, draw_weight_history, history, weight_history
from shoal.nets import ConvLayer, build_architecture, seen_by
from shoal.study import Network

CONV = ConvLayer(
    name="conv1", inputs=1, units=3, kernel=2, stride=1, padding=0, groups=1, size=(1, 1), pool="none", pool_size=1,
    pool_stride=1, pooled=(1, 1), activation="relu", dropout=0.0, batch_norm=False,
)  # fmt: skip
RUN = MadeUp(
    task="classification", names=(), classes=("x", "y", "z"), inputs=(), targets=(), image=(1, 5, 5),
    level=0.5, epochs=20, inside=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> RunFindings:
    return RunFindings(make_run(tmp_path_factory.mktemp("channels"), RUN))


def test_kernels_come_in_the_order_of_the_layers_and_know_their_largest_weight() -> None:
    weights = {
        "conv2.weight": np.arange(8.0).reshape(2, 1, 2, 2) - 7,
        "conv1.weight": np.zeros((40, 1, 1, 1)),
        "conv1.bias": np.ones(40),
    }
    fact = kernels("a", ["conv1", "conv2"], weights)
    assert [(layer.layer, layer.inputs, layer.channels, layer.most) for layer in fact.layers] == [
        ("conv1", 1, 40, 0), ("conv2", 1, 2, 7),
    ]  # fmt: skip
    assert fact.layers[0].weight_UIHW.shape == (32, 1, 1, 1)
    np.testing.assert_array_equal(fact.layers[1].weight_UIHW[1, 0], [[-3, -2], [-1, 0]])


@pytest.mark.parametrize(
    ("activation", "low", "high", "inner", "expected"),
    [
        ("relu", [0, 0, 0], [0, 0.1, 5], [9, 9, 9], (1, 0)),
        ("leaky-relu", [-3, -3], [-1, 1], [9, 9], (1, 0)),
        ("softplus", [0.001, 0.001], [0.009, 0.02], [9, 9], (1, 0)),
        ("tanh", [-1, -1, 0.5], [-0.999, 1, 0.5], [0, 4, 9], (1, 1)),
        ("identity", [2, -4], [2, -3], [0, 0], (1, 0)),
    ],
)
def test_dead_and_saturated_channels_are_counted(
    activation: str, low: list[float], high: list[float], inner: list[int], expected: tuple[int, int]
) -> None:
    mean = np.ones((2, len(low)))
    fact = layer_activation(("conv1", activation), mean, (np.array(low), np.array(high)), np.array(inner))
    assert (fact.dead, fact.saturated) == expected


def test_what_excites_is_numbered_from_the_first_test_image() -> None:
    image = np.zeros((2, 1, 1, 2, 2), np.uint8)
    found = {
        "low": np.zeros(3), "high": np.array([0.0, 2.0, 1.0]), "rows": np.array([[12], [17]]),
        "activation": np.array([[0.0], [2.0]]), "made_activation": np.array([0.0, 3.0]),
        "images": image, "made": image[:, 0] + 1,
    }  # fmt: skip
    fact = exciting("a", [CONV], 0, found, 10)
    assert fact.row_UT.tolist() == [[2], [7]]
    assert fact.dead_U.tolist() == [True, False]
    assert (fact.channels, fact.layer) == (3, "conv1")
    assert fact.made_UCHW.max() == 1


def test_a_history_has_the_layers_in_their_order() -> None:
    kept = {
        "output/quantile": np.ones((2, 3)), "output/moved": np.array([0.0, 2.0]),
        "hidden1/quantile": np.zeros((2, 3)), "hidden1/moved": np.zeros(2),
        "epoch": np.array([0, 9]), "share": np.array([0, 0.5, 1]),
    }  # fmt: skip
    fact = weight_history("a", ["hidden1", "output"], kept)
    assert [layer.layer for layer in fact.layers] == ["hidden1", "output"]
    assert fact.layers[1].moved_S.tolist() == [0, 2]
    assert fact.epoch_S.tolist() == [0, 9]


def test_the_kept_arrays_reach_their_facts(findings: RunFindings) -> None:
    inside, named = findings.results.inside, findings.results.parameters(findings.delivered.healthy[0].fit_id)
    assert inside is not None
    found, answers, moved = convolution_kernels(findings), class_activation(findings), history(findings)
    assert found is not None
    assert answers is not None
    assert moved is not None
    np.testing.assert_array_equal(found.layers[1].weight_UIHW, named["conv2.weight"])
    assert answers.layers[1].mean_KU.tolist() == [[0, 1, 2, 3]] * 3
    assert [layer.layer for layer in moved.layers] == ["conv1", "conv2", "hidden1", "hidden2", "output"]
    maps = maps_of_images(findings)
    assert maps[0].labels == ("y (0)", "z (1)", "x (2)")
    np.testing.assert_array_equal(maps[1].map_MUHW, inside.maps["conv2"])
    assert [one.row_UT.tolist()[0] for one in exciting_images(findings)] == [[0, 1], [0, 1]]


def test_units_and_channels_are_counted_together(findings: RunFindings) -> None:
    counts = unit_counts(findings)
    assert counts is not None
    assert counts.layer == ("conv1", "conv2", "hidden1", "hidden2", "output")
    assert counts.units.tolist() == [3, 4, 6, 5, 3]
    assert counts.dead.tolist()[:2] == [1, 1]
    assert counts.rows.tolist() == [30, 30, 3, 3, 3]


def test_what_belongs_to_an_earlier_network_is_not_shown(tmp_path: Path) -> None:
    results = make_run(tmp_path, RUN)
    other = replace(results.inside, fit_id="0" * 64)
    results.__dict__["inside"] = other
    findings = RunFindings(results)
    assert maps_of_images(findings) == exciting_images(findings) == []
    assert history(findings) is class_activation(findings) is None
    assert convolution_kernels(findings) is not None


def test_of_many_kernels_those_with_the_largest_weights_are_shown_and_the_others_counted() -> None:
    weight = np.ones((32, 32, 3, 3))
    weight[20:] *= 3
    weight[:, 28:] *= -2
    weights = {"conv1.weight": np.ones((2, 3, 3, 3)), "conv2.weight": weight}
    first, second = kernels("a", ["conv1", "conv2"], weights, colors=True).layers
    assert first.taken_I == ("red", "green", "blue")
    assert first.left_out == 0
    assert second.channel_U.tolist() == [1, 2, 3, 4, *range(21, 33)]
    assert second.taken_I == ("1", "2", "3", "4", "29", "30", "31", "32")
    np.testing.assert_array_equal(
        second.weight_UIHW[:, :, 0, 0],
        weight[[0, 1, 2, 3, *range(20, 32)]][:, [0, 1, 2, 3, 28, 29, 30, 31], 0, 0],
    )
    fact = kernels("a", ["conv1", "conv2"], weights)
    assert fact.layers[0].taken_I == ("1", "2", "3")
    assert kernels_figure.caption(fact).endswith(
        " 896 kernels more are not shown; all stand in the delivered model."
    )
    titles = [axes.get_title(loc="left") or axes.get_title() for axes in draw_kernels(fact).axes]
    assert any("the 128 with the largest weights of 1,024 kernels" in title for title in titles)


def test_channels_of_groups_are_numbered_within_their_own() -> None:
    fact = kernels("a", ["conv1"], {"conv1.weight": np.ones((4, 2, 3, 3))}, groups={"conv1": 2})
    (axes, *_) = draw_kernels(fact).axes
    assert axes.get_ylabel() == "channel of its group"
    title = axes.get_title(loc="left") or axes.get_title()
    assert (
        title
        == "conv1: 4 channels, each a kernel for each of 2 channels in its group, of 2 groups, 3 × 3 pixels"
    )


@pytest.mark.parametrize(("inputs", "channels", "side"), [(1, 8, 3), (1, 40, 5), (3, 16, 3), (16, 32, 1)])
def test_kernels_are_readable(inputs: int, channels: int, side: int) -> None:
    draw = np.random.default_rng(0)
    weights = {
        "conv1.weight": draw.normal(size=(channels, inputs, side, side)),
        "conv2.weight": np.zeros((4, 4, 3, 3)),
    }
    assert faults(draw_kernels, kernels("a", ["conv1", "conv2"], weights)) == []


@pytest.mark.parametrize(("images", "channels", "colours"), [(1, 1, 1), (10, 32, 1), (3, 5, 3), (40, 8, 1)])
def test_feature_maps_are_readable(images: int, channels: int, colours: int) -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (images, colours, 6, 5), dtype=np.uint8)
    maps = draw.normal(size=(images, channels, 4, 4))
    labels = [f"a long name of class {number} ({number})" for number in range(images)]
    fact = feature_maps("a", ("conv1", "tanh", channels), labels, pixels, maps)
    assert faults(draw_feature_maps, fact) == []


@pytest.mark.parametrize(("classes", "channels"), [(2, 1), (10, 32), (40, 70)])
def test_class_activations_are_readable(classes: int, channels: int) -> None:
    mean = np.random.default_rng(0).normal(size=(classes, channels))
    mean[1] = np.nan
    ends = (mean[0], mean[0] + 1)
    layers = tuple(
        layer_activation((name, kind), values, ends, np.ones(channels))
        for name, kind, values in (("conv1", "tanh", mean), ("conv2", "relu", abs(mean)))
    )
    names = tuple(f"class number {number}" for number in range(classes))
    assert faults(draw_class_activation, ClassActivation("a", names, 2_000, 10_000, layers)) == []


@pytest.mark.parametrize(
    ("channels", "colours", "size"), [(1, 1, (8, 8)), (17, 1, (64, 64)), (32, 3, (8, 8))]
)
def test_exciting_images_are_readable(channels: int, colours: int, size: tuple[int, int]) -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (channels, 4, colours, 8, 8), dtype=np.uint8)
    strongest = 10.0 ** draw.uniform(-3, 5, (channels, 4))
    fact = Exciting(
        "a", "conv1", 64, np.arange(channels) == 0, np.zeros((channels, 4), np.int64), strongest, strongest[:, 0],
        pixels.astype(np.float32), pixels[:, 0].astype(np.float32), size,
    )  # fmt: skip
    assert faults(draw_exciting, fact) == []
    assert ("of each image what one unit sees" in _title(draw_exciting, fact)) == fact.cut == (size != (8, 8))


def test_images_that_excite_are_cut_to_what_the_most_excited_unit_sees() -> None:
    """A kernel of 3 with padding sees one pixel to each side; beyond the image lies nothing."""
    image = np.arange(25, dtype=np.uint8).reshape(1, 1, 1, 5, 5)
    layer = replace(CONV, units=1, kernel=3, padding=1, size=(5, 5))
    found = {
        "low": np.zeros(1), "high": np.ones(1), "rows": np.array([[0]]), "activation": np.ones((1, 1)),
        "made_activation": np.ones(1), "images": image, "made": image[:, 0], "peak": np.array([[5 * 4 + 0]]),
    }  # fmt: skip
    fact = exciting("a", [layer], 0, found, 0)
    nan = np.nan
    np.testing.assert_array_equal(fact.image_UTCHW[0, 0, 0], [[nan, 15, 16], [nan, 20, 21], [nan, nan, nan]])
    np.testing.assert_array_equal(fact.made_UCHW[0, 0], image[0, 0, 0, 1:4, 1:4])
    assert fact.cut
    assert "3 × 3 of 5 × 5 pixels" in exciting_figure.caption(fact)
    whole = exciting("a", [layer], 0, {name: array for name, array in found.items() if name != "peak"}, 0)
    assert not whole.cut  # results of old do not say where
    np.testing.assert_array_equal(whole.image_UTCHW, image)


def test_what_units_see_is_what_changes_them() -> None:
    """By torch: of two layers with strides, padding, dilation and pooling, otherwise down than across, the pixels whose
    change reaches a unit.
    """
    torch = pytest.importorskip("torch")
    network = Network.model_validate(
        {
            "kind": "cnn", "hidden": [2],
            "conv": [
                {"channels": 1, "kernel": [3, 2], "padding": 1, "pool": {"kind": "average", "size": [2, 1]}},
                {"channels": 1, "kernel": 3, "stride": [2, 1], "padding": 1, "dilation": [1, 2]},
            ],
        }
    )  # fmt: skip
    layers = build_architecture(network, (1, 16, 16), 2).convolutions
    first, second = (
        torch.nn.Conv2d(1, 1, layer.kernel, layer.stride, layer.padding, layer.dilation, bias=False)
        for layer in layers
    )
    for conv in (first, second):
        torch.nn.init.ones_(conv.weight)
    image = torch.zeros(1, 1, 16, 16, requires_grad=True)
    mapped = second(torch.nn.functional.avg_pool2d(first(image), (2, 1)))
    assert layers[1].size == tuple(mapped.shape[2:])
    for axis, unit in [
        *((0, row) for row in range(mapped.shape[2])),
        *((1, column) for column in range(mapped.shape[3])),
    ]:
        place = (unit, 4) if axis == 0 else (2, unit)
        (gradient,) = torch.autograd.grad(mapped[0, 0, *place], image, retain_graph=True)
        reached = np.flatnonzero(gradient[0, 0].sum(axis=1 - axis).numpy())
        low, high = seen_by(layers, 1, unit, axis)
        assert (max(0, low), min(15, high)) == (reached[0], reached[-1])


def _title(draw: Any, fact: Any) -> str:
    return " ".join(draw(fact).get_suptitle().split())


@pytest.mark.parametrize("snapshots", [2, 60])
def test_a_history_is_readable(snapshots: int) -> None:
    quantile = np.sort(np.random.default_rng(0).normal(size=(snapshots, 7)), axis=1)
    kept = {"epoch": np.arange(snapshots) * 100, "share": np.array([0, 0.05, 0.25, 0.5, 0.75, 0.95, 1])}
    for layer in ("hidden1", "hidden2", "output"):
        kept |= {f"{layer}/quantile": quantile, f"{layer}/moved": np.arange(snapshots)}
    fact: WeightHistory = weight_history("a", ["hidden1", "hidden2", "output"], kept)
    assert faults(draw_weight_history, fact) == []


def test_every_pixel_of_a_tile_is_drawn_at_its_place() -> None:
    class Axes:
        def __getattr__(self, name: str) -> object:
            return {"spines": {}}.get(name, lambda *given, **named: None)

        def imshow(self, shown: np.ndarray, **named: object) -> np.ndarray:
            return shown

    tiles = np.arange(2 * 3 * 4.0).reshape(2, 3, 1, 2, 2)
    shown = _mosaic(Axes(), tiles, cmap=None, vmin=0, vmax=1)
    larger, edge = 12, 2
    pitch = 2 * larger + 2 * edge
    assert shown.shape == (2 * pitch, 3 * pitch)
    for (row, column, _, y, x), value in np.ndenumerate(tiles):
        top, left = row * pitch + edge + y * larger, column * pitch + edge + x * larger
        assert (shown[top : top + larger, left : left + larger] == value).all()
    assert np.isnan(shown).sum() == shown.size - tiles.size * larger**2


def test_a_picture_of_channels_is_told_in_words() -> None:
    blank = np.zeros((3, 1, 1, 2, 2), np.uint8)
    fact = Exciting(
        name="a",
        layer="conv1",
        channels=3,
        dead_U=np.array([False, True, False]),
        row_UT=np.zeros((3, 1), np.int64),
        activation_UT=np.array([[2.0], [0.0], [3.0]]),
        made_activation_U=np.array([2.5, 1.0, 3.0]),
        image_UTCHW=blank.astype(np.float32),
        made_UCHW=blank[:, 0].astype(np.float32),
        size=(2, 2),
    )
    assert (
        exciting_figure.words(fact)
        == "conv1: the made image excites 1 of 2 living channels more than any test image."
    )
    weights = {"conv1.weight": np.ones((4, 2, 3, 3))}
    assert (
        kernels_figure.words(kernels("a", ["conv1"], weights)) == "Kernels, channels × inputs: conv1 4 × 2."
    )
