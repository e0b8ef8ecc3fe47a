"""The pictures of a run: every figure asked for its facts, and how they come to disk."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from shoal.look._figure import Chapter, Figure, Subject
from shoal.look._paper import Sheet, png
from shoal.look._plots import Plot
from shoal.look._run_findings import RunFindings
from shoal.look._scene import WIDE, svg
from shoal.look._second_process import Call, SecondProcess
from shoal.look.figures import figures_of
from shoal.parts import REPORT, Parts
from shoal.results import PICTURES, Results, RunFiles


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of a figure: its file name without ending, what to see in it, its fact, and where it stands."""

    name: str
    title: str
    caption: str
    fact: Any
    figure: Figure
    chapter: Chapter
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
    for name, gathered in _gatherings(RunFindings(results)):
        with parts.attempt(f"figure {name}", REPORT):
            yield from gathered()


def _gatherings(findings: RunFindings) -> Iterator[tuple[str, Callable[[], Iterator[Picture]]]]:
    """Give every figure of every subject: its name, and what gathers its pictures."""
    for chapter in Chapter:
        for subject in _subjects(chapter, findings):
            for figure in figures_of(chapter):
                yield subject.named(figure.name), partial(_pictures, figure, chapter, subject)


def _pictures(figure: Figure, chapter: Chapter, subject: Subject) -> Iterator[Picture]:
    is_not = subject.group.is_not
    for gathered in figure.gather(subject):
        yield Picture(
            name=subject.named(gathered.name or figure.name),
            title=gathered.title or figure.title,
            caption=figure.caption_of(gathered) + (f" This is the winner {is_not}." if is_not else ""),
            fact=gathered.fact,
            figure=figure,
            chapter=chapter,
            group=subject.group.name,
        )


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
