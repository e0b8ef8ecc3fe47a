"""Pictures of all candidates of a search: settings side by side, and curves."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._facts_candidates import CandidateCurve, CandidateCurves, Parallel, Setting
from shoal.look._figures import (
    TRAINING,
    VALIDATION,
    VERMILLION,
    Panel,
    Sheet,
    empty,
    heading,
    logarithmic,
    panels,
    plain,
    sequence_colors,
    whole_numbers,
)
from shoal.look._notes import networks_of

_SHADES: Final = 24
"""Steps of colour from the best to the worst: candidates of a step are drawn as one line, so thousands are quick."""
_PANELS: Final = 12
_COLUMNS: Final = 4
_BEHIND: Final = 200
"""Candidates drawn in grey behind each panel, at most."""
_POINTS: Final = 100
_STEPS: Final = 16
_FIRST_LINE, _TITLE = 36, 43
"""Letters of a panel's title: from which its first line is broken, and at which each is cut."""
LOGARITHMIC: Final = 10
"""Ratio of the highest loss to the lowest from which their axis is logarithmic."""
_LABELS: Final = 14
"""Values named on one axis, at most; of more, every second, third ..."""


def draw_parallel(fact: Parallel) -> Sheet:
    """One line a candidate through its settings to its score; colours go from the best to the worst."""
    axes_count = len(fact.settings) + 1
    figure, (axes,) = panels(1, size=(max(6.4, 1.9 * axes_count), 4.8))
    if not len(fact.score_C):
        empty(axes, "no candidate is healthy")
        return figure
    place_CA = np.stack([one.place_C for one in (*fact.settings, fact.score)], axis=1)
    colors = sequence_colors(_SHADES)
    step_C = np.minimum((fact.rank_share_C * _SHADES).astype(int), _SHADES - 1)
    opaque = float(np.clip(120 / len(place_CA), 0.12, 0.9))
    for step in range(_SHADES - 1, -1, -1):
        some = place_CA[step_C == step]
        if len(some):
            alpha = min(0.95, opaque * (1 + 2 * (1 - step / _SHADES)))
            axes.plot(
                *_smooth(some), color=colors[step], alpha=alpha, linewidth=1.1 if len(place_CA) < 200 else 0.8
            )
    if fact.chosen >= 0:
        x, y = _smooth(place_CA[[fact.chosen]])
        axes.plot(x, y, color=VERMILLION, linewidth=2.6, zorder=4, label="chosen")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    _rulers(axes, (*fact.settings, fact.score))
    sick = f"; {fact.sick} diverged or failed, not drawn" if fact.sick else ""
    heading(figure, f"Every candidate: its settings and its {plain(fact.quantity, 90)}{sick}")
    return figure


def _smooth(place_CA: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give one path through the axes of every candidate, flat at each axis; a NaN parts them."""
    count, axes_count = place_CA.shape
    if axes_count == 1:
        place_CA, axes_count = np.repeat(place_CA, 2, axis=1), 2
    share = np.linspace(0, 1, _STEPS)
    ease = share * share * (3 - 2 * share)
    between = place_CA[:, :-1, None] * (1 - ease) + place_CA[:, 1:, None] * ease
    path = np.concatenate((between.reshape(count, -1), np.full((count, 1), np.nan)), axis=1)
    x = np.concatenate(((np.arange(axes_count - 1)[:, None] + share).reshape(-1), [np.nan]))
    return np.tile(x, count), path.reshape(-1)


def _rulers(axes: Panel, settings: tuple[Setting, ...]) -> None:
    """Draw an upright line a setting, its values beside it, its name below."""
    for number, setting in enumerate(settings):
        axes.axvline(number, color="#444444", linewidth=1, zorder=3)
        right = number == len(settings) - 1
        some = slice(None, None, -(-len(setting.labels) // _LABELS))
        for tick, label in zip(setting.tick_T[some], setting.labels[some], strict=True):
            axes.text(
                number + (0.04 if right else -0.04), tick, plain(label, 14), fontsize=9, va="center",
                ha="left" if right else "right", zorder=5,
                bbox={"facecolor": "white", "alpha": 0.92, "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
    axes.set_xticks(range(len(settings)), [plain(setting.key, 22) for setting in settings])
    axes.set(xlim=(-0.45, len(settings) - 0.55), ylim=(-0.04, 1.04), yticks=[])
    axes.tick_params(axis="x", length=0, labelsize=10)
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def draw_candidate_curves(fact: CandidateCurves) -> Sheet:
    """The curves of the best candidates, one panel each with the range over folds, all others in grey behind."""
    shown = _shown(fact.curves)
    figure, grid = panels(max(1, len(shown)), columns=min(_COLUMNS, max(1, len(shown))), size=(3.7, 2.9))
    if not shown:
        empty(grid[0], "no candidate has curves of validation rows")
        return figure
    behind = _behind(fact.curves)
    low, high = limits(fact.curves)
    for number, (axes, one) in enumerate(zip(grid, shown, strict=True)):
        axes.plot(*behind, color="#C9C9C9", linewidth=0.5, zorder=0, label="all others")
        axes.fill_between(one.epoch_T, one.low_T, one.high_T, color=VALIDATION, alpha=0.25, linewidth=0)
        axes.plot(
            one.epoch_T,
            one.validation_T,
            color=VALIDATION,
            label=f"validation (band: range over {networks_of(fact)})",
        )
        axes.plot(
            one.epoch_T, one.train_T, color=TRAINING, linestyle=(0, (4, 1.5)), linewidth=1.2, label="training"
        )
        axes.set_title(_name(one), fontsize=9, fontweight="bold" if one.chosen else "normal")
        if low > 0 and high / low > LOGARITHMIC:
            logarithmic(axes.yaxis, low, high)
        axes.set_ylim(low, high)
        whole_numbers(axes.xaxis)
        left, bottom = number % _COLUMNS == 0, number >= len(shown) - _COLUMNS
        axes.tick_params(labelleft=left, labelbottom=bottom)
        axes.set(ylabel="loss" if left else "", xlabel="epoch" if bottom else "")
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower left", ncols=3)
    which = (
        f"the best {len(shown)} of {len(fact.curves)} candidates"
        if len(shown) < len(fact.curves)
        else "all candidates"
    )
    heading(figure, f"Curves of {which}: {plain(fact.quantity, 80)}")
    return figure


def _name(one: CandidateCurve) -> str:
    """Give rank and settings in at most two lines."""
    first, *others = one.label.split(", ")
    lines = [f"{one.rank}. {'chosen: ' if one.chosen else ''}{first}"]
    for part in others:
        if len(lines) == 1 and len(lines[0]) + len(part) >= _FIRST_LINE:
            lines[0] += ","
            lines.append(part)
        else:
            lines[-1] += f", {part}"
    return "\n".join(plain(line, _TITLE) for line in lines)


def _shown(curves: tuple[CandidateCurve, ...]) -> list[CandidateCurve]:
    """Give the best candidates; the chosen one is always among them."""
    best, rest = list(curves[:_PANELS]), curves[_PANELS:]
    later = [one for one in rest if one.chosen]
    return [*best[: _PANELS - len(later)], *later]


def _behind(curves: tuple[CandidateCurve, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give one path through the validation curves of many candidates, evenly from best to worst."""
    some = np.unique(np.linspace(0, len(curves) - 1, min(len(curves), _BEHIND)).round().astype(int))
    x: list[NDArray[Any]] = []
    y: list[NDArray[Any]] = []
    for one in (curves[number] for number in some):
        points = np.unique(np.linspace(0, len(one.epoch_T) - 1, _POINTS).round().astype(int))
        x += [one.epoch_T[points], np.array([np.nan])]
        y += [one.validation_T[points], np.array([np.nan])]
    return np.concatenate(x), np.concatenate(y)


def limits(curves: tuple[CandidateCurve, ...]) -> tuple[float, float]:
    """Give the range of the vertical axis: all that the first panels show, of the others the middle 98 %."""
    best = curves[:_PANELS]
    values = np.concatenate([array for one in best for array in (one.low_T, one.high_T, one.train_T)])
    others = np.concatenate([one.validation_T for one in curves])
    values, others = values[np.isfinite(values)], others[np.isfinite(others)]
    if not len(values) or not len(others):
        return 0.0, 1.0
    low = float(min(values.min(), np.quantile(others, 0.01)))
    high = float(max(np.quantile(values, 0.999), np.quantile(others, 0.99)))
    room = 0.04 * (high - low) or 1.0
    return (low * 0.9 if low > 0 and high / low > LOGARITHMIC else low - room), high + room
