"""Dates as people write them: a format in the directives of strptime to a pattern, the same on every machine.

Months and days have their English names whatever the locale, and no time zone of the machine is asked.
https://docs.python.org/3/library/datetime.html#format-codes
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from functools import cache
from typing import Final

MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EPOCH: Final = date(1970, 1, 1).toordinal()
_FIRST_YEAR: Final = 1900
"""The year of a date that has none, as strptime has it."""


def _names(names: tuple[str, ...], letters: int | None = None) -> str:
    return "|".join(name[:letters] for name in names)


_ENGLISH: Final = frozenset((*MONTHS, *(name[:3] for name in MONTHS)))
DIRECTIVES: Final = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d{2})",
    "m": r"(?P<m>1[0-2]|0[1-9]|[1-9])",
    "d": r"(?P<d>3[01]|[12]\d|0[1-9]|[1-9]| [1-9])",
    "j": r"(?P<j>36[0-6]|3[0-5]\d|[12]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9])",
    "H": r"(?P<H>2[0-3]|[01]\d|\d)",
    "I": r"(?P<I>1[0-2]|0[1-9]|[1-9])",
    "M": r"(?P<M>[0-5]\d|\d)",
    "S": r"(?P<S>[0-5]\d|\d)",
    "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>am|pm)",
    "b": rf"(?P<b>{_names(MONTHS, 3)})",
    "B": rf"(?P<B>{_names(MONTHS)})",
    "a": rf"(?:{_names(DAYS, 3)})",
    "A": rf"(?:{_names(DAYS)})",
    "z": r"(?P<z>[+-]\d\d:?[0-5]\d|z)",
    "%": "%",
}
"""What each directive of a format stands for."""

Moment = tuple[int, int, bool]
"""Whole seconds since 1970-01-01, UTC; nanoseconds beyond; whether a time zone was given."""


def format_fault(text: str) -> str:
    """Say what is wrong with a format of dates; nothing where nothing is."""
    letters = re.findall(r"%(.?)", text, re.DOTALL)
    strange = next((letter for letter in letters if letter not in DIRECTIVES), None)
    if strange is not None:
        return f"expected directives among {' '.join(f'%{name}' for name in DIRECTIVES)}, got %{strange}"
    parts = [letter for letter in letters if letter != "%"]
    if not parts:
        return "expected directives such as %Y-%m-%d, got none"
    twice = next((letter for letter in parts if parts.count(letter) > 1), None)
    if twice is not None:
        return f"expected every directive once, got %{twice} {parts.count(twice)} times"
    return next(_clashes(parts), "")


def _clashes(parts: Collection[str]) -> Iterator[str]:
    for first, second in (("Y", "y"), ("m", "b"), ("m", "B"), ("b", "B"), ("H", "I"), ("H", "p")):
        if first in parts and second in parts:
            yield f"expected one of %{first} and %{second}, got both"
    if ("I" in parts) != ("p" in parts) and "H" not in parts:
        yield "expected %I and %p together, got one of them"
    if "j" in parts and {"m", "b", "B", "d"} & set(parts):
        yield "expected %j without month and day, got both"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Make the pattern of a sound format: any space stands for any spaces, letters of any size for each other."""
    parts = re.split(r"(%.|\s+)", text)
    written = (
        DIRECTIVES[part[1]] if part.startswith("%") else r"\s+" if part.isspace() else re.escape(part)
        for part in parts
    )
    return re.compile("".join(written), re.IGNORECASE | re.ASCII)


def moment_in(cell: str, text: str) -> Moment | None:
    """Read a cell that is written in a sound format; None for what is not, or is no day of the calendar."""
    match = _pattern(text).fullmatch(cell)
    if match is None:
        return None
    parts = {name: part for name, part in match.groupdict().items() if part is not None}
    day = _day(parts)
    if day is None:
        return None
    hour = int(parts.get("H", "0"))
    if "I" in parts:
        hour = int(parts["I"]) % 12 + 12 * (parts["p"].lower() == "pm")
    seconds = 86_400 * (day - _EPOCH) + 3600 * hour + 60 * int(parts.get("M", 0)) + int(parts.get("S", 0))
    nanoseconds = int(parts.get("f", "0").ljust(9, "0"))
    return seconds - _offset(parts.get("z", "")), nanoseconds, "z" in parts


def _day(parts: dict[str, str]) -> int | None:
    """Give the number of a day from its year, month and day; None where the calendar has no such day."""
    year = int(parts.get("Y", _FIRST_YEAR))
    if "y" in parts:
        year = int(parts["y"]) + (1900 if int(parts["y"]) >= 69 else 2000)
    month = int(parts.get("m", 1))
    if name := parts.get("b") or parts.get("B"):
        month = 1 + next(place for place, full in enumerate(MONTHS) if full.startswith(name.lower()))
    try:
        if "j" in parts:
            day = date(year, 1, 1) + timedelta(int(parts["j"]) - 1)
            return day.toordinal() if day.year == year else None
        return date(year, month, int(parts.get("d", 1))).toordinal()
    except (ValueError, OverflowError):
        return None


def _offset(zone: str) -> int:
    """Give the seconds by which a zone is before UTC."""
    if zone in ("", "Z", "z"):
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return (-1 if zone[0] == "-" else 1) * (3600 * int(digits[:2]) + 60 * int(digits[2:4]))


_ISO: Final = re.compile(
    r"(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"
    r"(?:[T ](?P<H>[01]\d|2[0-3]):(?P<M>[0-5]\d)(?::(?P<S>[0-5]\d)(?:[.,](?P<f>\d{1,9}))?)?"
    r"(?: ?(?P<z>Z|[+-]\d\d(?::?[0-5]\d)?))?)?",
    re.ASCII,
)
"""A date, or date and time, of ISO 8601; a space in the place of T, as most programs write it."""


def iso_moment(cell: str) -> Moment | None:
    """Read a cell that is a date of ISO 8601; None for what is none, or is no day of the calendar."""
    match = _ISO.fullmatch(cell)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH
    except ValueError:
        return None
    seconds = 86_400 * days + 3600 * int(hour or 0) + 60 * int(minute or 0) + int(second or 0)
    return seconds - _offset(zone or ""), int((fraction or "0").ljust(9, "0")), zone is not None


def is_iso(cell: str) -> bool:
    """Whether a cell is written as ISO 8601 has dates, be it a day of the calendar or not."""
    return _ISO.fullmatch(cell) is not None


_LIKELY: Final = tuple(
    f"{day}{time}"
    for day in (
        "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y", "%m.%d.%Y", "%Y.%m.%d", "%d-%m-%Y", "%m-%d-%Y", "%Y-%m-%d",
        "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y",
        "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d%b%Y", "%d%b%y",
    )
    for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %I:%M%p", "T%H:%M:%S", ":%H:%M:%S")
)  # fmt: skip
_DIRECTIVE: Final = re.compile("%.")
_NAMED_MONTH: Final = re.compile(
    r"(?:[^\W\d_]+[.,]{0,2} )?\d{1,2}(?:\.|er|[ºª°])?[ ./-]{0,2}(?:de |d['\u2019])?(?P<month>[^\W\d_]{3,})[ .,/-]{0,2}"
    r"(?:del? )?(?:\d{4}|(?<=[/-])\d{2})(?:[ ,T]+\d{1,2}:\d{2}.*)?",
    re.IGNORECASE,
)
"""A day, the name of a month in any language, a year: after a weekday, before a time."""
_FEWEST_NAMES: Final = 3
_TIMES: Final = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")


def _marks(text: str) -> str:
    """Give what neither letter nor digit nor space is: the same in a date and in its format."""
    return re.sub(r"[\w\s]", "", text)


def likely_formats(cells: Collection[str]) -> tuple[str, ...]:
    """Give the usual formats in which every cell is a date or a time; none where there is no cell."""
    if not cells:
        return ()
    first = next(iter(cells))
    if not (first[:1].isdigit() or first[:3].lower() in _ENGLISH):  # each begins with a number or a month
        return ()
    marks = _marks(first)
    fitting = tuple(text for text in (*_LIKELY, *_TIMES) if _marks(_DIRECTIVE.sub("", text)) == marks)
    for cell in cells:
        fitting = tuple(text for text in fitting if moment_in(cell, text) is not None)
        if not fitting:
            break
    return fitting


def foreign_months(cells: Collection[str]) -> list[str]:
    """Give the cells with a day, a name of a month that is no English one, and a year, if most cells are of that form.

    No language is asked for its months: three names or more, and no more than a year has, on days of any kind.
    """
    matches = [match for cell in cells if (match := _NAMED_MONTH.fullmatch(cell))]
    names = {match["month"].lower() for match in matches}
    if 2 * len(matches) <= len(cells) or not _FEWEST_NAMES <= len(names) <= len(MONTHS):
        return []
    return [match[0] for match in matches if match["month"].lower() not in _ENGLISH]
