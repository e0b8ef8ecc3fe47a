"""The time of drawing and of the page, in seconds on the machine of `time.py`: a sum over the pictures of a run.

Which pictures a run gets, and how large they are, is decided in `look`, which may not be imported here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from shoal.data import Dataset
from shoal.engine._fits import Fit, Planner
from shoal.engine._inside import CHANNELS_KEPT
from shoal.nets import ConvLayer
from shoal.study import MOST_IMAGES

FIRST: Final = 1.9
"""pandas, matplotlib and what the page is made of, imported; the page itself, and plotly packed into it."""
PICTURE: Final = 0.085
"""A picture, with its copy for the page."""
PANEL: Final = 0.065
BAR: Final = 0.05
"""A bar of colours."""
SMALL: Final = 0.02
"""A panel without axes that shows one image."""
NUMBER: Final = 0.0012
"""A number written into a map of colours."""
LABEL: Final = 0.003
"""The name of a class beside a picture; layouts ask for its size several times."""
DOTS: Final = 0.2e-6
"""A dot of a picture: drawn, packed twice."""
ERROR_BAR: Final = 4e-5
"""A test row in a picture of a regression."""
VALUE: Final = 4e-8
"""A unit's output, or a test row's answer, on its way into a picture."""
INCH: Final = 120
LAYERS: Final = 8
"""Layers shown in one picture, at most."""
SMALL_IMAGES: Final = 24


def picture_seconds(planner: Planner, fit: Fit) -> float:
    """Sum them up; `fit` is the delivered network."""
    return FIRST + sum(_pictures(planner, fit)) + _fits_shown(planner)


def _fits_shown(planner: Planner) -> float:
    """Every network's own curve and its row in the tables."""
    fits = len(planner.search_fits()) + (len(planner.comparisons) + 2) * planner.study.study.repeats
    return 0.003 * fits


def _pictures(planner: Planner, fit: Fit) -> Iterator[float]:
    """Give the seconds of the pictures, one chapter after the other."""
    dataset = planner.dataset
    tested, repeats = dataset.rows - dataset.train_rows, planner.study.study.repeats
    measures = 2 if dataset.classes else 1
    groups = len(planner.comparisons) + 1
    yield _plain(1) * (1 + measures) + 0.004 * groups * repeats
    yield groups * measures * _plain(1)
    yield (groups + 1) * _tested(dataset, tested, repeats)
    yield from _inside(planner, fit, tested)
    if dataset.images is not None:
        yield _plain(0) + SMALL * SMALL_IMAGES
    if planner.folds:
        yield from _search(planner, tested)


def _plain(panels: int) -> float:
    return PICTURE + PANEL * panels


def _tested(dataset: Dataset, tested: int, repeats: int) -> float:
    """Pictures of the answers for the test rows."""
    answers = VALUE * tested * repeats * dataset.outputs
    if not dataset.classes:
        curve = _plain(1) * (dataset.images is None and len(dataset.columns) == 1)
        return curve + _plain(1) + answers + (ERROR_BAR if repeats > 1 else VALUE) * tested * dataset.outputs
    classes = len(dataset.classes)
    side = min(3.4 + 0.52 * classes, 14)
    written = NUMBER * (classes**2 if classes <= 20 else 0) + LABEL * 2 * min(40, classes)
    confusion = _plain(1) + BAR + written + DOTS * INCH**2 * side * (side + 0.8)
    return confusion + _plain(2) + answers + 3e-7 * classes**2


def _inside(planner: Planner, fit: Fit, tested: int) -> Iterator[float]:
    """Pictures of the inside of the delivered network."""
    layers = fit.job.architecture.layers
    shown = min(LAYERS, len(layers))
    dense = [layer for layer in layers if not isinstance(layer, ConvLayer)]
    convolutions = [layer for layer in layers if isinstance(layer, ConvLayer)]
    units = sum(layer.units for layer in dense)
    yield _plain(shown) + 2e-8 * fit.job.architecture.parameter_count
    yield _plain(0) + min(LAYERS, len(dense)) * (PANEL + BAR) + VALUE * units * min(1000, tested)
    yield _plain(shown) * (planner.study.inspect.history > 0)
    if not convolutions:
        return
    yield _plain(0) + len(convolutions) * 2 * (PANEL + BAR)
    yield _plain(0) + len(convolutions) * (PANEL + BAR + LABEL * min(30, len(planner.dataset.classes)))
    pixels = math.prod(fit.job.architecture.input_shape)
    rows = min(MOST_IMAGES, len(planner.dataset.classes))
    for layer in convolutions:
        kept = min(CHANNELS_KEPT, layer.units)
        side = min(0.62, 12 / kept, 18 / rows)
        maps = (side * (kept + 1) + 3.2) * (side * rows + 1.4)
        exciting = max(7.2, 2.2 + 0.71 * min(kept, 16)) * 4.5 * -(-kept // 16)
        yield 2 * _plain(1) + 2 * BAR + LABEL * rows + DOTS * INCH**2 * (maps + exciting)
        yield 2e-8 * kept * (rows * math.prod(layer.size) + 5 * pixels)


def _search(planner: Planner, tested: int) -> Iterator[float]:
    """Pictures of the search, and of the ensemble of its networks."""
    dataset, candidates = planner.dataset, len(planner.candidates)
    keys = len({key for candidate in planner.candidates for key in candidate.values})
    members = len(planner.folds) * (planner.study.search.repeats if planner.study.search else 1)
    yield _plain(1)
    if candidates > 1:
        yield _plain(keys) + _plain(1) + _plain(1) + LABEL * 5 * (keys + 1)
        yield _plain(min(6, candidates)) + 1e-4 * candidates * members
    yield _plain(1)
    yield _plain(1) + VALUE * tested * members * dataset.outputs
    if dataset.images is not None:
        yield _plain(0) + SMALL * SMALL_IMAGES
