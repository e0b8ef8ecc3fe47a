"""A drawing of few kinds of marks, and how it is written as SVG: text stays text, ink is that of the page around it.

What is drawn so is ink alone, in shades, and nothing lies behind anything else: it reads on light and dark pages, in
grey and on paper. Lengths are CSS pixels, x to the right, y downwards; the y of a text is that of its baseline.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

Point: TypeAlias = tuple[float, float]
Anchor: TypeAlias = Literal["start", "middle", "end"]
FAMILY: Final = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
"""None of these is wider than DejaVu Sans, by which texts are laid out."""
WIDE, NARROW = 720.0, 320.0
"""Widths of a picture: of a page, a screen or both columns of a paper; and of a phone."""
SOFT: Final = 0.72
"""The ink of what stands beside: 5.5 to 1 against the paper, on light and dark pages."""


@dataclass(frozen=True)
class Stroke:
    """Lines, each through its points."""

    lines: tuple[tuple[Point, ...], ...]
    width: float = 1.0
    ink: float = 1.0

    def moved(self, x: float, y: float) -> Stroke:
        """Give the same elsewhere."""
        return replace(self, lines=tuple(_moved(line, x, y) for line in self.lines))

    def svg(self) -> str:
        """Give its element."""
        lines = "".join(_way(line) for line in self.lines)
        ink = _unless_one("stroke-opacity", self.ink)
        return f'<path d="{lines}" stroke="currentColor"{_unless_one("stroke-width", self.width)}{ink}/>'


@dataclass(frozen=True)
class Area:
    """A closed outline, shaded within."""

    points: tuple[Point, ...]
    shade: float = 0.0
    width: float = 1.0

    def moved(self, x: float, y: float) -> Area:
        """Give the same elsewhere."""
        return replace(self, points=_moved(self.points, x, y))

    def svg(self) -> str:
        """Give its element."""
        shade = f' fill="currentColor"{_unless_one("fill-opacity", self.shade)}' if self.shade else ""
        return f'<path d="{_way(self.points)}Z"{shade} stroke="currentColor"{_unless_one("stroke-width", self.width)}/>'


@dataclass(frozen=True)
class Disc:
    """A circle, shaded within; without an outline where that has no width."""

    center: Point
    radius: float
    shade: float = 0.0
    width: float = 1.0

    def moved(self, x: float, y: float) -> Disc:
        """Give the same elsewhere."""
        return replace(self, center=(self.center[0] + x, self.center[1] + y))

    def svg(self) -> str:
        """Give its element."""
        x, y = self.center
        line = f' stroke="currentColor"{_unless_one("stroke-width", self.width)}' if self.width else ""
        shade = f' fill="currentColor"{_unless_one("fill-opacity", self.shade)}' if self.shade else ""
        return f'<circle cx="{_short(x)}" cy="{_short(y)}" r="{_short(self.radius)}"{shade}{line}/>'


@dataclass(frozen=True)
class Label:
    """A line of text; `width` is how wide it is at most, in whatever font; `whole` is the text before it was cut."""

    place: Point
    text: str
    width: float
    size: float = 11.0
    anchor: Anchor = "middle"
    bold: bool = False
    ink: float = 1.0
    whole: str = ""

    def moved(self, x: float, y: float) -> Label:
        """Give the same elsewhere."""
        return replace(self, place=(self.place[0] + x, self.place[1] + y))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Give where it stands: left, top, right, bottom."""
        x, y = self.place
        start = x - self.width * {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]
        return start, y - 0.78 * self.size, start + self.width, y + 0.24 * self.size

    def svg(self) -> str:
        """Give its element."""
        x, y = self.place
        bold = ' font-weight="bold"' if self.bold else ""
        anchor = "" if self.anchor == "start" else f' text-anchor="{self.anchor}"'
        size = "" if self.size == 11.0 else f' font-size="{_short(self.size)}"'
        look = f"{size}{anchor}{bold}{_unless_one('fill-opacity', self.ink)}"
        whole = f"<title>{html.escape(self.whole)}</title>" if self.whole not in ("", self.text) else ""
        return f'<text x="{_short(x)}" y="{_short(y)}"{look}>{whole}{html.escape(self.text)}</text>'


Mark: TypeAlias = Stroke | Area | Disc | Label


@dataclass(frozen=True)
class Scene:
    """Marks on a sheet of a size, the first drawn first."""

    width: float
    height: float
    marks: tuple[Mark, ...]

    @property
    def labels(self) -> Iterator[Label]:
        """Its texts."""
        return (mark for mark in self.marks if isinstance(mark, Label))


def svg(scene: Scene, title: str, words: str, *, paper: bool = False) -> str:
    """Write a scene as one SVG element that says itself what it is to who cannot see it.

    It has the ink of the page that it stands on; with `paper`, as a file of its own, black ink on white.
    """
    width, height = _short(scene.width), _short(scene.height)
    own = ' color="#222"' if paper else ""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img"{own} font-family="{FAMILY}" font-size="11" fill="none">'
    )
    said = f"<title>{html.escape(title)}</title><desc>{html.escape(words)}</desc>"
    sheet = f'<path d="M0 0H{width}V{height}H0Z" fill="#fff"/>' if paper else ""
    shapes = "".join(mark.svg() for mark in scene.marks if not isinstance(mark, Label))
    texts = "".join(label.svg() for label in scene.labels)
    return f'{head}{said}{sheet}{shapes}<g fill="currentColor">{texts}</g></svg>'


def fitting(drawn: str) -> str:
    """Let a drawing stand in a notebook: never wider than the page around it."""
    return drawn.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)


def _moved(points: Sequence[Point], x: float, y: float) -> tuple[Point, ...]:
    return tuple((at + x, down + y) for at, down in points)


def _way(points: Sequence[Point]) -> str:
    steps = [f"{_short(x)} {_short(y)}" for x, y in points]
    return f"M{steps[0]}L{' '.join(steps[1:])}" if len(steps) > 1 else f"M{steps[0]}"


def _short(value: float) -> str:
    """Write a length to a tenth of a pixel."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _unless_one(name: str, value: float) -> str:
    return "" if value == 1.0 else f' {name}="{value:g}"'
