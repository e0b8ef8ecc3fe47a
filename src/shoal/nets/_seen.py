"""What part of an image a unit of a convolution sees."""

from __future__ import annotations

from collections.abc import Sequence

from shoal.nets.layers.conv import ConvLayer


def seen_by(layers: Sequence[ConvLayer], number: int, unit: int) -> tuple[int, int]:
    """Give the first and the last pixel, along either axis, that unit `unit` of layer `number` sees.

    Those below 0 and beyond the image are padding, of the image or of a map between.
    """
    first = last = unit
    for place in range(number, -1, -1):
        layer = layers[place]
        first = first * layer.stride - layer.padding
        last = last * layer.stride - layer.padding + layer.kernel - 1
        if place:
            pool = layers[place - 1]
            first, last = first * pool.pool_stride, last * pool.pool_stride + pool.pool_size - 1
    return first, last


def seen_by_the_middle(layers: Sequence[ConvLayer], number: int, axis: int) -> tuple[slice, int]:
    """Give the part of an image, along one axis, that the middle unit of layer `number` sees, and that unit's place in
    the layer's map of this part alone.

    The part begins at a multiple of all strides, so that every unit in it stands where it stands in the whole image.
    """
    middle = first = last = layers[number].size[axis] // 2
    strides = 1
    for place in range(number, -1, -1):
        layer = layers[place]
        first = max(0, first * layer.stride - layer.padding)
        last = last * layer.stride - layer.padding + layer.kernel - 1
        strides *= layer.stride
        if place:
            pool = layers[place - 1]
            first, last = first * pool.pool_stride, last * pool.pool_stride + pool.pool_size - 1
            strides *= pool.pool_stride
    start = first // strides * strides
    return slice(start, last + 1), middle - start // strides
