"""Text cells between separators, by the rules of Python's csv module (RFC 4180), quotes strict: CSV and TSV.

The first line holds the names. Spaces and tabs around a cell do not count.
"""

from __future__ import annotations

import csv
import io
import re

from shoal.data._findings import Findings
from shoal.data._table import Table
from shoal.data._table_format import TableFile
from shoal.wording import quoted


def read_separated(file: TableFile, separator: str) -> Table | None:
    """Read text cells. Mistakes are noted with their lines; rows of the header's width are kept."""
    text = file.text(lambda sample: sample.count(separator.encode()) + sample.count(b"\n"))
    if text is None:
        return None
    findings = file.findings
    rows, lines = _split(text, separator, findings)
    while rows and not rows[-1]:
        rows.pop()
        lines.pop()
    if not rows:
        if not findings.found:
            findings.add("expected a line of column names and rows below it, got an empty file")
        return None
    names = tuple(name.strip(" \t") for name in rows[0])
    if not names:
        findings.add("expected column names, got an empty line", "line 1")
        return None
    if not file.has_few(len(names), "line 1") or _is_of_another_kind(names, separator, findings):
        return None
    body, lines = rows[1:], lines[1:]
    if len(body) > 1 and all(len(row) == len(names) + 1 for row in body):
        if not any(row[-1].strip(" \t") for row in body):
            what = f"expected {len(names)} cells as in line 1, got one more in every row, always empty"
            findings.add(f"{what}; take the separator at the end of every line out", f"line {lines[0]}")
            return None
        names = ("", *names)  # row names, as R's write.table writes them
    if not body and not findings.found:
        findings.add("expected at least one row below the column names, got none")
    if any(len(row) != len(names) for row in body):
        body, lines = _drop_ragged(body, lines, len(names), findings)
    columns = tuple(zip(*body, strict=True)) or ((),) * len(names)
    return Table(str(file.path), names, columns, len(body), lines)


def _split(text: str, separator: str, findings: Findings) -> tuple[list[list[str]], list[int]]:
    """Cut text into rows of cells, each with the line on which it starts."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    start = 1
    try:
        for row in reader:
            rows.append(row)
            lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        what = f"expected well-quoted cells, got: {error}"
        if "field larger" in str(error):
            most = f"{csv.field_size_limit():,} characters"
            what = f"expected cells of at most {most}, got a longer one; perhaps a quote is never closed"
        findings.add(what, f"line {start}", start)
    if re.search(rf'(^|[\r\n{separator}])[ \t]+"', text):
        _check_quotes(rows, lines, findings)
    return rows, lines


def _check_quotes(rows: list[list[str]], lines: list[int], findings: Findings) -> None:
    """A quote after spaces opens a cell for some readers and is a letter for others; so it is refused."""
    for row, line in zip(rows, lines, strict=True):
        for cell in row:
            if cell[:1] in (" ", "\t") and cell.lstrip(" \t").startswith('"'):
                findings.add(f"expected a quote to begin its cell, got {quoted(cell)}", f"line {line}", line)


def _is_of_another_kind(names: tuple[str, ...], separator: str, findings: Findings) -> bool:
    """One column whose name holds another separator is a file of another kind: nothing else in it is judged."""
    for other, called in ((";", "semicolons"), ("\t", "tabs"), (",", "commas")):
        if len(names) == 1 and other != separator and other in names[0]:
            expected = "commas" if separator == "," else "tabs"
            findings.add(f"expected cells separated by {expected}, got {called}", "line 1")
            return True
    return False


def _drop_ragged(
    rows: list[list[str]], lines: list[int], width: int, findings: Findings
) -> tuple[list[list[str]], list[int]]:
    """Note rows of another width than the header's; keep the others."""
    whole: list[int] = []
    for index, row in enumerate(rows):
        if len(row) == width:
            whole.append(index)
        else:
            count = str(len(row)) if row else "an empty line"
            cells = "cell" if width == 1 else "cells"
            findings.add(f"expected {width} {cells}, got {count}", f"line {lines[index]}", lines[index])
    return [rows[index] for index in whole], [lines[index] for index in whole]
