"""What a run shows of itself in a notebook, and a fitted search: one piece of HTML that holds all it needs.

No script, no address to fetch from; colours are those of the page around it, so that it reads on dark and on light.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from shoal import results as stored
from shoal.errors import EnvironmentFault, as_path
from shoal.files import kind_of
from shoal.look._escape import seen
from shoal.look._headline import headline
from shoal.look._run_findings import RunFindings
from shoal.look.page.tables import ReportTable, candidate_table, comparison_table
from shoal.parts import SHOW, Parts
from shoal.results import REPORT_NAME

ROWS_SHOWN: Final = 12
"""Rows of a table, at most; the report has more."""
_LINE: Final = "border-bottom:1px solid color-mix(in srgb, currentColor 25%, transparent)"
_CELL: Final = f"padding:2px 12px 2px 0;{_LINE};background:none;color:inherit;text-align:"


class Results(stored.Results):
    """Results of a run that show themselves in a notebook."""

    def _repr_html_(self) -> str:
        pieces: dict[str, Callable[[], str]] = {
            "the headline": lambda: _headline(self),
            "the network": lambda: _network(self),
            "candidates": lambda: table("candidates, best first", candidate_table(self)),
            "comparisons": lambda: table("comparisons on the test rows", comparison_table(self)),
            "the report": lambda: _link(self.folder),
        }
        return f"<div>{pieces_html(pieces, SHOW)}</div>"

    def animate(self, path: Path | str, *, seconds: float = 8.0, force: bool = False) -> None:
        """Write what changes over the epochs of the delivered network as a moving picture, whole or not at all.

        `path` ends in .gif, .webp, .png or .mp4 (which needs imageio-ffmpeg); all epochs that were kept take `seconds`
        together. Raises InputError for another ending, for seconds not from 0.5 to 600, for a run without snapshots of
        its network (`inspect.history`) and, unless `force`, where `path` has other content.
        """
        from shoal.look._animation import write_animation

        write_animation(self, as_path(path, "the path of a moving picture"), seconds, force=force)


def pieces_html(pieces: Mapping[str, Callable[[], str]], again: str) -> str:
    """Make piece after piece, by name; one that cannot be made is a line, which says what makes it `again`."""
    shown: list[str] = []
    parts = Parts(lambda line: shown.append(f"<p>{_text(line)}</p>"))
    for name, make in pieces.items():
        try:
            with parts.attempt(name, again):
                shown.append(make())
        except EnvironmentFault as fault:  # too little memory to show it is no fault of what is shown
            shown.append(f"<p>{_text(fault)}</p>")
    return "".join(shown)


def table_html(
    caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[bool]
) -> str:
    """Give a table, its columns of numbers to the right, texts to the left; every text is escaped."""
    head = _row("th", headings, numeric)
    body = "".join(_row("td", row, numeric) for row in rows)
    title = f'<caption style="text-align:left">{_text(caption)}</caption>'
    return (
        f'<table style="border-collapse:collapse">{title}<thead>{head}</thead><tbody>{body}</tbody></table>'
    )


def _headline(results: stored.Results) -> str:
    head = headline(RunFindings(results))
    first, *others = head.sentences
    return f"<p><b>{_text(results.study.study.name)}</b>: {_text(first)}</p>{paragraphs_html(others)}"


def paragraphs_html(sentences: Iterable[str]) -> str:
    """Give sentences, a paragraph each; every text is escaped."""
    return "".join(f"<p>{_text(sentence)}</p>" for sentence in sentences)


def _network(results: stored.Results) -> str:
    """Draw the delivered network; nothing before there is one."""
    from shoal.look._network_picture import network_html
    from shoal.look.figures.network import delivered_network

    fact = delivered_network(RunFindings(results))
    return f"<p>{network_html(fact)}</p>" if fact else ""


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
        f'<{kind} style="{_CELL}{"right" if number else "left"}">{_text(cell)}</{kind}>'
        for cell, number in zip(cells, numeric, strict=True)
    )
    return f"<tr>{''.join(written)}</tr>"


def _link(folder: Path) -> str:
    """Name the report, by the way from the current folder, in which a notebook looks for it; nothing without one."""
    path = (folder / REPORT_NAME).as_posix()
    if kind_of(folder / REPORT_NAME) != "a file":
        return ""
    return f'<p>report: <a href="{html.escape(quote(path))}" target="_blank">{_text(path)}</a></p>'


def _text(value: object) -> str:
    return html.escape(seen(value))
