"""Text cells between separators, CSV, TSV and others, as a study says or the ending of the file.

The first line holds the names. Spaces and tabs around a cell do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shoal.data._dialect import WHITESPACE
from shoal.data._findings import Findings
from shoal.data._seen import Sighting, keys_text, seen_in_text, usual_delimiter
from shoal.data._table import Table
from shoal.data._table_format import TableFile
from shoal.data._text_column import TextColumn, plain_columns
from shoal.data._text_rows import WORDS, split_rows, words_of_delimiter
from shoal.wording import counted, listed

_OF_LINES: Final = ("comment", "delimiter", "skip_lines")
"""Keys without which a file is none of rows."""


def read_separated(file: TableFile) -> Table | None:
    """Read text cells. Mistakes are noted with their lines; rows of the header's width are kept."""
    usual, findings = usual_delimiter(file.path), file.findings
    delimiter = file.dialect.delimiter or usual
    content = file.text(lambda sample: _cells_in(sample, delimiter))
    if content is None:
        return None
    if delimiter is None:
        what = f"expected data.delimiter to say what stands between cells, since {file.path.suffix} does not"
        findings.add(f"{what}, got nothing{_remedy(content.decode(), file)}")
        return None
    comment, skip = file.dialect.comment, file.dialect.skip_lines
    plain = None if comment is not None or skip else plain_columns(content, delimiter)
    if plain is not None:
        return _plain_table(plain, file)
    text = content.decode()
    del content
    rows, lines = split_rows(text, delimiter, comment, findings, skip)
    if not rows:
        if not findings.found:
            findings.add("expected a line of column names and rows below it, got an empty file")
        return None
    names, heading = tuple(name.strip(" \t") for name in rows[0]), lines[0]
    place = f"line {heading}"
    if not names:
        findings.add("expected column names, got an empty line", place)
        return None
    if not file.has_few(len(names), place) or _is_of_another_kind(text, rows, delimiter, file):
        return None
    body, lines = rows[1:], lines[1:]
    if len(body) > 1 and all(len(row) == len(names) + 1 for row in body):
        if not any(row[-1].strip(" \t") for row in body):
            what = f"expected {counted(len(names), 'cell')} as in {place}, got one more in every row, always empty"
            findings.add(f"{what}; take the separator at the end of every line out", f"line {lines[0]}")
            return None
        names = ("", *names)  # row names, as R's write.table writes them
    if any(len(row) != len(names) for row in body):
        body, lines = _drop_ragged(body, lines, len(names), findings)
    columns = tuple(zip(*body, strict=True)) or ((),) * len(names)
    return Table(str(file.path), names, columns, len(body), lines, heading=heading)


def _plain_table(plain: tuple[list[str], list[TextColumn]], file: TableFile) -> Table | None:
    """Make a table of a plain text, of which every line is a row."""
    names, columns = (tuple(name.strip(" \t") for name in plain[0]), plain[1])
    if not file.has_few(len(names), "line 1"):
        return None
    rows = len(columns[0])
    return Table(str(file.path), names, tuple(columns), rows, range(2, rows + 2))


def _cells_in(sample: bytes, delimiter: str | None) -> int:
    """Count the cells of the first bytes, at least."""
    between = b" " if delimiter == WHITESPACE else (delimiter or ",").encode()
    return sample.count(between) + sample.count(b"\n")


def _is_of_another_kind(text: str, rows: Sequence[Sequence[str]], delimiter: str, file: TableFile) -> bool:
    """Note what else stands between cells or begins lines that are no rows: nothing else in such a file is judged."""
    names, findings = rows[0], file.findings
    others = [other for other in (";", "\t", ",", "|") if other != delimiter and other in names[0]]
    ragged = any(len(row) != len(names) for row in rows)
    if len(names) == 1 and others:
        trained = " as in the training file" if file.dialect.delimiter and not findings.of_study else ""
        what = f"expected cells separated by {words_of_delimiter(delimiter)}{trained}, got {WORDS[others[0]]}"
        findings.add(f"{what}{_remedy(text, file)}", "line 1")
        return True
    if not (findings.of_study and (ragged or len(names) == 1 or not all(names[1:]))):
        return False
    reasons = [sight.reason for sight in _seen(text, file) if sight.key in _OF_LINES]
    if reasons:
        findings.add(f"expected rows of one width, got {listed(reasons)}{_remedy(text, file)}")
    return bool(reasons)


def _remedy(text: str, file: TableFile) -> str:
    """Say which keys read what is seen."""
    return file.findings.remedy(keys_text(_seen(text, file)))


def _seen(text: str, file: TableFile) -> tuple[Sighting, ...]:
    return seen_in_text(text, usual_delimiter(file.path), file.dialect)


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
