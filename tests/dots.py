"""Runs whose pictures nobody looks at: each is one dot, since drawing takes nearly all of a tiny run's time.

What pictures show is the matter of `tests/look/`; whole runs, drawn networks and hostile names draw them too.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def _dot() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG")
    return buffer.getvalue()


def dot(*_: object) -> bytes:
    """What stands in for `shoal.look._gallery.png`."""
    return _dot()


def dots_but(*kinds: str) -> Callable[[Any, Any], bytes]:
    """What stands in for it where only figures of some names are looked at."""
    from shoal.look._paper import png

    return lambda draw, fact: png(draw, fact) if draw.__self__.figure.name in kinds else _dot()


def draw_dots() -> None:
    """Draw dots in this process from now on: for scripts of their own; tests take the fixture, which ends."""
    import shoal.look._gallery
    from shoal.look import SecondProcess

    assert "pytest" not in sys.modules

    shoal.look._gallery.png = dot
    SecondProcess.start = lambda _: None  # type: ignore[method-assign]


if __name__ == "__main__":  # the command `shoal`, in a process of its own
    from shoal.cli import main

    draw_dots()
    main()
