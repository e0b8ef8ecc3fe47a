"""What every trainer answers of the inside of a network of images or series, against torch's own layers in float64.

Letters: N images, K outputs.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from trainer_cases import LONG

from drawn_skips import with_skips
from shoal.activations import ACTIVATIONS
from shoal.engine._trainer import AskedGradient, Trainer
from shoal.errors import StudyError
from shoal.nets import (
    Architecture,
    build_architecture,
    initial_buffers,
    initial_parameters,
    of_convolutions,
    trained_module,
)
from shoal.streams import StreamKey
from shoal.study import Network, Training

KEY = StreamKey(3, 1, 4)
NEAR: dict[str, Any] = {"rtol": 2e-4, "atol": 2e-5}


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    """Networks of one to three convolutions of any kind, on small images or series, with dense layers or without any.

    Where an activation is flat (at a lowest point, or far out), values are so near to each other that rounding says
    which is the maximum of a pool.
    """
    activation = draw(st.sampled_from(sorted(ACTIVATIONS)))
    pools = ("max", "average") if activation in ("identity", "relu", "leaky-relu") else ("average",)
    shape: tuple[int, ...] = draw(st.integers(1, 3)), draw(st.integers(4, 11)), draw(st.integers(4, 11))
    series, conv = draw(st.integers(0, 3)) == 0, []

    def sides(low: int, most: int) -> int | list[int]:
        first = draw(st.integers(low, most))
        return first if series or draw(st.booleans()) else [first, draw(st.integers(low, most))]

    for _ in range(draw(st.integers(1, 3))):
        pool = {"kind": draw(st.sampled_from(pools)), "size": sides(1, 2), "stride": sides(1, 2)}
        layer = {"channels": draw(st.integers(1, 9)), "kernel": sides(1, 3), "stride": sides(1, 2)}
        layer |= {"padding": sides(0, 2), "pool": pool if draw(st.booleans()) else None}
        layer["dilation"] = sides(1, 3) if draw(st.booleans()) else 1
        conv.append(layer)
    several, shape = (shape[0], (math.prod(shape),)) if series else (1, shape)
    norm = draw(st.sampled_from(("none", "none", "batch", "layer")))
    # Of two units layer norm makes -1 and 1, so that rounding is all that is left of a gradient.
    hidden = draw(st.lists(st.integers(4 if norm == "layer" else 1, 7), max_size=2))
    network = {
        "kind": "cnn", "series": several, "conv": with_skips(draw, conv, shape, several), "hidden": hidden,
        "activation": activation, "norm": norm,
        "conv_dropout": draw(st.sampled_from((0.0, 0.5))), "dropout": draw(st.sampled_from((0.0, 0.5))),
    }  # fmt: skip
    try:
        whole = build_architecture(Network.model_validate(network), shape, 3)
    except StudyError:  # too many layers for such small images
        assume(False)
    return whole if draw(st.booleans()) else of_convolutions(whole.convolutions, whole.map_shape)


class Asked:
    """A network with drawn weights and images, and what torch says of it in float64."""

    def __init__(self, trainer: Trainer, architecture: Architecture) -> None:
        if trainer.refuses(architecture, Training()):
            assume(False)
        rng = np.random.default_rng(7)
        parameters_P = 2 * initial_parameters(architecture, KEY)
        buffers = rng.uniform(0.5, 2, len(initial_buffers(architecture))).astype(np.float32)
        self.trainer, self.architecture = trainer, architecture
        self.network = architecture, parameters_P, buffers
        self.x = rng.normal(size=(5, *architecture.input_shape)).astype(np.float32)
        exact = {n: a.astype(np.float64) for n, a in architecture.named(parameters_P, buffers).items()}
        self.module = trained_module(architecture, exact)

    def mapped(self, least: float = 0.0) -> tuple[Tensor, list[Tensor], Tensor]:
        """Images, the map of every convolution, outputs (N, K): a way that can be differentiated."""
        first = x = torch.tensor(self.x, dtype=torch.float64, requires_grad=True)
        maps, entered = dict[str, Tensor](), dict[str, Tensor]()
        for name, child in self.module.named_children():
            conv = name.partition("_")[0]
            steep = least and name.startswith("conv") and name.endswith("_activation")
            entered[name] = x
            added = (entered[child.source],) if name == f"{conv}_skip" else ()
            x = Steep.apply(x, child, least) if steep else child(x, *added)
            if conv.startswith("conv") and name.removeprefix(conv) in ("", "_norm", "_skip", "_activation"):
                maps[conv] = x
        return first, list(maps.values()), x.flatten(1)


class Steep(torch.autograd.Function):
    """An activation whose lower slopes count as `least`."""

    @staticmethod
    def forward(context: Any, x: Tensor, activation: nn.Module, least: float) -> Tensor:
        with torch.enable_grad():
            there = x.detach().requires_grad_()
            y = activation(there)
            (slope,) = torch.autograd.grad(y.sum(), there)
        context.slope = torch.where(slope < least, torch.full_like(slope, least), slope)
        return y.detach()

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:
        return gradients[0] * context.slope, None, None


@settings(max_examples=1000 if LONG else 40)
@given(architecture=architectures())
def test_outputs_and_maps_are_those_of_the_module(trainer: Trainer, architecture: Architecture) -> None:
    asked = Asked(trainer, architecture)
    _, maps, outputs = asked.mapped()
    np.testing.assert_allclose(trainer.outputs(*asked.network, asked.x), outputs.detach().numpy(), **NEAR)
    answered = trainer.maps(*asked.network, asked.x)
    assert [map_.dtype for map_ in answered] == [np.float32] * len(maps)
    for mine, true in zip(answered, maps, strict=True):
        np.testing.assert_allclose(mine, true.detach().numpy(), **NEAR)


@settings(max_examples=1000 if LONG else 50)
@given(architecture=architectures(), least=st.sampled_from((0.0, 0.1, 1.0)), data=st.data())
def test_gradients_are_those_of_the_module(
    trainer: Trainer, architecture: Architecture, least: float, data: st.DataObject
) -> None:
    """By images and by the maps of a layer: a slope that is asked for below that layer tells nothing."""
    asked = Asked(trainer, architecture)
    layer = data.draw(st.none() | st.integers(0, len(architecture.convolutions) - 1))
    outer_NK = np.random.default_rng(9).normal(size=(len(asked.x), architecture.outputs)).astype(np.float32)
    first, maps, outputs = asked.mapped(least)
    by = first if layer is None else maps[layer]
    (true,) = torch.autograd.grad(outputs, by, torch.tensor(outer_NK, dtype=torch.float64))
    mine = trainer.gradient(*asked.network, asked.x, AskedGradient(outer_NK, layer, least))
    assert (mine.dtype, mine.shape) == (np.float32, tuple(true.shape))
    size = max(1.0, float(true.abs().max()))
    np.testing.assert_allclose(mine / size, true.numpy() / size, **NEAR)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_gradients_through_norms_are_exact_but_for_rounding(trainer: Trainer, norm: str) -> None:
    conv = [{"channels": 6, "padding": 1, "pool": {"kind": "average"}}, {"channels": 5, "stride": 2}]
    network = {"kind": "cnn", "conv": conv, "hidden": [7], "activation": "tanh", "norm": norm}
    asked = Asked(trainer, build_architecture(Network.model_validate(network), (2, 13, 11), 3))
    outer_NK = np.random.default_rng(9).normal(size=(len(asked.x), 3)).astype(np.float32)
    first, maps, outputs = asked.mapped()
    for layer, by in ((None, first), (0, maps[0]), (1, maps[1])):
        (true,) = torch.autograd.grad(
            outputs, by, torch.tensor(outer_NK, dtype=torch.float64), retain_graph=True
        )
        mine = trainer.gradient(*asked.network, asked.x, AskedGradient(outer_NK, layer))
        assert np.abs(mine - true.numpy()).max() <= 4e-6 * float(true.abs().max())


def test_an_image_is_answered_the_same_alone_and_among_many(trainer: Trainer) -> None:
    network = {"kind": "cnn", "conv": [{"channels": 5, "pool": {}}, {"channels": 3}], "hidden": [4]}
    architecture = build_architecture(Network.model_validate(network), (2, 12, 9), 3)
    parameters_P, none = initial_parameters(architecture, KEY), np.zeros(0, np.float32)
    rng = np.random.default_rng(1)
    x, outer = rng.normal(size=(300, 2, 12, 9)).astype(np.float32), rng.normal(size=(300, 3))
    near = {"rtol": 0, "atol": 0} if trainer.name == "native" else {"rtol": 1e-4, "atol": 1e-6}
    asked = AskedGradient(outer)
    many = trainer.gradient(architecture, parameters_P, none, x, asked)
    maps = trainer.maps(architecture, parameters_P, none, x)
    for n in (0, 137, 299):
        alone = trainer.gradient(
            architecture, parameters_P, none, x[[n]], replace(asked, by_outputs_NK=outer[[n]])
        )
        np.testing.assert_allclose(alone[0], many[n], **near)
        for one, all_ in zip(trainer.maps(architecture, parameters_P, none, x[[n]]), maps, strict=True):
            np.testing.assert_allclose(one[0], all_[n], **near)


def test_no_images_have_no_maps_and_no_gradient(trainer: Trainer) -> None:
    network = {"kind": "cnn", "conv": [{"channels": 5, "pool": {}}, {"channels": 3}], "hidden": [4]}
    architecture = build_architecture(Network.model_validate(network), (2, 12, 9), 3)
    parameters_P, none = initial_parameters(architecture, KEY), np.zeros(0, np.float32)
    x = np.zeros((0, 2, 12, 9), np.float32)
    maps = trainer.maps(architecture, parameters_P, none, x)
    assert [map_.shape for map_ in maps] == [(0, 5, 10, 7), (0, 3, 3, 1)]
    asked = AskedGradient(np.zeros((0, 3), np.float32), 1)
    assert trainer.gradient(architecture, parameters_P, none, x, asked).shape == (0, 3, 3, 1)
