"""`results.figures`: the pictures of a run by name, each gathered and drawn when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shoal.look._gallery import Key, Picture, gatherings
from shoal.look._notebook import table_html
from shoal.look._run_findings import RunFindings
from shoal.parts import REPORT, Parts
from shoal.results import Results
from shoal.wording import did_you_mean, first_few


class RunFigures(Mapping[Key, Picture]):
    """The pictures that a run has, by name, in the order of its report.

    Names are those of the files in the run folder, without their number: "ranking" is `20-search-ranking.png`, "roc" is
    `30-delivered-roc.png`. Pictures of a comparison have a pair of names: `figures["loss", "adam"]`. Looking at
    one gathers its facts alone, listing them those of all; nothing is drawn for that.
    """

    def __init__(self, results: Results) -> None:
        """Take the results; nothing is read before a picture is asked for."""
        self._results = results

    @cached_property
    def _figures(self) -> list[_OfFigure]:
        return [_OfFigure(*figure) for figure in gatherings(RunFindings(self._results))]

    def __getitem__(self, key: Key) -> Picture:
        """Give a picture by its name; KeyError where the run has none of that name."""
        for figure in sorted(self._figures, key=lambda figure: figure.key != key):
            for picture in figure.pictures:
                if picture.key == key:
                    return picture
        raise KeyError(self._no_such(key))

    def __iter__(self) -> Iterator[Key]:
        return (picture.key for figure in self._figures for picture in figure.pictures)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"RunFigures({first_few([repr(key) for key in self], 6)})"

    def _no_such(self, key: Any) -> str:
        if (of_file := {picture.name: picture.key for picture in self.values()}.get(key)) is not None:
            return f"no picture {key!r}; that is the name of its file, the picture is {of_file!r}"
        pairs = [repr(known) for known in self if isinstance(known, tuple) and known[0] == key]
        if pairs:
            return f"no picture {key!r} of the delivered network; comparisons have it: {first_few(pairs, 4)}"
        names = {_text(known): repr(known) for known in self}
        hint = did_you_mean(_text(key), list(names), lambda text: names.get(text, repr(key)))
        return f"no picture {key!r} in this run{hint}"

    def _repr_html_(self) -> str:
        rows = [(repr(picture.key), picture.title) for picture in self.values()]
        return table_html("pictures of the run", ("name", "shows"), rows, (False, False))


@dataclass(frozen=True)
class _OfFigure:
    """The pictures of one figure, gathered once, when they are asked for."""

    name: str
    key: Key
    gather: Callable[[], Iterator[Picture]]

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        pictures: list[Picture] = []
        with Parts().attempt(f"figure {self.name}", REPORT):
            pictures += self.gather()
        return tuple(pictures)


def _text(key: Any) -> str:
    return ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)
