"""Films on paper: a few epochs of one beside each other, or all panels of several at whichever epoch is asked for.

Letters: S snapshots, R rows of tiles, C columns of tiles, H, W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent, panels_seconds
from shoal.look._film import Bars, Film, Moving, Points, Tiles
from shoal.look._mosaics import places
from shoal.look._paper import (
    BLUE,
    GREY,
    TRAINING,
    VERMILLION,
    Panel,
    Sheet,
    diverging,
    heading,
    panels,
    plain,
    shades,
    whole_numbers,
)
from shoal.wording import listed

Move = Callable[[int], None]
"""Shows another snapshot on a panel that is drawn."""
_NAME: Final = 18
_TITLE: Final = 34
"""Letters of names beside and above a panel, at most."""
_BESIDE: Final = 3
_SIZE: Final = (3.7, 2.7)
"""Panels in a row, and inches of one."""
TILE: Final = 36
"""Dots of a tile; kept maps are no larger, images are made smaller."""
_GAP: Final = 0.83
_ROOM: Final = 3


def draw_film(film: Film) -> Sheet:
    """The first, the middle and the last epoch beside each other, a row a panel."""
    few = film.few
    size = _SIZE[0], max(_height(panel) for panel in film.panels)
    figure, grid = panels(len(few) * len(film.panels), columns=len(few), size=size)
    for number, axes in enumerate(grid):
        panel, place = film.panels[number // len(few)], few[number % len(few)]
        put(axes, panel)(place)
        axes.set_title(f"{plain(panel.title, _TITLE)}, epoch {film.epoch_S[place]:,}", fontsize=10)
    epochs = listed([f"{film.epoch_S[place]:,}" for place in few])
    heading(figure, f"{plain(film.name)} at epoch{'s' * (len(few) > 1)} {epochs}")
    return figure


def _height(panel: Moving) -> float:
    """Give the inches of a panel: of tiles no more than they fill."""
    if not isinstance(panel, Tiles):
        return _SIZE[1]
    rows, columns = (int(count) for count in panel.byte_SRCHW.shape[1:3])
    return min(_SIZE[1], 0.9 + (_SIZE[0] - 0.5) * rows / (columns + (panel.image_RHWC is not None)))


def film_seconds(extent: Extent, count: int) -> float:
    """Give the seconds of the picture of a film of so many panels; 0 where no history is kept."""
    return panels_seconds(3 * count) if extent.study.inspect.history > 0 else 0.0


def sheet_of(name: str, films: Sequence[Film]) -> tuple[Sheet, Move]:
    """Draw all panels of films of the same epochs on one sheet; and give what shows another snapshot on it."""
    moving = [panel for film in films for panel in film.panels]
    columns = 2 if len(moving) in (2, 4) else _BESIDE
    figure, grid = panels(len(moving), columns=columns, size=_SIZE)
    moves = [put(axes, panel) for axes, panel in zip(grid, moving, strict=True)]
    for axes, panel in zip(grid, moving, strict=True):
        axes.set_title(plain(panel.title, _TITLE), fontsize=10)

    def move(place: int) -> None:
        for each in moves:
            each(place)
        heading(figure, f"{plain(name)}: {films[0].at(place)}")

    move(len(films[0].epoch_S) - 1)
    return figure, move


def put(axes: Panel, panel: Moving) -> Move:
    """Draw what stays of a panel; and give what shows a snapshot on it."""
    match panel:
        case Bars():
            return _put_named(axes, panel) if panel.names else _put_histogram(axes, panel)
        case Points():
            return _put_points(axes, panel)
        case Tiles():
            return _put_tiles(axes, panel)


def _put_histogram(axes: Panel, bars: Bars) -> Move:
    steps = axes.stairs(bars.length_SB[-1], bars.edge_E, fill=True, color=BLUE, alpha=0.75)
    axes.set(ylim=(0, bars.longest), xlim=(bars.edge_E[0], bars.edge_E[-1]), xlabel=bars.x, ylabel=bars.y)
    whole_numbers(axes.yaxis)

    def move(place: int) -> None:
        steps.set_data(bars.length_SB[place])

    return move


def _put_named(axes: Panel, bars: Bars) -> Move:
    drawn = axes.barh(places(len(bars.names)), np.zeros(len(bars.names)), height=0.7, color=BLUE, alpha=0.75)
    size = 9 if len(bars.names) <= 12 else max(4.0, 9 * 12 / len(bars.names))
    axes.set_yticks(places(len(bars.names)), [plain(name, _NAME) for name in bars.names], fontsize=size)
    axes.set(xlim=(0, bars.longest), ylim=(len(bars.names), 0), xlabel=bars.x)

    def move(place: int) -> None:
        for bar, length in zip(drawn, bars.length_SB[place].tolist(), strict=True):
            bar.set_width(0.0 if math.isnan(length) else length)

    return move


def _put_points(axes: Panel, points: Points) -> Move:
    if points.still is not None:
        axes.scatter(points.still.x_N, points.still.y_N, s=10, color=TRAINING, alpha=0.5, linewidths=0)
    if not points.joined:
        axes.plot(points.y_ends, points.y_ends, color=GREY, linewidth=1)
    look: dict[str, Any] = {"color": VERMILLION}
    if not points.joined:
        look = {"color": BLUE, "linestyle": "", "marker": "o", "markersize": 3, "alpha": 0.5, "mew": 0}
    (line,) = axes.plot(points.at_N, points.height_SN[-1], **look)
    axes.set(xlim=points.x_ends, ylim=points.y_ends, xlabel=plain(points.x), ylabel=plain(points.y))

    def move(place: int) -> None:
        line.set_ydata(points.height_SN[place])

    return move


def _put_tiles(axes: Panel, tiles: Tiles) -> Move:
    rows, columns = tiles.byte_SRCHW.shape[1:3]
    images = tiles.image_RHWC is not None
    colors: NDArray[Any] = (diverging() if tiles.low < 0 else shades())(np.arange(256))[:, :3]
    across = columns + images
    image = axes.imshow(
        np.ones((1, 1, 3)), extent=(0, across, rows, 0), interpolation="nearest", aspect="equal"
    )
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    names = [*(["image"] * images), *tiles.columns]
    axes.set_xticks(places(across), names, fontsize=7)
    axes.set_yticks(places(rows), [plain(row, _NAME) for row in tiles.rows], fontsize=8)
    axes.set_xlabel(f"channel; {tiles.scale}", fontsize=8)

    def move(place: int) -> None:
        shown = [[in_box(colors[tile]) for tile in of_row] for of_row in tiles.byte_SRCHW[place]]
        for number in range(tiles.missing):
            shown[-1][-1 - number] = np.full_like(shown[0][0], _GAP)
        if tiles.image_RHWC is not None:
            shown = [[in_box(_colored(own)), *row] for own, row in zip(tiles.image_RHWC, shown, strict=True)]
        image.set_data(np.concatenate([np.concatenate(row, axis=1) for row in shown]))

    return move


def _colored(image_HWC: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Give shares of red, green and blue of an image of bytes, grey or in colour."""
    return np.broadcast_to(image_HWC / 255, (*image_HWC.shape[:2], 3))


def in_box(color_HW3: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give a small image in the middle of a box with a gap around it, its pixels as large as fit."""
    high, wide = color_HW3.shape[:2]
    down, across = (-(-side * TILE // max(high, wide)) for side in (high, wide))
    box = np.full((TILE + 2 * _ROOM, TILE + 2 * _ROOM, 3), _GAP)
    larger = color_HW3[np.arange(down) * high // down][:, np.arange(across) * wide // across]
    row, column = _ROOM + (TILE - down) // 2, _ROOM + (TILE - across) // 2
    box[row : row + down, column : column + across] = larger
    return box
