"""What the output layer is given at test rows, on a map of two dimensions.

Letters: M rows, T rows with an image beside them.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._escape import label
from shoal.look._extent import PANEL, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._paper import (
    BLACK,
    GREY,
    SERIES,
    Panel,
    Sheet,
    heading,
    legend_beside,
    panels,
    plain,
    with_room,
)
from shoal.look._plots import Plot, live_axis, plotted, short_numbers
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.look._work import Work
from shoal.wording import counted, percent

_MARKERS: Final = (
    ("o", "circle"), ("s", "square"), ("^", "triangle-up"), ("D", "diamond"), ("v", "triangle-down"),
    ("P", "cross"), ("X", "x"), ("<", "triangle-left"), (">", "triangle-right"),
)  # fmt: skip
"""Marks as they are drawn, and for the pointer: together with eight colours they tell 72 classes apart."""
_LABEL: Final = 0.2
"""Inches of a class in the legend."""
_MOST_CLASSES: Final = 20
"""Classes with a mark of their own, at most: those of most mistakes."""
_NAME: Final = 20
_WIDE: Final = 8.4
_IMAGE: Final = 1 / 17
_LIVE_PIXELS: Final = 32
"""Inches of the map; the side of an image there, as a share of the map's longer side; its pixels in the live form."""


@dataclass(frozen=True, eq=False)
class ActivationMap:
    """Places of M test rows on the map, `share_2` of the variance of their activations along its axes.

    `same` is the share of the nearest rows, in the space of all units, that are of a row's class, on average, and
    `chance` what it would be of rows drawn at random. `shown_T` are places among M with the images `image_TCHW`, none
    of tables. `units` says what the output layer is given.
    """

    name: str
    classes: tuple[str, ...]
    units: str
    row_M: NDArray[np.int64]
    place_M2: NDArray[np.float64]
    true_M: NDArray[np.int64]
    named_M: NDArray[np.int64]
    share_2: NDArray[np.float64]
    same: float
    chance: float
    shown_T: NDArray[np.int64]
    image_TCHW: NDArray[np.uint8]

    @property
    def wrong_M(self) -> NDArray[np.bool_]:
        """Which rows are named wrongly."""
        return np.asarray(self.named_M != self.true_M)


def activation_map_of(findings: RunFindings) -> ActivationMap | None:
    """Give what is kept of it; None where nothing is."""
    inside = findings.inside
    if not inside or not inside.activations or findings.network is None:
        return None
    dense = findings.network[0].dense
    behind = "units of the last hidden layer" if len(dense) > 1 else "numbers behind the last convolution"
    arrays, truth = inside.activations, findings.truth
    row_M = arrays["rows"] - truth.train_rows
    answers_MK = findings.judged(findings.delivered)[0][row_M]
    true_M = findings.true_classes[row_M]
    count_K = np.bincount(true_M)
    others = max(1, len(row_M) - 1)
    return ActivationMap(
        DELIVERED, truth.classes, f"{dense[-1].inputs:,} {behind}", row_M, arrays["place"].astype(np.float64), true_M,
        answers_MK.argmax(axis=1), arrays["share"], float(arrays["same"].mean()),
        float((count_K * (count_K - 1)).sum() / len(row_M) / others),
        arrays.get("shown", np.zeros(0, np.int64)), arrays.get("images", np.zeros((0, 1, 1, 1), np.uint8)),
    )  # fmt: skip


def _own_marks(fact: ActivationMap) -> list[int]:
    """Give the classes that have marks of their own, in order: all, or those of most mistakes."""
    present = np.unique(fact.true_M)
    wrong_K = np.bincount(fact.true_M[fact.wrong_M], minlength=len(fact.classes))
    most = present[np.argsort(-wrong_K[present], kind="stable")][:_MOST_CLASSES]
    return sorted(most.tolist())


def _groups(fact: ActivationMap) -> list[tuple[str, NDArray[np.int64], str, tuple[str, str]]]:
    """Give name, rows, colour and marks of every class with a mark of its own, those of all others first."""
    own = _own_marks(fact)
    groups = []
    others = np.flatnonzero(~np.isin(fact.true_M, own))
    if len(others):
        number = len(np.unique(fact.true_M[others]))
        name = counted(number, "other class")
        groups.append((name, others, GREY, _MARKERS[0]))
    for number, of_class in enumerate(own):
        color, mark = SERIES[number % len(SERIES)], _MARKERS[number % len(_MARKERS)]
        groups.append((fact.classes[of_class], np.flatnonzero(fact.true_M == of_class), color, mark))
    return groups


def _frames(fact: ActivationMap) -> list[tuple[NDArray[np.float64], str]]:
    """Give the place and the colour of every image."""
    color_M = np.empty(len(fact.row_M), object)
    for _, rows, color, _ in _groups(fact):
        color_M[rows] = color
    return [(fact.place_M2[place], color_M[place]) for place in fact.shown_T.tolist()]


def _ends(place_M2: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Give the ends of both axes, on one scale: neither is shorter than a third of the other."""
    least = np.ptp(place_M2, axis=0).max() / 3
    middles = (place_M2.min(axis=0) + place_M2.max(axis=0)) / 2
    halves = np.maximum(np.ptp(place_M2, axis=0), least) / 2
    return [
        with_room(middle - half, middle + half, 0.05) for middle, half in zip(middles, halves, strict=True)
    ]


def draw_activation_map(fact: ActivationMap) -> Sheet:
    """A mark a row, by its class; mistakes in rings; images at the places of their rows."""
    (west, east), (south, north) = _ends(fact.place_M2)
    groups = _groups(fact)
    tall = min(_WIDE, max(2.4 + _LABEL * len(groups), _WIDE * (north - south) / (east - west)))
    figure, (axes,) = panels(1, size=(_WIDE + 2.6, tall + 1.2))
    for name, rows, color, (marker, _) in groups:
        x, y = fact.place_M2[rows].T
        axes.scatter(
            x, y, s=20, color=color, marker=marker, linewidths=0, alpha=0.85, label=plain(name, _NAME)
        )
        wrong = rows[fact.wrong_M[rows]]
        x, y = fact.place_M2[wrong].T
        axes.scatter(x, y, s=20, color=color, marker=marker, linewidths=0, zorder=5)
    if fact.wrong_M.any():
        ring: dict[str, Any] = {"facecolors": "#FFFFFF", "edgecolors": BLACK, "linewidths": 1.1}
        x, y = fact.place_M2[fact.wrong_M].T
        axes.scatter(x, y, s=64, label="mistake", zorder=4, **ring)
    half = _IMAGE * max(east - west, north - south) / 2
    for (place, color), image_CHW in zip(_frames(fact), fact.image_TCHW, strict=True):
        _image(axes, image_CHW, place, half, color)
    axes.set(xlim=(west, east), ylim=(south, north), aspect="equal")
    first, second = (percent(float(share), 0) for share in fact.share_2)
    axes.set(xlabel=f"first component ({first} of the variance)", ylabel=f"second component ({second})")
    legend_beside(axes, "true class")
    heading(figure, f"{plain(fact.name)}: {fact.units}, at {counted(len(fact.row_M), 'test row')}")
    return figure


def _image(
    axes: Panel, image_CHW: NDArray[np.uint8], place: NDArray[np.float64], half: float, color: str
) -> None:
    (x, y), shape = place, image_CHW.shape[1:]
    high, wide = (half * side / max(shape) for side in shape)
    ends = (x - wide, x + wide, y - high, y + high)
    pixels_HWC = image_CHW.transpose(1, 2, 0)
    axes.imshow(pixels_HWC, cmap="gray", vmin=0, vmax=255, extent=ends, aspect="equal", zorder=3)
    west, east, south, north = ends
    axes.plot([west, east, east, west, west], [south, south, north, north, south], color=color, zorder=3)


def caption(fact: ActivationMap) -> str:
    """What is mapped, how much of it is seen, and what holds beyond the map."""
    both = percent(float(fact.share_2.sum()), 0)
    images = " Images lie at their own places." if len(fact.shown_T) else ""
    return (
        f"The first two principal components of the {fact.units} show {both} of the variance: rows that lie on each"
        " other here may be apart in all others. Beyond the map, of the ten nearest other rows in the space of all"
        f" units, {percent(fact.same)} are of a row’s own class ({percent(fact.chance)} by chance).{images}"
    )


def words(fact: ActivationMap) -> str:
    """Say it in a sentence, with its few telling numbers."""
    return (
        f"{counted(len(fact.row_M), 'test row')} by the first two principal components of the {fact.units};"
        f" {percent(fact.same)} of the nearest rows are of the same class."
    )


def plot(fact: ActivationMap) -> Plot:
    """Say at the pointer which row it is, of which class, and as what it was named."""
    traces = [_trace(name, fact, rows, {"color": color, "symbol": symbol, "size": 7, "opacity": 0.85})
              for name, rows, color, (_, symbol) in _groups(fact)]  # fmt: skip
    wrong = np.flatnonzero(fact.wrong_M)
    if len(wrong):
        ring = {"color": BLACK, "symbol": "circle-open", "size": 12, "line": {"width": 1.2}}
        traces.append(_trace("mistake", fact, wrong, ring) | {"hoverinfo": "skip"})
    span = float(np.ptp(fact.place_M2, axis=0).max())
    half = 1.1 * _IMAGE * span / 2
    first, second = (percent(float(share), 0) for share in fact.share_2)
    layout: dict[str, Any] = {
        "xaxis": {**live_axis(f"first component ({first} of the variance)"), "constrain": "domain"},
        "yaxis": {
            **live_axis(f"second component ({second})"),
            "scaleanchor": "x",
            "constrain": "domain",
            "constraintoward": "top",
        },
        "hovermode": "closest",
        "height": 620,
    }
    frames = list(zip(_frames(fact), fact.image_TCHW, strict=True))
    if frames:
        layout["images"] = [_live_image(image_CHW, place, half) for (place, _), image_CHW in frames]
        layout["shapes"] = [
            _live_frame(image_CHW, place, half, color) for (place, color), image_CHW in frames
        ]
    return plotted(traces, layout, ())


def _trace(name: str, fact: ActivationMap, rows: NDArray[np.int64], marker: dict[str, Any]) -> dict[str, Any]:
    x, y = fact.place_M2[rows].T
    texts = []
    for row in rows.tolist():
        true, named = (label(fact.classes[number]) for number in (fact.true_M[row], fact.named_M[row]))
        texts.append(f"{true}, row {fact.row_M[row]:,}" + f"<br>named {named}" * bool(fact.wrong_M[row]))
    trace = {"type": "scatter", "mode": "markers", "name": label(name), "marker": marker, "text": texts}
    return {**trace, "x": short_numbers(x, 4), "y": short_numbers(y, 4), "hoverinfo": "text"}


def _live_image(image_CHW: NDArray[np.uint8], place: NDArray[np.float64], half: float) -> dict[str, Any]:
    from PIL import Image

    picture = Image.fromarray(image_CHW[0] if len(image_CHW) == 1 else image_CHW.transpose(1, 2, 0))
    picture.thumbnail((_LIVE_PIXELS, _LIVE_PIXELS))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    source = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    x, y = short_numbers(place, 4)
    middle = {"xanchor": "center", "yanchor": "middle", "xref": "x", "yref": "y", "layer": "above"}
    return {"source": source, "x": x, "y": y, "sizex": 2 * half, "sizey": 2 * half, **middle}


def _live_frame(
    image_CHW: NDArray[np.uint8], place: NDArray[np.float64], half: float, color: str
) -> dict[str, Any]:
    (x, y), (high, wide) = place.tolist(), image_CHW.shape[1:]
    down, across = half * high / max(high, wide), half * wide / max(high, wide)
    ends = dict(
        zip(
            ("x0", "x1", "y0", "y1"), short_numbers([x - across, x + across, y - down, y + down]), strict=True
        )
    )
    return {"type": "rect", **ends, "line": {"color": color, "width": 1.5}}


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    if not (extent.classes and (extent.images or extent.classes > 2)):
        return 0.0
    return panels_seconds(1) + PANEL * (3 if extent.images else 1)


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=35,
    name="32-delivered-map",
    title="Map of the test rows",
    caption=caption,
    gather=single(activation_map_of),
    draw=draw_activation_map,
    words=words,
    plot=plot,
    works=(
        Work(
            "map of activations: principal components",
            "Pearson (1901): On lines and planes of closest fit to systems of points in space. Philosophical Magazine"
            " 2, 559–572.",
        ),
    ),
    seconds=seconds,
    photographs=True,
)
