"""The memory of pictures that are large, in bytes: they grow with classes, channels, units or test rows. Pure.

Sizes on paper are those of the drawing functions of `look`, which may not be imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shoal.data import Dataset
from shoal.engine._fits import StudyFit
from shoal.engine._inside import CHANNELS_KEPT
from shoal.nets import ConvLayer
from shoal.study import MOST_IMAGES

UNIT_INPUTS: Final = 1000
"""Inputs at which a unit's output is shown, at most."""
ERROR_BAR: Final = 650.0
"""A test row in a picture of a regression: matplotlib makes an object of each error bar."""
SHADE: Final = 35.0
"""A dot of a picture that is one map of colours: its value, its masks, four channels as float64."""
TILED_SHADE: Final = 65.0
"""The same where the map is a mosaic of images, and is held twice."""
UNIT_CELL: Final = 80.0
"""A unit's output at one input in its picture: its value, its colour, and as a Python number on the way to CSV."""
DOTS: Final = 120.0**2
"""Dots of a square inch."""


def picture_bytes(dataset: Dataset, fits: Sequence[StudyFit]) -> float:
    """Sum them up; matplotlib's figures are cycles, so that one picture is not gone when the next is drawn."""
    tested = dataset.rows - dataset.train_rows
    bars = ERROR_BAR * tested * (0 if dataset.classes else dataset.outputs)
    inside = (_units(dataset, fit, tested) + _feature_maps(fit, len(dataset.classes)) for fit in fits)
    return bars + _confusion(len(dataset.classes)) + max(inside, default=0.0)


def _confusion(classes: int) -> float:
    """Its side grows with the classes (see `draw_confusion`)."""
    side = min(3.4 + 0.52 * classes, 14)
    return SHADE * DOTS * side * (side + 0.8) if classes else 0.0


def _units(dataset: Dataset, fit: StudyFit, tested: int) -> float:
    """Units at test rows; where all inputs are numbers, all test rows pass through the network at once."""
    units = [layer.units for layer in fit.job.architecture.layers if not isinstance(layer, ConvLayer)]
    shown = UNIT_CELL * sum(units) * min(tested, UNIT_INPUTS)
    kept = dataset.images is not None or any(column.categorical for column in dataset.columns)
    return shown if kept or len(dataset.columns) == 1 else shown + 4.0 * tested * (sum(units) + max(units))


def _feature_maps(fit: StudyFit, classes: int) -> float:
    """A row for an image of each class, a column for each channel of the widest layer (see `draw_feature_maps`)."""
    channels = [layer.units for layer in fit.job.architecture.layers if isinstance(layer, ConvLayer)]
    if not channels:
        return 0.0
    columns, rows = min(CHANNELS_KEPT, max(channels)), min(MOST_IMAGES, classes)
    side = min(0.62, 12 / columns, 18 / rows)
    return TILED_SHADE * DOTS * (side * (columns + 1) + 3.2) * (side * rows + 1.4)
