"""The tables of what the data hold: ranges of inputs and targets, rows of each class.

Letters: N rows, D inputs, C series, T values of one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import by_series
from shoal.look._run_findings import RunFindings
from shoal.look.page.tables import MOST_ROWS, ReportColumn, ReportTable, numbers, texts
from shoal.results import Results
from shoal.wording import counted, percent, told_apart

_DAY: Final = 86_400.0


def variable_table(findings: RunFindings) -> ReportTable | None:
    """Give the range of every numeric input, series and target, among the training and the test rows.

    Dates are days since the first training row.
    """
    truth = findings.truth
    parts = list(_inputs(findings))
    if not truth.classes:
        role = "label" if truth.task == "multilabel" else "target"
        parts += [(role, name, truth.y[:, k]) for k, name in enumerate(truth.target_names)]
    shown = parts[-MOST_ROWS:]
    if not shown:
        return None
    columns = [texts("name", [name for _, name, _ in shown]), texts("role", [role for role, _, _ in shown])]
    statistics: list[tuple[str, tuple[float, ...]]] = []
    for rows, of in (("training", slice(None, truth.train_rows)), ("test", slice(truth.train_rows, None))):
        values = [value_N[of][~np.isnan(value_N[of])] for _, _, value_N in shown]
        for statistic, function in (("lowest", np.min), ("mean", np.mean), ("highest", np.max)):
            numbers = tuple(float(function(value_N)) if len(value_N) else math.nan for value_N in values)
            statistics.append((f"{statistic}, {rows} rows", numbers))
    by_row = [told_apart(numbers) for numbers in zip(*(numbers for _, numbers in statistics), strict=True)]
    for (heading, numbers), cells in zip(statistics, zip(*by_row, strict=True), strict=True):
        columns.append(ReportColumn(heading, cells, numbers))
    return ReportTable(tuple(columns), len(parts) - len(shown))


def _inputs(findings: RunFindings) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """Give the role, name and values, (N,) or (N, T), of every numeric input; columns of one series are one."""
    names, x_ND = findings.truth.input_names, findings.truth.x_ND
    for name, places in _together(findings):
        if len(places) > 1:
            yield f"series of {counted(len(places), 'value')}", name, x_ND[:, places]
        elif names[places[0]] in findings.results.dates:
            yield "date, in days", name, x_ND[:, places[0]] / _DAY
        else:
            yield "input", name, x_ND[:, places[0]]


def _together(findings: RunFindings) -> list[tuple[str, list[int]]]:
    """Give names and places of inputs that are a series each, of an array or as the network takes them."""
    names = findings.truth.input_names
    groups = by_series(names)
    layer = findings.network[0].series if findings.network else None
    if layer is None or len(groups) < len(names):
        return groups
    series, _, length = layer.gives
    starts = range(0, series * length, length)
    return [
        (f"{names[start]} to {names[start + length - 1]}", [*range(start, start + length)])
        for start in starts
    ]


def class_count_table(results: Results) -> ReportTable | None:
    """Give the rows of every class; None in a regression."""
    truth = results.truth
    if not truth.classes:
        return None
    count = len(truth.classes)
    parts = (("training rows", truth.y[: truth.train_rows]), ("test rows", truth.y[truth.train_rows :]))
    columns = [texts("class", truth.classes[:MOST_ROWS])]
    weights = (truth.weights_of(slice(0, truth.train_rows)), truth.test_weights)
    for (heading, y_N), weight_N in zip(parts, weights, strict=True):
        count_K = np.bincount(y_N, minlength=count)[:MOST_ROWS]
        columns.append(numbers(heading, count_K))
        share_K = (count_K / max(1, len(y_N))).tolist()
        columns.append(ReportColumn("share", tuple(map(percent, share_K)), tuple(share_K)))
        if weight_N is not None:
            weight_K = (np.bincount(y_N, weight_N, count)[:MOST_ROWS] / weight_N.sum()).tolist()
            columns.append(
                ReportColumn("share of their weight", tuple(map(percent, weight_K)), tuple(weight_K))
            )
    return ReportTable(tuple(columns), max(0, count - MOST_ROWS))
