"""What a figure is: all that the house knows of one kind of picture, in one value; one file of `figures/` each.

A figure gathers facts from what was found, draws them, says them in words, plots them for the pointer, and names the
works that it rests on. Which figures there are, on disk and on the page, follows from the files of `figures/` alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from shoal.look._extent import Extent
from shoal.look._paper import Sheet
from shoal.look._plots import Plot
from shoal.look._run_findings import NetworkGroup, RunFindings
from shoal.look._work import Work

if TYPE_CHECKING:
    from shoal.look._scene import Scene

_NUMBERED: Final = re.compile(r"\d\d-")


class Chapter(Enum):
    """Where on the page a figure stands; its pictures lie in the folder in this order, the most telling first."""

    NETWORK = "network"
    OVERVIEW = "overview"
    SEARCH = "search"
    TESTED = "tested"
    INSIDE = "inside"
    EPOCHS = "epochs"
    ENSEMBLE = "ensemble"
    COMPARED = "compared"


GROUPED: Final = (Chapter.TESTED, Chapter.COMPARED)
"""Chapters whose pictures have a stem before the figure's name: "30-delivered-", or "40-NN-NAME-" of a comparison."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What a figure is gathered from: the findings of a run and, where it shows one, a group of its networks.

    The group is a comparison, or else the delivered network and its repeats. `stem` begins the names of the files of
    a figure that is gathered for several groups.
    """

    findings: RunFindings
    group: NetworkGroup
    stem: str = ""

    def named(self, name: str) -> str:
        """Give the name of a picture's file, without ending."""
        return f"{self.stem}-{name}" if self.stem else name


@dataclass(frozen=True, eq=False)
class Gathered:
    """The facts of one picture; name, title and a sentence behind the caption where a figure has several pictures."""

    fact: Any
    name: str = ""
    title: str = ""
    remark: str = ""


def single(fact_of: Callable[[RunFindings], Any]) -> Callable[[Subject], Iterator[Gathered]]:
    """Gather the one fact that a run's findings have for a figure; nothing where there is none, or an empty list."""

    def gather(subject: Subject) -> Iterator[Gathered]:
        if fact := fact_of(subject.findings):
            yield Gathered(fact)

    return gather


@dataclass(frozen=True, eq=False)
class Figure:
    """One kind of picture.

    `chapters` are those that it stands in, `order` its place among the figures of each, which no other there has.
    `name` is that of its file, which a number begins ("38-ensemble-votes"), but for chapters of several groups of
    networks (`GROUPED`): there a stem with the number is put before it ("loss" becomes "40-01-adam-loss").
    `gather` yields nothing where the figure does not apply. `words` (a sentence for who cannot see it) is empty, and
    `plot` None, where caption and drawing say it all. One that has a `scene`, for a width in pixels, stands on the
    page and in a file of its own as SVG, too, and so fits any screen and any paper. `memory` (bytes of its pictures,
    where they may be large) and `seconds` (of those of one subject) are known before a run starts; None where they
    count for nothing.
    The facts of the chapter EPOCHS are films: they move on the page, and `draw` shows a few of their epochs.
    `photographs`: it shows images of the data, whose brightness is never turned round, as a dark page does with charts.
    """

    chapters: tuple[Chapter, ...]
    order: int
    name: str
    title: str
    caption: str | Callable[[Any], str]
    gather: Callable[[Subject], Iterable[Gathered]]
    draw: Callable[[Any], Sheet]
    scene: Callable[[Any, float], Scene] | None = None
    words: Callable[[Any], str] | None = None
    plot: Callable[[Any], Plot | None] | None = None
    works: tuple[Work, ...] = ()
    memory: Callable[[Extent], float] | None = None
    seconds: Callable[[Extent], float] | None = None
    photographs: bool = False

    def __post_init__(self) -> None:
        """Refuse a name without a number where no stem is put before it, and with one where that would stand twice.

        Raises ValueError.
        """
        stems = {chapter in GROUPED for chapter in self.chapters}
        if len(stems) > 1:
            raise ValueError(
                f"figure {self.name!r}: expected chapters that all put a stem before names, or none"
            )
        if stems == {bool(_NUMBERED.match(self.name))}:
            what = (
                "without a number, since a stem is put before it"
                if True in stems
                else "such as 29-search-toy"
            )
            raise ValueError(f"figure {self.name!r}: expected a name {what}")

    def caption_of(self, gathered: Gathered) -> str:
        """Say what to see in a picture."""
        caption = self.caption if isinstance(self.caption, str) else self.caption(gathered.fact)
        return caption + gathered.remark
