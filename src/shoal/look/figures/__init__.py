"""One figure, one file: each module here holds a `FIGURE`, and what stands here is drawn and shown."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from shoal.look._figure import Chapter, Figure


def figures_of(chapter: Chapter) -> list[Figure]:
    """Give the figures of a chapter, in the order of its pictures."""
    figures = _figures(tuple(__path__))
    return sorted(
        (figure for figure in figures if chapter in figure.chapters), key=lambda figure: figure.order
    )


@cache
def _figures(folders: tuple[str, ...]) -> tuple[Figure, ...]:
    """Give the figures of some folders, which are looked through once, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(folders))
    return tuple(import_module(f"{__name__}.{name}").FIGURE for name in names)
