"""Files of tables to tables, by the format that their ending names, strictly: nothing is guessed.

Whatever the format, the file comes in by the door of `files.py`, and names of columns are checked and brought to one
form.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from shoal.data._classes import nfc
from shoal.data._findings import Findings
from shoal.data._given_rows import GivenRows
from shoal.data._table import Table, names_are_good
from shoal.data._table_format import EVERYTHING, LESS_TO_READ, Limits, TableFile, table_format
from shoal.errors import DataError, EnvironmentFault, Problem
from shoal.files import Unreadable, opened
from shoal.kinds import TABLE_FORMATS, table_format_name
from shoal.wording import listed


def read_table(path: str | Path, names: Iterable[str] | None = None, room: float | None = None) -> Table:
    """Read a file of any of `kinds.TABLE_FORMATS`: the columns `names` (None: all), in at most `room` bytes.

    Raises DataError with all mistakes of the file: missing, empty or damaged file, unknown ending, not UTF-8, empty or
    repeated column names, ragged lines. Raises EnvironmentFault, before it is read, for one that needs more memory.
    """
    findings = Findings(str(path))
    limits = Limits(None if names is None else frozenset(map(nfc, names)), room)
    table = scan_table(path, findings, limits)
    if table is None or findings.found:
        raise DataError(findings.problems())
    return table


def scan_table(path: str | Path | GivenRows, findings: Findings, limits: Limits = EVERYTHING) -> Table | None:
    """Read a table, noting what is wrong; readable rows are kept, so that their cells are checked too.

    Rows in memory that are no table at all raise DataError. Raises EnvironmentFault where it needs more memory than
    there is.
    """
    if isinstance(path, GivenRows):
        return path.table(limits)
    path = Path(path)
    try:
        with opened(path) as stream:
            table = _read(TableFile(path, stream, findings, limits))
    except (Unreadable, OSError) as error:
        findings.add((Unreadable.by(error) if isinstance(error, OSError) else error).sentence())
        return None
    except MemoryError as error:
        what = f"expected enough to read {path}, got no more from the system; {LESS_TO_READ}"
        raise EnvironmentFault(Problem("memory", what)) from error
    if table is not None:
        table = table.without_row_names()
    if table is None or not names_are_good(table.names, "" if table.lines is None else "line 1", findings):
        return None
    return table.in_one_form()


def _read(file: TableFile) -> Table | None:
    """Have the file's format read it; one of no known ending is noted."""
    name = table_format_name(file.path)
    if name is None:
        endings = listed([kind.endings[0] for kind in TABLE_FORMATS.values()], "or")
        file.findings.add(f"expected a table file ending in {endings}")
        return None
    return table_format(name).read(file)
