"""A drawn network laid out on a sheet: its parts in rows of a width, as words are, joined by what flows between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from shoal.look._network import NetworkFacts
from shoal.look._network_blocks import LINE, SIZE, WRAP, Block, blocks
from shoal.look._paper import shown_name, text_width
from shoal.look._scene import SOFT, WIDE, Area, Disc, Label, Mark, Point, Scene, Stroke

MARGIN: Final = 6.0
GAPS: Final = (30.0, 24.0, 18.0)
"""Between two parts, where lines run from one to the other: narrower where a row less does then."""
ROWS_APART: Final = 26.0
ARROW: Final = 16.0
"""Length of an arrow between rows."""
LANE: Final = 11.0
"""Height of what one skip takes above the parts of a row."""
_HEAD: Final = 4.0
_BOX: Final = 3.5
_LESS: Final = 8.0


def network_scene(fact: NetworkFacts, width: float = WIDE) -> Scene:
    """Lay a network out in rows that are no wider than `width`, if no single part is."""
    parts = blocks(fact)
    rows, gap = _balanced(parts, width - 2 * MARGIN)
    skips = _in_lanes((place - part.adds, place) for place, part in enumerate(parts) if part.adds)
    marks: list[Mark] = []
    top, widest, first = MARGIN, 0.0, 0
    for number, row in enumerate(rows):
        lead = 0.0 if number == 0 else ARROW + 6
        here = [skip for skip in skips if skip.start < first + len(row) and skip.end >= first]
        sky = top + LINE + 6 + LANE * max((skip.lane for skip in here), default=0)
        axis = sky + max(-block.above for block in row)
        drawn, middles = _row(row, (MARGIN + lead, gap), (top, axis))
        right = middles[-1] + extent(row[-1])[1]
        marks += drawn
        ends = MARGIN, right + 4 + ARROW * (row is not rows[-1])
        marks += [mark for skip in here for mark in _arc(skip, row, (first, middles), (sky, axis), ends)]
        first += len(row)
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
) -> tuple[list[Mark], list[float]]:
    """Draw the parts of one row: `across` is where it begins and its gaps, `heights` its top and axis; give the middles
    of the parts, too.
    """
    (begin, gap), (top, axis) = across, heights
    bottom = axis + max(block.below for block in row)
    marks: list[Mark] = []
    before: tuple[Block, float] | None = None
    middles: list[float] = []
    for block in row:
        reach = extent(block)
        middle = begin + reach[0]
        if before is not None:
            marks += _joint(before, (block, middle), axis)
        marks += [mark.moved(middle, axis) for mark in block.marks]
        marks += _texts(block, middle, top + SIZE, bottom + 8 + SIZE)
        before = block, middle
        middles.append(middle)
        begin = middle + reach[1] + gap
    return marks, middles


@dataclass(frozen=True)
class _Skip:
    """What stands at part `start` is added to part `end`; drawn in a lane above the parts, the first next to them."""

    start: int
    end: int
    lane: int


def _in_lanes(spans: Iterable[tuple[int, int]]) -> list[_Skip]:
    """Give every span the lowest lane in which none lies over another."""
    skips: list[_Skip] = []
    for start, end in sorted(spans, key=lambda span: (span[1] - span[0], span)):
        taken = {skip.lane for skip in skips if skip.start < end and start < skip.end}
        skips.append(_Skip(start, end, next(lane for lane in count(1) if lane not in taken)))
    return skips


def _arc(
    skip: _Skip,
    row: Sequence[Block],
    parts: tuple[int, Sequence[float]],
    heights: tuple[float, float],
    ends: tuple[float, float],
) -> Iterator[Mark]:
    """Draw what of a skip lies in a row: `parts` are the number of the first part and all middles, `heights` the top of
    the highest one and the axis, `ends` where it goes on from the row before, or to the next one.
    """
    (first, middles), (sky, axis) = parts, heights
    y = sky - LANE * (skip.lane - 0.5)
    starts, stops = skip.start >= first, skip.end < first + len(row)
    x, to = ends
    way: list[Point] = []
    if starts:
        x = middles[skip.start - first] + 3
        way.append((x, axis + row[skip.start - first].above - 2))
    way.append((x, y))
    if stops:
        to = middles[skip.end - first] - 3
        tip = to, axis + row[skip.end - first].above - 2
        head = ((to - _HEAD * 0.75, tip[1] - _HEAD), tip, (to + _HEAD * 0.75, tip[1] - _HEAD))
        yield Stroke((head,), 1.0, 0.9)
        if row[skip.end - first].projects:
            yield _box(((x + to) / 2, y))
        way += [(to, y), tip]
    else:
        way.append((to, y))
    yield Stroke((tuple(way),), 1.0, 0.9)


def _box(middle: Point) -> Area:
    """Draw the convolution that what is added passes: a small square on its way."""
    x, y = middle
    return Area(
        ((x - _BOX, y - _BOX), (x + _BOX, y - _BOX), (x + _BOX, y + _BOX), (x - _BOX, y + _BOX)), 0.3, 0.9
    )


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
