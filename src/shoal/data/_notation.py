"""Numbers as people write them: decimal commas, thousands, percent, money, units; and dates.

They are named, so that a column of them is not taken for text or for a category. They are read only where a study says
how they are written (`_dialect.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from shoal.data._dialect import SIGN

_SPACE: Final = "[ \u00a0\u2009\u202f]"
_CURRENCY: Final = (
    "[$€£¥₹₽₩₺₪฿]|[A-Z]{1,3}[$]|zł|Kč|kr|(?:USD|EUR|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|RUB|BRL)"
)
_LONGEST_CURRENCY: Final = 4
"""Letters at the start of a cell that are more than any currency has: it is a word."""
_LETTER: Final = "[mgtlshdAKVWNJ]"
_LETTERS: Final = (
    "[mck]m[23²³]?|m[23²³]|in|ft|yd|mi|[mkµ]g|lbs?|oz|ms|min|hrs?|km/h|mph|m/s|[mch]l|[kmhM]?Pa|m?bar|psi|[km]V|mA|[kM]W"
    "|[kM]?Wh|k?cal|kJ|[kMG]?Hz|rpm|ppm|ppb|hp|dB|px|[kKMGT]i?B|years?|days?|hours?|mins?|secs?"
)
_ANY: Final = rf"{SIGN}\d[\d.,'\u2019\u00a0\u2009\u202f]*(?: \d{{3}})*(?:[.,]\d+)?(?:[eE]{SIGN}\d+)?"
"""A number with whatever marks; ends in a digit or a mark."""


@dataclass(frozen=True)
class Notation:
    """A way to write numbers: its `description`, and what was `expected` instead."""

    expected: str
    description: str


DECIMAL_COMMA: Final = Notation("a decimal point", "a decimal comma")
DECIMAL_POINT: Final = Notation("a decimal comma", "a decimal point")
SOME_COMMA: Final = Notation(
    "a decimal point and no thousands separators", "a comma, as decimal mark or between thousands"
)
"""What 1,234 means hangs on its neighbours."""
_BARE: Final = "the number alone"

_NOTATIONS: Final[tuple[tuple[str, Notation], ...]] = (
    (
        rf"{SIGN}\d+,\d{{3}}(,\d{{3}})+",
        Notation("a number without thousands separators", "commas between thousands"),
    ),
    (
        rf"{SIGN}\d{{1,3}}(,\d{{3}})+\.\d*",
        Notation("a number without thousands separators", "commas between thousands"),
    ),
    (rf"{SIGN}[1-9]\d{{0,2}},\d{{3}}", SOME_COMMA),
    (
        rf"{SIGN}\d{{1,3}}(\.\d{{3}})+(,\d*)?",
        Notation(
            "a decimal point and no thousands separators", "points between thousands or a decimal comma"
        ),
    ),
    (rf"{SIGN}\d*,\d+([eE]{SIGN}\d+)?|{SIGN}\d+,", DECIMAL_COMMA),
    (
        rf"{SIGN}\d{{1,3}}(({_SPACE}|['\u2019])\d{{3}})+([.,]\d*)?",
        Notation("a number without thousands separators", "spaces or apostrophes between thousands"),
    ),
    (
        rf"{SIGN}\d{{1,2}}(,\d{{2}})+,\d{{3}}(\.\d*)?",
        Notation("a number without separators", "commas between lakhs"),
    ),
    (
        rf"\({_SPACE}*{_ANY}{_SPACE}*\)",
        Notation("a minus sign before it", "brackets about a negative number"),
    ),
    (rf"{_ANY}{_SPACE}*-", Notation("a minus sign before the number", "a minus sign behind it")),
    (
        rf"{SIGN}\d*\.\d*[dD][+-]?\d+",
        Notation('an exponent with "e"', 'an exponent with "d", as Fortran has it'),
    ),
    (rf"[<>≤≥~≈]=?{_SPACE}*{_ANY}", Notation(_BARE, "a limit or an estimate")),
    (
        rf"\d+(?:[.,]\d+)?{_SPACE}*°{_SPACE}*(?:\d+(?:[.,]\d+)?{_SPACE}*['′’]{_SPACE}*)?"
        rf"(?:\d+(?:[.,]\d+)?{_SPACE}*(?:[\"″”]|''){_SPACE}*)?[NSEWO]"
        rf"|\d+{_SPACE}*°{_SPACE}*\d+(?:[.,]\d+)?{_SPACE}*['′’].*",
        Notation(
            "degrees as decimal numbers, negative in the south and west",
            "degrees with minutes or a direction",
        ),
    ),
    (rf"{_ANY}{_SPACE}*[%‰]|%{_SPACE}*{_ANY}", Notation(_BARE, "a percent sign")),
    (
        rf"{SIGN}({_CURRENCY}){_SPACE}*{_ANY}|{_ANY}{_SPACE}*({_CURRENCY})",
        Notation(_BARE, "a sign of currency"),
    ),
    (
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T]\d{1,2}:\d{2}.*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})( \d{1,2}:\d{2}.*)?",
        Notation("numbers made of it, such as year, month and day", "a date"),
    ),
    (r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?", Notation("numbers made of it, such as minutes", "a time of day")),
    (
        rf"{_ANY}({_SPACE}*(°{_SPACE}*[CFKR]?|{_LETTERS})|{_SPACE}+{_LETTER})",
        Notation(_BARE, "a unit beside it"),
    ),
)
_SIGNED: Final = (
    rf"{SIGN}(?:(?P<before>{_CURRENCY}|%){_SPACE}*)?{_ANY}"
    rf"(?:{_SPACE}*(?P<after>[%‰]|{_CURRENCY}|°{_SPACE}*[CFKR]?|{_LETTERS})|{_SPACE}+(?P<letter>{_LETTER}))?"
)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern where it is first asked for: hardly a table needs any."""
    return re.compile(pattern, re.ASCII)


def notation_of(cell: str) -> Notation | None:
    """Name the way in which a cell that is no number of ours is written; None where it is none known here."""
    bare = cell.strip(" \t\u00a0")
    if len(bare) > 60 or bare[:_LONGEST_CURRENCY].isalpha() or not any(letter.isdigit() for letter in bare):
        return None
    return next((notation for pattern, notation in _NOTATIONS if _compiled(pattern).fullmatch(bare)), None)


def signs_of(cell: str) -> tuple[str, ...]:
    """Give what stands before and after the number in a cell: a percent sign, money, a unit; or nothing."""
    match = _compiled(_SIGNED).fullmatch(cell.strip(" \t\u00a0"))
    groups = match.group("before", "after", "letter") if match is not None else ()
    return tuple(sign for sign in groups if sign)
