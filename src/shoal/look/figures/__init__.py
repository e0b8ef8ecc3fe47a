"""One figure, one file: each module here holds a `FIGURE`, and what stands here is drawn and shown."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from shoal.look._figure import Chapter, Figure


def figures_of(chapter: Chapter) -> list[Figure]:
    """Give the figures of a chapter, in the order of its pictures."""
    figures: list[Figure] = [import_module(f"{__name__}.{name}").FIGURE for name in _names(tuple(__path__))]
    return sorted(
        (figure for figure in figures if chapter in figure.chapters), key=lambda figure: figure.order
    )


@cache
def _names(folders: tuple[str, ...]) -> list[str]:
    """Name the modules of some folders, which are looked through once."""
    return sorted(module.name for module in pkgutil.iter_modules(folders))
