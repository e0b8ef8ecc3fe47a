"""Lines over repeats, as plain arrays: what every picture of curves and of predictions is made of.

Letters: R repeats, M places on an axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Spread = Literal["range", "quartiles"]
Points = tuple[NDArray[Any], NDArray[Any]]
_LONG: Final = 1000
"""From so many epochs on the axis of epochs is logarithmic."""
_PIXELS: Final = 400
"""Height of a picture of curves, drawn or live, in pixels."""


@dataclass(frozen=True, eq=False)
class Line:
    """The median over repeats at M places, and the band from `low_M` to `high_M`: range or quartiles."""

    name: str
    x_M: NDArray[np.float64]
    middle_M: NDArray[np.float64]
    low_M: NDArray[np.float64]
    high_M: NDArray[np.float64]
    repeats: int
    spread: Spread = "range"


@dataclass(frozen=True, eq=False)
class Curves:
    """Lines against epochs in one picture: training and validation of one comparison, or many comparisons.

    `failed` counts the repeats that diverged or failed, which are in no line.
    """

    name: str
    quantity: str
    lines: tuple[Line, ...]
    failed: int = 0
    higher_is_better: bool = False

    @property
    def long(self) -> bool:
        """Whether the axis of epochs is logarithmic: else the fall at the start is a line along the edge."""
        return any(line.x_M[-1] >= _LONG for line in self.lines)

    @property
    def shown(self) -> tuple[Line, ...]:
        """The lines as they are drawn."""
        return tuple(merged(line) for line in self.lines) if self.long else self.lines

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value of all bands."""
        return min(float(line.low_M.min()) for line in self.lines), max(
            float(line.high_M.max()) for line in self.lines
        )

    @property
    def logarithmic(self) -> bool:
        """Whether the axis of values is logarithmic: losses above 0."""
        return not self.higher_is_better and self.ends[0] > 0

    @property
    def coinciding(self) -> tuple[tuple[str, ...], ...]:
        """Names of the lines that lie on each other to within a pixel, group by group."""
        return coinciding(self.shown, self.ends, logarithmic=self.logarithmic) if self.lines else ()


def usual_spread(repeats: int) -> Spread:
    """Few repeats show their whole range; many show their middle half, which one odd repeat cannot widen."""
    return "range" if repeats < 5 else "quartiles"


def line_over_repeats(
    name: str, x_M: NDArray[Any], values_RM: NDArray[Any], spread: Spread = "range"
) -> Line:
    """Median and band of R repeats at M places; places where no repeat has a finite value are left out."""
    values = np.where(np.isfinite(values_RM), values_RM, np.nan).astype(np.float64).reshape(-1, len(x_M))
    edges = (0, 100) if spread == "range" else (25, 75)
    in_order, count_M = np.sort(values, axis=0), np.isfinite(values).sum(axis=0)  # NaN comes last
    shares_3M = np.empty((3, len(x_M)))
    for count in np.unique(count_M[count_M > 0]):  # at once: place by place it takes long
        at = count_M == count
        shares_3M[:, at] = np.percentile(in_order[:count, at], [edges[0], 50, edges[1]], axis=0)
    seen_M = count_M > 0
    low_M, middle_M, high_M = shares_3M[:, seen_M]
    return Line(name, np.asarray(x_M, dtype=np.float64)[seen_M], middle_M, low_M, high_M, len(values), spread)


def alone(line: Line) -> str:
    """Give the mark of a line of one place, which would not be seen; none of any other."""
    return "." if len(line.x_M) == 1 else ""


def coinciding(
    lines: Sequence[Line], ends: tuple[float, float], *, logarithmic: bool
) -> tuple[tuple[str, ...], ...]:
    """NetworkGroup lines that lie on each other in a picture whose vertical axis goes from `ends[0]` to `ends[1]`.

    Two do if the places of one are among those of the other, and their middles differ by no more there than
    a pixel is high.
    """
    scale = np.log if logarithmic else np.asarray
    pixel = float(scale(ends[1]) - scale(ends[0])) / _PIXELS
    groups: list[list[Line]] = []
    for line in lines:
        for group in groups:
            place = np.intersect1d(line.x_M, group[0].x_M)
            if 0 < len(place) == min(len(line.x_M), len(group[0].x_M)):
                first_M, second_M = (
                    scale(part.middle_M[np.searchsorted(part.x_M, place)]) for part in (line, group[0])
                )
                if float(np.abs(first_M - second_M).max()) <= pixel:
                    group.append(line)
                    break
        else:
            groups.append([line])
    return tuple(tuple(line.name for line in group) for group in groups if len(group) > 1)


def merged(line: Line, per_decade: int = 60) -> Line:
    """Merge places that a logarithmic axis puts close together: medians of the middles, the ends of the bands."""
    group_M = np.floor(np.log10(line.x_M) * per_decade)
    starts = np.flatnonzero(np.diff(group_M, prepend=-np.inf))
    sizes = np.diff(starts, append=len(group_M))

    def medians(values_M: NDArray[np.float64]) -> NDArray[np.float64]:
        in_order = values_M[np.lexsort((values_M, group_M))]
        return np.asarray((in_order[starts + (sizes - 1) // 2] + in_order[starts + sizes // 2]) / 2)

    return replace(
        line,
        x_M=medians(line.x_M),
        middle_M=medians(line.middle_M),
        low_M=np.minimum.reduceat(line.low_M, starts),
        high_M=np.maximum.reduceat(line.high_M, starts),
    )


def curve_line(
    name: str, curves: Sequence[Mapping[str, NDArray[Any]]], column: str, spread: Spread = "range"
) -> Line | None:
    """One column of R curves over the union of their epochs; None if no curve has that column.

    A repeat that stopped earlier counts only where it has values.
    """
    having = [curve for curve in curves if column in curve and np.isfinite(curve[column]).any()]
    if not having:
        return None
    epoch_M = np.unique(np.concatenate([curve["epoch"] for curve in having]))
    values_RM = np.full((len(having), len(epoch_M)), np.nan)
    for row, curve in zip(values_RM, having, strict=True):
        row[np.searchsorted(epoch_M, curve["epoch"])] = curve[column]
    return line_over_repeats(name, epoch_M, values_RM, spread)


def with_place(points: Points) -> Points:
    """Keep the points that have a place on the axis: rows of which the input is not missing."""
    x_N, y_N = points
    there = ~np.isnan(x_N)
    return x_N[there], y_N[there]
