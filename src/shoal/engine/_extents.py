"""How much of a run is looked at once it is trained: what looks at it keeps to this, and forecasts reckon with it."""

from __future__ import annotations

from typing import Final

GRID_POINTS: Final = 241
"""Points between the least and the largest value of an only input, at which the ensemble is asked."""
CHANNELS_KEPT: Final = 32
"""Channels of a layer that pictures show, at most: the first."""
LOOKED_AT: Final = 2000
"""Test images at which channels are measured, at most."""
UNIT_ROWS: Final = 400
"""Test rows at which the outputs of dense layers are kept, at most."""
