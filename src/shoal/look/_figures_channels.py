"""Pictures of convolutional layers: one drawing function a fact. Only places on paper are computed.

Small images stand in a mosaic of tiles, each one unit wide and high, with a gap between them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._facts_channels import (
    ClassActivation,
    Exciting,
    FeatureMaps,
    Kernels,
    LayerActivation,
    LayerKernels,
)
from shoal.look._figures import (
    Panel,
    Sheet,
    beside,
    diverging,
    heading,
    number_text,
    panels,
    plain,
    shades,
    stacked,
)

_IN_A_ROW: Final = 16
"""Channels beside each other, where they stand alone."""
_CLASS_NAME: Final = 18
_SIDE: Final = 0.62
"""Inches of a tile."""
_TALLEST: Final = 20.0
"""Inches of a layer's kernels: few channels that take in many would else make a tower."""
_GAP: Final = "#D4D4D4"
_SHARP: Final = 24
"""Pixels of a tile, at least, so that the gaps between small ones stay narrow."""


def draw_kernels(kernels: Kernels) -> Sheet:
    """Kernels of each layer: a column a channel, a row a channel that it takes in."""
    tiles = [_kernel_tiles(layer) for layer in kernels.layers]
    heights = tuple(min(_TALLEST, max(1.1, 10 * part.shape[0] / part.shape[1])) for part in tiles)
    figure, grid = stacked(heights, (11.5, sum(heights) + 1.1 * len(tiles)), shared=False)
    for axes, layer, tile, height in zip(grid, kernels.layers, tiles, heights, strict=True):
        most = layer.most or 1.0
        image = _mosaic(axes, tile, cmap=diverging(), vmin=-most, vmax=most)
        bar = figure.colorbar(
            image, ax=axes, label="weight", aspect=12, shrink=min(1.0, 2.5 / height), pad=0.01
        )
        bar.set_ticks([-most, 0, most], labels=[_short(-most), "0", _short(most)])
        axes.set_title(_kernels_told(layer), fontsize=10, fontweight="normal")
        if layer.inputs == 1:
            _number_wrapped(axes, layer.weight_UIHW.shape[0])
            continue
        _number(axes, tile.shape[1])
        axes.set_yticks(_places(tile.shape[0]), _numbers(tile.shape[0]))
        axes.set_ylabel("channel taken in")
    heading(figure, f"{plain(kernels.name)}: kernels of the convolutions")
    return figure


def draw_feature_maps(maps: FeatureMaps) -> Sheet:
    """The images at the left, beside each what every channel makes of it."""
    rows, columns = maps.map_MUHW.shape[:2]
    side = min(_SIDE, 12 / columns, 18 / rows)
    figure, (left, right) = beside((1, columns), (side * (columns + 1) + 3.2, side * rows + 1.4))
    _mosaic(left, maps.image_MCHW[:, None], cmap="gray", vmin=0, vmax=255)
    left.set_yticks(_places(rows), [plain(label, _CLASS_NAME + 6) for label in maps.labels])
    left.set_xticks([0.5], ["test\nimage"])
    left.set_ylabel("class (number)")
    right.set_yticks([])
    image = _activations(right, maps.map_MUHW)
    _number(right, columns)
    figure.colorbar(image, ax=right, label="activation", aspect=25, pad=0.01)
    size = "{} × {}".format(*maps.map_MUHW.shape[2:])
    shown = f"the first {columns} of {maps.channels:,}" if columns < maps.channels else f"{columns}"
    heading(
        figure, f"{plain(maps.name)}: feature maps of {plain(maps.layer)}, {shown} channels, {size} pixels"
    )
    return figure


def draw_class_activation(fact: ClassActivation) -> Sheet:
    """Mean activation: a row a class, a column a channel."""
    tall = min(max(1.6, 0.24 * len(fact.classes)), 4 * _TALLEST)
    figure, grid = panels(len(fact.layers), columns=1, size=(10.0, tall + 0.9))
    for axes, layer in zip(grid, fact.layers, strict=True):
        _class_panel(figure, axes, layer, fact.classes)
    shown = f"{fact.images:,}" if fact.images == fact.of else f"{fact.images:,} of {fact.of:,}"
    heading(figure, f"{plain(fact.name)}: mean activation by class over {shown} test images")
    return figure


def draw_exciting(fact: Exciting) -> Sheet:
    """Below each other for every channel: the image made to excite it, then the test images that excite it most."""
    channels, images = fact.activation_UT.shape
    blocks = [range(start, min(start + _IN_A_ROW, channels)) for start in range(0, channels, _IN_A_ROW)]
    figure, grid = panels(
        len(blocks),
        columns=1,
        size=(max(7.2, 2.2 + _SIDE * 1.15 * min(channels, _IN_A_ROW)), 0.9 + _SIDE * 1.15 * (images + 1)),
    )
    strongest = ["strongest test image", *(f"number {number}" for number in range(2, images + 1))]
    for axes, block in zip(grid, blocks, strict=True):
        chosen = np.array(block)
        tiles = np.concatenate((fact.made_UCHW[chosen, None], fact.image_UTCHW[chosen]), axis=1).astype(float)
        tiles[fact.dead_U[chosen], 1:] = np.nan
        _mosaic(axes, tiles.swapaxes(0, 1), cmap="gray", vmin=0, vmax=255)
        axes.set_yticks(_places(images + 1), ["made to excite", *strongest])
        names = [
            f"{u + 1}\n{_short(fact.made_activation_U[u])}\n"
            f"{'dead' if fact.dead_U[u] else _short(fact.activation_UT[u, 0])}"
            for u in block
        ]
        axes.set_xticks(_places(len(block)), names, fontsize=8)
        axes.set_xlabel(
            "channel, its activation by the made image, and by the strongest test image", fontsize=9
        )
    shown = f", the first {channels} of {fact.channels:,} channels" if channels < fact.channels else ""
    heading(figure, f"{plain(fact.name)}: what excites {plain(fact.layer)} most{shown}")
    return figure


def _kernels_told(layer: LayerKernels) -> str:
    told = [f"{layer.channels:,} channels" + f" of {layer.inputs:,} each" * (layer.inputs > 1)]
    told += ["the first shown"] * (max(layer.inputs, layer.channels) > max(layer.weight_UIHW.shape[:2]))
    size = "{} × {} pixels".format(*layer.weight_UIHW.shape[2:])
    return f"{plain(layer.layer)}: {', '.join([*told, size])}"


def _kernel_tiles(layer: LayerKernels) -> NDArray[np.float64]:
    """Tiles (rows, columns, 1, H, W): wrapped rows of channels for one-channel images, else inputs by channels."""
    if layer.inputs > 1:
        return layer.weight_UIHW.swapaxes(0, 1)[:, :, None]
    channels, _, *size = layer.weight_UIHW.shape
    columns = min(channels, _IN_A_ROW)
    rows = -(-channels // columns)
    tiles = np.full((rows * columns, 1, *size), np.nan)
    tiles[:channels] = layer.weight_UIHW
    return tiles.reshape(rows, columns, 1, *size)


def _class_panel(figure: Sheet, axes: Panel, layer: LayerActivation, classes: tuple[str, ...]) -> None:
    channels = layer.mean_KU.shape[1]
    low, high = _ends(layer.mean_KU)
    image = axes.imshow(
        layer.mean_KU, aspect="auto", cmap=diverging() if low < 0 else shades(), vmin=low, vmax=high
    )
    axes.grid(visible=False)
    step = max(1, -(-len(classes) // 30))
    axes.set_yticks(
        range(0, len(classes), step), [plain(name, _CLASS_NAME) for name in classes[::step]], fontsize=8
    )
    step = max(1, -(-channels // 32))
    axes.set_xticks(range(0, channels, step), _numbers(channels)[::step], fontsize=8)
    axes.set(xlabel="channel", ylabel="class")
    told = [f"{channels:,} channels", layer.activation]
    told += [f"{layer.dead} dead"] * bool(layer.dead) + [f"{layer.saturated} saturated"] * bool(
        layer.saturated
    )
    axes.set_title(f"{plain(layer.layer)}: {', '.join(told)}", fontsize=10, fontweight="normal")
    figure.colorbar(image, ax=axes, label="mean activation", pad=0.01)


def _activations(axes: Panel, map_MUHW: NDArray[np.float64]) -> Any:
    low, high = _ends(map_MUHW)
    return _mosaic(axes, map_MUHW[:, :, None], cmap=diverging() if low < 0 else shades(), vmin=low, vmax=high)


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    """Give the ends of the colours: from 0, or around 0 where there are values below."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    most = max(abs(low), abs(high)) or 1.0
    return (-most, most) if low < 0 else (0.0, most)


def _mosaic(axes: Panel, tiles: NDArray[Any], cmap: Any, vmin: float, vmax: float) -> Any:
    """Draw tiles (rows, columns, C, H, W); with three channels they are colours."""
    larger = -(-_SHARP // tiles.shape[4])
    tiles = tiles.repeat(larger, axis=3).repeat(larger, axis=4)
    rows, columns, channels, high, wide = tiles.shape
    edge = max(1, round(0.07 * wide))
    sheet = np.full((rows, columns, high + 2 * edge, wide + 2 * edge, channels), np.nan)
    sheet[:, :, edge:-edge, edge:-edge] = tiles.transpose(0, 1, 3, 4, 2)
    flat = sheet.transpose(0, 2, 1, 3, 4).reshape(
        rows * (high + 2 * edge), columns * (wide + 2 * edge), channels
    )
    shown = np.nan_to_num(flat / 255, nan=0.83) if channels == 3 else flat[:, :, 0]
    axes.grid(visible=False)
    axes.set_facecolor(_GAP)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    extent = (0, columns, rows, 0)
    image = axes.imshow(shown, cmap=cmap, vmin=vmin, vmax=vmax, extent=extent, interpolation="nearest")
    axes.set_aspect((high + 2 * edge) / (wide + 2 * edge))
    return image


def _number_wrapped(axes: Panel, channels: int) -> None:
    """Number channels that stand in rows of `_IN_A_ROW`."""
    columns = min(channels, _IN_A_ROW)
    firsts = range(0, channels, columns)
    axes.set_yticks(_places(len(firsts)), [f"{first + 1} …" for first in firsts] if len(firsts) > 1 else [""])
    _number(axes, columns)


def _number(axes: Panel, columns: int) -> None:
    axes.set_xticks(_places(columns), _numbers(columns), fontsize=8)
    axes.set_xlabel("channel")


def _places(count: int) -> NDArray[np.float64]:
    return np.arange(0.5, count)


def _numbers(count: int) -> list[str]:
    return [str(number) for number in range(1, count + 1)]


def _short(value: float) -> str:
    return number_text(float(f"{value:.2g}"))
