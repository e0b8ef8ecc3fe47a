"""Where in images classes are seen: by torch's own gradients, by what must hold of sums, on which images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest

from shoal.data import Dataset, fit_preprocessing
from shoal.decisions import Decision
from shoal.engine._attributions import Attributing, Explained, attributions, mean_image
from shoal.engine._extents import EXPLAINED, image_points, images_attributed
from shoal.engine._integrated import CLOSE, ClassOdds
from shoal.engine._predict import Trained
from shoal.nets import build_architecture, initial_buffers, initial_parameters, trained_module
from shoal.streams import StreamKey
from shoal.study import Network

ROWS, TRAIN, CLASSES = 24, 16, 3
draw = np.random.default_rng(3)
TARGETS = np.arange(ROWS) % CLASSES
CONV: list[dict[str, Any]] = [
    {"channels": 4, "kernel": 3, "padding": 1, "stride": 2},
    {"channels": 6, "kernel": 3, "padding": 1, "groups": 2, "pool": {"kind": "average", "size": 2}},
]
PLAIN = [{key: value for key, value in conv.items() if key != "groups"} for conv in CONV]
ROUNDED: Final = {"images": {"rtol": 1e-5, "atol": 1e-6}, "table": {"rtol": 1e-9, "atol": 0.0}}
"""How near to torch in float64 networks are: convolutions are computed in float32."""
NETWORKS: dict[str, dict[str, Any]] = {
    "smooth": {"kind": "cnn", "conv": PLAIN, "hidden": [5], "activation": "tanh"},
    "in groups": {"kind": "cnn", "conv": CONV, "hidden": [5], "activation": "tanh"},
    "normed": {"kind": "cnn", "conv": CONV, "hidden": [5], "activation": "silu", "batch_norm": True},
    "skips": {
        "kind": "cnn",
        "conv": [
            CONV[0],
            {"channels": 4, "padding": 1},
            {**CONV[1], "skip": 2},
            {"channels": 5, "kernel": 1, "skip": 1},
        ],
        "hidden": [5],
        "activation": "tanh",
    },
    "alike": {
        "kind": "cnn",
        "conv": [{**CONV[0], "kernel": [3, 1], "padding": [1, 0]}],
        "hidden": [5],
        "activation": "silu",
        "norm": "layer",
    },
    "no hidden layer": {"kind": "cnn", "conv": CONV[:1], "hidden": [], "activation": "sigmoid"},
    "dense": {"kind": "mlp", "hidden": [6, 5], "activation": "tanh"},
}


def images(channels: int) -> np.ndarray:
    return draw.integers(0, 256, (ROWS, channels, 9, 8), dtype=np.uint8)


def dataset(channels: int) -> Dataset:
    return Dataset(
        name="drawn", task="classification", columns=(), target_names=("class",), targets=TARGETS,
        classes=("x", "y", "z"), train_rows=TRAIN, groups=None, given_folds=None, train_fingerprint="",
        test_fingerprint="t", source="", images=images(channels),
    )  # fmt: skip


def trained(rows: Dataset, **network: Any) -> Trained:
    """A network with drawn weights, and norms that do something."""
    assert rows.images is not None
    own = fit_preprocessing(rows, np.arange(TRAIN), "inputs")
    usual = {} if network.get("kind") == "mlp" else {"kind": "cnn", "conv": CONV, "hidden": [5]}
    settings = Network.model_validate({**usual, **network})
    architecture = build_architecture(settings, rows.images.shape[1:], CLASSES)
    if not architecture.convolutions:
        architecture = build_architecture(settings, (rows.images[0].size,), CLASSES)
    parameters_P = 2 * initial_parameters(architecture, StreamKey(1, 2, 3))
    buffers = np.abs(np.random.default_rng(1).normal(0.5, 0.3, len(initial_buffers(architecture))))
    return Trained(architecture, parameters_P, buffers.astype(np.float32), own, rows.task)


def exact_module(network: Trained) -> Any:
    return trained_module(
        network.architecture, {name: array.astype(np.float64) for name, array in network.named.items()}
    )


EXPLAINED_ROWS = Explained(np.array([17, 20, 22]), np.array([1, 2, 1]), np.array([2, 2, 1]))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", NETWORKS)
def test_integrated_gradients_are_those_of_torch_and_add_up(kind: str, channels: int) -> None:
    import torch

    rows = dataset(channels)
    assert rows.images is not None
    network = trained(rows, **NETWORKS[kind])
    kept = Attributing(network, rows.images).integrated(np.arange(TRAIN), EXPLAINED_ROWS)
    assert kept["rows"].tolist() == [17, 17, 20, 22]
    assert kept["classes"].tolist() == [1, 2, 2, 1]
    np.testing.assert_array_equal(kept["images"], rows.images[kept["rows"]])

    module = exact_module(network)
    own = network.preprocessing
    scale, offset = (
        torch.tensor(part, dtype=torch.float64)[:, None, None]
        for part in (own.pixel_scale_C, own.pixel_offset_C)
    )
    pixels = torch.tensor(kept["images"], dtype=torch.float64)
    base = torch.tensor(rows.images[:TRAIN].astype(np.float64)).mean(dim=0)
    nodes, weights = np.polynomial.legendre.leggauss(32)

    def odds(way: Any) -> Any:
        x = way * scale + offset
        outputs = module(x if network.architecture.convolutions else x.flatten(1))
        of_class = torch.nn.functional.one_hot(torch.tensor(kept["classes"]), CLASSES).bool()
        return outputs[of_class] - outputs.masked_fill(of_class, -torch.inf).logsumexp(dim=1)

    total = torch.zeros_like(pixels)
    for node, weight in zip(nodes, weights, strict=True):
        way = (base + (node + 1) / 2 * (pixels - base)).requires_grad_()
        (gradient,) = torch.autograd.grad(odds(way).sum(), way)
        total += weight / 2 * gradient * (pixels - base)
    near = ROUNDED[network.architecture.takes]
    np.testing.assert_allclose(kept["answer"], odds(pixels).detach().numpy(), **near)
    np.testing.assert_allclose(kept["baseline"], odds(base.expand_as(pixels)).detach().numpy(), **near)
    np.testing.assert_allclose(kept["added"], total.sum(dim=1).detach().numpy(), rtol=1e-5, atol=1e-6)
    off = np.abs(kept["added"].sum(axis=(1, 2), dtype=np.float64) - (kept["answer"] - kept["baseline"]))
    assert (off <= 1e-5 * np.abs(kept["added"]).sum(axis=(1, 2))).all()


def test_kinks_are_integrated_at_more_points() -> None:
    rows = dataset(1)
    assert rows.images is not None
    network = trained(rows, activation="relu", conv=[{**CONV[0], "pool": {"kind": "max", "size": 2}}])
    attributing = Attributing(network, rows.images)
    kept = attributing.integrated(np.arange(TRAIN), EXPLAINED_ROWS)
    off = np.abs(kept["added"].sum(axis=(1, 2), dtype=np.float64) - (kept["answer"] - kept["baseline"]))
    size = np.abs(kept["added"]).sum(axis=(1, 2))
    assert (off / size).max() < 5 * CLOSE
    few = replace(attributing._way(mean_image(rows.images, np.arange(TRAIN))), points=(3,))
    x_QD = attributing._prepared(kept["images"]).reshape(len(kept["rows"]), -1)
    _, _, added_QS = few.contributions(x_QD, ClassOdds(kept["classes"]))
    coarse = np.abs(added_QS.sum(axis=1) - (kept["answer"] - kept["baseline"])) / size
    assert coarse.max() > (off / size).max()


def test_ways_through_dense_rectifiers_are_divided_where_units_bend() -> None:
    import torch

    rows = dataset(3)
    assert rows.images is not None
    network = trained(rows, kind="mlp", hidden=[12, 9], activation="relu")
    attributing = Attributing(network, rows.images)
    kept = attributing.integrated(np.arange(TRAIN), EXPLAINED_ROWS)
    size = np.abs(kept["added"]).sum(axis=(1, 2), dtype=np.float64)
    off = np.abs(kept["added"].sum(axis=(1, 2), dtype=np.float64) - (kept["answer"] - kept["baseline"]))
    assert (off <= 1e-6 * size).all()
    # The witness: the plain mean of torch's gradients at very many points.
    module, points = exact_module(network), 1 << 14
    x_QD, base_D = (
        torch.tensor(attributing._prepared(part).reshape(len(part), -1))
        for part in (kept["images"], mean_image(rows.images, np.arange(TRAIN))[None])
    )
    for x_D, own, added_HW in zip(x_QD, kept["classes"].tolist(), kept["added"], strict=True):
        place_B = (torch.arange(points, dtype=torch.float64) + 0.5) / points
        way_BD = (base_D + place_B[:, None] * (x_D - base_D)).requires_grad_()
        outputs_BK = module(way_BD)
        others_BK = outputs_BK[:, [k for k in range(CLASSES) if k != own]]
        (gradient_BD,) = torch.autograd.grad((outputs_BK[:, own] - others_BK.logsumexp(dim=1)).sum(), way_BD)
        expected_D = (gradient_BD.mean(dim=0) * (x_D - base_D[0])).numpy()
        expected_HW = expected_D.reshape(rows.images.shape[1:]).sum(axis=0)
        assert np.abs(added_HW - expected_HW).sum() < 1e-3 * np.abs(expected_HW).sum()


@pytest.mark.parametrize("kind", ["smooth", "in groups", "normed", "no hidden layer"])
def test_grad_cam_is_the_sum_of_maps_times_mean_gradients(kind: str) -> None:
    import torch

    rows = dataset(3)
    assert rows.images is not None
    network = trained(rows, **NETWORKS[kind])
    layer = network.architecture.convolutions[-1].name
    kept = Attributing(network, rows.images).grad_cam(layer, EXPLAINED_ROWS)
    module = exact_module(network)
    seen: dict[str, Any] = {}
    module.get_submodule(f"{layer}_activation").register_forward_hook(
        lambda _module, _inputs, output: seen.update(maps=output)
    )
    x = torch.tensor(Attributing(network, rows.images)._prepared(kept["images"])).requires_grad_()
    outputs = module(x)
    (gradient,) = torch.autograd.grad(
        outputs[torch.arange(4), torch.tensor(kept["classes"])].sum(), seen["maps"]
    )
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    expected = torch.relu((weights * seen["maps"]).sum(dim=1)).detach().numpy()
    assert expected.any()
    np.testing.assert_allclose(kept[layer], expected, **ROUNDED["images"])


def test_neither_depends_on_the_threads_of_torch() -> None:
    import torch

    rows = dataset(3)
    assert rows.images is not None
    network = trained(rows, activation="relu")
    before = torch.get_num_threads()
    kept = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            attributing = Attributing(network, rows.images)
            kept.append(attributing.integrated(np.arange(TRAIN), EXPLAINED_ROWS))
            kept[-1] |= attributing.grad_cam("conv2", EXPLAINED_ROWS)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for name, array in kept[0].items():
        np.testing.assert_array_equal(array, kept[1][name])


def test_the_mean_image_is_exact_however_many_there_are() -> None:
    pixels = np.tile(draw.integers(0, 256, (7, 1, 2, 3), dtype=np.uint8), (1000, 1, 1, 1))
    rows = draw.permutation(7000)[:6000]
    expected = pixels[rows].astype(object).sum(axis=0) / 6000
    np.testing.assert_array_equal(mean_image(pixels, rows), expected.astype(np.float64))


def chosen(shown: list[int], probability: list[float], true: list[int], **more: Any) -> Explained:
    probability_VK = np.array([[1 - p, p] for p in probability])
    decision = more.pop("decision", None)
    return Explained.chosen(
        np.array(shown, np.int64), (10, np.array(true), probability_VK), decision, more["most"]
    )


def test_images_asked_about_are_those_shown_and_the_surest_mistakes() -> None:
    probability, true = [0.1, 0.9, 0.8, 0.7, 0.4], [0, 0, 0, 0, 0]
    rows = chosen([10, 11], probability, true, most=20)
    assert rows.rows_N.tolist() == [10, 11, 12, 13]  # 11 is shown, and is not asked about twice
    assert rows.named_N.tolist() == [0, 1, 1, 1]
    row_Q, class_Q = rows.pairs
    assert row_Q.tolist() == [10, 11, 11, 12, 12, 13, 13]
    assert class_Q.tolist() == [0, 1, 0, 1, 0, 1, 0]
    few = chosen([10, 14, 12], probability, true, most=2)
    assert few.rows_N.tolist() == [10, 11]
    right = chosen([10, 14, 12], probability, [0, 1, 1, 1, 0], most=2)
    assert right.rows_N.tolist() == [10, 14]


def test_what_a_threshold_names_is_what_is_asked_about() -> None:
    decided = chosen([], [0.1, 0.4, 0.3, 0.9], [0, 0, 1, 1], most=4, decision=Decision(1, 0.35))
    assert decided.rows_N.tolist() == [12, 11]  # the surest first, by the probability of the class named
    assert decided.named_N.tolist() == [0, 1]


def test_grad_cam_needs_a_convolution_whose_maps_have_places() -> None:
    rows = dataset(1)
    assert rows.images is not None
    probability_VK = np.full((ROWS - TRAIN, CLASSES), 1 / CLASSES)
    asked = (rows.images, TARGETS[TRAIN:], probability_VK), (np.arange(TRAIN), np.array([16, 17])), None, "t"
    flat = trained(rows, conv=[{"channels": 3, "kernel": 9, "padding": 1, "stride": 3}], hidden=[4])
    assert flat.architecture.convolutions[0].size == (1, 1)
    assert attributions(flat, *asked).keys() == {"integrated"}
    both = attributions(trained(rows), *asked)
    assert both.keys() == {"integrated", "grad_cam"}
    assert both["grad_cam"][1]().keys() == {"rows", "classes", "images", "conv2"}
    dense = trained(rows, **NETWORKS["dense"])
    assert attributions(dense, *asked).keys() == {"integrated"}


def test_large_networks_are_asked_about_fewer_images() -> None:
    small = trained(dataset(1)).architecture
    assert images_attributed(small) == EXPLAINED
    wide = Network.model_validate(
        {"kind": "cnn", "conv": [{"channels": 512}, {"channels": 512}], "hidden": [5]}
    )
    assert images_attributed(build_architecture(wide, (3, 64, 64), 3)) == 2
    # Of dense ones each unit may bend once, which takes a pass to find.
    assert image_points(small) == 160
    dense = Network.model_validate({"kind": "mlp", "hidden": [3000, 3000]})
    architecture = build_architecture(dense, (3072,), 3)
    assert image_points(architecture) == 256 + 2000
    assert images_attributed(architecture) == 2
