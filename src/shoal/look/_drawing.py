"""What drawing a run and making its page will take, said before it starts: a sum over the figures of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from shoal.data import Dataset
from shoal.look._extent import Extent
from shoal.look._figure import Chapter, Figure
from shoal.look.figures import figures_of
from shoal.nets import Architecture
from shoal.study import Candidate, Study

FIRST: Final = 1.6
"""Seconds until pandas, matplotlib and the libraries of the page are imported; of the page, with plotly packed."""
TOGETHER: Final = 0.6
"""Part of the seconds of pictures that two processes take."""
SECOND_PROCESS: Final = 110e6
"""Bytes of a second process by itself: libraries, figures until they are gone, a canvas."""
OWN_CURVE: Final = 0.003
"""Seconds of every network's own curve and its row in the tables."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """The figures of a run that is not yet trained; `folds` are the splits of its search, 0 without one.

    `second` says whether a second process draws beside the first.
    """

    dataset: Dataset
    study: Study
    candidates: tuple[Candidate, ...]
    folds: int
    second: bool = False

    @property
    def beside(self) -> float:
        """The bytes of the second process."""
        return SECOND_PROCESS * self.second

    @cached_property
    def _figures(self) -> dict[Chapter, list[Figure]]:
        return {chapter: figures_of(chapter) for chapter in Chapter}

    def memory(self, networks: Iterable[Architecture]) -> float:
        """Give the bytes of the large pictures, whichever of these networks is delivered.

        They are summed up: matplotlib's figures are cycles, so that one picture is not gone when the next is drawn. Of
        a figure that shows several groups of networks one picture counts.
        """
        figures = dict.fromkeys(figure for kinds in self._figures.values() for figure in kinds)
        stated = [figure.memory for figure in figures if figure.memory]
        extents = map(self._extent, dict.fromkeys(networks))
        return max((sum(memory(extent) for memory in stated) for extent in extents), default=0.0)

    def seconds(self, network: Architecture) -> float:
        """Give the seconds where this network is delivered, on the machine on which they were measured."""
        extent = self._extent(network)
        searched = len(self.candidates) * extent.members if self.folds else 0
        fits = searched + (extent.comparisons + 1) * extent.repeats
        pictures = sum(self._seconds(chapter, extent) for chapter in Chapter)
        return FIRST + pictures * (TOGETHER if self.second else 1.0) + OWN_CURVE * fits

    def _extent(self, network: Architecture) -> Extent:
        return Extent(self.dataset, self.study, self.candidates, self.folds, network)

    def _seconds(self, chapter: Chapter, extent: Extent) -> float:
        shown = extent.comparisons if chapter is Chapter.COMPARED else 1
        return shown * sum(figure.seconds(extent) for figure in self._figures[chapter] if figure.seconds)
