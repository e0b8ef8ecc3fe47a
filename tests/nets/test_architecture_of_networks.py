"""Architectures: shapes, counts and the flat vector, against torch's own layers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.nets import Architecture, build_architecture
from shoal.study import Conv, Network

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


def test_a_network_says_what_it_takes() -> None:
    """Images lie flat for dense layers; convolutions come first and take them as they are."""
    image = (1, 6, 6)
    dense = build_architecture(Network(hidden=(5,)), image, 2)
    assert (dense.takes, dense.row_shape, dense.convolutions) == ("table", (36,), ())
    assert [layer.name for layer in dense.dense] == ["hidden1", "output"]
    mixed = build_architecture(Network(kind="cnn", conv=(Conv(channels=2),), hidden=(5,)), image, 2)
    assert (mixed.takes, mixed.row_shape) == ("images", image)
    assert [layer.name for layer in (*mixed.convolutions, *mixed.dense)] == ["conv1", "hidden1", "output"]
    assert [layer.numbers for layer in mixed.layers] == [2 * 4 * 4, 5, 2]


# By hand, in the unit of the pace: calls 9.3 a layer, 6 of its dropout, 8 or 25 of its norm, 34 of a convolution; a row
# of 3 inputs and 4 units 12 products at 8.1e-6 (9.36e-6 behind convolutions), 4 units at 4e-4, 4 draws at 1.26e-3.
def test_a_layer_says_what_a_step_costs() -> None:
    layer = build([4], dropout=0.5, batch_norm=True).layers[0]
    alone, behind = layer.step_cost("table", first=True), layer.step_cost("images", first=False)
    assert alone.calls == pytest.approx(9.3 + 6 + 8)
    assert alone.row == pytest.approx(12 * 8.1e-6 + 4 * 4e-4 + 4 * 1.26e-3)
    assert behind.calls == pytest.approx(9.3 + 6 + 25)
    assert behind.row == pytest.approx(12 * 9.36e-6 + 4 * 1.26e-3)


def test_a_convolution_is_charged_for_full_vectors_and_without_a_gradient_for_images() -> None:
    asked = Network(
        kind="cnn", conv=(Conv(channels=5), Conv(channels=8, kernel=1)), hidden=(), activation="tanh"
    )
    first, second, _ = build_architecture(asked, (1, 4, 4), 2).layers
    assert first.step_cost("images", first=True).calls == pytest.approx(9.3 + 34)
    number = 3.1e-4 + 1.1e-3  # tanh is not cheap
    products = 8 * 1 * 9 * 4  # 5 channels count as 8, the channel of an image as one
    assert first.step_cost("images", first=True).row == pytest.approx(3.12e-6 * 2 * products + number * 5 * 4)
    products = 8 * 8 * 1 * 4
    assert second.step_cost("images", first=False).row == pytest.approx(
        3.12e-6 * 3 * products + number * 8 * 4
    )
