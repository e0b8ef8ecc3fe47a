"""The numpy forward pass gives what torch's own layers give."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from shoal.nets import Architecture, build_architecture, build_module
from shoal.nets._forward import activations, forward
from shoal.study import Activation, Network
from shoal.study._values import NormName


def drawn(architecture: Architecture) -> dict[str, np.ndarray]:
    """Parameters and running statistics of every slot, drawn so that nothing is at a special value."""
    draw = np.random.default_rng(5)
    named = {}
    for slot in (*architecture.slots, *architecture.buffer_slots):
        values = draw.normal(0, 1, slot.shape)
        named[slot.name] = (np.abs(values) + 0.2 if slot.name.endswith("var") else values).astype(np.float32)
    return named


def torch_outputs(architecture: Architecture, named: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    module = build_module(architecture).double().eval()
    state = {}
    for name in module.state_dict():
        if not name.endswith("num_batches_tracked"):
            state[name] = torch.from_numpy(named[name].astype(np.float64))
    module.load_state_dict(state, strict=False)
    with torch.no_grad():
        return module(torch.from_numpy(x)).numpy()


@pytest.mark.parametrize("norm", get_args(NormName))
@pytest.mark.parametrize("activation", get_args(Activation))
def test_forward_agrees_with_torch(activation: str, norm: str) -> None:
    network = Network(hidden=(7, 5), activation=activation, dropout=0.25, norm=norm)
    architecture = build_architecture(network, (3,), 2)
    named = drawn(architecture)
    x = np.random.default_rng(1).normal(0, 4, (50, 3))
    expected = torch_outputs(architecture, named, x)
    np.testing.assert_allclose(forward(architecture, named, x), expected, rtol=1e-10, atol=1e-12)
    single = forward(architecture, named, x.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=1e-3, atol=1e-3)


def test_large_numbers_neither_overflow_nor_warn() -> None:
    for activation in get_args(Activation):
        architecture = build_architecture(Network(hidden=(1,), activation=activation), (1,), 1)
        named = {slot.name: np.ones(slot.shape, np.float32) for slot in architecture.slots}
        hidden, _ = activations(architecture, named, np.array([[-1e4], [1e4]]))
        assert np.isfinite(hidden).all(), activation


def test_activations_by_hand() -> None:
    architecture = build_architecture(Network(hidden=(2,), activation="relu"), (1,), 1)
    named = {
        "hidden1.weight": np.array([[1.0], [-2.0]]),
        "hidden1.bias": np.array([0.5, 0.0]),
        "output.weight": np.array([[3.0, 1.0]]),
        "output.bias": np.array([-1.0]),
    }
    hidden, output = activations(architecture, named, np.array([[1.0], [-1.0]]))
    np.testing.assert_array_equal(hidden, [[1.5, 0.0], [0.0, 2.0]])
    np.testing.assert_array_equal(output, [[3.5], [1.0]])
