"""One figure, one file: each module here holds a `FIGURE`, and what stands here is drawn and shown."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from shoal.look._figure import Chapter, Figure


def figures_of(chapter: Chapter) -> list[Figure]:
    """Give the figures of a chapter, in the order of its pictures."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    everyone: list[Figure] = [import_module(f"{__name__}.{name}").FIGURE for name in names]
    return sorted(
        (figure for figure in everyone if chapter in figure.chapters), key=lambda figure: figure.order
    )
