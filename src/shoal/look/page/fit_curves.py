"""Every network's own curve, few points each, for a reader who picks one.

Letters: T evaluation points.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from shoal.look._escape import seen
from shoal.look._plots import short_numbers
from shoal.results import PlanEntry, Results
from shoal.study import settings_text

MOST_FITS: Final = 400
MOST_POINTS: Final = 60
_NAMES: Final = {
    "train_loss": "training loss", "validation_loss": "validation loss",
    "train_accuracy": "training accuracy", "validation_accuracy": "validation accuracy",
}  # fmt: skip


def fits_shown(results: Results) -> dict[str, Any]:
    """Give groups of fits with their curves: comparisons, the delivered network, candidates from the best on.

    Of each curve at most 60 points, evenly spread over the logarithm of the epoch; of all fits the first 400 in
    this order, and `left_out` counts the others. As plain lists, to become JSON.
    """
    groups, room, left_out = [], MOST_FITS, 0
    for title, rank, entries in _groups(results):
        shown = entries if len(entries) <= room else []
        left_out += len(entries) - len(shown)
        room = room - len(shown) if len(shown) == len(entries) else 0
        if shown:
            named = zip(_titles(shown), shown, strict=True)
            fits = [{"title": name, "curves": _curves(results, entry)} for name, entry in named]
            groups.append({"title": seen(title), "rank": rank, "fits": fits})
    return {"groups": groups, "left_out": left_out}


def _groups(results: Results) -> Iterator[tuple[str, int | None, list[PlanEntry]]]:
    done: dict[tuple[str, str], list[PlanEntry]] = {}
    for entry in results.plan:
        fit = results.summaries.get(entry.fit_id)
        if fit is not None:
            key = entry.candidate_id if entry.stage == "search" else entry.label
            done.setdefault((entry.stage, key), []).append(entry)
    for (stage, label), entries in done.items():
        if stage == "compare":
            yield f"comparison: {label}", None, entries
    for (stage, _), entries in done.items():
        if stage == "refit":
            yield "delivered network", None, entries
    delivered = {fold.fit_id for fold in results.nested.folds} if results.nested else set()
    for (stage, label), entries in done.items():
        if stage == "nested":
            yield label, None, [entry for entry in entries if entry.fit_id in delivered]
    values = {row.candidate_id: row.values for row in results.candidate_rows}
    for place, candidate in enumerate(results.candidates["candidate_id"], start=1):
        yield (
            f"candidate {place}: {settings_text(values[candidate])}",
            place,
            done.get(("search", candidate), []),
        )


def _titles(entries: list[PlanEntry]) -> list[str]:
    """Name the fits of a group by what sets them apart."""
    several = len({entry.repeat for entry in entries}) > 1
    titles = []
    for entry in entries:
        parts = [f"fold {entry.fold + 1}"] if entry.stage == "search" else []
        parts += [f"initialisation {entry.repeat + 1}"] if several or not parts else []
        titles.append(", ".join(parts))
    return titles


def _curves(results: Results, entry: PlanEntry) -> dict[str, list[float | None]]:
    """Give the points of one fit's curves, with four significant digits."""
    frame = results.curve(entry.fit_id)
    count = len(frame)
    place_T = np.unique(np.round(np.geomspace(1, max(1, count), min(count, MOST_POINTS))).astype(int) - 1)
    points = frame.iloc[place_T]
    curves: dict[str, list[float | None]] = {"epoch": points["epoch"].tolist()}
    for column, name in _NAMES.items():
        if column in points:
            curves[name] = short_numbers(points[column].to_numpy(np.float64), digits=4)
    return curves
