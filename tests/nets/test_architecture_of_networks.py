"""Architectures: shapes, counts and the flat vector, against torch's own layers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.nets import Architecture, build_architecture
from shoal.study import Network

widths = st.lists(st.integers(1, 20), max_size=4)


def build(hidden: list[int], inputs: int = 3, outputs: int = 2, **network: object) -> Architecture:
    return build_architecture(Network.model_validate({"hidden": hidden, **network}), (inputs,), outputs)


def buffer_count(network: Architecture) -> int:
    return sum(slot.size for slot in network.buffer_slots)


# By hand: the published network has 100 + 100 + 100*80 + 80 + 80 + 1 parameters and does 2*(100 + 8000 + 80) FLOPs.
@pytest.mark.parametrize(
    ("network", "parameters", "buffers", "flops"),
    [
        (build([100, 80], 1, 1), 8361, 0, 16360),
        (build([64, 64], 20, 1), 5569, 0, 10880),
        (build([256, 128], 784, 10), 235146, 0, 469504),
        (build([], 5, 3), 18, 0, 30),
        (build([4], 2, 1, batch_norm=True), 2 * 4 + 4 + 4 + 4 + 4 + 1, 8, 24),
    ],
)
def test_counts_by_hand(network: Architecture, parameters: int, buffers: int, flops: int) -> None:
    assert (network.parameter_count, buffer_count(network), network.flops_per_row) == (
        parameters,
        buffers,
        flops,
    )


@given(hidden=widths, inputs=st.integers(1, 9), outputs=st.integers(1, 5), batch_norm=st.booleans())
def test_shapes_are_those_of_torch_layers(
    hidden: list[int], inputs: int, outputs: int, batch_norm: bool
) -> None:
    from torch import nn

    network = build(hidden, inputs, outputs, batch_norm=batch_norm)
    sizes = [inputs, *hidden, outputs]
    shapes: list[tuple[int, ...]] = []
    for number, (fan_in, units) in enumerate(pairwise(sizes)):
        shapes += [tuple(value.shape) for value in nn.Linear(fan_in, units).parameters()]
        if batch_norm and number < len(hidden):
            shapes += [tuple(value.shape) for value in nn.BatchNorm1d(units).parameters()]
    assert [slot.shape for slot in network.slots] == shapes


@given(hidden=widths, batch_norm=st.booleans())
def test_slots_fill_the_flat_vector_without_gaps(hidden: list[int], batch_norm: bool) -> None:
    network = build(hidden, batch_norm=batch_norm)
    for slots, count in (
        (network.slots, network.parameter_count),
        (network.buffer_slots, buffer_count(network)),
    ):
        places = [place for slot in slots for place in range(slot.start, slot.stop)]
        assert places == list(range(count))
        assert len({slot.name for slot in slots}) == len(slots)


def test_names_and_layers() -> None:
    network = build([4, 5], batch_norm=True, activation="tanh", dropout=0.25)
    assert [slot.name for slot in network.slots] == [
        "hidden1.weight", "hidden1.bias", "hidden1_norm.weight", "hidden1_norm.bias",
        "hidden2.weight", "hidden2.bias", "hidden2_norm.weight", "hidden2_norm.bias",
        "output.weight", "output.bias",
    ]  # fmt: skip
    assert [(layer.inputs, layer.units) for layer in network.layers] == [(3, 4), (4, 5), (5, 2)]
    assert [layer.activation for layer in network.layers] == ["tanh", "tanh", "identity"]
    assert [layer.dropout for layer in network.layers] == [0.25, 0.25, 0.0]
    assert [layer.batch_norm for layer in network.layers] == [True, True, False]


def test_an_input_of_several_axes_is_flattened() -> None:
    assert build_architecture(Network(hidden=(5,)), (2, 3, 4), 1).layers[0].inputs == 24


@given(hidden=widths, batch_norm=st.booleans())
def test_named_and_flat_are_inverse(hidden: list[int], batch_norm: bool) -> None:
    network = build(hidden, batch_norm=batch_norm)
    parameters_P = np.arange(network.parameter_count, dtype=np.float32)
    buffers = -np.arange(buffer_count(network), dtype=np.float32)
    named = network.named(parameters_P, buffers)
    assert all(named[slot.name].shape == slot.shape for slot in (*network.slots, *network.buffer_slots))
    again_P, again = network.flat(named)
    assert np.array_equal(again_P, parameters_P)
    assert np.array_equal(again, buffers)


def test_named_arrays_are_views() -> None:
    network = build([4])
    parameters_P = np.zeros(network.parameter_count, np.float32)
    network.named(parameters_P)["output.bias"][:] = 7
    assert np.array_equal(parameters_P[-2:], [7, 7])
