"""What is shown in notebooks: tables, sentences and pictures as one piece of HTML that holds all it needs.

No script, no address to fetch from; colours are those of the page around it, so that it reads on dark and on light.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from shoal.errors import EnvironmentFault
from shoal.look._escape import seen
from shoal.parts import Parts

if TYPE_CHECKING:
    from shoal.look.page.tables import ReportTable

ROWS_SHOWN: Final = 12
"""Rows of a table, at most; the report has more."""
_LINE: Final = "border-bottom:1px solid color-mix(in srgb, currentColor 25%, transparent)"
_CELL: Final = f"padding:2px 12px 2px 0;{_LINE};background:none;color:inherit;text-align:"


def pieces_html(pieces: Mapping[str, Callable[[], str]], again: str) -> str:
    """Make piece after piece, by name; one that cannot be made is a line, which says what makes it `again`."""
    shown: list[str] = []
    parts = Parts(lambda line: shown.append(f"<p>{escaped(line)}</p>"))
    for name, make in pieces.items():
        try:
            with parts.attempt(name, again):
                shown.append(make())
        except EnvironmentFault as fault:  # too little memory to show it is no fault of what is shown
            shown.append(f"<p>{escaped(fault)}</p>")
    return "".join(shown)


def table_html(
    caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[bool]
) -> str:
    """Give a table, its columns of numbers to the right, texts to the left; every text is escaped."""
    head = _row("th", headings, numeric)
    body = "".join(_row("td", row, numeric) for row in rows)
    title = f'<caption style="text-align:left">{escaped(caption)}</caption>'
    table = f"{title}<thead>{head}</thead><tbody>{body}</tbody>"
    return f'<div style="overflow-x:auto"><table style="border-collapse:collapse">{table}</table></div>'


def paragraphs_html(sentences: Iterable[str]) -> str:
    """Give sentences, a paragraph each; every text is escaped."""
    return "".join(f"<p>{escaped(sentence)}</p>" for sentence in sentences)


def image_html(png: bytes, words: str) -> str:
    """Give a picture within the page, never wider than that, and said to who cannot see it."""
    data = base64.b64encode(png).decode()
    return f'<img alt="{escaped(words)}" style="max-width:100%" src="data:image/png;base64,{data}">'


def table(caption: str, table: ReportTable | None) -> str:
    """Give a table of the report, its first rows alone; nothing where there is none."""
    if table is None:
        return ""
    rows = table.rows
    left_out = table.left_out + len(rows) - len(rows[:ROWS_SHOWN])
    more = f"; {left_out:,} more are not shown" if left_out else ""
    numeric = [column.values is not None for column in table.columns]
    headings = [column.heading for column in table.columns]
    shown = [[text for text, _ in row] for row in rows[:ROWS_SHOWN]]
    return table_html(caption + more, headings, shown, numeric)


def _row(kind: str, cells: Sequence[str], numeric: Sequence[bool]) -> str:
    written = (
        f'<{kind} style="{_CELL}{"right" if number else "left"}">{escaped(cell)}</{kind}>'
        for cell, number in zip(cells, numeric, strict=True)
    )
    return f"<tr>{''.join(written)}</tr>"


def escaped(value: object) -> str:
    """Write any text on one line, safe to stand in HTML."""
    return html.escape(seen(value))
