"""All candidates side by side: a line each through its settings to its score.

Letters: C candidates, A settings, T ticks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._escape import label
from shoal.look._extent import LABEL, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._measures import selection_score
from shoal.look._paper import (
    GREY,
    VERMILLION,
    Panel,
    Sheet,
    bar_of_order,
    empty,
    heading,
    hexadecimal,
    legend_above,
    panels,
    plain,
    sequence_colors,
)
from shoal.look._plots import BRUSH, Plot, live_axis, plotted, short_numbers
from shoal.look._run_findings import RunFindings
from shoal.look._text_layout import in_lines
from shoal.results import higher_is_better
from shoal.study import short_keys, text_of
from shoal.wording import counted, one_number

NAMED_VALUES: Final = 8
"""Up to so many values stand at even distances on their axis; more numbers stand to scale."""
_WIDE: Final = 50
"""Ratio of the largest to the smallest number from which an axis is logarithmic."""
_TINY: Final = 1e-290
_FAN: Final = 0.62
"""Share of the distance between two values over which the candidates of one value are fanned out."""
_SHADES: Final = 24
"""Steps of colour from the best to the worst: candidates of a step are drawn as one line, so thousands are quick."""
_STEPS: Final = 16
_BRUSHED: Final = 300
"""Candidates of a picture that answers to the pointer, at most."""
_LABELS: Final = 14
"""Values named on one axis, at most; of more, every second, third ..."""


_WIDTH: Final = 15
"""Letters of a line of a setting's name, at most: names stand side by side."""


@dataclass(frozen=True, eq=False)
class Setting:
    """One axis: where each candidate stands on it, `place_C` from 0 (bottom) to 1, NaN where it has no value.

    `tick_T` and `labels` name places on the axis. Candidates with the same value are fanned out around it, in the
    order of their scores, by `reach` to each side at most; 0 where places are to scale.
    """

    key: str
    place_C: NDArray[np.float64]
    tick_T: NDArray[np.float64]
    labels: tuple[str, ...]
    reach: float = 0.0


@dataclass(frozen=True, eq=False)
class Parallel:
    """Parallel coordinates of C healthy candidates, best first: their settings, then their score.

    `rank_share_C` goes from 0 (best) to 1 (worst); `chosen` is a place among the candidates, -1 for none;
    `failed` counts those left out.
    """

    quantity: str
    settings: tuple[Setting, ...]
    score: Setting
    score_C: NDArray[np.float64]
    rank_share_C: NDArray[np.float64]
    chosen: int
    failed: int


def parallel(
    quantity: str,
    settings: Sequence[Mapping[str, Any]],
    score_C: NDArray[Any],
    chosen_C: NDArray[Any],
    *,
    higher_is_better: bool = False,
) -> Parallel:
    """Lay every healthy candidate out on one axis a searched key, and one for its score."""
    score_C, chosen_C = np.asarray(score_C, np.float64), np.asarray(chosen_C, np.bool_)
    healthy = np.flatnonzero(np.isfinite(score_C))
    order = healthy[np.argsort(-score_C[healthy] if higher_is_better else score_C[healthy], kind="stable")]
    ranked = [settings[c] for c in order]
    keys = tuple(dict.fromkeys(key for setting in ranked for key in setting))
    all_settings = (
        _setting(name, [setting.get(key) for setting in ranked], -1 if higher_is_better else 1)
        for key, name in zip(keys, short_keys(keys), strict=True)
    )
    several = tuple(setting for setting in all_settings if len(setting.labels) > 1)
    return Parallel(
        quantity=quantity,
        settings=several,
        score=_to_scale("selection score", score_C[order]),
        score_C=score_C[order],
        rank_share_C=np.arange(len(order)) / max(1, len(order) - 1),
        chosen=int(np.argmax(chosen_C[order])) if chosen_C[order].any() else -1,
        failed=len(score_C) - len(order),
    )


def candidates_side_by_side(findings: RunFindings) -> Parallel | None:
    """Every candidate with its settings and its score; None where nothing is searched."""
    frame, metric = findings.results.candidates, findings.search.metric
    if not len(frame):
        return None
    values = {row.candidate_id: row.values for row in findings.results.candidate_rows}
    training = findings.results.tried[frame["candidate_id"].iloc[0]].training
    lines = parallel(
        selection_score(metric, findings.results.truth, training),
        [values[name] for name in frame["candidate_id"]],
        frame["selection_score"].to_numpy(),
        frame["chosen"].to_numpy(),
        higher_is_better=higher_is_better(metric),
    )
    return lines if lines.settings and len(lines.score_C) > 1 else None


def _setting(key: str, values: Sequence[Any], upwards: int) -> Setting:
    """Place candidates (best first) on the axis of one key: few values evenly, many numbers to scale.

    `upwards` is 1 where the best have the lowest scores and -1 where the highest, so that lines cross less.
    """
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    distinct = sorted(set(values)) if numeric else list({text_of(value): value for value in values}.values())
    if numeric and len(distinct) > NAMED_VALUES:
        return _to_scale(key, np.array(values, np.float64))
    labels = [text_of(value) for value in distinct]
    # Numbers by their size, not by their text: -0 is the 0 that stands for it.
    level_C = np.array(
        [distinct.index(value) if numeric else labels.index(text_of(value)) for value in values]
    )
    place_C = np.zeros(len(values))
    for level in range(len(labels)):
        same = np.flatnonzero(level_C == level)
        fan = (np.arange(len(same)) - (len(same) - 1) / 2) / max(1, len(same) - 1)
        place_C[same] = level + upwards * _FAN * fan
    margin = _FAN / 2
    width = len(labels) - 1 + 2 * margin
    tick = (np.arange(len(labels), dtype=np.float64) + margin) / width
    return Setting(key, (place_C + margin) / width, tick, tuple(labels), margin / width)


def _to_scale(key: str, value_C: NDArray[np.float64]) -> Setting:
    """Place numbers between their lowest and highest, on the scale, linear or logarithmic, that spreads them better.

    That is the one on which their median lies closer to the middle.
    """
    if not len(value_C):
        return Setting(key, value_C, np.zeros(0), ())
    low, high = float(value_C.min()), float(value_C.max())
    if high - low <= max(1e-12 * max(abs(low), abs(high)), _TINY):
        return Setting(key, np.full(len(value_C), 0.5), np.array([0.5]), (text_of(low),))
    linear_C = (value_C - low) / (high - low)
    tick = _round_numbers(low, high)
    place_C, at = linear_C, (tick - low) / (high - low)
    if low > _TINY and high > _WIDE * low:
        first, width = np.log10(low), np.log10(high) - np.log10(low)
        log_C = (np.log10(value_C) - first) / width
        if abs(np.median(log_C) - 0.5) < abs(np.median(linear_C) - 0.5):
            powers = np.arange(np.ceil(first), np.floor(first + width) + 1)
            place_C, at, tick = log_C, (powers - first) / width, 10.0**powers
    return Setting(key, place_C, at, tuple(f"{value:.6g}" for value in tick))


def _round_numbers(low: float, high: float) -> NDArray[np.float64]:
    """Give three to eight multiples of 1, 2 or 5 times a power of ten between two numbers."""
    size = 10.0 ** np.floor(np.log10((high - low) / 4))
    step = next(size * part for part in (1.0, 2.0, 5.0, 10.0) if (high - low) / (size * part) <= 7)
    return np.asarray(np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step, np.float64)


def draw_parallel(fact: Parallel) -> Sheet:
    """One line a candidate through its settings to its score; colours go from the best to the worst."""
    axes_count = len(fact.settings) + 1
    figure, (axes,) = panels(1, size=(max(6.4, 1.9 * axes_count), 4.8))
    if not len(fact.score_C):
        empty(axes, "no candidate is healthy")
        return figure
    place_CA = np.stack([setting.place_C for setting in (*fact.settings, fact.score)], axis=1)
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
        legend_above(axes)
    _rulers(axes, (*fact.settings, fact.score))
    best_at_top = bool(fact.score.place_C[0] > fact.score.place_C[-1])  # as on the axis of scores beside it
    bar_of_order(figure, axes, colors, "candidates, in the order of their scores", best_at_top=best_at_top)
    left_out = f"; {fact.failed} diverged or failed, not drawn" if fact.failed else ""
    heading(figure, f"Every candidate: its settings and its {plain(fact.quantity, 90)}{left_out}")
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
    """Draw an upright line a setting, its values beside it, its name below; a bar spans the lines of one value."""
    for number, setting in enumerate(settings):
        axes.axvline(number, color="#444444", linewidth=1, zorder=3)
        if setting.reach:
            low_T, high_T = setting.tick_T - setting.reach, setting.tick_T + setting.reach
            axes.vlines([number] * len(low_T), low_T, high_T, color="#444444", linewidth=4, zorder=3)
        right = number == len(settings) - 1
        some = slice(None, None, -(-len(setting.labels) // _LABELS))
        for tick, text in zip(setting.tick_T[some], setting.labels[some], strict=True):
            axes.text(
                number + (0.04 if right else -0.04), tick, plain(text, 14), fontsize=9, va="center",
                ha="left" if right else "right", zorder=5,
                bbox={"facecolor": "white", "alpha": 0.92, "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
    axes.set_xticks(range(len(settings)), [in_lines(plain(s.key, 3 * _WIDTH), _WIDTH) for s in settings])
    axes.set(xlim=(-0.45, len(settings) - 0.55), ylim=(-0.04, 1.04), yticks=[])
    axes.tick_params(axis="x", length=0, labelsize=10)
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def words(fact: Parallel) -> str:
    """Say it in a sentence, with its few telling numbers."""
    ends = (
        f"from {one_number(fact.score_C[0])} to {one_number(fact.score_C[-1])}" if len(fact.score_C) else ""
    )
    return (
        f"{counted(len(fact.score_C), 'candidate')} by"
        f" {', '.join(setting.key for setting in fact.settings)}; scores {ends}."
    )


def plot(fact: Parallel) -> Plot | None:
    """Give a line a candidate, best first; of too many None. Whoever drags over an axis sees those that pass there."""
    count, settings = len(fact.score_C), (*fact.settings, fact.score)
    if count > _BRUSHED:
        return None
    shades = hexadecimal(sequence_colors(_SHADES + 6)[6:])  # the darkest are not seen on a dark page
    step_C = np.minimum((fact.rank_share_C * _SHADES).astype(int), _SHADES - 1)
    place_CA = np.stack([setting.place_C for setting in settings], axis=1)
    traces = [_live_candidate(fact, c, place_CA[c], shades[step_C[c]]) for c in range(count)]
    names = ["<br>".join(map(label, in_lines(setting.key, _WIDTH).split("\n"))) for setting in settings]
    layout = {
        "xaxis": {
            **live_axis(""), "tickvals": list(range(len(names))), "ticktext": names, "tickangle": 0,
            "range": [-0.45, len(settings) - 0.7], "showgrid": False, "showline": False,
        },
        "yaxis": {
            **live_axis(""), "range": [-0.05, 1.05], "showticklabels": False, "showgrid": False, "showline": False,
        },
        "annotations": [text for number, setting in enumerate(settings) for text in _named_places(number, setting)],
        "shapes": [shape for number, setting in enumerate(settings) for shape in _live_ruler(number, setting)],
        "hovermode": "closest", "dragmode": "select",
    }  # fmt: skip
    return plotted(traces, layout, [BRUSH, "from blue (the best) to light green (the worst)"])


def _live_candidate(fact: Parallel, c: int, place_A: NDArray[np.float64], color: str) -> dict[str, Any]:
    chosen = c == fact.chosen
    return {
        "type": "scatter", "mode": "lines+markers", "x": list(range(len(place_A))), "y": short_numbers(place_A),
        "line": {"color": VERMILLION, "width": 3} if chosen else {"color": color, "width": 1.3},
        "marker": {"size": 3}, "hoverinfo": "text", "showlegend": c == max(fact.chosen, 0),
        "name": "chosen" if chosen else "the best",
        "text": f"rank {c + 1}{', chosen' * chosen}: {one_number(fact.score_C[c], 4)}",
    }  # fmt: skip


def _named_places(number: int, setting: Setting) -> list[dict[str, Any]]:
    some = slice(None, None, -(-len(setting.labels) // _LABELS) or None)
    pairs = zip(short_numbers(setting.tick_T[some]), setting.labels[some], strict=True)
    return [
        {"x": number, "y": place, "text": label(text), "xanchor": "right", "xshift": -7, "showarrow": False}
        for place, text in pairs
    ]


def _live_ruler(number: int, setting: Setting) -> list[dict[str, Any]]:
    """Give the axis of a setting, and a bar for the lines of one value."""
    spans = [(0.0, 1.0, 1)]
    spans += [
        (tick - setting.reach, tick + setting.reach, 4) for tick in setting.tick_T.tolist() if setting.reach
    ]
    return [
        {
            "type": "line",
            "x0": number,
            "x1": number,
            "y0": low,
            "y1": high,
            "line": {"color": GREY, "width": width},
        }
        for low, high, width in spans
    ]


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return panels_seconds(1) + LABEL * 5 * (extent.keys + 1) if extent.several else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.SEARCH,),
    order=40,
    name="23-search-parallel",
    title="Candidates side by side",
    caption=(
        "Follow the lines of the best candidates: where they run together, the best share that value. Lines of one"
        " value stand beside each other along its bar."
    ),
    gather=single(candidates_side_by_side),
    draw=draw_parallel,
    words=words,
    plot=plot,
    seconds=seconds,
)
