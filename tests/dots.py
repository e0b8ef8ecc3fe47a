"""Runs of which less is made: pictures that nobody looks at are one dot, or a run ends with its model.

Drawing takes nearly all of a tiny run's time, and what comes after the model most of what is left. What pictures show
is the matter of `tests/look/`; whole runs, drawn networks and hostile names draw them too.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pytest

AFTER_THE_MODEL: Final = ("write_report", "drift_of_rows", "ask_simple_models")


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


def end_with_the_model(patch: pytest.MonkeyPatch, *, simple_models: bool = False) -> None:
    """Have runs ask no `simple_models`, hold no test rows against training rows, and write no report."""
    for name in AFTER_THE_MODEL[: 2 if simple_models else 3]:
        patch.setattr(f"shoal.pipeline.{name}", lambda *_: "")


def draw_dots(*, simple_models: bool = False) -> None:
    """Draw dots in this process from now on, as the fixture does: for scripts of their own."""
    import shoal.look._gallery
    import shoal.pipeline
    from shoal.look import SecondProcess

    assert "pytest" not in sys.modules

    shoal.look._gallery.png = dot
    SecondProcess.start = lambda _: None  # type: ignore[method-assign]
    for name in AFTER_THE_MODEL[1 : 2 if simple_models else 3]:
        setattr(shoal.pipeline, name, lambda *_: "")


if __name__ == "__main__":  # the command `shoal`, in a process of its own
    from shoal.cli import main

    draw_dots()
    main()
