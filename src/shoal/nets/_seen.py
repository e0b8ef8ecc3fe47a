"""What part of an image a unit of a convolution sees."""

from __future__ import annotations

from collections.abc import Sequence

from shoal.nets._layer import both
from shoal.nets.layers.conv import ConvLayer


def _back(layer: ConvLayer, axis: int, first: int, last: int) -> tuple[int, int]:
    """Give the first and the last pixel of a layer's input that the units `first` to `last` of its map see."""
    kernel, stride, padding, dilation = (
        both(sides)[axis] for sides in (layer.kernel, layer.stride, layer.padding, layer.dilation)
    )
    return first * stride - padding, last * stride - padding + dilation * (kernel - 1)


def seen_by(layers: Sequence[ConvLayer], number: int, unit: int, axis: int) -> tuple[int, int]:
    """Give the first and the last pixel, along one axis, that unit `unit` of layer `number` sees.

    Those below 0 and beyond the image are padding, of the image or of a map between.
    """
    first = last = unit
    for place in range(number, -1, -1):
        first, last = _back(layers[place], axis, first, last)
        if place:
            size, stride = _pool(layers[place - 1], axis)
            first, last = first * stride, last * stride + size - 1
    return first, last


def _pool(layer: ConvLayer, axis: int) -> tuple[int, int]:
    """Give size and stride of a layer's pool along one axis."""
    return both(layer.pool_size)[axis], both(layer.pool_stride)[axis]


def seen_by_the_middle(layers: Sequence[ConvLayer], number: int, axis: int) -> tuple[slice, int]:
    """Give the part of an image, along one axis, that the middle unit of layer `number` sees, and that unit's place in
    the layer's map of this part alone.

    The part begins at a multiple of all strides, so that every unit in it stands where it stands in the whole image.
    With layer norm, which goes over whole maps, and with skips it is the whole image.
    """
    middle = first = last = layers[number].size[axis] // 2
    strides = 1
    for place in range(number, -1, -1):
        first, last = _back(layers[place], axis, first, last)
        first = max(0, first)
        strides *= both(layers[place].stride)[axis]
        if place:
            size, stride = _pool(layers[place - 1], axis)
            first, last = first * stride, last * stride + size - 1
            strides *= stride
    if any(layer.layer_norm or layer.skip for layer in layers[: number + 1]):
        return slice(None), middle
    start = first // strides * strides
    return slice(start, last + 1), middle - start // strides
