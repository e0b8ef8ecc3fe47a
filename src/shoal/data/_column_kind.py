"""The kinds of columns: what a study says of one, and what every column of a table turned out to be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from shoal.data._classes import nfc
from shoal.wording import quoted

KindName = Literal["number", "category", "ordered", "date"]


@dataclass(frozen=True)
class ColumnKind:
    """How the cells of a column are read: `order` names ordered categories, the lowest first.

    `format` is how dates are written, in the directives of strptime; empty: as ISO 8601 has them.
    """

    name: KindName
    order: tuple[str, ...] = ()
    format: str = ""

    def in_one_form(self) -> ColumnKind:
        """Give the same with its texts in NFC, the form in which cells are read."""
        return ColumnKind(self.name, tuple(map(nfc, self.order)), nfc(self.format))


NUMBER: Final = ColumnKind("number")
CATEGORY: Final = ColumnKind("category")
DATE: Final = ColumnKind("date")


def key_of(name: str) -> str:
    """Write the name of a column as a key of TOML."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)


@dataclass(frozen=True)
class DateStyle:
    """How dates are written: `format` as above, and whether with a time zone; None: unknown, as in arrays of numpy."""

    format: str = ""
    zoned: bool | None = None


ISO: Final = DateStyle()


@dataclass(frozen=True)
class ColumnFacts:
    """What an input column of a table is, and what is done with it; counts are of cells.

    `reason` says how its kind was found, or what it holds; empty: nothing is to be said. `left_out` says why it is no
    input; empty: it is one. `missing` are (training, test) cells. `is_constant`: it is one number in every training
    row. `remarks` are what else is said of it: parts of one sentence.
    """

    name: str
    kind: KindName
    reason: str = ""
    left_out: str = ""
    missing: tuple[int, int] = (0, 0)
    remarks: tuple[str, ...] = ()
    is_constant: bool = False

    @property
    def said(self) -> tuple[str, ...]:
        """All that is said of it, the most important first; none where it is what its name says."""
        first = self.left_out or self.reason
        return (first, *self.remarks) if first else self.remarks
