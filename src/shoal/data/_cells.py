"""Cells of a table as exact float64 numbers or as text; what is neither is named by line and column."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from shoal.data._classes import NUMBER, nfc
from shoal.data._dialect import PLAIN, Dialect
from shoal.data._distinct import coded
from shoal.data._findings import Findings
from shoal.data._missing import Marks
from shoal.data._notation import DECIMAL_COMMA, DECIMAL_POINT, SOME_COMMA, Notation, notation_of
from shoal.data._seen import keys_text, seen_in_numbers
from shoal.data._spelling import TRUTH, respelled
from shoal.data._table import Cells, DateCells, Foreign, Table
from shoal.data._text_column import TextColumn
from shoal.wording import counted, few_quoted, quoted

_OFTEN = 3
"""Cells with one and the same text from which they have one sentence."""
_FEW = 3
"""Cells with one reason that have a sentence each; more have one together."""
_FIRST = 100
"""Cells that are no numbers, of which it is asked first whether they are missing ones."""
_NUMBER_BYTES = b"0123456789+-.eE \t"
_WHOLE_BYTES = b"0123456789+- \t"


def numbers(
    table: Table, name: str, findings: Findings, advice: str | None, marks: Marks | None = None
) -> NDArray[np.float64] | None:
    """Read column `name` as the nearest float64 of each cell, shape (N,); None where it is not numbers.

    NaN where a cell is missing, as `marks` say; without them that is refused. Text is read in the table's dialect.
    `advice` ends the sentence about a column that holds text throughout; None: cells of text are no mistake yet, and
    nothing is noted of them.
    """
    typed = _plain_cells(table, name, "numbers", findings)
    if typed is None:
        return None
    cells = typed
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "O":
        cells = [written_cell(cell) for cell in cells]
    if isinstance(cells, np.ndarray) and cells.dtype.kind != "U":
        return _finite(table, name, cells, findings, marks)
    dialect = table.dialect
    values = None if dialect.changes_numbers else _fast(cells, marks)
    if values is None:
        values = _by_text(cells, typed, dialect, marks)
    if values is not None:
        return values if marks is None else marks.taken_out(values)
    if advice is not None:
        missing_N = _missing(list(cells), typed, dialect, marks)
        there = np.flatnonzero(~missing_N).tolist()
        _complain(table, name, {row: str(cells[row]) for row in there}, findings, advice)
    return None


def _fast(cells: Sequence[str] | NDArray[Any], marks: Marks | None = None) -> NDArray[np.float64] | None:
    """Convert at once where every cell is a plain finite number, or in a plain text missing; None where some is not."""
    if not isinstance(cells, TextColumn):
        return _floats(cells)
    read = cells.numbers()
    if read is None:
        return None
    values_N, others = read
    for some in (others[:_FIRST], others):  # a column of text is known by its first cells
        words = [text.strip(" \t") for text in dict.fromkeys(cells.some(some))]
        if words and (marks is None or not marks.among(words).all()):
            return None
    return values_N


def _by_text(
    cells: Sequence[str] | NDArray[Any],
    typed: Sequence[str] | NDArray[Any],
    dialect: Dialect,
    marks: Marks | None,
) -> NDArray[np.float64] | None:
    """Convert each different text; NaN where one is missing, None where some are no numbers.

    `typed` are the cells as they came: what came as a number is in no dialect.
    """
    apart = isinstance(typed, np.ndarray) and typed.dtype.kind == "O" and dialect.changes_numbers
    different, code_N = (list(map(str, cells)), None) if apart else _different(cells)
    written = [text.strip(" \t") for text in different]
    plain, strange = _plain_texts(written, typed if apart else different, dialect)
    missing = np.zeros(len(written), np.bool_) if marks is None else marks.among(written) | marks.among(plain)
    there = np.flatnonzero(~missing)
    known = [plain[place] for place in there.tolist()]
    read = None if (strange & ~missing).any() else _floats(known)
    if read is None:
        read = _truth(known)
    if read is None:
        return None
    values = np.full(len(written), np.nan)
    values[there] = read
    return values if code_N is None else values[code_N]


def _different(cells: Sequence[Any] | NDArray[Any]) -> tuple[list[str], NDArray[np.int64]]:
    """Give the different cells as text, as they come, and the place of each row's among them, (N,)."""
    if isinstance(cells, TextColumn):
        return cells.different
    return coded(list(map(str, cells)))


def _missing(
    cells: Sequence[str], typed: Sequence[str] | NDArray[Any], dialect: Dialect, marks: Marks | None
) -> NDArray[np.bool_]:
    """Say which cells are missing, as they are written or as they are meant, (N,)."""
    if marks is None:
        return np.zeros(len(cells), np.bool_)
    written = [str(cell).strip(" \t") for cell in cells]
    return marks.among(written) | marks.among(_plain_texts(written, typed, dialect)[0])


def _plain_cells(
    table: Table, name: str, expected: str, findings: Findings
) -> Sequence[str] | NDArray[Any] | None:
    """Give cells that are numbers or text; None for others, which are noted."""
    cells = table[name]
    if isinstance(cells, Foreign):
        findings.add(f"expected {expected}, got {cells}", f"column {quoted(name)}")
    elif isinstance(cells, DateCells) or (isinstance(cells, np.ndarray) and cells.dtype.kind == "M"):
        findings.add(f"expected {expected}, got dates", f"column {quoted(name)}")
    else:
        return cells
    return None


def _plain_texts(
    written: Sequence[str], cells: Sequence[Any] | NDArray[Any], dialect: Dialect
) -> tuple[Sequence[str], NDArray[np.bool_]]:
    """Write numbers of a dialect plainly, and say which cells are numbers elsewhere but none of this dialect, (N,).

    `cells` are as they came: those that came as numbers are in no dialect.
    """
    strange_N = np.zeros(len(written), np.bool_)
    if not dialect.changes_numbers and all(map(str.isascii, written)):
        return written, strange_N
    plain = list(written)
    for row, (text, cell) in enumerate(zip(written, cells, strict=True)):
        number = dialect.plain(text) if isinstance(cell, str) else text
        strange_N[row] = number is None and NUMBER.fullmatch(text) is not None
        plain[row] = text if number is None else number
    return plain, strange_N


def _finite(
    table: Table, name: str, cells: NDArray[Any], findings: Findings, marks: Marks | None = None
) -> NDArray[np.float64] | None:
    """Check numbers that came as numbers; NaN where one is missing."""
    with np.errstate(over="ignore"):
        values = cells.astype(np.float64)
    if marks is not None:
        values = np.where(marks.among_numbers(values), np.nan, values)
    bad = np.flatnonzero(~np.isfinite(values) if marks is None else np.isinf(values)).tolist()
    note_rows(table, name, {row: f"expected a finite number, got {cells[row]}" for row in bad}, findings)
    return None if bad else values


def _floats(cells: Sequence[str] | NDArray[Any]) -> NDArray[np.float64] | None:
    """Convert at once where every cell is a plain finite number: float() rounds to nearest.

    The characters are checked first, since float() also takes "1_000", "nan" and digits of other scripts.
    """
    joined = "".join(cells)
    if not joined.isascii() or joined.encode("ascii").translate(None, _NUMBER_BYTES):
        return None
    try:
        values = np.array(list(map(float, cells)), dtype=np.float64)
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _truth(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """Read true as 1 and false as 0, in whatever letters, where every cell is one of them."""
    values = [TRUTH.get(cell.lower()) for cell in cells]
    known = [float(value) for value in values if value is not None]
    return np.array(known) if known and len(known) == len(cells) else None


def holds_truth(table: Table, name: str, marks: Marks | None) -> bool:
    """Whether a column that was read as numbers holds truth values, by their type or as text."""
    cells = table[name]
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "biuf":
        return cells.dtype.kind == "b"
    if isinstance(cells, DateCells | Foreign):
        return False
    words = [text.strip(" \t") for text in written_counts(cells)]
    missing = Marks(frozenset()) if marks is None else marks
    there_N = ~missing.among(words)
    return _truth([word for word, there in zip(words, there_N, strict=True) if there]) is not None


def holds_text(table: Table, name: str, marks: Marks | None = None) -> bool:
    """Whether a column is one of text: of the cells that are there, less than half are numbers.

    Truth values are numbers, and so are those that are written for people, and dates: they are refused as such.
    """
    cells = table[name]
    if not _may_be_text(cells):
        return False
    times = written_counts(cells)
    missing = Marks(frozenset()) if marks is None else marks
    different = [cell for cell in times if not missing.among([cell])[0]]
    if not different or _truth(different) is not None:
        return False
    words = [cell for cell in different if not _like_a_number(cell) and table.dialect.plain(cell) is None]
    count = sum(times[cell] for cell in words)
    noted = sum(times[cell] for cell in words if notation_of(cell) is not None)
    return 2 * count > sum(times[cell] for cell in different) and 2 * noted <= count


def note_rows(table: Table, name: str, faults: Mapping[int, str], findings: Findings) -> None:
    """Note what is wrong with cells of a column, by row: each where they are few, else the first, and their count."""
    if len(faults) <= _FEW:
        for row, what in faults.items():
            findings.add(what, table.place(row, name), table.number(row))
        return
    first = min(faults)
    where, _, column = table.place(first, name).partition(", ")
    others = " and others" if len(set(faults.values())) > 1 else ""
    count = f"in {len(faults):,} of {counted(table.rows, 'cell')}, first on {where}"
    findings.add(f"{faults[first]}{others} {count}", column, table.number(first))


def zeros_before(table: Table, name: str, marks: Marks | None = None) -> str:
    """Give a cell with zeros before it (01) of a column of text that are whole numbers; nothing where there is none."""
    cells = table[name]
    if not _may_be_text(cells) or (isinstance(cells, TextColumn) and not cells.may_have_zeros_before()):
        return ""
    joined = "".join(map(str, cells))
    if not joined.isascii() or joined.encode("ascii").translate(None, _WHOLE_BYTES):
        missing = Marks(frozenset()) if marks is None else marks
        cells = [cell for cell in written_counts(cells) if not missing.among([cell])[0]]
    padded = ""
    for cell in map(str, cells):
        digits = cell.strip(" \t").lstrip("+-")
        if digits and not digits.isdigit():
            return ""
        padded = padded or (cell.strip(" \t") if len(digits) > 1 and digits[0] == "0" else "")
    return padded


def _may_be_text(cells: Cells) -> TypeGuard[Sequence[str] | NDArray[Any]]:
    """Whether some cells may be text."""
    if isinstance(cells, Foreign | DateCells):
        return False
    return not isinstance(cells, np.ndarray) or cells.dtype.kind in "OU"


def _complain(table: Table, name: str, cells: Mapping[int, str], findings: Findings, advice: str) -> None:
    """Name every cell that is no number, or the column as a whole where none is or where all have one reason.

    `cells` are those that are not missing, by their rows.
    """
    dialect = table.dialect
    bad = {row: fault for row, cell in cells.items() if (fault := _fault(cell, dialect)) is not None}
    notations = _notations({row: cells[row] for row in bad}, dialect)
    words = [cell for cell in cells.values() if cell.strip(" \t") and not _not_finite(cell)]
    noted = sum(map(len, notations.values()))
    if len(bad) == len(cells) and 2 * noted <= len(words) and words and not any(map(_like_a_number, words)):
        what = f"expected numbers, got text such as {quoted(words[0])}{advice}"
        findings.add(what, f"column {quoted(name)}")
        return
    many = counted(len(cells), "cell")
    for notation, rows in notations.items():
        first, expected = rows[0], notation.expected
        where, such = table.place(first, name), f"{quoted(cells[first])} ({notation.description})"
        if len(rows) > 1:
            where, _, column = where.partition(", ")
            share = f"{'all' if len(rows) == len(cells) else f'{len(rows)} of'} {many}"
            such = f"{notation.description} in {share}, such as {quoted(cells[first])} on {where}"
            where = column
        if dialect.changes_numbers:
            expected = f"numbers as {dialect.number_keys}"
        keys = _keys_for(notation, [cells[row] for row in rows], dialect) if advice else ""
        findings.add(f"expected {expected}, got {such}{findings.remedy(keys)}", where, table.number(first))
    plain = sorted(bad.keys() - {row for rows in notations.values() for row in rows})
    times, said = Counter(cells[row] for row in plain), set[str]()
    by_fault: dict[str, list[int]] = {}
    for row in plain:
        text = cells[row]
        if times[text] < _OFTEN or not text.strip(" \t") or _not_finite(text):
            reason = bad[row].partition(", got")[0] + "," * (not text.strip(" \t"))
            by_fault.setdefault(reason, []).append(row)
        elif text not in said:
            where, _, column = table.place(row, name).partition(", ")
            what = f"expected numbers, got {quoted(text)} in {times[text]} of {many}, first on {where}"
            mark = (
                f"; if it stands for a missing cell: data.missing_marks = [{quoted(text)}]" if advice else ""
            )
            findings.add(what + mark, column, table.number(row))
            said.add(text)
    for rows in by_fault.values():
        note_rows(table, name, {row: bad[row] for row in rows}, findings)


def _keys_for(notation: Notation, cells: Sequence[str], dialect: Dialect) -> str:
    """Name the keys that read cells; of 1,234 alone there is no telling which it is."""
    if notation is DECIMAL_POINT:
        return ""
    keys = keys_text(seen_in_numbers(cells, dialect))
    doubtful = notation is SOME_COMMA and keys and not dialect.changes_numbers
    return f'{keys} or data.decimal = ","' if doubtful else keys


def _notations(cells: dict[int, str], dialect: Dialect) -> dict[Notation, list[int]]:
    """Sort rows by the way in which their cells are written; 1,234 beside 1,5 has a decimal comma, too."""
    rows: dict[Notation, list[int]] = {}
    for row, cell in cells.items():
        if dialect.plain(cell) is not None:  # too large
            continue
        notation = DECIMAL_POINT if NUMBER.fullmatch(cell) else notation_of(cell)
        if notation is not None:
            rows.setdefault(notation, []).append(row)
    if DECIMAL_COMMA in rows and SOME_COMMA in rows:
        rows[DECIMAL_COMMA] = sorted(rows[DECIMAL_COMMA] + rows.pop(SOME_COMMA))
    return rows


def _fault(cell: str, dialect: Dialect = PLAIN) -> str | None:
    """Say what is wrong with one cell as a number."""
    if not cell.strip(" \t"):
        return "expected a number, got an empty cell"
    number = dialect.plain(cell)
    if number is not None:
        return (
            None if math.isfinite(float(number)) else f"expected a number below 1.8e308, got {quoted(cell)}"
        )
    finite = "finite " if _not_finite(cell) else ""
    return f"expected a {finite}number, got {quoted(cell)}"


def _like_a_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _not_finite(cell: str) -> bool:
    return cell.strip().lstrip("+-").lower() in {"nan", "inf", "infinity"}


def texts(
    table: Table, name: str, findings: Findings, known: Collection[str] = (), marks: Marks | None = None
) -> NDArray[np.object_] | None:
    """Read column `name` as str, shape (N,); see `coded_texts`."""
    read = coded_texts(table, name, findings, known, marks)
    if read is None:
        return None
    spelled, place_N = read
    shared: dict[str, str] = {}
    # Each text once: numpy's own take as much room as the longest, each of them.
    return np.array([shared.setdefault(text, text) for text in spelled], dtype=np.object_)[place_N]


def coded_texts(
    table: Table, name: str, findings: Findings, known: Collection[str] = (), marks: Marks | None = None
) -> tuple[list[str], NDArray[np.int64]] | None:
    """Read column `name` as texts, in NFC, without spaces around it, numbers as they are best written.

    Gives them and the place of each row's among them, (N,). An empty text where a cell is missing, as `marks` say, or
    else is refused. A value that is one of the `known` texts, whatever the format writes it like, gets that spelling.
    """
    cells = _plain_cells(table, name, "numbers or text", findings)
    if cells is None:
        return None
    if (
        isinstance(cells, np.ndarray)
        and cells.dtype.kind == "f"
        and _finite(table, name, cells, findings, marks) is None
    ):
        return None
    cells, code_N = cells.different if isinstance(cells, TextColumn) else (cells, np.arange(len(cells)))
    written = [written_cell(cell) for cell in cells]
    if marks is not None:
        missing = marks.among(written).tolist()
        written = ["" if lacks else cell for cell, lacks in zip(written, missing, strict=True)]
    elif "" in written:
        empty = np.flatnonzero(np.array([not cell for cell in written])[code_N]).tolist()
        note_rows(table, name, dict.fromkeys(empty, "expected text, got an empty cell"), findings)
        return None
    if any("\0" in cell for cell in written):  # a letter that numpy and other programs cut off
        nuls = np.flatnonzero(np.array(["\0" in cell for cell in written])[code_N]).tolist()
        note_rows(table, name, dict.fromkeys(nuls, "expected text, got a NUL byte"), findings)
        return None
    spelled, doubtful = respelled(written, cells, known)
    for cell, meant in doubtful.items():
        what = f"expected text as it was learned, got the value {cell}, which may be {few_quoted(meant)}"
        findings.add(what, f"column {quoted(name)}")
    return spelled, code_N


def words_of(table: Table, name: str, rows: Sequence[int]) -> set[str]:
    """Give the different texts of some cells of a column, as they are written; numbers have none."""
    cells = table[name]
    if not _may_be_text(cells):
        return set()
    return {written_cell(cells[row]) for row in rows}


def written_cells(cells: Sequence[Any] | NDArray[Any]) -> list[str]:
    """Write cells as text, each different text once."""
    if not isinstance(cells, TextColumn):
        return [written_cell(cell) for cell in cells]
    different, code_N = cells.different
    written = [written_cell(text) for text in different]
    return [written[code] for code in code_N.tolist()]


def written_counts(cells: Sequence[Any] | NDArray[Any]) -> Counter[str]:
    """Count the cells of each text, as it is written, in the order in which they come."""
    if not isinstance(cells, TextColumn):
        return Counter(map(written_cell, cells))
    different, code_N = cells.different
    times: Counter[str] = Counter()
    for text, count in zip(different, np.bincount(code_N).tolist(), strict=True):
        times[written_cell(text)] += count
    return times


def written_cell(cell: Any) -> str:
    """Write one cell as text; nothing where it is missing."""
    match cell:
        case str():
            return nfc(cell.strip(" \t"))
        case bool() | np.bool_():
            return "true" if cell else "false"
        case int() | np.integer():
            return str(int(cell))
        case float() | np.floating() if not math.isnan(cell):
            return _plain(float(cell))
    return ""


def _plain(value: float) -> str:
    """Write 3.0 as "3", so that classes stored as whole floats read as one expects."""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
