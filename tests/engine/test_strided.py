"""Strided convolutions with an input gradient of our own: the gradient is torch's."""

from __future__ import annotations

import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from shoal.engine.trainers.strided import input_gradient, pays, strided_module
from shoal.nets import ConvLayer, build_architecture
from shoal.study import Network


@given(
    kernel=st.integers(1, 6),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
    size=st.tuples(st.integers(1, 11), st.integers(1, 11)),
)
def test_the_input_gradient_is_that_of_torch(
    kernel: int, stride: int, padding: int, size: tuple[int, int]
) -> None:
    assume(min(size) + 2 * padding >= kernel)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, *size, dtype=torch.float64, generator=generator, requires_grad=True)
    weight = torch.randn(4, 3, kernel, kernel, dtype=torch.float64, generator=generator)
    y = torch.nn.functional.conv2d(x, weight, None, stride, padding)
    grad = torch.randn(y.shape, dtype=torch.float64, generator=generator)
    (expected,) = torch.autograd.grad(y, x, grad)
    got = input_gradient(grad, weight, size, stride, padding)
    torch.testing.assert_close(got, expected, rtol=1e-13, atol=1e-13)


def test_the_module_gives_torch_outputs_and_gradients() -> None:
    plain = torch.nn.Conv2d(4, 6, 3, 2, 1).double()
    ours = strided_module(plain)
    assert ours.weight is plain.weight
    grads = []
    for module in (plain, ours):
        x = torch.linspace(-1, 1, 2 * 4 * 9 * 8, dtype=torch.float64).view(2, 4, 9, 8).requires_grad_()
        y = module(x)
        plain.zero_grad()
        y.square().sum().backward()
        grads.append([value.clone() for value in (y.detach(), x.grad, plain.weight.grad, plain.bias.grad)])
    for expected, got in zip(*grads, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


def layer(*conv: dict[str, int]) -> tuple[ConvLayer, tuple[int, ...]]:
    asked = Network.model_validate({"kind": "cnn", "conv": conv})
    before, last = build_architecture(asked, (2, 28, 28), 2).layers[:2]
    assert isinstance(before, ConvLayer)
    assert isinstance(last, ConvLayer)
    return last, before.pooled


def test_it_is_used_where_it_pays() -> None:
    first = {"channels": 8, "stride": 2, "padding": 1}
    second = {"channels": 16, "stride": 2, "padding": 1}
    assert pays(*layer(first, second))
    assert not pays(*layer(first, second | {"stride": 1}))
    assert not pays(*layer(first, second | {"groups": 2}))
    assert not pays(*layer(first | {"channels": 16}, second))
    assert not pays(*layer(first, second | {"stride": 7}))
