"""How a file writes its cells: what stands between them and in numbers, and which of its lines are no rows.

Nothing of it is guessed: it is what a study says, and holds for its files and for files of new rows. Numbers that come
as numbers, and rows in memory, are as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final, Literal, get_args

from numpy.typing import NDArray

from shoal.wording import counted, listed, quoted

Decimal = Literal[".", ","]
Thousands = Literal[",", ".", " ", "'"]
WHITESPACE: Final = "whitespace"
"""The delimiter of cells that have spaces and tabs between them, as many as there are."""
SPACES: Final = "[ \u00a0\u2009\u202f]"
"""A space, as it stands in numbers: no-break and thin ones, too."""
_BETWEEN: Final = {" ": SPACES, "'": "['\u2019]"}
_OF_NUMBERS: Final = ("decimal", "thousands", "signs")
_DELIMITER: Final = re.compile(r'[^\w"\r\n\0.+-]')
_PARTS: Final = frozenset({"+", "-", ".", ",", "e", "E"})
MINUS: Final = "\u2212\u2013"
"""What else is a minus sign before a number: the sign itself, and the dash that word processors put in its place."""
_HYPHENS: Final = str.maketrans(dict.fromkeys(MINUS, "-"))
SIGN: Final = rf"[+\-{MINUS}]?"


@dataclass(frozen=True)
class Dialect:
    """How a file is written. The names are keys of `data`; the defaults are those of any plain file.

    `delimiter`: one character, or WHITESPACE; None: as the ending of the file says. `thousands`: the mark between
    thousands. `signs` stand before or after a number and are taken away. A line that begins with `comment` is none.
    `skip_lines` stand above the names. `units_row`: the row below the names has no data. `encoding`: as Python calls
    it. `sheet`: of a workbook.
    """

    delimiter: str | None = None
    decimal: Decimal = "."
    thousands: Thousands | None = None
    signs: tuple[str, ...] = ()
    comment: str | None = None
    skip_lines: int = 0
    units_row: bool = False
    encoding: str = "utf-8"
    sheet: str | None = None

    def settings(self) -> dict[str, Any]:
        """Give what is not as usual, by its key, as plain values."""
        usual = asdict(PLAIN)
        values = {name: value for name, value in asdict(self).items() if value != usual[name]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Dialect | None:
        """Read what `settings` gave, from a file that may be foreign; None for what is none."""
        values = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
        dialect = cls(**values) if values.keys() <= asdict(PLAIN).keys() else None  # type: ignore[arg-type]
        return dialect if dialect is not None and values and dialect._is_sound() else None

    def _is_sound(self) -> bool:
        texts = (self.delimiter, self.comment, self.sheet)
        return (
            all(text is None or (isinstance(text, str) and text != "") for text in texts)
            and self.decimal in get_args(Decimal)
            and self.thousands in (None, *get_args(Thousands))
            and isinstance(self.signs, tuple)
            and all(isinstance(sign, str) and sign for sign in self.signs)
            and isinstance(self.skip_lines, int)
            and self.skip_lines >= 0
            and isinstance(self.units_row, bool)
            and isinstance(self.encoding, str)
            and not any(self.problems())
        )

    def problems(self) -> Iterator[tuple[str, str]]:
        """Find what no file can be read by, as key and sentence."""
        if self.delimiter not in (None, WHITESPACE) and not _DELIMITER.fullmatch(self.delimiter or ""):
            what = "one character that is no quote, letter, digit or part of a number"
            yield "delimiter", f'expected {what}, or "{WHITESPACE}", got {quoted(self.delimiter or "")}'
        if self.thousands == self.decimal:
            yield "thousands", f"expected another mark than data.decimal, got {quoted(self.decimal)} for both"
        for sign in self.signs:
            if not sign.strip() or any(letter.isdigit() for letter in sign) or sign.strip() in _PARTS:
                what = "expected texts beside numbers and no part of them"
                yield "signs", f"{what}, got {quoted(sign)}"
        if not is_encoding(self.encoding):
            known = '"cp1252", "latin-1" or "utf-16"'
            what = f"expected an encoding of text that Python knows, such as {known}"
            yield "encoding", f"{what}, got {quoted(self.encoding)}"

    @property
    def changes_numbers(self) -> bool:
        """Whether numbers are written otherwise than plainly."""
        return any(getattr(self, name) != getattr(PLAIN, name) for name in _OF_NUMBERS)

    @property
    def number_keys(self) -> str:
        """Name the keys by which numbers are written otherwise, and their verb."""
        keys = [f"data.{name}" for name in _OF_NUMBERS if getattr(self, name) != getattr(PLAIN, name)]
        return f"{listed(keys)} {'says' if len(keys) == 1 else 'say'}"

    def plain(self, cell: str) -> str | None:
        """Write a number of this dialect plainly, 1.234,5 as "1234.5"; None for what is no number of it."""
        match = self._number.fullmatch(cell)
        if match is None:
            return None
        outer, inner, whole, rest, exponent = match.group("outer", "inner", "whole", "rest", "exponent")
        if outer and inner:
            return None
        digits = re.sub(r"\D", "", whole)
        plain = f"{outer or inner}{digits}{(rest or '').replace(self.decimal, '.')}{exponent or ''}"
        return plain.translate(_HYPHENS)

    def signs_said(self, cells: Sequence[Any] | NDArray[Any], rows: int) -> str:
        """Say in how many cells of a column of numbers signs are taken away, and other minus signs read; "" for none.

        `cells` are at least those that are no plain numbers, of `rows` in all.
        """
        texts = [cell for cell in cells if isinstance(cell, str)]
        numbers = [text for text in texts if not text.isascii() and self.plain(text) is not None]
        signs, minus = (
            listed([f"{quoted(sign)} in {count:,}" for sign, count in counts.items() if count])
            for counts in (
                {sign: sum(sign.strip() in text for text in texts) for sign in self.signs},
                {sign: sum(sign in text for text in numbers) for sign in MINUS},
            )
        )
        cells = counted(rows, "cell")
        taken = f"{signs} of {cells} taken away from its numbers" if signs else ""
        read = f'{minus} of {cells} read as the minus sign "-"' if minus else ""
        return "; ".join(filter(None, (taken, read)))

    @cached_property
    def _number(self) -> re.Pattern[str]:
        point = re.escape(self.decimal)
        between = "" if self.thousands is None else _BETWEEN.get(self.thousands, re.escape(self.thousands))
        grouped = rf"\d{{1,3}}(?:{between}\d{{3}})+|" if between else ""
        number = (
            rf"(?={point}?\d)(?P<whole>(?:{grouped}\d+)?)(?P<rest>{point}\d*)?(?P<exponent>[eE]{SIGN}\d+)?"
        )
        texts = sorted((sign.strip() for sign in self.signs), key=len, reverse=True)
        signs = "|".join(map(re.escape, texts))
        before, after = (rf"(?:(?:{signs}){SPACES}*)?", rf"(?:{SPACES}*(?:{signs}))?") if signs else ("", "")
        signed = rf"(?P<outer>{SIGN}){before}(?P<inner>{SIGN}){number}"
        return re.compile(rf"(?:\t|{SPACES})*{signed}{after}(?:\t|{SPACES})*", re.ASCII)


PLAIN: Final = Dialect()
"""What any plain file has."""


def is_encoding(name: str) -> bool:
    """Whether Python knows an encoding of text by this name; some of its codecs are of bytes."""
    try:
        return "a".encode(name) != b""
    except (LookupError, ValueError):
        return False
