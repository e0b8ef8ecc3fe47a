"""Studies with one fault each: for every check of method, the world in which it has to speak.

Each module holds functions that draw such a study; `plants` says which check looks for its fault.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module

from benchmarks.honesty.drawn_studies import DrawnStudy, Rng

Plant = Callable[[Rng], DrawnStudy]
_PLANTED: dict[str, Plant] = {}


def plants(code: str) -> Callable[[Plant], Plant]:
    """Register the world of one check; a second one for the same check is a mistake."""

    def registered(plant: Plant) -> Plant:
        if code in _PLANTED:
            raise ValueError(f"{code} has a planted world already")
        _PLANTED[code] = plant
        return plant

    return registered


def planted() -> dict[str, Plant]:
    """Give the planted world of every check by its code."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return dict(sorted(_PLANTED.items()))
