"""Feature maps and images made to excite channels, against torch's own layers and planted detectors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shoal.data import load_builtin
from shoal.engine._channels import Channels
from shoal.errors import StudyError
from shoal.nets import (
    Architecture,
    build_architecture,
    initial_parameters,
    of_convolutions,
    seen_by_the_middle,
    trained_module,
    weights_by_layer,
)
from shoal.streams import StreamKey
from shoal.study import Network

KEY = StreamKey(5, 0, 0)


def channels_of(conv: list[dict[str, Any]], shape: tuple[int, ...] = (1, 8, 8), **network: Any) -> Channels:
    described = Network.model_validate({"kind": "cnn", "conv": conv, "hidden": [3], **network})
    architecture = build_architecture(described, shape, 2)
    scale = np.full(shape[0], 1 / 255, np.float32)
    return Channels(
        architecture, named_of(architecture), scale, np.linspace(0, 1, shape[0], dtype=np.float32)
    )


def named_of(architecture: Architecture) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(2)
    named = architecture.named(initial_parameters(architecture, KEY))
    buffers = {s.name: draw.uniform(0.5, 2, s.shape).astype(np.float32) for s in architecture.buffer_slots}
    return named | buffers


@pytest.mark.parametrize("activation", ["relu", "tanh", "identity"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_maps_are_those_between_the_layers_of_the_module(activation: str, norm: str) -> None:
    import torch

    conv = [{"channels": 3, "pool": {}}, {"channels": 4, "kernel": 2, "pool": {"kind": "average", "size": 2}}]
    channels = channels_of(conv, (3, 9, 8), activation=activation, norm=norm)
    images = np.random.default_rng(1).integers(0, 256, (300, 3, 9, 8), dtype=np.uint8)
    module = trained_module(channels.architecture, channels.named)
    x = torch.from_numpy(images.astype(np.float32) * np.float32(1 / 255))
    x = x + torch.linspace(0, 1, 3)[:, None, None]
    expected, flat = {}, torch.empty(0)
    with torch.no_grad():
        for name, child in module.named_children():
            flat = x if name == "hidden1" else flat
            x = child(x)
            if name.startswith("conv") and not name.endswith("pool"):
                expected[name[:5]] = x.numpy()
    first, last = channels.maps(images)
    for number, layer in enumerate(("conv1", "conv2")):
        found = np.concatenate((first[number], last[number]))
        np.testing.assert_allclose(found, expected[layer], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(
            channels.activation(number, images), expected[layer].max(axis=(2, 3)), rtol=1e-5, atol=1e-6
        )
    np.testing.assert_allclose(channels.flattened(images), flat.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_maps_behind_skips_are_those_of_the_module(norm: str) -> None:
    import torch

    conv = [
        {"channels": 3, "padding": 1, "pool": {}},
        {"channels": 4, "padding": 1, "stride": 2, "skip": 1},
        {"channels": 4, "padding": 1, "skip": 2, "pool": {}},
        {"channels": 4, "padding": 1, "skip": 4},
    ]
    channels = channels_of(conv, (2, 16, 16), activation="tanh", norm=norm)
    images = np.random.default_rng(1).integers(0, 256, (5, 2, 16, 16), dtype=np.uint8)
    module, wanted = trained_module(channels.architecture, channels.named), {}
    for name, child in module.named_children():
        child.register_forward_hook(
            lambda _m, _i, out, name=name: wanted.update({name: out.detach().numpy()})
        )
    x = torch.from_numpy(images.astype(np.float32) * np.float32(1 / 255))
    module(x + torch.linspace(0, 1, 2)[:, None, None])
    (maps,) = channels.maps(images)
    for layer, ours in zip(channels.layers, maps, strict=True):
        np.testing.assert_allclose(ours, wanted[f"{layer.name}_activation"], rtol=1e-5, atol=1e-6)
    weights = weights_by_layer(channels.named)  # those that a skip passes are of its layer
    assert {name: array.size for name, array in weights.items()} == {
        "conv1": 54, "conv2": 108 + 12, "conv3": 144 + 12, "conv4": 144 + 8, "hidden1": 48, "output": 6,
    }  # fmt: skip
    made = channels.exciting_inputs(3, 2, KEY)
    assert (made.shape, seen_by_the_middle(channels.layers, 3, 0)) == ((2, 2, 16, 16), (slice(None), 1))


@given(data=st.data())
def test_the_middle_unit_answers_to_its_part_of_an_image_as_to_the_whole(data: st.DataObject) -> None:
    """A part that was one pixel too small, or stood one pixel off, would answer otherwise."""

    def drawn(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    shape = (drawn(1, 2), drawn(8, 24), drawn(8, 24))
    conv = []
    for _ in range(drawn(1, 3)):
        kernel, size, dilation = [drawn(1, 4), drawn(1, 4)], [drawn(1, 3), drawn(1, 3)], drawn(1, 2)
        pool = {"kind": data.draw(st.sampled_from(("max", "average"))), "size": size, "stride": drawn(1, 3)}
        padding = [drawn(0, side - 1) for side in kernel]
        layer = {
            "channels": 2,
            "kernel": kernel,
            "stride": [drawn(1, 2), drawn(1, 2)],
            "padding": padding,
            "dilation": dilation,
        }
        conv.append(layer | ({"pool": pool} if data.draw(st.booleans()) else {}))
    try:
        channels = channels_of(
            conv, shape, activation="tanh", norm=data.draw(st.sampled_from(("none", "layer")))
        )
    except StudyError:  # too many layers for such small images
        assume(False)
    images = np.random.default_rng(drawn(0, 9)).integers(0, 256, (3, *shape), dtype=np.uint8)
    (maps,) = channels.maps(images)
    for number, whole in enumerate(maps):
        seen = [seen_by_the_middle(channels.layers, number, axis) for axis in (0, 1)]
        x = channels.prepared(images[:, :, seen[0][0], seen[1][0]])
        last = replace(channels.layers[number], pool="none", pool_size=1, pool_stride=1)
        network = of_convolutions((*channels.layers[:number], last), x.shape[1:])
        maps_of_part = channels.outputs(network, x).reshape(3, 2, *network.convolutions[-1].size)
        middle = whole[:, :, whole.shape[2] // 2, whole.shape[3] // 2]
        np.testing.assert_allclose(maps_of_part[:, :, seen[0][1], seen[1][1]], middle, rtol=1e-5, atol=1e-6)


def test_the_first_layer_sees_no_more_of_an_image_than_its_kernel() -> None:
    channels = channels_of([{"channels": 2, "padding": 1, "pool": {}}, {"channels": 2}], (1, 20, 20))
    assert seen_by_the_middle(channels.layers, 0, 0) == (slice(9, 12), 1)
    assert seen_by_the_middle(channels.layers, 1, 0) == (slice(6, 15), 1)


def planted() -> Channels:
    """Channel 0 answers to a bright dot among dark ones, channel 1 to nothing but its opposite."""
    channels = channels_of([{"channels": 2, "padding": 1}, {"channels": 3, "kernel": 2}])
    detector = np.full((3, 3), -1.0, np.float32)
    detector[1, 1] = 8.0
    channels.named["conv1.weight"][:] = np.stack((detector, -detector))[:, None]
    channels.named["conv1.bias"][:] = (-2.0, -1.0)
    return channels


def test_the_image_made_excites_a_planted_detector_more_than_every_training_image() -> None:
    data = load_builtin("digits")
    channels = planted()
    images = data.images[: data.train_rows]
    made = channels.exciting_inputs(0, 2, KEY)
    assert (made.shape, made.dtype) == ((2, 1, 8, 8), np.uint8)
    excited = np.diagonal(channels.activation(0, made))
    assert (excited > channels.activation(0, images).max(axis=0)).all()
    # No image does better than the bright dot on black (6) and the dark dot on white (7).
    np.testing.assert_allclose(excited, (6, 7), rtol=0.1)
    row, column = np.unravel_index(channels_map(channels, made[:1])[0].argmax(), (8, 8))
    assert made[0, 0, row, column] > 240


def channels_map(channels: Channels, images: np.ndarray) -> np.ndarray:
    (maps,) = channels.maps(images)
    return maps[0][0]


def test_a_deeper_layer_is_excited_more_than_by_every_training_image() -> None:
    data = load_builtin("digits")
    channels = planted()
    by_rows = channels.activation(1, data.images[: data.train_rows]).max(axis=0)
    starts = [channels.exciting_inputs(1, 3, StreamKey(seed, 0, 0)) for seed in range(5, 9)]
    excited = np.array([np.diagonal(channels.activation(1, made)) for made in starts])
    assert (excited.max(axis=0) > by_rows).all()  # one start may end on a lower hill
    assert (excited > 0.75 * by_rows).all()


def test_the_same_stream_makes_the_same_image_and_another_another() -> None:
    channels = planted()
    one, same, other = (channels.exciting_inputs(0, 1, key) for key in (KEY, KEY, StreamKey(6, 0, 0)))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_a_channel_that_nothing_excites_keeps_its_start_and_no_warning_is_given() -> None:
    channels = channels_of([{"channels": 1}])
    channels.named["conv1.weight"][:] = 0
    channels.named["conv1.bias"][:] = -1
    made = channels.exciting_inputs(0, 1, KEY)
    assert channels.activation(0, made) == 0
    assert 115 <= made.min() <= made.max() <= 140
