"""The picture of one candidate's training on every fold: what a fitted search shows in a notebook.

Letters: T evaluated epochs, M places on an axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._line_notes import curve_notes
from shoal.look._lines import Curves, line_over_repeats
from shoal.look._paper import (
    DASHES,
    TRAINING,
    VALIDATION,
    Sheet,
    empty,
    heading,
    legend_beside,
    logarithmic,
    noted,
    panels,
    png,
    whole_numbers,
)

_COLUMNS: Final = {"train_loss": "training", "validation_loss": "validation"}
_STYLE: Final[dict[str, dict[str, Any]]] = {
    "training": {"color": TRAINING},
    "validation": {"color": VALIDATION, "linestyle": DASHES[1]},
}


def fold_curves(folds: Sequence[Mapping[str, NDArray[Any]]], name: str) -> Curves:
    """Gather the losses of the same network on several folds; `folds` hold "epoch" and losses, each (T,)."""
    epochs = np.unique(np.concatenate([fold["epoch"] for fold in folds])) if folds else np.zeros(0)
    lines = []
    for column, rows in _COLUMNS.items() if folds else ():
        values_FM = np.full((len(folds), len(epochs)), np.nan)
        for number, fold in enumerate(folds):
            if column in fold:
                values_FM[number, np.searchsorted(epochs, fold["epoch"])] = fold[column]
        line = line_over_repeats(rows, epochs, values_FM)
        lines += [line] if len(line.x_M) else []
    return Curves(name, "loss", tuple(lines))


def draw_fold_curves(curves: Curves) -> Sheet:
    """Training and validation loss against epochs, over the folds."""
    figure, (axes,) = panels(1, size=(8.4, 4.0))
    axes.set_xlabel("epoch")
    whole_numbers(axes.xaxis)
    axes.set_ylabel(curves.quantity)
    heading(figure, f"{curves.name}: {curves.quantity} against epochs")
    if not curves.lines:
        empty(axes, "no fold has a curve")
        return figure
    for line in curves.shown:
        axes.plot(line.x_M, line.middle_M, label=line.name, **_STYLE[line.name])
        axes.fill_between(
            line.x_M, line.low_M, line.high_M, color=_STYLE[line.name]["color"], alpha=0.2, lw=0
        )
    if curves.long:
        first, last = (pick(line.x_M[end] for line in curves.lines) for pick, end in ((min, 0), (max, -1)))
        logarithmic(axes.xaxis, first, last)
    if curves.logarithmic:
        logarithmic(axes.yaxis, *curves.ends)
    legend_beside(axes, noted(curve_notes(curves, "fold")))
    return figure


def fold_curves_png(folds: Sequence[Mapping[str, NDArray[Any]]], name: str) -> bytes:
    """Draw the losses of one candidate's folds; see `fold_curves`."""
    return png(draw_fold_curves, fold_curves(folds, name))
