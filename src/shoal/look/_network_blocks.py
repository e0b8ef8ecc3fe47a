"""The parts of a drawn network, one beside the other: inputs, units, feature maps, answers.

Each is drawn around the axis on which the network runs, at y = 0, and around its own middle, at x = 0. Letters: C
channels, H, W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shoal.look._escape import seen
from shoal.look._network import MOST_UNITS, ColumnFacts, NetworkFacts, StepFacts
from shoal.look._paper import shown_name, text_width
from shoal.look._scene import Anchor, Area, Disc, Label, Mark, Point, Stroke
from shoal.wording import counted

SIZE: Final = 11.0
LINE: Final = 15.0
"""Sizes of letters, and of a line of them."""
WRAP: Final = 92.0
"""Width of the texts under a part."""
NAME: Final = 132.0
"""Width of the name of an input or an output."""
FIRST_UNITS, LAST_UNITS = 4, 3
"""Units that are drawn of a layer of more than are all drawn."""
RADIUS, PITCH = 6.5, 19.0
_ANCHORS: Final[dict[int, Anchor]] = {-1: "end", 1: "start"}
TABLE: Final = (24.0, 15.0)
SMALLEST, LARGEST = 9.0, (52.0, 84.0)
"""Sides of drawn feature maps: of the smallest, and of the largest of a network, whatever its pixels."""
SHIFT: Final = 3.0
MOST_MAPS: Final = 8
Window = tuple[int, int] | None
"""Pixels down and across of what the next step sees at once; None where it sees all."""


@dataclass(frozen=True)
class Block:
    """One part: its heading, the texts below it, its marks, and how far these reach from its middle.

    Lines from the part before arrive at `enter`, those to the next one leave from `leave`. `window` is where the next
    step looks at these maps, at its right corners; what it computes there arrives at `seen` of the next part.
    """

    heading: str
    lines: tuple[str, ...]
    marks: tuple[Mark, ...]
    leftward: float
    rightward: float
    above: float
    below: float
    enter: tuple[Point, ...] = ()
    leave: tuple[Point, ...] = ()
    window: tuple[Point, ...] = ()
    seen: Point | None = None
    arrow: bool = False
    """Whether an arrow leads here."""
    adds: int = 0
    """How many parts before this one the maps stand that are added to it; 0 where there are none."""
    projects: bool = False
    """Whether these pass a convolution of their own."""


def blocks(fact: NetworkFacts) -> list[Block]:
    """Give the parts of a network, in order."""
    drawn = [step for step in fact.steps if step is not fact.embedding]
    windows = [step.span if step.window else None for step in drawn]
    of_images = len(fact.input_shape) == 3
    maps = [shape for shape in (fact.input_shape, *(step.shape for step in drawn)) if len(shape) == 3]
    unit = _pixels(max(maps[0][1:])) if maps else 0.0
    parts = [_image(fact, windows[0], unit) if of_images else _columns(fact)]
    for place, step in enumerate(drawn):
        if len(step.shape) == 3:
            pooling = place > 0 and drawn[place - 1].layer == step.layer
            following = drawn[place + 1]
            texts = [*_texts(step, step.shape_text)]
            texts += [f"flat: {math.prod(step.shape):,}"] * (len(following.shape) == 1)
            stack = _stack(
                step.shape, (step.words if pooling else step.layer, texts), windows[place + 1], unit
            )
            first = next((at for at, other in enumerate(drawn) if other.layer == step.added), place + 1)
            parts.append(replace(stack, adds=place + 1 - first, projects=step.through != 0))
        else:
            parts.append(_units(step, fact.outputs if place == len(drawn) - 1 else ()))
    return [*parts, _answers(fact)]


def _texts(step: StepFacts, size: str) -> Iterator[str]:
    yield size
    yield from step.geometry
    yield from [step.norm] if step.norm else []
    yield from [f"+ {step.entered_text}"] if step.added else []
    yield from [step.activation] if step.activation else []
    yield from [f"dropout {step.dropout:g}"] if step.dropout else []
    yield from [counted(step.parameters, "parameter")] if step.parameters else []


def wrapped(texts: Sequence[str]) -> tuple[str, ...]:
    """Break texts into lines that are no wider than a part; a word that is wider is cut."""
    lines: list[str] = []
    for text in texts:
        line = ""
        for word in text.replace(" × ", "\u00a0×\u00a0").split(" "):
            longer = f"{line} {word}".strip()
            if line and text_width(longer, SIZE) > WRAP:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return tuple(shown_name(line, WRAP, SIZE) for line in lines)


# Units


def places(count: int) -> tuple[list[float], list[int], list[float]]:
    """Lay out a column of units: the heights of those drawn, their numbers, and the heights of dots for the others."""
    all_drawn = count <= MOST_UNITS
    numbers = list(range(count)) if all_drawn else [*range(FIRST_UNITS), *range(count - LAST_UNITS, count)]
    slots = len(numbers) + (not all_drawn)
    heights = [PITCH * (slot - (slots - 1) / 2) for slot in range(slots)]
    if all_drawn:
        return heights, numbers, []
    gap = heights.pop(FIRST_UNITS)
    return heights, numbers, [gap - 5, gap, gap + 5]


def _column_of_units(heights: Sequence[float], dots: Sequence[float]) -> list[Mark]:
    units: list[Mark] = [Disc((0, y), RADIUS, 0.08, 1.1) for y in heights]
    return units + [Disc((0, y), 1.2, 1.0, 0.0) for y in dots]


def _name(name: str, y: float, side: int, extra: str = "") -> list[Label]:
    """Write the name of a unit, and what is said of it, to the left of it (-1) or to the right (1)."""
    if not name:
        return []
    text = shown_name(name, NAME - text_width(extra, SIZE), SIZE) + extra
    place, anchor = (side * (RADIUS + 5), y + 0.36 * SIZE), _ANCHORS[side]
    return [Label(place, text, text_width(text, SIZE), anchor=anchor, whole=seen(name) + extra)]


def _units(step: StepFacts, names: Sequence[str]) -> Block:
    heights, numbers, dots = places(step.shape[0])
    shown = [(names[number], y) for number, y in zip(numbers, heights, strict=True)] if names else []
    labels = [label for name, y in shown for label in _name(name, y, 1)]
    return Block(
        heading=step.layer,
        lines=wrapped(list(_texts(step, counted(step.shape[0], "unit")))),
        marks=(*_column_of_units(heights, dots), *labels),
        leftward=RADIUS,
        rightward=max([RADIUS, *(label.box[2] for label in labels)]),
        above=heights[0] - RADIUS,
        below=heights[-1] + RADIUS,
        enter=tuple((-RADIUS, y) for y in heights),
        leave=tuple((RADIUS, y) for y in heights),
    )


def _columns(fact: NetworkFacts) -> Block:
    """Draw the columns of a table: a unit each, or a table of vectors."""
    columns = fact.columns or (ColumnFacts(""),) * fact.input_shape[0]
    heights, numbers, dots = places(len(columns))
    shown = [columns[number] for number in numbers]
    marks: list[Mark] = [Disc((0, y), 1.2, 1.0, 0.0) for y in dots]
    for column, y in zip(shown, heights, strict=True):
        marks += _vectors(y) if column.table else [Disc((0, y), RADIUS, 0.08, 1.1)]
    labels = [
        label.moved(-(TABLE[0] / 2 - RADIUS), 0) if column.table else label
        for column, y in zip(shown, heights, strict=True)
        for label in _name(column.name, y, -1, _becomes(column))
    ]
    inputs, embedding = fact.input_shape[0], fact.embedding
    half = [TABLE[0] / 2 if column.table else RADIUS for column in shown]
    texts = [] if len(columns) == inputs else [counted(len(columns), "column")]
    texts += [counted(inputs, "input")] if embedding is None else [counted(embedding.shape[0], "number")]
    if embedding is not None:
        tables = sum(bool(column.table) for column in columns)
        texts += [f"{counted(tables, 'table')} of vectors: {counted(embedding.parameters, 'parameter')}"]
    return Block(
        heading="inputs",
        lines=wrapped(texts),
        marks=(*marks, *labels),
        leftward=max([*half, *(-label.box[0] for label in labels)]),
        rightward=max(half),
        above=heights[0] - max(RADIUS, TABLE[1] / 2),
        below=heights[-1] + max(RADIUS, TABLE[1] / 2),
        leave=tuple((width, y) for width, y in zip(half, heights, strict=True)),
    )


def _becomes(column: ColumnFacts) -> str:
    """Say what a column becomes where that is not one number."""
    if column.table:
        rows, size = column.table
        return f" {rows:,} × {size:,}"
    return f" ({column.inputs:,})" if column.inputs > 1 else ""


def _vectors(y: float) -> list[Mark]:
    """Draw a table of vectors: a small grid."""
    width, height = TABLE
    box = Area(
        (
            (-width / 2, y - height / 2),
            (width / 2, y - height / 2),
            (width / 2, y + height / 2),
            (-width / 2, y + height / 2),
        ),
        0.08,
    )
    across = [((-width / 2, at), (width / 2, at)) for at in (y - height / 6, y + height / 6)]
    down = [((at, y - height / 2), (at, y + height / 2)) for at in (-width / 4, 0.0, width / 4)]
    return [box, Stroke((*across, *down), 0.6, 0.6)]


# Feature maps


def _image(fact: NetworkFacts, window: Window, unit: float) -> Block:
    shape = fact.input_shape
    texts = ["\u00a0×\u00a0".join(f"{side:,}" for side in shape)]
    texts += [] if window else [f"flat: {math.prod(shape):,}"]
    return _stack(shape, ("images", texts), window, unit)


def _stack(shape: Sequence[int], said: tuple[str, Sequence[str]], window: Window, unit: float) -> Block:
    """Draw maps behind each other, as few as stand for their number, and on the first the window of the next step.

    `said` are heading and texts, `unit` is the drawn side of a map of one pixel.
    """
    channels, height, width = shape
    sheets = channels if channels <= 3 else min(MOST_MAPS, 2 + int(math.log2(channels)))
    w, h = (max(SMALLEST, unit * math.sqrt(side)) for side in (width, height))
    depth = SHIFT * (sheets - 1)
    x0, y0 = -(w + depth) / 2, -(h - depth) / 2
    x1, y1 = x0 + w, y0 + h
    marks: list[Mark] = [Area(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), 0.06)]
    for sheet in range(1, sheets):
        d = SHIFT * sheet
        edge = (
            (x0 + d, y0 - d + SHIFT),
            (x0 + d, y0 - d),
            (x1 + d, y0 - d),
            (x1 + d, y1 - d),
            (x1 + d - SHIFT, y1 - d),
        )
        marks.append(Stroke((edge,), 0.8, 0.8))
    corners: tuple[Point, ...] = ()
    if window:
        down, across = (
            max(4.0, min(1.0, seen / side) * drawn)
            for seen, side, drawn in zip(window, (height, width), (h, w), strict=True)
        )
        x, y = x0 + 0.15 * (w - across), y0 + 0.15 * (h - down)
        marks.append(Area(((x, y), (x + across, y), (x + across, y + down), (x, y + down)), 0.3, 0.9))
        corners = ((x + across, y), (x + across, y + down))
    return Block(
        heading=said[0],
        lines=wrapped(said[1]),
        marks=tuple(marks),
        leftward=-x0,
        rightward=x1 + depth,
        above=y0 - depth,
        below=y1,
        enter=((x0, y0), (x0, y1)),
        leave=((x1 + depth, y0 - depth), (x1, y1)),
        window=corners,
        seen=(x0 + 0.8 * w, y0 + 0.76 * h),
    )


def _pixels(largest: int) -> float:
    """Give the drawn side of a map of one pixel: sides grow with the roots of pixels, up to that of the largest map."""
    return min(LARGEST[1], max(LARGEST[0], 11 * math.sqrt(largest))) / math.sqrt(largest)


# Answers


def _answers(fact: NetworkFacts) -> Block:
    """Draw what makes answers of outputs, and say what these are and what the network is trained by."""
    inside = wrapped([fact.link])
    width = max(text_width(line, SIZE) for line in inside) / 2 + 8
    height = LINE * len(inside) / 2 + 4
    box = Area(((-width, -height), (width, -height), (width, height), (-width, height)), 0.06)
    texts = [
        Label((0, LINE * (place - (len(inside) - 1) / 2) + 0.36 * SIZE), line, text_width(line, SIZE))
        for place, line in enumerate(inside)
    ]
    lines = wrapped([fact.answers, *([f"loss: {fact.loss}"] if fact.loss else [])])
    return Block(
        "answers",
        lines,
        (box, *texts),
        leftward=width,
        rightward=width,
        above=-height,
        below=height,
        arrow=True,
    )
