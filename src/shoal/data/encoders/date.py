"""Dates: seconds since the first of the fit's rows, and month, weekday and hour on a circle, where they vary.

A month or weekday or hour is two inputs, sine and cosine of its part of the year, week or day, so that December lies
beside January. Letters: N rows, D columns that one becomes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from shoal.activations import Graph
from shoal.data._column_kind import DateStyle
from shoal.data._dataset import Column
from shoal.data._date_formats import format_fault
from shoal.data._dates import date_text
from shoal.data._encoder import FLOAT, INT64, Piece, missing_name
from shoal.data._missing import median_of
from shoal.data._scale import Scale, fit_scale
from shoal.wording import counted, repeated

_DAY: Final = 86_400.0
_FIRST, _END = -62_135_596_800.0, 253_402_300_800.0
"""Seconds from 1970 to the years 1 and 10000."""


def _months(second_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the month of each moment, 0 to 11, in the calendar of Gregory.

    Days are counted from 1 March of the year 0, in eras of 400 years.
    https://howardhinnant.github.io/date_algorithms.html#civil_from_days
    """
    day_N = np.floor(second_N / _DAY) + 719_468
    day_N = day_N - 146_097 * np.floor(day_N / 146_097)
    leap_N = np.floor(day_N / 1460) - np.floor(day_N / 36_524) + np.floor(day_N / 146_096)
    year_N = np.floor((day_N - leap_N) / 365)
    day_N = day_N - (365 * year_N + np.floor(year_N / 4) - np.floor(year_N / 100))
    month_N = np.floor((5 * day_N + 2) / 153) + 2
    return np.asarray(month_N - 12 * np.floor(month_N / 12))


def _weekdays(second_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the weekday of each moment, 0 (Monday) to 6; 1970 began on a Thursday."""
    day_N = np.floor(second_N / _DAY) + 3
    return np.asarray(day_N - 7 * np.floor(day_N / 7))


def _hours(second_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the hour of each moment, 0 to 23."""
    hour_N = np.floor(second_N / 3600)
    return np.asarray(hour_N - 24 * np.floor(hour_N / 24))


_CYCLES: Final[dict[str, tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], int]]] = {
    "month": (_months, 12),
    "weekday": (_weekdays, 7),
    "hour": (_hours, 24),
}


def circle(count: int) -> NDArray[np.float32]:
    """Give sine and cosine of equal parts of a circle, (count, 2)."""
    angles = [2 * math.pi * place / count for place in range(count)]
    points = [[round(math.sin(angle), 12), round(math.cos(angle), 12)] for angle in angles]
    return np.array(points, dtype=np.float32)


@dataclass(frozen=True)
class DateEncoder:
    """Values, seconds since 1970, become (value - first - mean) / scale, and two columns for each of the `cycles`.

    `first` is the earliest of the fit's rows, and statistics are those of the values that are there; `cycles` are those
    of month, weekday and hour that vary in these rows. `style` is how dates were written. `missing`: whether the rows
    of the fit lacked any, so that a last column is 1 where one is missing; None where missing cells are refused. In
    their place is `median`, a moment; None where the rows of the fit have none at all: the column becomes no input.
    """

    kind: ClassVar[str] = "date"
    torch_source: ClassVar[str] = '''def date(cells, first, mean, scale, cycles, median, missing):
    """Take seconds since 1970-01-01, UTC; give those since the first, scaled, and points on circles."""
    if median is None:
        return []
    cells = [float("nan") if cell is None else cell for cell in cells]
    values = torch.tensor(cells, dtype=torch.float64)
    flags = torch.isnan(values)
    values = torch.where(flags, torch.tensor(median, dtype=torch.float64), values)
    days, hours = torch.floor(values / 86400), torch.floor(values / 3600)
    since = days + 719468
    since = since - 146097 * torch.floor(since / 146097)
    leap = torch.floor(since / 1460) - torch.floor(since / 36524) + torch.floor(since / 146096)
    years = torch.floor((since - leap) / 365)
    since = since - (365 * years + torch.floor(years / 4) - torch.floor(years / 100))
    places = {"month": torch.floor((5 * since + 2) / 153) + 2, "weekday": days + 3, "hour": hours}
    columns = [(values - first - mean) / scale]
    for name, points in cycles:
        place = places[name] - len(points) * torch.floor(places[name] / len(points))
        columns += list(torch.tensor(points, dtype=torch.float64)[place.long()].T)
    return [*columns, flags.double()] if missing else columns'''

    scale: Scale
    first: float
    cycles: tuple[str, ...]
    style: DateStyle
    median: float | None
    missing: bool | None = None

    @property
    def name(self) -> str:
        """Name of the column as read."""
        return self.scale.name

    @property
    def names(self) -> tuple[str, ...]:
        """Its own name for the seconds; sine and cosine of each cycle; the column that says what is missing."""
        if self.median is None:
            return ()
        circles = [f"{self.name} {cycle} {wave}" for cycle in self.cycles for wave in ("sin", "cos")]
        return (self.name, *circles, *([missing_name(self.name)] if self.missing else []))

    @property
    def categories(self) -> None:
        """None: it holds dates."""
        return None

    @property
    def imputes(self) -> bool:
        """Whether missing cells are answered."""
        return self.missing is not None

    @classmethod
    def fit(cls, column: Column, rows: NDArray[np.int64] | slice, *, standardize: bool) -> Self:
        """Learn the first date, mean and standard deviation of the seconds since, and which cycles vary."""
        values = column.values[rows]
        known = values[~np.isnan(values)]
        missing = len(known) < len(values) if column.impute else None
        if not len(known):
            return cls(Scale(column.name), 0.0, (), column.dates, None, missing)
        first = float(known.min())
        scale = fit_scale(column.name, known - first) if standardize else Scale(column.name)
        cycles = tuple(name for name, (places, _) in _CYCLES.items() if len(np.unique(places(known))) > 1)
        return cls(scale, first, cycles, column.dates, median_of(known), missing)

    def encode(self, values_N: NDArray[Any], x_ND: NDArray[Any]) -> None:
        """Write the columns, rounded once to 32 bits. Raises DataError for what they do not hold."""
        if self.median is None:
            return
        missing_N = np.isnan(values_N)
        values_N = np.where(missing_N, self.median, values_N)
        x_ND[:, 0] = self.scale.applied(values_N - self.first, "input", x_ND.dtype)
        for number, name in enumerate(self.cycles):
            places, count = _CYCLES[name]
            x_ND[:, 1 + 2 * number : 3 + 2 * number] = circle(count)[places(values_N).astype(np.int64)]
        if self.missing:
            x_ND[:, -1] = missing_N

    @property
    def baseline(self) -> tuple[float, ...]:
        """The mean where it was learned, else the median; the middle of every circle; nothing is missing."""
        if self.median is None:
            return ()
        value = self.median - self.first if self.scale == Scale(self.name) else 0.0
        return (value, *[0.0] * (len(self.names) - 1))

    def unknown(self, values_N: NDArray[Any]) -> str:
        """Say how missing cells are read, where the training rows had none."""
        count = int(np.isnan(values_N).sum()) if self.missing is False else 0
        if not count or self.median is None:
            return ""
        what = f"which no training row had, read as their median, {date_text(self.median)}"
        return f"{counted(count, 'missing cell')}, {what}"

    def misfits(self) -> Iterator[str]:
        """Find a cycle that comes twice, moments that no calendar has, and a format that is none."""
        yield from repeated("cycle", self.cycles)
        for moment in (self.first, self.median):
            if moment is not None and not _FIRST <= moment < _END:
                yield f"expected dates of the years 1 to 9999, got {moment} seconds since 1970"
        if self.style.format and (fault := format_fault(self.style.format)):
            yield fault

    def drawn(self, draw: np.random.Generator, count: int) -> NDArray[Any]:
        """Draw moments of some years about the first, whole seconds; some are missing, if they may."""
        values = np.floor(self.first + draw.uniform(-2e8, 2e8, count))
        return np.where(draw.random(count) < 0.25, np.nan, values) if self.imputes else values

    def to_json(self) -> dict[str, Any]:
        """Give name, mean and scale, the first date, cycles, style and median, and whether cells were missing."""
        learned = {
            "first": self.first,
            "cycles": list(self.cycles),
            "median": self.median,
            "missing": self.missing,
        }
        style = {"format": self.style.format, "zoned": self.style.zoned}
        return {**self.scale.to_json(), **learned, **style}

    @classmethod
    def from_json(cls, entry: object) -> Self | None:
        """Read what `to_json` gave; None for anything else."""
        match entry:
            case {
                "first": float(first), "cycles": list(cycles), "median": median, "missing": missing,
                "format": str(text), "zoned": zoned, **others,
            }:  # fmt: skip
                scale = Scale.from_json(others)
                numbers = math.isfinite(first) and (
                    median is None or (isinstance(median, float) and math.isfinite(median))
                )
                flags = all(flag is None or isinstance(flag, bool) for flag in (missing, zoned))
                if scale and numbers and flags and all(cycle in list(_CYCLES) for cycle in cycles):
                    return cls(scale, first, tuple(cycles), DateStyle(text, zoned), median, missing)
        return None

    @classmethod
    def nodes(cls, graph: Graph, encoders: Sequence[Self], cells: str) -> list[Piece]:
        """Fill, centre and scale in float64, then round once; look up the points of the circles."""
        pieces: list[Piece] = []
        for number, encoder in enumerate(encoders):
            if encoder.median is not None:
                arithmetic = _Arithmetic(graph, f"date_{number}")
                cell = arithmetic.taken(cells, number)
                for piece, slots in encoder._parts(arithmetic, cell):
                    pieces.append((piece, [(number, slot) for slot in slots]))
        return pieces

    def _parts(self, graph: _Arithmetic, cell: str) -> Iterator[tuple[str, list[int]]]:
        """Add the nodes of one column; give each piece and its places."""
        flags = graph.node("IsNaN", [cell])
        filled = graph.node("Where", [flags, graph.number(self.median or 0.0), cell])
        since = graph.apply("Sub", filled, self.first)
        scaled = graph.apply("Div", graph.apply("Sub", since, self.scale.mean), self.scale.scale)
        yield graph.node("Cast", [scaled], {"to": FLOAT}), [0]
        for number, name in enumerate(self.cycles):
            place = graph.place(name, filled)
            points = graph.array(circle(_CYCLES[name][1]))
            looked_up = graph.node(
                "Gather", [points, graph.node("Cast", [place], {"to": INT64})], {"axis": 0}
            )
            yield graph.node("Flatten", [looked_up], {"axis": 1}), [1 + 2 * number, 2 + 2 * number]
        if self.missing:
            yield graph.node("Cast", [flags], {"to": FLOAT}), [1 + 2 * len(self.cycles)]

    @property
    def torch_arguments(self) -> tuple[Any, ...]:
        """The first date, mean and scale, the points of each cycle, the median, and whether any were missing."""
        cycles = [(name, circle(_CYCLES[name][1]).tolist()) for name in self.cycles]
        return self.first, self.scale.mean, self.scale.scale, cycles, self.median, bool(self.missing)


class _Arithmetic:
    """Nodes of a graph for one column of dates, each with a name of its own."""

    def __init__(self, graph: Graph, own: str) -> None:
        self._graph, self._own, self._count = graph, own, 0

    def _name(self) -> str:
        self._count += 1
        return f"{self._own}_{self._count}"

    def node(self, kind: str, inputs: list[str], attributes: Mapping[str, int] | None = None) -> str:
        """Add one node; give the name of its output."""
        return self._graph.node(kind, inputs, self._name(), attributes)

    def array(self, values: NDArray[Any]) -> str:
        """Store an array; give its name."""
        return self._graph.array(self._name(), values)

    def number(self, value: float) -> str:
        """Store a number; give its name."""
        return self.array(np.array([value]))

    def taken(self, cells: str, column: int) -> str:
        """Take one column of all cells."""
        return self.node("Gather", [cells, self.array(np.array([column]))], {"axis": 1})

    def apply(self, kind: str, value: str, number: float) -> str:
        """Add, subtract, multiply or divide by a number."""
        return self.node(kind, [value, self.number(number)])

    def floors(self, value: str, step: float) -> str:
        """Count the whole steps in a value."""
        return self.node("Floor", [self.apply("Div", value, step)])

    def rest(self, value: str, step: float) -> str:
        """Take the whole steps away, as Python's % does."""
        return self.node("Sub", [value, self.apply("Mul", self.floors(value, step), step)])

    def place(self, cycle: str, second: str) -> str:
        """Give the month, weekday or hour of moments; see `_months`, `_weekdays` and `_hours`."""
        if cycle == "hour":
            return self.rest(self.floors(second, 3600.0), 24.0)
        days = self.floors(second, _DAY)
        if cycle == "weekday":
            return self.rest(self.apply("Add", days, 3.0), 7.0)
        days = self.rest(self.apply("Add", days, 719_468.0), 146_097.0)
        leap = self.node("Sub", [self.floors(days, 1460.0), self.floors(days, 36_524.0)])
        leap = self.node("Add", [leap, self.floors(days, 146_096.0)])
        year = self.floors(self.node("Sub", [days, leap]), 365.0)
        before = self.node("Add", [self.apply("Mul", year, 365.0), self.floors(year, 4.0)])
        before = self.node("Sub", [before, self.floors(year, 100.0)])
        fifths = self.apply("Add", self.apply("Mul", self.node("Sub", [days, before]), 5.0), 2.0)
        return self.rest(self.apply("Add", self.floors(fifths, 153.0), 2.0), 12.0)


ENCODER = DateEncoder
