"""What is seen in a table's file of how it is written, as keys of a study that read it, each with its reason.

Nothing is read by it: refusals name the keys, and a study that is drafted for a file holds them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from shoal.data._dialect import PLAIN, Decimal, Dialect, Thousands
from shoal.data._encoding import UTF_8, encoding_of
from shoal.data._findings import Findings
from shoal.data._missing import Marks
from shoal.data._notation import signs_of
from shoal.data._packing import unpacked
from shoal.data._table_format import Limits, TableFile, table_format
from shoal.data._text_rows import WORDS, split_rows, words_of_delimiter
from shoal.data._titles import titles_above
from shoal.errors import EnvironmentFault
from shoal.files import Unreadable, opened, size_of
from shoal.kinds import TABLE_FORMATS, table_format_name
from shoal.wording import counted, listed, quoted, shorten

_BYTES: Final = 1 << 20
_LINES: Final = 200
_ROWS: Final = 1000
_CELLS: Final = 100
"""How much is looked at: bytes of a file, lines for what separates cells, rows, different cells of a column."""
_COMMENTS: Final = ("#", "%", "//", "!", "*", "--")
_LONGEST_UNIT: Final = 20
_WRITTEN: Final[tuple[tuple[Decimal, Thousands | None], ...]] = (
    (".", None),
    (".", ","),
    (".", " "),
    (".", "'"),
    (",", None),
    (",", "."),
    (",", " "),
    (",", "'"),
)
"""Decimal mark and mark between thousands, the likelier first where cells do not tell."""
_BETWEEN: Final = {",": "commas", ".": "points", " ": "spaces", "'": "apostrophes"}


@dataclass(frozen=True)
class Sighting:
    """One key of `data` that reads what is seen: its value, and in words what was seen."""

    key: str
    value: Any
    reason: str

    def __str__(self) -> str:
        return f"data.{self.key} = {json.dumps(self.value, ensure_ascii=False)}"


def keys_text(sightings: Iterable[Sighting]) -> str:
    """Write the keys as they stand in a study."""
    return listed([str(sighting) for sighting in sightings])


def usual_delimiter(path: Path) -> str | None:
    """Give what separates cells by the ending of a file; None where that says nothing."""
    name = table_format_name(path)
    return TABLE_FORMATS[name].delimiter if name is not None else None


def seen_in(path: str | Path, room: float | None = None) -> tuple[Sighting, ...]:
    """Look at the beginning of a file of text, or of a workbook: every key that its reading needs.

    Nothing for files of other kinds, and for a file that cannot be read, or not in `room`: reading it says why.
    """
    path = Path(path)
    name = table_format_name(path)
    if name is None:
        return ()
    if not TABLE_FORMATS[name].is_text:
        return seen_in_cells(_first_cells(path, name, room), 1)
    try:
        with opened(path) as stream:
            raw = unpacked(path, stream).read(_BYTES)
    except (Unreadable, OSError, EOFError, ValueError):
        return ()
    encoding = encoding_of(raw)
    text = raw.decode(encoding or "latin-1", errors="ignore").removeprefix("\ufeff")
    sightings = seen_in_text(text, usual_delimiter(path), PLAIN)
    if encoding in ("", UTF_8):
        return sightings
    return Sighting("encoding", encoding, f"bytes that are no UTF-8, most likely {encoding}"), *sightings


def keys_for(path: str | Path, dialect: Dialect, room: float | None = None) -> str:
    """Write the keys by which a file reads that is not written as `dialect` says; nothing where none is seen."""
    seen = {sight.key: sight for sight in seen_in(path, room)}
    usual = usual_delimiter(Path(path))
    if "delimiter" not in seen and usual is not None and dialect.delimiter not in (None, usual):
        seen = {"delimiter": Sighting("delimiter", usual, "what its ending says"), **seen}
    return keys_text(sight for sight in seen.values() if sight.value != getattr(dialect, sight.key))


def _first_cells(path: Path, name: str, room: float | None) -> list[list[Any]]:
    """Give the first rows of a file of typed cells, where its format tells of titles and units."""
    head = table_format(name).head
    if head is None:
        return []
    try:
        with opened(path) as stream:
            findings, limits = Findings(str(path)), Limits(room=room)
            return head(TableFile(path, stream, size_of(stream), findings, limits, PLAIN))
    except (Unreadable, OSError, EnvironmentFault):
        return []


def seen_in_cells(rows: Sequence[Sequence[Any]], first: int) -> tuple[Sighting, ...]:
    """Give what the first rows of a sheet need to be read, which is counted from row number `first`.

    What came as a number or a date is in no dialect.
    """
    texts = [["" if cell is None else str(cell).strip() for cell in row] for row in rows]
    empty = next((place for place, row in enumerate(texts) if any(row)), len(texts))
    titles = titles_above(texts[empty:])
    body = slice(empty + titles + 1, None)
    sightings: list[Sighting] = []
    if titles:
        title = next(filter(None, texts[empty]))
        sightings.append(_skipped(first - 1 + empty + titles, "row", title))
    columns = [list(column) for column in zip(*texts[body], strict=True)]
    units = _units_in(columns, _written(columns, PLAIN))
    if units:
        sightings.append(Sighting("units_row", True, f"units below the names, such as {quoted(units)}"))
    of_text = [
        [cell for cell in column[bool(units) :] if isinstance(cell, str)]
        for column in zip(*rows[body], strict=True)
    ]
    return *sightings, *_differences(of_text, PLAIN, _written(of_text, PLAIN))


def seen_in_text(text: str, usual: str | None, dialect: Dialect) -> tuple[Sighting, ...]:
    """Give what `dialect` lacks to read a text of cells between separators, the `usual` one if it fits."""
    sample = text[:_BYTES]
    if len(sample) < len(text):
        sample = sample[: sample.rfind("\n") + 1]
    comment = dialect.comment or _comment_in(sample, usual)
    delimiter = dialect.delimiter or _delimiter_in(sample, usual, comment)
    skip = dialect.skip_lines
    if not skip:
        delimiter, skip = _below_titles(_head(sample), delimiter, comment)
    delimiter = delimiter or usual
    if delimiter is None:
        return ()
    rows, _ = split_rows(sample, delimiter, comment, Findings(""), skip)
    body = [row for row in islice(rows, 1, 1 + _ROWS) if len(row) == len(rows[0])]
    columns = [list(map(str.strip, column)) for column in zip(*body, strict=True)]
    changes: list[Sighting] = []
    if comment is None and _has_gaps(rows):
        changes.append(Sighting("comment", "#", "empty lines between rows, which are none beside comments"))
    if comment != dialect.comment:
        changes.append(Sighting("comment", comment, f"lines that begin with {quoted(comment or '')}"))
    if delimiter != (dialect.delimiter or usual):
        changes.append(Sighting("delimiter", delimiter, f"{words_of_delimiter(delimiter)} between cells"))
    if skip != dialect.skip_lines:
        changes.append(_skipped(skip, "line", next(filter(str.strip, sample.splitlines()))))
    return *changes, *_of_columns(columns, dialect, commas_likely=delimiter == ";")


def _has_gaps(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows of one width have empty lines between them, and none begins as a comment may."""
    there = [row for row in rows if row]
    one_width = len({len(row) for row in there}) == 1 and len(there[0]) > 1
    return len(there) < len(rows) and one_width and not any(row[0].lstrip().startswith("#") for row in there)


def _skipped(lines: int, noun: str, first: str) -> Sighting:
    return Sighting(
        "skip_lines", lines, f"{counted(lines, noun)} above the names, such as {quoted(shorten(first))}"
    )


def _of_columns(
    columns: Sequence[Sequence[str]], dialect: Dialect, *, commas_likely: bool
) -> Iterator[Sighting]:
    """Give what cells below the names tell: units in their first row, and how numbers are written."""
    written = _written(columns, dialect, commas_likely=commas_likely)
    if not dialect.units_row and (units := _units_in(columns, written)):
        yield Sighting("units_row", True, f"units below the names, such as {quoted(units)}")
        columns = [column[1:] for column in columns]
    yield from _differences(columns, dialect, written)


def seen_in_numbers(cells: Iterable[str], dialect: Dialect) -> tuple[Sighting, ...]:
    """Give what `dialect` lacks to read the cells of a column as numbers."""
    columns = [list(cells)]
    return tuple(_differences(columns, dialect, _written(columns, dialect)))


# -- lines ------------------------------------------------------------------------------------------------------


def _comment_in(text: str, usual: str | None) -> str | None:
    """Give what comment lines begin with: the first line does, and is no row like those below it."""
    first = text.lstrip(" \t\r\n")
    mark = next((mark for mark in _COMMENTS if first.startswith(mark)), None)
    delimiter = None if mark is None else _delimiter_in(text, usual, mark)
    if delimiter is None:
        return None
    names, *body = split_rows(_head(text), delimiter, None, Findings(""))[0]
    return mark if any(len(row) != len(names) for row in body) else None


def _delimiter_in(text: str, usual: str | None, comment: str | None) -> str | None:
    """Give what cuts the first lines into rows of one width, two cells or more: the usual separator, or most cells."""
    head = _head(text)
    widths = {name: _width(head, name, comment) for name in WORDS if name != " "}
    if usual is not None and widths.get(usual, 0) > 1:
        return usual
    widest = max(widths, key=lambda name: widths[name])
    return widest if widths[widest] > 1 else None


def _below_titles(text: str, delimiter: str | None, comment: str | None) -> tuple[str | None, int]:
    """Give what separates cells below lines that stand above the names, and how many these are; else what was seen."""
    widest, skip = 1, 0
    for other in [delimiter] if delimiter is not None else [name for name in WORDS if name != " "]:
        findings = Findings("")
        rows, lines = split_rows(text, other, comment, findings)
        titles = titles_above([list(map(str.strip, row)) for row in rows])
        if titles and not findings.found and len(rows[titles]) > widest:
            widest, delimiter, skip = len(rows[titles]), other, lines[titles] - 1
    return delimiter, skip


def _head(text: str) -> str:
    return "".join(islice(io.StringIO(text, newline=""), _LINES))


def _width(text: str, delimiter: str, comment: str | None) -> int:
    """Give the cells of each row; 0 where rows differ, or quotes are wrong. Row names may have no name of their own."""
    findings = Findings("")
    rows = [row for row in split_rows(text, delimiter, comment, findings)[0] if row]
    widths = {len(row) for row in rows[1:]}
    if len(rows) < 2 or findings.found or len(widths) > 1:
        return 0
    width = widths.pop()
    return width if width - len(rows[0]) in (0, 1) else 0


def _units_in(columns: Sequence[Sequence[str]], written: Dialect) -> str:
    """Give a unit of the first row, where it has one above every column of numbers, or nothing; "" without any."""
    marks, units = Marks(), list[str]()
    for column in columns:
        below = [cell for cell in column[1:] if not marks.among([cell])[0]]
        if len(below) < 2 or any(written.plain(cell) is None for cell in below) or not column[0]:
            continue
        missing = marks.among([column[0]])[0]
        if missing or written.plain(column[0]) is not None or len(column[0]) > _LONGEST_UNIT:
            return ""
        units.append(column[0])
    return units[0] if units else ""


# -- numbers ----------------------------------------------------------------------------------------------------


def _written(columns: Sequence[Sequence[str]], dialect: Dialect, *, commas_likely: bool = False) -> Dialect:
    """Give the dialect in which most cells are numbers, of columns that are numbers at least by half.

    `commas_likely`: what separates cells leaves the comma to numbers, as it does where decimals have one.
    """
    samples = [sample for column in columns if (sample := _sample(column))]
    signs = dict.fromkeys(sign for sample in samples for cell in sample for sign in signs_of(cell))
    with_signs = tuple(dict.fromkeys((*dialect.signs, *signs)))
    usual = (dialect.decimal, dialect.thousands)
    best, most = dialect, _numbers_in(samples, dialect)
    for decimal, thousands in sorted(
        _WRITTEN, key=lambda written: (written != usual, commas_likely and written[0] == ".")
    ):
        other = replace(dialect, decimal=decimal, thousands=thousands, signs=with_signs)
        if (count := _numbers_in(samples, other)) > most:
            best, most = other, count
    return best


def _sample(column: Sequence[str]) -> list[str]:
    different = list(islice(dict.fromkeys(column), _CELLS))
    return [cell for cell, missing in zip(different, Marks().among(different), strict=True) if not missing]


def _numbers_in(samples: Sequence[Sequence[str]], dialect: Dialect) -> int:
    counts = ((sum(dialect.plain(cell) is not None for cell in sample), len(sample)) for sample in samples)
    return sum(count for count, size in counts if 2 * count >= size)


def _differences(columns: Sequence[Sequence[str]], dialect: Dialect, written: Dialect) -> Iterator[Sighting]:
    """Name what is written otherwise in columns of numbers, each with a cell of it."""
    numbers = [sample for column in columns if 2 * _numbers_in([sample := _sample(column)], written) > 0]
    cells = [cell for sample in numbers for cell in sample if written.plain(cell) is not None]
    if written.decimal != dialect.decimal:
        such = _such(cells, replace(written, decimal=dialect.decimal, thousands=None))
        what = "decimal commas" if written.decimal == "," else "decimal points"
        yield Sighting("decimal", written.decimal, what + such)
    if written.thousands not in (None, dialect.thousands):
        such = _such(cells, replace(written, thousands=None))
        yield Sighting(
            "thousands", written.thousands, f"{_BETWEEN[written.thousands]} between thousands{such}"
        )
    signs = tuple(sign for sign in written.signs if any(sign in cell for cell in cells))
    if not set(signs) <= set(dialect.signs):
        such = _such(cells, replace(written, signs=dialect.signs))
        added = listed([quoted(sign) for sign in signs])
        yield Sighting("signs", [*dict.fromkeys((*dialect.signs, *signs))], f"{added} beside numbers{such}")


def _such(cells: Sequence[str], lesser: Dialect) -> str:
    """Give a cell that a lesser dialect cannot read."""
    cell = next((cell for cell in cells if lesser.plain(cell) is None), None)
    return "" if cell is None else f", such as {quoted(cell)}"
