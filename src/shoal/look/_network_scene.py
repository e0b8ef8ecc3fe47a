"""A drawn network laid out on a sheet: its parts in rows of a width, as words are, joined by what flows between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from shoal.look._network import NetworkFacts
from shoal.look._network_blocks import LINE, SIZE, WRAP, Block, blocks
from shoal.look._paper import shown_name, text_width
from shoal.look._scene import SOFT, WIDE, Disc, Label, Mark, Point, Scene, Stroke

MARGIN: Final = 6.0
GAPS: Final = (30.0, 24.0, 18.0)
"""Between two parts, where lines run from one to the other: narrower where a row less does then."""
ROWS_APART: Final = 26.0
ARROW: Final = 16.0
"""Length of an arrow between rows."""
_HEAD: Final = 4.0
_LESS: Final = 8.0


def network_scene(fact: NetworkFacts, width: float = WIDE) -> Scene:
    """Lay a network out in rows that are no wider than `width`, if no single part is."""
    rows, gap = _balanced(blocks(fact), width - 2 * MARGIN)
    marks: list[Mark] = []
    top, widest = MARGIN, 0.0
    for number, row in enumerate(rows):
        lead = 0.0 if number == 0 else ARROW + 6
        axis = top + LINE + 6 + max(-block.above for block in row)
        drawn, right = _row(row, (MARGIN + lead, gap), (top, axis))
        marks += drawn
        if number:
            marks.append(_arrow((MARGIN, axis), (MARGIN + ARROW, axis)))
        if row is not rows[-1]:
            marks.append(_arrow((right + 4, axis), (right + 4 + ARROW, axis)))
            right += 4 + ARROW
        widest = max(widest, right)
        lines = max(len(block.lines) for block in row)
        top = axis + max(block.below for block in row) + 8 + LINE * lines + ROWS_APART
    return Scene(widest + MARGIN, top - ROWS_APART + MARGIN, tuple(marks))


def _balanced(parts: Sequence[Block], width: float) -> tuple[list[list[Block]], float]:
    """Give as few rows as there can be, with the widest gaps that allow them, none much longer than the others."""
    counts = {gap: len(list(_rows(parts, width, gap))) for gap in GAPS}
    gap = min(GAPS, key=lambda gap: (counts[gap], -gap))
    while len(list(_rows(parts, width - _LESS, gap))) == counts[gap] and width > _LESS:
        width -= _LESS
    return list(_rows(parts, width, gap)), gap


def _rows(parts: Sequence[Block], width: float, gap: float) -> Iterator[list[Block]]:
    """Fill rows with parts, in their order, with room for arrows at their ends."""
    row: list[Block] = []
    used, first = 0.0, True
    for place, part in enumerate(parts):
        leftward, rightward = extent(part)
        room = width - (0 if first else ARROW + 6) - (0 if place == len(parts) - 1 else ARROW + 4)
        longer = used + (gap if row else 0.0) + leftward + rightward
        if row and longer > room:
            yield row
            row, used, first = [part], leftward + rightward, False
        else:
            row.append(part)
            used = longer
    yield row


def extent(part: Block) -> tuple[float, float]:
    """Give how far a part reaches to the left and to the right of its middle, its texts among it."""
    widths = [text_width(line, SIZE) for line in part.lines]
    half = max(text_width(heading_of(part), SIZE, bold=True), *widths) / 2
    return max(part.leftward, half), max(part.rightward, half)


def heading_of(part: Block) -> str:
    """Give the heading of a part as it is shown."""
    return shown_name(part.heading, WRAP + 20, SIZE, bold=True)


def _row(
    row: Sequence[Block], across: tuple[float, float], heights: tuple[float, float]
) -> tuple[list[Mark], float]:
    """Draw the parts of one row: `across` is where it begins and its gaps, `heights` its top and axis; give its end."""
    (begin, gap), (top, axis) = across, heights
    bottom = axis + max(block.below for block in row)
    marks: list[Mark] = []
    before: tuple[Block, float] | None = None
    for block in row:
        reach = extent(block)
        middle = begin + reach[0]
        if before is not None:
            marks += _joint(before, (block, middle), axis)
        marks += [mark.moved(middle, axis) for mark in block.marks]
        marks += _texts(block, middle, top + SIZE, bottom + 8 + SIZE)
        before = block, middle
        begin = middle + reach[1] + gap
    return marks, begin - gap


def _texts(block: Block, middle: float, above: float, below: float) -> Iterator[Label]:
    heading = heading_of(block)
    yield Label((middle, above), heading, text_width(heading, SIZE, bold=True), bold=True)
    for number, line in enumerate(block.lines):
        yield Label((middle, below + LINE * number), line, text_width(line, SIZE), ink=SOFT)


def _joint(before: tuple[Block, float], after: tuple[Block, float], axis: float) -> Iterator[Mark]:
    """Join two parts: a window to what is computed of it, all units to all, maps to the units that take them flat."""
    (source, x), (target, to) = before, after
    if target.arrow:
        yield _arrow((x + source.rightward + 6, axis), (to - target.leftward - 3, axis))
    elif source.window and target.seen:
        point = _at(target.seen, to, axis)
        yield Stroke(tuple((_at(corner, x, axis), point) for corner in source.window), 0.7, 0.75)
        yield Disc(point, 1.6, 1.0, 0.0)
    elif target.seen is None and source.seen is not None:
        ends = zip(source.leave, (target.enter[0], target.enter[-1]), strict=True)
        yield Stroke(tuple((_at(a, x, axis), _at(b, to, axis)) for a, b in ends), 0.7, 0.75)
    else:
        pairs = ((a, b) for a in source.leave for b in target.enter)
        yield Stroke(tuple((_at(a, x, axis), _at(b, to, axis)) for a, b in pairs), 0.5, 0.35)


def _at(point: Point, x: float, y: float) -> Point:
    return point[0] + x, point[1] + y


def _arrow(start: Point, end: Point) -> Stroke:
    (x, y), (to, _) = start, end
    head = ((to - _HEAD, y - _HEAD * 0.75), (to, y), (to - _HEAD, y + _HEAD * 0.75))
    return Stroke((((x, y), (to, y)), head), 1.0, 0.9)
