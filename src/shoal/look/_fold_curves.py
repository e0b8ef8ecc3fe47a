"""How one candidate trains on every fold, a line each: in the report, and what a fitted search shows in a notebook.

Letters: T evaluated epochs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._curves import LIVE_DASHES
from shoal.look._lines import Curves, Line, alone, line_over_repeats, merged
from shoal.look._paper import (
    SERIES,
    TITLED,
    TRAINING,
    VALIDATION,
    Panel,
    Sheet,
    empty,
    heading,
    legend_beside,
    logarithmic,
    noted,
    panels,
    plain,
    png,
    series_style,
    whole_numbers,
)
from shoal.look._plots import Plot, X, Y, live_axis, live_dots, plotted, short_numbers
from shoal.look._text_layout import in_lines
from shoal.wording import counted, one_number

Floats = NDArray[np.float64]
MOST_NAMED: Final = 16
"""Folds that have a colour and a name of their own, at most."""
MOST_LIVE, _LIVE_PLACES = 24, 100
"""Networks that answer to the pointer, at most, and the places of a line of theirs."""
_AXIS_LETTERS: Final = 48


@dataclass(frozen=True, eq=False)
class FoldCurve:
    """The curves of the network of one fold and repeat, at T epochs: NaN where it has no such rows.

    Training ended after `last_epoch`; the weights are those after `kept_epoch`.
    """

    fold: str
    repeat: int
    epoch_T: Floats
    train_T: Floats
    validation_T: Floats
    kept_epoch: int
    last_epoch: int

    @property
    def judged_T(self) -> Floats:
        """What it comes to on rows held out, or on its own where none were."""
        return self.validation_T if np.isfinite(self.validation_T).any() else self.train_T

    @property
    def marked(self) -> tuple[float, float]:
        """The place on that curve of the epoch that was kept; NaN of one that was not evaluated."""
        at = np.flatnonzero(self.epoch_T == self.kept_epoch)
        return float(self.kept_epoch), float(self.judged_T[at[0]]) if len(at) else float("nan")


@dataclass(frozen=True, eq=False)
class FoldCurves:
    """The curves of one candidate's networks, fold by fold; `failed` others diverged or failed."""

    name: str
    quantity: str
    networks: tuple[FoldCurve, ...]
    failed: int = 0
    higher_is_better: bool = False

    @property
    def chosen(self) -> bool:
        """Whether rows chose which epoch was kept, or where training ended: else that is the last one of all."""
        return (
            len({epoch for network in self.networks for epoch in (network.kept_epoch, network.last_epoch)})
            > 1
        )

    @property
    def folds(self) -> tuple[str, ...]:
        """Names of the folds, each once."""
        return tuple(dict.fromkeys(network.fold for network in self.networks))

    def first_of(self, fold: str) -> FoldCurve:
        """Give the first network of a fold, at which the fold is named."""
        return next(network for network in self.networks if network.fold == fold)

    @property
    def lines(self) -> Curves:
        """All lines, training before validation, for whoever lays out axes."""
        lines = [line for network in self.networks for line in _pair(network) if len(line.x_M)]
        return Curves(self.name, self.quantity, tuple(lines), self.failed, self.higher_is_better)


def fold_curve(
    place: tuple[int, int], curve: Mapping[str, NDArray[Any]], ends: Sequence[int], measure: str = "loss"
) -> FoldCurve:
    """Take the curves of the network of a fold and repeat, both from 0; `curve` has "epoch" and its columns, `ends` are
    the kept epoch and the last one.
    """
    (fold, repeat), (kept_epoch, last_epoch) = place, ends
    nothing_T = np.full(len(curve["epoch"]), np.nan)
    columns = (curve.get(f"{rows}_{measure}", nothing_T) for rows in ("train", "validation"))
    train_T, validation_T = (np.asarray(column, np.float64) for column in columns)
    epoch_T = np.asarray(curve["epoch"], np.float64)
    return FoldCurve(f"fold {fold + 1}", repeat, epoch_T, train_T, validation_T, kept_epoch, last_epoch)


def _pair(network: FoldCurve) -> Iterator[Line]:
    """Give the lines of training and of validation, without a place where there are no such rows."""
    for rows, values_T in (("training", network.train_T), ("validation", network.validation_T)):
        yield line_over_repeats(rows, network.epoch_T, values_T[None])


def _shown(line: Line, curves: Curves) -> Line:
    """Give a line as it is drawn among all."""
    return merged(line) if curves.long and len(line.x_M) else line


def draw_fold_curves(fact: FoldCurves) -> Sheet:
    """Training and validation against epochs, a line for each network, those of a fold alike."""
    figure, (axes,) = panels(1, size=(8.8, 4.6))
    axes.set_xlabel("epoch")
    axes.set_ylabel(in_lines(fact.quantity, _AXIS_LETTERS))
    what = f"{fact.quantity.partition(' (')[0]} on every fold"
    heading(figure, f"{plain(fact.name, TITLED)}: {what}")
    curves = fact.lines
    if not curves.lines:
        empty(axes, "no fold has a curve")
        return figure
    for network in fact.networks:
        _draw_network(axes, (fact, curves), network)
    if curves.long:
        first, last = (pick(line.x_M[end] for line in curves.lines) for pick, end in ((min, 0), (max, -1)))
        logarithmic(axes.xaxis, first, last)
    else:
        whole_numbers(axes.xaxis)
    if curves.logarithmic:
        logarithmic(axes.yaxis, *curves.ends)
    legend_beside(axes, noted(fold_notes(fact)))
    return figure


def _draw_network(axes: Panel, among: tuple[FoldCurves, Curves], network: FoldCurve) -> None:
    fact, curves = among
    train, validation = (_shown(line, curves) for line in _pair(network))
    style, training = _styles(fact, network)
    if len(fact.folds) > MOST_NAMED:
        if network is fact.networks[0]:
            style["label"], training["label"] = "rows held out", "training"
    elif network is fact.first_of(network.fold):
        named = style if len(validation.x_M) else training
        named["label"] = plain(network.fold)
    for line, look in ((train, training), (validation, style)):
        if len(line.x_M):
            axes.plot(line.x_M, line.middle_M, marker=alone(line), **look)
    if fact.chosen:
        axes.plot(*network.marked, marker="o", markersize=5, color=style["color"], zorder=4)


def _styles(fact: FoldCurves, network: FoldCurve) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give how validation and training are drawn: in the colour of the fold, where folds have one."""
    if len(fact.folds) > MOST_NAMED:
        return {"color": VALIDATION, "linewidth": 1.1}, {"color": TRAINING, "linewidth": 0.8, "alpha": 0.6}
    style = {**series_style(fact.folds.index(network.fold)), "linewidth": 1.6}
    return style, {**style, "linewidth": 0.9, "alpha": 0.5}


def fold_notes(fact: FoldCurves) -> tuple[str, ...]:
    """Say what lines and dots are, and what is not drawn."""
    held_out = any(np.isfinite(network.validation_T).any() for network in fact.networks)
    notes = ["strong: rows held out", "faint: training"] if held_out else ["on the rows it learned from"]
    if len(fact.folds) > MOST_NAMED:
        notes = [counted(len(fact.folds), "fold")]
    if fact.lines.long:
        notes.append("line: median of neighbouring epochs")
    if len(fact.networks) > len(fact.folds):
        notes.append("one line for each initialisation")
    if fact.chosen:
        notes.append("dot: the epoch whose weights were kept")
    if fact.failed:
        notes.append(f"{counted(fact.failed, 'network')} diverged or failed (not drawn)")
    return tuple(notes)


def fold_curves_in_words(fact: FoldCurves) -> str:
    """Say where the lines end, which fold is the worst, and how long training took."""
    if not fact.networks:
        return f"{fact.quantity}: no fold has a curve."
    ends = {
        fold: float(np.mean([_end(network) for network in networks]))
        for fold, networks in groupby(fact.networks, key=lambda network: network.fold)
    }
    ordered = sorted(ends, key=ends.__getitem__, reverse=fact.higher_is_better)
    said = f"{fact.quantity} of {counted(len(fact.networks), 'network')}: "
    if len(ends) == 1:
        said += f"{ordered[0]} comes to {one_number(ends[ordered[0]])}"
    else:
        best, worst = (f"{fold} comes to {one_number(ends[fold])}" for fold in (ordered[0], ordered[-1]))
        said += f"{best} (the best), {worst} (the worst)"
    lasts = sorted({network.last_epoch for network in fact.networks})
    if fact.chosen and len(lasts) > 1:
        said += f"; they trained for {lasts[0]:,} to {counted(lasts[-1], 'epoch')}"
    return f"{said}."


def _end(network: FoldCurve) -> float:
    """Give the value of its curve at the epoch kept, or the last one where that was not evaluated."""
    marked = network.marked[1]
    finite_T = network.judged_T[np.isfinite(network.judged_T)]
    return marked if np.isfinite(marked) else float(finite_T[-1]) if len(finite_T) else float("nan")


def live_fold_curves(fact: FoldCurves) -> Plot | None:
    """Give curves that name their fold at the pointer; None of very many networks."""
    curves = fact.lines
    if not curves.lines or len(fact.networks) > MOST_LIVE or len(fact.folds) > MOST_NAMED:
        return None
    traces = [trace for network in fact.networks for trace in _live_network((fact, curves), network)]
    quantity = in_lines(fact.quantity, _AXIS_LETTERS).replace("\n", "<br>")
    axes = {
        "xaxis": live_axis("epoch", log=curves.long),
        "yaxis": live_axis(quantity, log=curves.logarithmic),
    }
    return plotted(traces, {**axes, "hovermode": "closest"}, fold_notes(fact))


def _live_network(among: tuple[FoldCurves, Curves], network: FoldCurve) -> Iterator[dict[str, Any]]:
    fact, curves = among
    number = fact.folds.index(network.fold)
    color = SERIES[number % len(SERIES)]
    dash = LIVE_DASHES[number // len(SERIES) % len(LIVE_DASHES)]
    several = len(fact.networks) > len(fact.folds)
    name = f"{network.fold}, initialisation {network.repeat + 1}" if several else network.fold
    first = network is fact.first_of(network.fold)
    held_out = np.isfinite(network.validation_T).any()
    for pair, strong in zip(_pair(network), (False, True), strict=True):
        if not len(pair.x_M):
            continue
        line = _shown(pair, curves)
        places = _places(line, network)
        yield {
            "type": "scatter", "mode": "lines+markers" if alone(line) else "lines",
            "name": network.fold, "legendgroup": network.fold,
            "showlegend": bool(first and (strong or not held_out)), "opacity": 1.0 if strong else 0.5,
            "x": short_numbers(line.x_M[places]), "y": short_numbers(line.middle_M[places]),
            "line": {"color": color, "dash": dash, "width": 1.8 if strong else 1.0},
            "hovertemplate": f"{name}, {line.name}, epoch {X}: {Y}<extra></extra>",
        }  # fmt: skip
    if fact.chosen and np.isfinite(network.marked).all():
        x, y = network.marked
        hover = f"{name}, kept: epoch {X}: {Y}<extra></extra>"
        dot = live_dots(name, np.array([x]), np.array([y]), color)
        yield {**dot, "legendgroup": network.fold, "showlegend": False, "hovertemplate": hover}


def _places(line: Line, network: FoldCurve) -> NDArray[np.int64]:
    """Give the places of a line that the page holds: all, or some evenly spread over the logarithm of the epoch."""
    count = len(line.x_M)
    spread = np.geomspace(1, count, _LIVE_PLACES).round().astype(np.int64) - 1
    marked = np.flatnonzero(line.x_M == network.kept_epoch)
    return np.arange(count) if count <= _LIVE_PLACES else np.unique(np.concatenate([spread, marked]))


def fold_curves_png(folds: Mapping[int, tuple[Mapping[str, NDArray[Any]], int, int]], name: str) -> bytes:
    """Draw the losses of one candidate's folds, by their numbers from 0: curves, the kept and the last epoch."""
    networks = (fold_curve((fold, 0), curve, ends) for fold, (curve, *ends) in sorted(folds.items()))
    return png(draw_fold_curves, FoldCurves(name, "loss", tuple(networks)))
