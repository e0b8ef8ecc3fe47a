"""The pictures of a run: every figure asked for its facts, and how they come to disk."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from shoal.errors import InputError, Problem
from shoal.look._figure import Chapter, Figure, Subject
from shoal.look._notebook import escaped, image_html
from shoal.look._paper import Sheet, png
from shoal.look._picture_files import save_picture, vector, worked_on
from shoal.look._plots import LiveFigure, Plot, plotly_figure
from shoal.look._run_findings import RunFindings
from shoal.look._scene import WIDE, fitting, svg
from shoal.look._second_process import Call, SecondProcess
from shoal.look.figures import figures_of
from shoal.parts import REPORT, Parts
from shoal.results import PICTURES, Results, RunFiles
from shoal.wording import visible

Key = str | tuple[str, str]
"""The name of a picture; of a comparison's a pair, with the name of the comparison."""
_FILED: Final = re.compile(r"^\d\d-(search-|delivered-)?")
"""What the name of a file has before that: its number, and what is said of most of its chapter."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of a figure: its file name without ending, what to see in it, its fact, and where it stands.

    A notebook shows it; `matplotlib()` and `plotly()` give figures to work on, `save` writes a file. Nothing is drawn
    before it is asked for.
    """

    name: str
    title: str
    caption: str
    fact: Any
    figure: Figure
    chapter: Chapter
    key: Key
    """Its name in `results.figures`."""
    group: str
    """The networks that are shown, where a chapter has pictures of several comparisons."""

    @property
    def named(self) -> str:
        """Its title, which several comparisons have, with the comparison: no other picture of a run has it."""
        return f"{self.title}, {self.group}" if self.chapter is Chapter.COMPARED else self.title

    def draw(self, fact: Any) -> Sheet:
        """Lay a fact out on paper."""
        return self.figure.draw(fact)

    def png(self) -> bytes:
        """Draw it; the same fact gives the same bytes."""
        return png(self.draw, self.fact)

    @property
    def drawing(self) -> Call:
        """The same as a call that another process can make."""
        return png, (self.figure.draw, self.fact)

    def svg(self, width: float, *, paper: bool = False) -> str:
        """Give it as SVG for so many pixels, with `paper` as a file of its own; "" where it has no such form."""
        if self.figure.scene is None:
            return ""
        return svg(self.figure.scene(self.fact, width), self.title, self.said, paper=paper)

    @property
    def said(self) -> str:
        """What it shows, in a sentence."""
        return (self.figure.words(self.fact) if self.figure.words else "") or self.caption

    def words(self) -> str:
        """Say it to who cannot see it."""
        return f"{self.named}: {self.said}"

    def __repr__(self) -> str:
        return f"Picture({self.key!r}: {visible(self.title)})"

    def matplotlib(self) -> Sheet:
        """Draw it as a `matplotlib.figure.Figure` to work on, a new one each time; pyplot knows nothing of it."""
        return worked_on(self.draw, self.fact)

    def plotly(self) -> LiveFigure:
        """Give it as a `plotly.graph_objects.Figure`, whose numbers stand at the pointer.

        Raises InputError for a picture to which the pointer adds nothing.
        """
        plot = self.plot()
        if plot is None:
            what = "expected a picture that answers to the pointer, got one that is drawn alone: matplotlib() gives it"
            raise InputError(Problem(f"figures[{self.key!r}]", what))
        return plotly_figure(plot, self.named)

    def save(self, path: Path | str, *, force: bool = False) -> None:
        """Write it, whole or not at all: as SVG, PDF or PNG, by the ending of the name.

        Raises InputError for another ending, where `path` has other content, unless `force`, for files of a run folder
        itself, and for a place where nothing can be written.
        """
        forms: dict[str, Callable[[], bytes]] = {
            ".svg": self._svg_file,
            ".pdf": lambda: vector(self.draw, self.fact, "pdf"),
            ".png": self.png,
        }
        save_picture(path, forms, force=force)

    def _svg_file(self) -> bytes:
        drawn = self.svg(WIDE, paper=True)
        return f"{drawn}\n".encode() if drawn else vector(self.draw, self.fact, "svg")

    def _repr_html_(self) -> str:
        """Give picture and caption for a notebook: the picture on its own white ground, or with the ink of the page."""
        drawn = self.svg(WIDE)
        shown = fitting(drawn) if drawn else image_html(self.png(), self.words())
        title, caption = escaped(self.named), escaped(self.caption)
        return f'<figure style="margin:0">{shown}<figcaption><b>{title}.</b> {caption}</figcaption></figure>'

    def plot(self) -> Plot | None:
        """Give its form that answers to the pointer; None where hovering would add nothing."""
        return self.figure.plot(self.fact) if self.figure.plot else None


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture, the file that it was drawn to (its path in the run folder), and what stands in that."""

    picture: Picture
    name: str
    content: bytes


def draw_figures(
    results: Results, files: RunFiles, parts: Parts | None = None, second: SecondProcess | None = None
) -> tuple[Drawn, ...]:
    """Write every picture of a run to its run folder; give them with their files, the most telling first.

    `second` draws some of them. Each file appears whole or not at all. Files of earlier pictures that the run has no
    more are removed. A picture that cannot be made is noted in `parts`, and the others are made.
    Raises EnvironmentFault or RunFolderError where the folder cannot be written.
    """
    parts, second = parts or Parts(), second or SecondProcess(allowed=False)
    written: list[Drawn] = []
    names: list[str] = []
    undrawn = list(pictures(results, parts))
    with second.ahead([picture.drawing for picture in undrawn]) as made:
        for picture, png_there in zip(undrawn, made, strict=True):
            with parts.attempt(f"figure {picture.name}", REPORT):
                drawn = Drawn(picture, f"{PICTURES}/{picture.name}.png", png_there() or picture.png())
                files.write(drawn.name, drawn.content)
                written.append(drawn)
                names.append(drawn.name)
            if picture.figure.scene:
                with parts.attempt(f"figure {picture.name}.svg", REPORT):
                    names.append(f"{PICTURES}/{picture.name}.svg")
                    files.write(names[-1], f"{picture.svg(WIDE, paper=True)}\n".encode())
    files.keep_only(PICTURES, names)
    return tuple(written)


def pictures(results: Results, parts: Parts | None = None) -> Iterator[Picture]:
    """Give every picture that the results hold the facts of; facts are gathered one after the other.

    A picture whose facts cannot be gathered is noted in `parts`.
    """
    parts = parts or Parts()
    for name, _, gathered in gatherings(RunFindings(results)):
        with parts.attempt(f"figure {name}", REPORT):
            yield from gathered()


def gatherings(findings: RunFindings) -> Iterator[tuple[str, Key, Callable[[], Iterator[Picture]]]]:
    """Give every figure of every subject: the names of its file and of its picture, and what gathers its pictures."""
    for chapter in Chapter:
        for subject in _subjects(chapter, findings):
            for figure in figures_of(chapter):
                key = key_of(figure.name, chapter, subject.group.name)
                yield subject.named(figure.name), key, partial(_pictures, figure, chapter, subject)


def _pictures(figure: Figure, chapter: Chapter, subject: Subject) -> Iterator[Picture]:
    is_not, group = subject.group.is_not, subject.group.name
    for gathered in figure.gather(subject):
        name = gathered.name or figure.name
        yield Picture(
            name=subject.named(name),
            title=gathered.title or figure.title,
            caption=figure.caption_of(gathered) + (f" This is the winner {is_not}." if is_not else ""),
            fact=gathered.fact,
            figure=figure,
            chapter=chapter,
            key=key_of(name, chapter, group),
            group=group,
        )


def key_of(name: str, chapter: Chapter, group: str) -> Key:
    """Name a picture by its figure: "20-search-ranking" is "ranking", the "loss" of a comparison ("loss", "adam")."""
    short = _FILED.sub("", name)
    return (short, group) if chapter is Chapter.COMPARED else short


def _subjects(chapter: Chapter, findings: RunFindings) -> Iterator[Subject]:
    """Give what the figures of a chapter are gathered from; nothing where a run has no such chapter."""
    delivered = findings.delivered
    match chapter:
        case Chapter.NETWORK:
            if delivered.healthy:
                yield Subject(findings, delivered)
        case Chapter.OVERVIEW:
            if findings.comparisons:
                yield Subject(findings, delivered)
        case Chapter.SEARCH | Chapter.ENSEMBLE:
            yield Subject(findings, delivered)
        case Chapter.TESTED:
            if delivered.healthy:
                yield Subject(findings, delivered, "30-delivered")
        case Chapter.INSIDE:
            if delivered.healthy:
                yield Subject(findings, delivered)
        case Chapter.COMPARED:
            for number, group in enumerate(findings.comparisons, start=1):
                yield Subject(findings, group, f"40-{number:02d}-{_slug(group.name)}")


def _slug(name: str) -> str:
    """Give a part of a file name made of a name: small letters, digits and hyphens, at most 40."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:40].rstrip("-") or "unnamed"
