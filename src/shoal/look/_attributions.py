"""Where in images a network sees a class: the images, beside each a map of it, of mistakes one of each of two classes.

Letters: I images, M maps of an image, C channels, H, W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import SMALL_IMAGES, Extent, panels_seconds
from shoal.look._figure import Figure, Gathered
from shoal.look._paper import Panel, Sheet, diverging, heading, panels, plain
from shoal.look._run_findings import DELIVERED
from shoal.wording import counted

if TYPE_CHECKING:
    from shoal.results import Truth

_TILES: Final = 6
_SIDE: Final = 1.55
_TITLE: Final = 0.42
_BESIDE: Final = 0.9
"""Tiles beside each other, their side in inches, inches above each for its words, and of all else."""
_NAME: Final = 15
"""Letters of a class above a tile."""
_STRONGEST: Final = 0.995
"""The quantile of the sizes of an image's maps at which colours end."""
_FAINT: Final = 0.3
_STEPS: Final = 16
"""Steps of colours and of faint greys: more would be seen by nobody, and make pictures of photographs large."""
_MARKED: Final = 0.2
"""What is below 0 by such a share of what colours end at has a dot, for who sees no colours."""
_FINEST: Final = 40
"""Pixels of an image side, at most, for dots to have room."""


@dataclass(frozen=True, eq=False)
class Attributions:
    """Maps of images, float64 (I, M, H, W), of the size of the images: of the class named, then of the true one.

    `image_ICHW` is uint8 with 1 channel (grey) or 3. `row_I` are numbers of test rows.
    """

    name: str
    classes: tuple[str, ...]
    row_I: NDArray[np.int64]
    named_I: NDArray[np.int64]
    true_I: NDArray[np.int64]
    image_ICHW: NDArray[np.uint8]
    map_IMHW: NDArray[np.float64]

    @property
    def mistakes(self) -> bool:
        """Whether these are images that were taken for another class."""
        return bool(self.map_IMHW.shape[1] > 1)

    @property
    def counted(self) -> str:
        """How many images these are, and of what kind."""
        return counted(len(self.row_I), "mistake" if self.mistakes else "image named rightly")

    @property
    def scale(self) -> str:
        """Say, behind another sentence, how the colours of two maps compare."""
        return " Both maps of a mistake are on the same scale." if self.mistakes else ""


def gathered(fact: Any, images: Attributions, figure: Figure) -> Gathered:
    """Give the facts of one picture; that of mistakes has a name of its own."""
    if not images.mistakes:
        return Gathered(fact)
    return Gathered(fact, f"{figure.name}-mistakes", f"{figure.title} of mistakes")


def attributions_of(
    arrays: dict[str, NDArray[Any]], maps: str, truth: Truth
) -> Iterator[tuple[Attributions, NDArray[np.int64]]]:
    """Gather the images that were named rightly, then the mistakes, as far as there are any, with their maps.

    Beside them stands where they are in the arrays, (I, M).
    """
    rows, classes, images = arrays["rows"], arrays["classes"], arrays["images"]
    true = truth.y[rows].astype(np.int64)
    wrong = np.isin(rows, rows[classes != true])
    for count, several in ((1, ~wrong), (2, wrong)):
        if several.any():
            place_IM = np.flatnonzero(several).reshape(-1, count)
            first_I = place_IM[:, 0]
            map_IMHW = enlarged(arrays[maps][place_IM].astype(np.float64), images.shape[2:])
            row_I = rows[first_I] - truth.train_rows
            what = row_I, classes[first_I], true[first_I], images[first_I], map_IMHW
            yield Attributions(DELIVERED, truth.classes, *what), place_IM


def enlarged(maps: NDArray[np.float64], sides: tuple[int, ...]) -> NDArray[np.float64]:
    """Enlarge maps (..., h, w) to so many pixels, bilinearly, each place in the middle of its part of them."""
    for axis, size in zip((-2, -1), sides, strict=True):
        own = maps.shape[axis]
        if own != size:
            at = np.clip((np.arange(size) + 0.5) * own / size - 0.5, 0, own - 1)
            low = np.minimum(at.astype(np.int64), max(0, own - 2))
            high = np.minimum(low + 1, own - 1)
            share = (at - low).reshape(-1, *[1] * (-axis - 1))
            maps = maps.take(low, axis) * (1 - share) + maps.take(high, axis) * share
    return maps


def draw_attributions(fact: Attributions, title: str, what: tuple[str, str, str]) -> Sheet:
    """A row of tiles for some images.

    `what` names the numbers, and the ends of their colours, the lower one "" where no number is below 0.
    """
    images, maps = fact.map_IMHW.shape[:2]
    tiles = 1 + maps
    places = max(images * tiles, _TILES)
    size = (_SIDE + 0.1, _SIDE + _TITLE + _BESIDE / math.ceil(places / _TILES))
    figure, grid = panels(places, columns=_TILES, size=size)
    for axes in grid:
        axes.set_axis_off()
    faint_IHW = faint(fact.image_ICHW)
    for place in range(images):
        panel, *others = grid[place * tiles : (place + 1) * tiles]
        panel.imshow(fact.image_ICHW[place].transpose(1, 2, 0), cmap="gray", vmin=0, vmax=255)
        true, named = (plain(fact.classes[of_I[place]], _NAME) for of_I in (fact.true_I, fact.named_I))
        _title(panel, f"{true} ({fact.row_I[place]})")
        end = float(np.quantile(np.abs(fact.map_IMHW[place]), _STRONGEST)) or 1.0
        for axes, of_class, map_HW in zip(others, (named, true), fact.map_IMHW[place], strict=False):
            _title(axes, f"as {of_class}")
            colors = _tile(axes, faint_IHW[place], np.clip(map_HW / end, -1, 1))
    _bar(figure, grid, colors, what)
    heading(figure, title)
    return figure


def _title(axes: Panel, text: str) -> None:
    axes.set_title(text, fontsize=8, fontweight="normal", loc="center")


def _tile(axes: Panel, faint_HW: NDArray[np.float64], share_HW: NDArray[np.float64]) -> Any:
    """Tint a faint image by a map of -1 to 1; what is below 0 has dots where there is room. Gives the colours."""
    share_HW = np.round(_STEPS * share_HW) / _STEPS
    colors = axes.imshow(share_HW, cmap=diverging(), vmin=-1, vmax=1)
    axes.imshow(faint_HW[:, :, None] * colors.cmap(0.5 + share_HW / 2)[:, :, :3])
    if max(share_HW.shape) <= _FINEST:
        rows, columns = np.nonzero(share_HW < -_MARKED)
        across = 72 * _SIDE / max(share_HW.shape) / 3
        axes.scatter(columns, rows, s=across**2, color="#FFFFFF", linewidths=0)
    return colors


def faint(image_ICHW: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Give images as light greys, 1 white, (I, H, W): turned round where most of their pixels are dark."""
    grey_IHW = image_ICHW.mean(axis=1) / 255
    ink_IHW = grey_IHW if np.median(grey_IHW) < 0.5 else 1 - grey_IHW
    return np.asarray(1 - _FAINT * np.round(_STEPS * ink_IHW) / _STEPS)


def _bar(figure: Sheet, grid: list[Panel], colors: Any, what: tuple[str, str, str]) -> None:
    """Explain the colours below all tiles."""
    name, low, high = what
    bar = figure.colorbar(colors, ax=grid, location="bottom", label=name, shrink=0.5, aspect=40, pad=0.02)
    bar.set_ticks([-1, 0, 1] if low else [0, 1], labels=[low, "0", high] if low else ["0", high])
    bar.ax.set_xlim(-1 if low else 0, 1)


def attributions_seconds(extent: Extent) -> float:
    """Give the seconds of a picture of images named rightly, and of mistakes."""
    return 2 * (panels_seconds(0) + 2 * SMALL_IMAGES) if extent.images else 0.0
