"""Runs beside each other as plain text: what `shoal compare` prints, within the width of a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from shoal.look._run_rows import RunRow, heading_of, notes, run_rows
from shoal.look._text_layout import duration, in_lines, number, text_table
from shoal.results import Interval, RunsCompared, ScoreOf, settings_apart
from shoal.wording import shorten, visible

WIDTH: Final = 80
_SCORED: Final[tuple[ScoreOf, ...]] = ("test", "selection")
_NAME: Final = 18
_CHOSEN: Final = 30
_VALUE: Final = 40
"""Letters of a name, of the chosen settings and of a setting's value, at most."""


def comparison_text(compared: RunsCompared) -> str:
    """Give the tables of a comparison, no line of them wider than a terminal."""
    rows, first = run_rows(compared), compared.first_compared
    parts = [_wrapped(heading_of(compared))]
    parts += [
        _score_table(compared, rows, name, name == first) for name in _SCORED if compared.metric_of(name)
    ]
    parts += [
        "\n".join(map(_wrapped, [*_apart(compared, rows), *notes(compared)])),
        _cost_table(rows),
        _settings_text(compared),
    ]
    return "\n\n".join(parts)


def _score_table(compared: RunsCompared, rows: Sequence[RunRow], scored: ScoreOf, heads: bool) -> str:
    """Give a score of every run, and its difference to that of the best; its whole title stands above."""
    title = compared.runs[0].truth.title_of(compared.metric_of(scored))
    headers = ["run", "score", "95 % interval", "less best", "p"]
    cells = []
    for row in rows:
        score, pair = (
            compared.scores(scored)[row.number],
            compared.between(scored, row.number, rows[0].number),
        )
        apart = [pair.difference.mean, p_text(pair.adjusted_p)] if pair else ["-", "-"]
        cells.append([_name(row.name), number(score.value), _span(score.interval), *apart])
        cells[-1] += [row.beside_best or "-"] if heads else []
    table = text_table([*headers, *(["beside best"] if heads else [])], cells)
    return f"{_wrapped(f'{scored} score: {title}')}\n{table}"


def _apart(compared: RunsCompared, rows: Sequence[RunRow]) -> Iterator[str]:
    """Give the interval of the difference of two runs; of more, a page and a frame have those of all pairs."""
    if len(rows) > 2:
        return
    for scored in _SCORED:
        pair = compared.between(scored, rows[1].number, rows[0].number)
        if pair and not pair.difference.why:
            apart = pair.difference
            span = f"{number(apart.mean)} (95 % interval {number(apart.low)} to {number(apart.high)})"
            yield f"{_name(rows[1].name)} less {_name(rows[0].name)}, {scored} score: {span}, {pair.method}."


def _span(span: Interval) -> str:
    return f"{number(span.low)} to {number(span.high)}" if span.known else "-"


def p_text(p: float) -> str:
    """Write a p-value, three decimals at most."""
    return "-" if math.isnan(p) else "<0.001" if p < 0.001 else f"{p:.3f}"


def _cost_table(rows: Sequence[RunRow]) -> str:
    """Give what every run chose, and what that took."""
    headers = ["run", "chosen", "parameters", "networks", "training"]
    cells = []
    for row in rows:
        parameters = f"{row.parameters:,}" if row.parameters else "-"
        chosen = shorten(visible(row.chosen), _CHOSEN)
        cells.append([_name(row.name), chosen, parameters, f"{row.networks:,}", duration(row.seconds)])
    return text_table(headers, cells)


def _settings_text(compared: RunsCompared) -> str:
    """Give the settings that differ, each with its values and the runs that have them."""
    apart = settings_apart(compared.runs)
    if not apart:
        return "No setting differs: studies, rows, trainer and versions are the same."
    return "\n".join(["settings that differ", *(_setting(compared, *each) for each in apart.items())])


def _setting(compared: RunsCompared, key: str, values: Sequence[str]) -> str:
    runs: dict[str, list[str]] = {}
    for number_ in compared.order:
        runs.setdefault(values[number_], []).append(_name(compared.names[number_]))
    parts = [f"{shorten(visible(value), _VALUE)} ({', '.join(names)})" for value, names in runs.items()]
    return in_lines(f"{key}: {'; '.join(parts)}", WIDTH, "  ", "    ")


def _name(name: str) -> str:
    return shorten(visible(name), _NAME)


def _wrapped(text: str) -> str:
    return in_lines(visible(text), WIDTH)
