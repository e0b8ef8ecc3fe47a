"""A picture as a file, SVG, PDF or PNG by the ending of its name, and as a figure of matplotlib to work on."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from shoal.errors import InputError, Problem, as_path
from shoal.files import write
from shoal.look._paper import design
from shoal.results import refuse_to_replace
from shoal.wording import listed

if TYPE_CHECKING:
    from shoal.look._paper import Sheet

ENDINGS: Final = (".svg", ".pdf", ".png")
_UNSAID: Final = {"pdf": ("Creator", "Producer", "CreationDate"), "svg": ("Creator", "Date")}
"""What would make a file follow the day and the version that it was written by."""

F = TypeVar("F")


def worked_on(draw: Callable[[F], Sheet], fact: F) -> Sheet:
    """Draw a fact as a figure that keeps its design, whatever settings are in force where it is worked on and saved."""
    with design() as settings:
        figure = draw(fact)
        grid = {f"grid_{name}": settings[f"grid.{name}"] for name in ("color", "linewidth", "linestyle")}
        for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
            # Ticks are made while a figure is drawn, as many as there is room for.
            ticks = f"{axis.axis_name}tick"
            ink = dict.fromkeys(("color", "labelcolor"), settings[f"{ticks}.color"])
            own = {**grid, **ink, "labelsize": settings[f"{ticks}.labelsize"]}
            axis.set_tick_params("major", **own | axis.get_tick_params("major"))
            axis.set_tick_params("minor", **own | axis.get_tick_params("minor"))
    return figure


def vector(draw: Callable[[F], Sheet], fact: F, form: Literal["pdf", "svg"]) -> bytes:
    """Draw a fact as PDF, its text as text, or as SVG, its letters as outlines; the same fact gives the same bytes."""
    buffer = io.BytesIO()
    with design():
        draw(fact).savefig(buffer, format=form, metadata=dict.fromkeys(_UNSAID[form]))
    return buffer.getvalue()


def save_picture(path: Path | str, forms: Mapping[str, Callable[[], bytes]], *, force: bool) -> None:
    """Write a picture, whole or not at all, in the form that the ending of the name says: one of `ENDINGS` each.

    Raises InputError for another ending, where `path` has other content, unless `force`, for files of a run folder
    itself, and for a place where nothing can be written.
    """
    place = as_path(path, "the path of a picture")
    refuse_to_replace(place)
    refuse_other_endings(place)
    write(place, forms[place.suffix.lower()](), new=not force)


def refuse_other_endings(path: Path) -> None:
    """Raise InputError for a name whose ending is that of no picture that can be written."""
    if path.suffix.lower() not in ENDINGS:
        raise InputError(Problem(str(path), f"expected a name that ends in {listed(ENDINGS, 'or')}"))
