"""Files of tables to tables, by the format that their ending names, strictly: nothing is guessed.

Whatever the format, the file comes in by the door of `files.py`, and names of columns are checked and brought to one
form.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from shoal.data._classes import nfc
from shoal.data._dialect import PLAIN, Dialect
from shoal.data._findings import Findings
from shoal.data._given_rows import GivenRows
from shoal.data._packing import damage, declared_size, unpacked
from shoal.data._table import Table, names_are_good
from shoal.data._table_format import EVERYTHING, LESS_TO_READ, Limits, TableFile, table_format
from shoal.errors import DataError, EnvironmentFault, Problem
from shoal.files import Unreadable, opened
from shoal.kinds import TABLE_FORMATS, table_format_name
from shoal.wording import counted, listed


def read_table(
    path: str | Path | GivenRows,
    names: Iterable[str] | None = None,
    room: float | None = None,
    dialect: Dialect = PLAIN,
    named: Iterable[str] = (),
) -> Table:
    """Read a file of any of `kinds.TABLE_FORMATS`: the columns `names` (None: all), in at most `room` bytes.

    Rows in memory are a table as well; of a pandas index the levels that are `named`. Raises DataError with all
    mistakes of the file: missing, empty or damaged file, unknown ending, other encoding, empty or repeated column
    names, ragged lines. Raises EnvironmentFault, before it is read, for one that needs more memory.
    """
    findings = Findings(str(path))
    limits = Limits(None if names is None else frozenset(map(nfc, names)), room, frozenset(named))
    table = scan_table(path, findings, limits, dialect)
    if table is None or findings.found:
        raise DataError(findings.problems())
    return table


def scan_table(
    path: str | Path | GivenRows, findings: Findings, limits: Limits = EVERYTHING, dialect: Dialect = PLAIN
) -> Table | None:
    """Read a table, noting what is wrong; readable rows are kept, so that their cells are checked too.

    Rows in memory that are no table at all raise DataError. Raises EnvironmentFault where it needs more memory than
    there is.
    """
    if isinstance(path, GivenRows):
        return replace(path.table(limits), dialect=dialect)
    path = Path(path)
    try:
        with opened(path) as stream:
            size = declared_size(path, stream)
            table = _read(TableFile(path, unpacked(path, stream), size, findings, limits, dialect))
    except Unreadable as error:
        findings.add(error.sentence())
        return None
    except (EOFError, zlib.error, OSError) as error:
        findings.add(damage(path, error))
        return None
    except MemoryError as error:
        what = f"expected enough to read {path}, got no more from the system; {LESS_TO_READ}"
        raise EnvironmentFault(Problem("memory", what)) from error
    if table is None:
        return None
    if dialect.skip_lines and table.lines:
        note = f"{counted(dialect.skip_lines, table.noun)} above the names left out (data.skip_lines)"
        table = replace(table, notes=(*table.notes, note))
    if dialect.units_row and table.lines and table.rows:
        table = table.without_units()
    if not table.rows and not findings.found:
        findings.add("expected at least one row below the column names, got none")
    table = table.without_empty_columns().without_row_names()
    if not names_are_good(table.names, table.head, findings):
        return None
    return replace(table.in_one_form(), dialect=dialect)


def _read(file: TableFile) -> Table | None:
    """Have the file's format read it; one of no known ending is noted."""
    name = table_format_name(file.path)
    if name is None:
        endings = listed([kind.endings[0] for kind in TABLE_FORMATS.values()], "or")
        file.findings.add(f"expected a table file ending in {endings}")
        return None
    table = table_format(name).read(file)
    if table is not None and TABLE_FORMATS[name].is_text:
        return replace(table, text_bytes=file.stream.tell())
    return table
