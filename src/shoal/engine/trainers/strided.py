"""Convolutions of stride 2 or more whose input gradient is computed as a dense convolution.

Of the gradient with respect to an input of few channels, oneDNN computes one pixel at a time. It is cheaper to
let one convolution of stride 1 give all `s x s` pixels that share an output position, as channels, and then
to lay these out (Shi et al. 2016, "Real-time single image and video super-resolution using an efficient
sub-pixel convolutional neural network", CVPR: the same rearrangement, forwards). The sums are the same.

Letters: B rows, I and O input and output channels, H and W of the input, M and N of its blocks of s x s pixels,
T taps of the dense kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from shoal.nets import ConvLayer

if TYPE_CHECKING:
    from torch import Tensor, nn

FEW_CHANNELS: Final = 8
"""Above this oneDNN's own gradient is as fast."""

MOST_WASTE: Final = 2.5
"""Above this many products done for one needed, too."""


def pays(layer: ConvLayer, size: tuple[int, ...]) -> bool:
    """Whether this is the faster way for feature maps of the size `size`: some of its products are with zeros."""
    kernel, stride, padding = layer.kernel, layer.stride, layer.padding
    if isinstance(kernel, tuple) or isinstance(stride, tuple) or isinstance(padding, tuple):
        return False
    if stride < 2 or layer.dilation != 1 or layer.groups > 1 or layer.inputs > FEW_CHANNELS:
        return False
    taps, _ = _taps(kernel, stride, padding)
    done = [len(taps[0]) * stride * -(-side // stride) for side in size]
    needed = [kernel * side for side in layer.size]
    return done[0] * done[1] <= MOST_WASTE * needed[0] * needed[1]


def _taps(kernel: int, stride: int, padding: int) -> tuple[list[list[int]], int]:
    """Which tap of the kernel joins pixel r of block m to output m + first + t, as [r][t]; `kernel` for none.

    Input s m + r meets tap i at output (s m + r + padding - i) / s, where that is whole.
    """
    reach = {
        (r, (r + padding - i) // stride): i
        for r in range(stride)
        for i in range(kernel)
        if (r + padding - i) % stride == 0
    }
    first, last = (pick(offset for _, offset in reach) for pick in (min, max))
    table = [[reach.get((r, offset), kernel) for offset in range(first, last + 1)] for r in range(stride)]
    return table, first


def input_gradient(grad: Tensor, weight: Tensor, size: tuple[int, int], stride: int, padding: int) -> Tensor:
    """Gradient for an input (B, I, H, W) from that of the output; `weight` (O, I, k, k)."""
    import torch
    from torch.nn import functional

    table, first = _taps(weight.shape[2], stride, padding)
    tap = torch.tensor(table)
    with_none = functional.pad(weight, (0, 1, 0, 1))
    parts = with_none[:, :, tap[:, :, None, None], tap]  # (O, I, s, T, s, T)
    dense = parts.permute(2, 4, 1, 0, 3, 5).reshape(-1, weight.shape[0], *tap.shape[1:] * 2)
    blocks = [-(-side // stride) for side in size]
    after = [
        count + tap.shape[1] - 1 + first - have for count, have in zip(blocks, grad.shape[2:], strict=True)
    ]
    borders = (0, 0, -first, after[1], -first, after[0])
    around = functional.pad(grad.permute(0, 2, 3, 1), borders).permute(0, 3, 1, 2)
    pixels = functional.conv2d(around, dense.contiguous(memory_format=torch.channels_last))
    rows = pixels.permute(0, 2, 3, 1).reshape(len(grad), *blocks, stride, -1).transpose(2, 3)
    whole = rows.reshape(len(grad), blocks[0] * stride, blocks[1] * stride, -1)
    return whole[:, : size[0], : size[1]].permute(0, 3, 1, 2)


@cache
def _function() -> Any:
    import torch
    from torch.nn import functional

    class StridedConvolution(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
            ctx.save_for_backward(x, weight)
            ctx.stride, ctx.padding = stride, padding
            return functional.conv2d(x, weight, bias, stride, padding)

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
            x, weight = ctx.saved_tensors
            stride, padding = ctx.stride, ctx.padding
            _, weight_grad, bias_grad = torch.ops.aten.convolution_backward(
                grad, x, weight, [len(weight)], [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1,
                [False, True, True],
            )  # fmt: skip
            x_grad = input_gradient(grad, weight, tuple(x.shape[2:]), stride, padding)
            return x_grad, weight_grad, bias_grad, None, None

    return StridedConvolution


def strided_module(conv: nn.Conv2d) -> nn.Module:
    """Make the same layer, with the same parameters, whose input gradient is computed this way."""
    from torch import nn

    apply: Callable[..., Tensor] = _function().apply

    class StridedConv2d(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return apply(x, self.weight, self.bias, self.stride[0], self.padding[0])

    made = StridedConv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size[0], conv.stride[0], conv.padding[0]
    )
    made.weight, made.bias = conv.weight, conv.bias
    return made
