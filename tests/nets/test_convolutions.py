"""Convolutional architectures: sizes are torch's own, and what does not fit is refused with its arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shoal.errors import StudyError
from shoal.nets import ConvLayer, build_architecture, build_module
from shoal.study import Network


def network(*conv: dict[str, Any], **keys: Any) -> Network:
    return Network.model_validate({"kind": "cnn", "conv": conv, "hidden": [3], **keys})


def sides(low: int, high: int) -> st.SearchStrategy[Any]:
    """The same down and across, or not."""
    one = st.integers(low, high)
    return one | st.lists(one, min_size=2, max_size=2)


pools = st.one_of(
    st.none(),
    st.just({"kind": "global-average"}),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["max", "average"]), "size": sides(1, 3)},
        optional={"stride": sides(1, 3)},
    ),
)


@st.composite
def convs(draw: st.DrawFn, inputs: int) -> dict[str, Any]:
    groups = draw(st.sampled_from([n for n in (1, 2, 3) if inputs % n == 0]))
    return {
        "channels": groups * draw(st.integers(1, 3)),
        "kernel": draw(sides(1, 4)),
        "stride": draw(sides(1, 3)),
        "padding": draw(sides(0, 2)),
        "dilation": draw(sides(1, 2)),
        "groups": groups,
        "pool": draw(pools),
    }


@st.composite
def networks(draw: st.DrawFn) -> tuple[Network, tuple[int, int, int]]:
    """A network, which may not fit, and the images it is given."""
    channels = draw(st.integers(1, 3))
    shape = (channels, draw(st.integers(1, 12)), draw(st.integers(1, 12)))
    layers: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 3))):
        layer = draw(convs(channels))
        if draw(st.booleans()):  # such a layer keeps the size, or divides it
            stride = draw(st.integers(1, 2))
            layer |= {
                "kernel": 3,
                "padding": 1,
                "dilation": 1,
                "stride": stride,
                "skip": draw(st.integers(0, 2)),
            }
        layers.append(layer)
        channels = layers[-1]["channels"]
    return network(*layers, batch_norm=draw(st.booleans()), conv_dropout=0.1), shape


def torch_layer(layer: ConvLayer) -> torch.nn.Module:
    return torch.nn.Conv2d(
        layer.inputs, layer.units, layer.kernel, layer.stride, layer.padding, layer.dilation, layer.groups
    )


def test_a_skip_over_strides_beyond_all_maps() -> None:
    far = {"channels": 2, "kernel": 1, "stride": 2**31 - 1}
    laid_out = build_architecture(
        network(far, far, far, {"channels": 2, "kernel": 1, "skip": 4}), (1, 8, 8), 3
    )
    with torch.no_grad():
        assert build_module(laid_out)(torch.zeros(2, 1, 8, 8)).shape == (2, 3)


@given(drawn=networks())
def test_sizes_are_those_of_torch_or_the_network_is_refused(
    drawn: tuple[Network, tuple[int, int, int]],
) -> None:
    asked, shape = drawn
    try:
        laid_out = build_architecture(asked, shape, 4)
    except StudyError as refused:
        if ".skip: " not in str(refused):
            with pytest.raises(RuntimeError):
                feature_maps(asked, shape)
        return
    maps = feature_maps(asked, shape)
    layers = [layer for layer in laid_out.layers if isinstance(layer, ConvLayer)]
    assert [(layer.units, *layer.size) for layer in layers] == maps[::2]
    assert [(layer.units, *layer.pooled) for layer in layers] == maps[1::2]
    module = build_module(laid_out).eval()
    with torch.no_grad():
        assert module(torch.zeros(2, *shape)).shape == (2, 4)
    named = {name: tuple(value.shape) for name, value in module.named_parameters()}
    assert {slot.name: slot.shape for slot in laid_out.slots} == named
    assert laid_out.parameter_count == sum(value.numel() for value in module.parameters())
    products = sum(size_of(torch_layer(layer), layer.size) for layer in layers)
    projected = [module.get_submodule(f"{layer.name}_skip") for layer in layers if layer.projection]
    assert all(weight.shape[2:] == (1, 1) for skip in projected for weight in skip.parameters())
    sizes = [layer.size for layer in layers if layer.projection]
    products += sum(size_of(skip, size) for skip, size in zip(projected, sizes, strict=True))
    dense = [value.numel() for name, value in module.named_parameters() if value.ndim == 2]
    assert laid_out.flops_per_row == 2 * (products + sum(dense))


def size_of(module: torch.nn.Module, size: tuple[int, int]) -> int:
    """Multiply-adds: every weight once at every place of the feature map."""
    return next(module.parameters()).numel() * size[0] * size[1]


def feature_maps(asked: Network, shape: tuple[int, int, int]) -> list[tuple[int, ...]]:
    """What torch makes of the sizes: after every convolution, and after every pooling."""
    x, maps = torch.zeros(1, *shape), []
    with torch.no_grad():
        for conv in asked.conv:
            x = torch.nn.Conv2d(
                x.shape[1], conv.channels, conv.kernel, conv.stride, conv.padding, conv.dilation, conv.groups
            )(x)
            maps.append(tuple(x.shape[1:]))
            if conv.pool is not None and conv.pool.kind == "global-average":
                x = x.mean((2, 3), keepdim=True)
            elif conv.pool is not None:
                pool = torch.nn.MaxPool2d if conv.pool.kind == "max" else torch.nn.AvgPool2d
                x = pool(conv.pool.size, conv.pool.stride)(x)
            maps.append(tuple(x.shape[1:]))
    return maps


def test_the_published_network_by_hand() -> None:
    published = network(
        {"channels": 8, "stride": 2, "padding": 1},
        {"channels": 16, "stride": 2, "padding": 1},
        {"channels": 32, "stride": 2},
        hidden=[64],
    )
    laid_out = build_architecture(published, (1, 28, 28), 10)
    assert [layer.size for layer in laid_out.layers[:3]] == [(14, 14), (7, 7), (3, 3)]
    assert laid_out.parameter_count == 80 + 1168 + 4640 + (288 * 64 + 64) + 650
    assert laid_out.flops_per_row == 2 * (72 * 196 + 1152 * 49 + 4608 * 9 + 288 * 64 + 640)


@pytest.mark.parametrize(
    ("conv", "shape", "sentence"),
    [
        (
            [{"channels": 4, "kernel": 5}],
            (1, 4, 9),
            "network.conv[0]: kernel 5 does not fit a feature map 4 pixels wide or high (4 + 2*0 - 5 = -1)",
        ),
        (
            [{"channels": 4, "stride": 2, "padding": 1}, {"channels": 4, "kernel": 7, "padding": 1}],
            (1, 8, 8),
            "network.conv[1]: kernel 7 does not fit a feature map 4 pixels wide or high (4 + 2*1 - 7 = -1)",
        ),
        (
            [{"channels": 4, "kernel": 3, "pool": {"size": 3}}],
            (1, 4, 4),
            "network.conv[0].pool: size 3 does not fit a feature map 2 pixels wide or high (2 + 2*0 - 3 = -1)",
        ),
        (
            [{"channels": 4, "kernel": [3, 1], "dilation": [4, 1], "padding": 1}],
            (1, 6, 9),
            "network.conv[0]: kernel 3 with dilation 4, which spans 9, does not fit a feature map 6 pixels high"
            " (6 + 2*1 - 9 = -1)",
        ),
        (
            [{"channels": 4, "dilation": 2}],
            (1, 9, 4),
            "network.conv[0]: kernel 3 with dilation 2, which spans 5, does not fit a feature map 4 pixels wide or high"
            " (4 + 2*0 - 5 = -1)",
        ),
        (
            [{"channels": 4, "pool": {"size": [1, 9]}}],
            (1, 9, 9),
            "network.conv[0].pool: size 9 does not fit a feature map 7 pixels wide (7 + 2*0 - 9 = -2)",
        ),
        (
            [{"channels": 4}, {"channels": 4, "skip": 3}],
            (1, 8, 8),
            "network.conv[1].skip: expected at most 2, the convolutions up to this one, got 3",
        ),
        (
            [{"channels": 4, "padding": 1}, {"channels": 4, "skip": 1}],
            (1, 8, 9),
            "network.conv[1].skip: skip = 1 adds maps of 8 × 9 pixels to maps of 6 × 7: expected 8 × 9 from this layer;"
            " padding = dilation * (kernel - 1) / 2 with an odd kernel keeps the size, a stride divides it",
        ),
        (
            [{"channels": 4, "padding": 1, "pool": {}}, {"channels": 4, "kernel": 2, "stride": 2, "skip": 2}],
            (1, 10, 10),
            "network.conv[1].skip: skip = 2 adds maps of 10 × 10 pixels to maps of 2 × 2: expected 3 × 3 from these 2"
            " layers; padding = dilation * (kernel - 1) / 2 with an odd kernel keeps the size, a stride divides it",
        ),
        (
            [{"channels": 4, "groups": 2}],
            (3, 8, 8),
            "network.conv[0].groups: expected groups to divide the input channels, got 2 groups and 3 input channels",
        ),
        (
            [{"channels": 4}, {"channels": 3, "groups": 2}],
            (1, 8, 8),
            "network.conv[1].groups: expected groups to divide the channels, got 2 groups and 3 channels",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_the_arithmetic(
    conv: list[dict[str, Any]], shape: tuple[int, int, int], sentence: str
) -> None:
    with pytest.raises(StudyError) as refused:
        build_architecture(network(*conv), shape, 2)
    assert str(refused.value) == sentence
