"""What every unit of the dense layers answers.

Letters: U units of a layer, M inputs looked at, D inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import Column, Dataset, Preprocessing, fit_preprocessing
from shoal.look._dead_units import dead_and_saturated
from shoal.look._extent import BAR, PANEL, VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._layers import MOST_LAYERS, layers_left_out
from shoal.look._mosaics import color_ends
from shoal.look._paper import (
    BLUE,
    GREY,
    Panel,
    Sheet,
    diverging,
    heading,
    panels,
    plain,
    sequence_colors,
    shades,
    whole_numbers,
)
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.wording import counted

MOST_INPUTS: Final = 1000
"""Inputs at which a unit's output is shown, at most: more than a picture has dots across."""
_UNIT_BYTES: Final = 80.0
"""Of a unit's output at one input: its value, its colour, and as a Python number on the way to CSV."""
GRID_POINTS: Final = 241
_MOST_NAMED: Final = 20
_CLASS_NAME: Final = 12
_LETTERS: Final = 34
"""Classes named below a panel, letters of a name, and letters that stand beside each other, at most."""


@dataclass(frozen=True, eq=False)
class Profile:
    """Each unit's output at M of `rows` inputs; how many units are `dead` (constant) or `saturated` at all of these."""

    layer: str
    activation: str
    output_MU: NDArray[np.float64]
    rows: int
    dead: int
    saturated: int


@dataclass(frozen=True, eq=False)
class Profiles:
    """Profiles of all layers over `x_M`: the one input in its own units, or (`ranked`) rows by prediction.

    Of a classifier rows stand by their true class, `class_M`: a number into `classes`, which is empty elsewhere.
    """

    name: str
    axis: str
    ranked: bool
    x_M: NDArray[np.float64]
    layers: tuple[Profile, ...]
    classes: tuple[str, ...] = ()
    class_M: NDArray[np.int64] | None = None


def activation_profiles(
    name: str,
    axis: str,
    x_M: NDArray[Any],
    layers: Sequence[tuple[str, str, NDArray[Any]]],
    *,
    ranked: bool = False,
    of_class: tuple[tuple[str, ...], NDArray[np.int64]] | None = None,
) -> Profiles:
    """Outputs of every layer in the order of `x_M`; `layers` holds name, activation, outputs (M, U).

    With `ranked`, `x_M` (a prediction a row) only gives the order, and becomes the rank from 1; with `of_class` (the
    classes, and the class of every row) rows stand class by class, and by `x_M` within each. Of many inputs
    `MOST_INPUTS` are kept, evenly spaced from the first to the last; units are counted over all.
    """
    rows = len(x_M)
    shown = np.unique(np.linspace(0, rows - 1, min(rows, MOST_INPUTS)).round()).astype(np.int64)
    classes, class_M = of_class or ((), np.zeros(rows, np.int64))
    order = np.lexsort((x_M, class_M))[shown]
    layer_profiles = []
    for layer, activation, output in layers:
        output_MU = np.asarray(output[order], dtype=np.float64)
        layer_profiles.append(
            Profile(layer, activation, output_MU, rows, *dead_and_saturated(activation, output))
        )
    place_M = shown.astype(np.float64) + 1 if ranked else np.asarray(x_M, dtype=np.float64)[order]
    in_classes = (classes, class_M[order]) if classes else ()
    return Profiles(name, axis, ranked, place_M, tuple(layer_profiles), *in_classes)


def profiles_of(findings: RunFindings) -> Profiles | None:
    """Outputs of the delivered network's dense units: over the one input, or over test rows by prediction.

    Where the rows are not among the results (images, categories, dates), the outputs kept by the run are taken.
    """
    if findings.network is None or findings.network[0].own is not None:  # whose units nobody knows
        return None
    from shoal.nets import activations

    architecture, named = findings.network
    dense = architecture.dense
    columns, axis = _looked_at(findings)
    x_ND = _preprocessing(findings).inputs(columns) if columns else np.zeros((0, 0))
    if columns and architecture.series is None and x_ND.shape[1:] == architecture.input_shape:
        outputs = activations(architecture, named, x_ND)
        rows = np.arange(findings.truth.train_rows, len(findings.truth.y))
    elif findings.inside is not None and findings.inside.units:
        outputs = tuple(findings.inside.units[layer.name] for layer in dense)
        rows = findings.inside.units["rows"]
    else:
        return None
    layers = [(layer.name, layer.activation, output) for layer, output in zip(dense, outputs, strict=True)]
    if findings.one_input:
        return activation_profiles(DELIVERED, axis, columns[0].values, layers)
    place_M, of_class = outputs[-1][:, 0], None
    if findings.classes:
        class_M = findings.truth.y[rows].astype(np.int64)
        place_M, of_class = outputs[-1][np.arange(len(rows)), class_M], (findings.truth.classes, class_M)
    return activation_profiles(DELIVERED, axis, place_M, layers, ranked=True, of_class=of_class)


def _looked_at(findings: RunFindings) -> tuple[list[Column], str]:
    """Give inputs to look at, and the name of their axis."""
    truth = findings.truth
    x_ND, names = truth.x_ND, truth.input_names
    if findings.one_input:
        grid = np.linspace(np.nanmin(x_ND), np.nanmax(x_ND), GRID_POINTS)
        return [Column(names[0], grid)], names[0]
    columns = [Column(name, x_ND[truth.train_rows :, d]) for d, name in enumerate(names)]
    by = "true class" if truth.classes else f"the network’s output for {truth.target_names[0]}"
    return columns, f"test rows, by {by}"


def _preprocessing(findings: RunFindings) -> Preprocessing:
    """The refit's preprocessing, fitted again to the numeric inputs of all training rows."""
    truth, study = findings.truth, findings.study
    dataset = Dataset(
        name="", task=study.study.task, target_names=truth.target_names, classes=truth.classes,
        columns=tuple(
            Column(name, truth.x_ND[:, d], impute=study.data.missing == "impute")
            for d, name in enumerate(truth.input_names)
        ),
        targets=truth.y, train_rows=truth.train_rows, groups=None, given_folds=None,
        train_fingerprint="", test_fingerprint="", source="",
    )  # fmt: skip
    return fit_preprocessing(dataset, np.arange(truth.train_rows), study.data.standardize)


def draw_profiles(profiles: Profiles) -> Sheet:
    """Each unit's output: lines over the one input, coloured by where they change most; else a row of a map."""
    shown = profiles.layers[:MOST_LAYERS]
    figure, grid = panels(len(shown), size=(4.6, 3.6))
    for axes, layer in zip(grid, shown, strict=True):
        if profiles.ranked:
            _draw_map(figure, axes, profiles, layer)
        else:
            _draw_lines(axes, profiles, layer)
        axes.set_xlabel(plain(profiles.axis, 52))
        parts = [counted(layer.output_MU.shape[1], "unit"), layer.activation]
        parts += [f"{layer.dead} dead"] * bool(layer.dead) + [f"{layer.saturated} saturated"] * bool(
            layer.saturated
        )
        axes.set_title(f"{plain(layer.layer, 24)}: {', '.join(parts)}", fontsize=10, fontweight="normal")
    colors = "" if profiles.ranked else ", from violet (changes at the left) to green (at the right)"
    heading(
        figure, f"{plain(profiles.name)}: output of every unit{layers_left_out(len(profiles.layers))}{colors}"
    )
    return figure


def _draw_lines(axes: Panel, profiles: Profiles, layer: Profile) -> None:
    units = layer.output_MU.shape[1]
    change_MU = np.abs(np.diff(layer.output_MU, axis=0))
    order_U = np.argsort(change_MU.argmax(axis=0), kind="stable") if len(change_MU) else np.arange(units)
    colors = sequence_colors(units) if units > 1 else [BLUE]
    for unit, color in zip(order_U, colors, strict=True):
        axes.plot(
            profiles.x_M,
            layer.output_MU[:, unit],
            color=color,
            alpha=max(0.4, min(1, 12 / units)),
            linewidth=1,
        )
    axes.set_ylabel("output of the unit")


def _draw_map(figure: Sheet, axes: Panel, profiles: Profiles, layer: Profile) -> None:
    """Units that rise with the prediction at the top, those that fall at the bottom; of a classifier by their class."""
    rows, units = layer.output_MU.shape
    if profiles.class_M is None:
        rise_U = layer.output_MU[rows // 2 :].mean(axis=0) - layer.output_MU[: (rows + 1) // 2].mean(axis=0)
        order_U, named = np.argsort(-rise_U, kind="stable"), "unit (falling below, rising above)"
    else:
        order_U, named = _by_class(layer.output_MU, profiles.class_M), "unit (by the class it answers to)"
    low, high = color_ends(layer.output_MU)
    image = axes.imshow(
        layer.output_MU[:, order_U].T, aspect="auto", cmap=diverging() if low < 0 else shades(),
        vmin=low, vmax=high, interpolation="nearest",
        extent=(profiles.x_M[0] - 0.5, profiles.x_M[-1] + 0.5, units + 0.5, 0.5),
    )  # fmt: skip
    axes.grid(visible=False)
    axes.set_ylabel(named if units > 1 else "unit")
    _mark_classes(axes, profiles)
    if profiles.classes and layer is profiles.layers[-1] and units <= _MOST_NAMED:
        axes.set_yticks(
            np.arange(1, units + 1), [plain(profiles.classes[unit], _CLASS_NAME) for unit in order_U]
        )
        axes.set_ylabel("class whose unit it is")
    elif units == 1:
        axes.set_yticks([1])
    else:
        whole_numbers(axes.yaxis)
    figure.colorbar(image, ax=axes, label="output")


def _by_class(output_MU: NDArray[np.float64], class_M: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order units by the class in which their mean lies highest above that of all rows."""
    mean_KU = np.array([output_MU[class_M == k].mean(axis=0) for k in np.unique(class_M)])
    above_KU = mean_KU - output_MU.mean(axis=0)
    return np.lexsort((-above_KU.max(axis=0), above_KU.argmax(axis=0)))


def _mark_classes(axes: Panel, profiles: Profiles) -> None:
    """Part the classes by lines, and name each below the middle of its rows, of many every k-th."""
    if profiles.class_M is None:
        return
    number_K, first_K, count_K = np.unique(profiles.class_M, return_index=True, return_counts=True)
    x_M = profiles.x_M
    axes.vlines(x_M[first_K[1:]] - 0.5, *axes.get_ylim(), color=GREY, linewidth=0.8)
    names = [plain(profiles.classes[k], _CLASS_NAME) for k in number_K]
    every = slice(None, None, -(-len(names) // _MOST_NAMED))
    turned = sum(map(len, names[every])) > _LETTERS
    axes.set_xticks(x_M[first_K + (count_K - 1) // 2][every], names[every], rotation=90 if turned else 0)
    axes.tick_params(axis="x", length=0)


def memory(extent: Extent) -> float:
    """Give the bytes of units at test rows; where all inputs are numbers, all rows pass through the network at once."""
    units, tested, dataset = [layer.units for layer in extent.dense], extent.tested, extent.dataset
    if not units:
        return 0.0
    shown = _UNIT_BYTES * sum(units) * min(tested, MOST_INPUTS)
    from_rows = extent.images or any(column.takes != "numbers" for column in dataset.columns)
    return (
        shown if from_rows or len(dataset.columns) == 1 else shown + 4.0 * tested * (sum(units) + max(units))
    )


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    layers = min(MOST_LAYERS, len(extent.dense))
    outputs = sum(layer.units for layer in extent.dense) * min(MOST_INPUTS, extent.tested)
    return panels_seconds(0) + layers * (PANEL + BAR) + VALUE * outputs


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=30,
    name="32-delivered-units",
    title="Units of the network",
    caption=(
        "Each unit answers to some inputs more than to others. Dead units answer the same everywhere, or never leave"
        " the flat side."
    ),
    gather=single(profiles_of),
    draw=draw_profiles,
    memory=memory,
    seconds=seconds,
)
