"""The loss curves of all candidates, the best ones large.

Letters: T evaluated epochs, U networks of one candidate (folds times repeats).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._line_notes import NAMES
from shoal.look._lines import Line, coinciding
from shoal.look._paper import (
    TRAINING,
    VALIDATION,
    Sheet,
    empty,
    heading,
    logarithmic,
    panels,
    plain,
    whole_numbers,
    with_room,
)
from shoal.look._run_findings import RunFindings
from shoal.look._text_layout import in_lines
from shoal.study import settings_text
from shoal.wording import counted, listed, one_number

_PANELS: Final = 12
_COLUMNS: Final = 4
_BEHIND: Final = 200
"""Candidates drawn in grey behind each panel, at most."""
_POINTS: Final = 100


_TITLE, _TITLE_LINES = 40, 4
"""Letters of a line of a panel's title, and its lines, at most."""


_CURVE_SECONDS: Final = 1e-4
LOGARITHMIC: Final = 10
"""Ratio of the highest loss to the lowest from which their axis is logarithmic."""


@dataclass(frozen=True, eq=False)
class CandidateCurve:
    """Loss curves of one candidate: validation and training mean over U networks, and the range of validation."""

    label: str
    rank: int
    score: float
    chosen: bool
    epoch_T: NDArray[np.float64]
    validation_T: NDArray[np.float64]
    low_T: NDArray[np.float64]
    high_T: NDArray[np.float64]
    train_T: NDArray[np.float64]
    networks: int


@dataclass(frozen=True, eq=False)
class CandidateCurves:
    """Curves of all healthy candidates, best first."""

    quantity: str
    curves: tuple[CandidateCurve, ...]
    failed: int


def candidate_curve(
    label: str, rank: int, score: float, curves: Sequence[Mapping[str, NDArray[Any]]], *, chosen: bool
) -> CandidateCurve | None:
    """Put the curves of one candidate's networks together, up to the shortest; None without validation curves."""
    if not curves or any("validation_loss" not in curve for curve in curves):
        return None
    points = min(len(curve["epoch"]) for curve in curves)
    validation_UT = np.array([curve["validation_loss"][:points] for curve in curves], np.float64)
    train_UT = np.array([curve["train_loss"][:points] for curve in curves], np.float64)
    return CandidateCurve(
        label=label,
        rank=rank,
        score=score,
        chosen=chosen,
        epoch_T=np.asarray(curves[0]["epoch"][:points], np.float64),
        validation_T=validation_UT.mean(axis=0),
        low_T=validation_UT.min(axis=0),
        high_T=validation_UT.max(axis=0),
        train_T=train_UT.mean(axis=0),
        networks=len(curves),
    )


def candidate_curves(findings: RunFindings) -> CandidateCurves | None:
    """Curves of every candidate over its folds and repeats; None for fewer than two candidates with curves."""
    results = findings.results
    frame = results.candidates
    if len(frame) < 2:
        return None
    of_candidate: dict[str, list[dict[str, NDArray[Any]]]] = {}
    for _, curve in results.curves_of("search").groupby("fit_id", sort=False):
        arrays = {
            name: curve[name].to_numpy()
            for name in ("epoch", "train_loss", "validation_loss")
            if name in curve
        }
        of_candidate.setdefault(str(curve["candidate_id"].iloc[0]), []).append(arrays)
    values = {row.candidate_id: row.values for row in results.candidate_rows}
    curves: list[CandidateCurve] = []
    for row in frame[~frame["failed"]].to_dict("records"):
        name = str(row["candidate_id"])
        place = (settings_text(values[name]), int(row["rank"]), float(row["selection_score"]))
        drawn_curve = candidate_curve(*place, of_candidate.get(name, []), chosen=bool(row["chosen"]))
        curves += [drawn_curve] if drawn_curve is not None else []
    if len(curves) < 2:
        return None
    return CandidateCurves(findings.quantity("loss", of_candidate), tuple(curves), int(frame["failed"].sum()))


def draw_candidate_curves(fact: CandidateCurves) -> Sheet:
    """The curves of the best candidates, one panel each with the range over folds, all others in grey behind."""
    shown = _shown(fact.curves)
    figure, grid = panels(max(1, len(shown)), columns=min(_COLUMNS, max(1, len(shown))), size=(3.7, 2.9))
    if not shown:
        empty(grid[0], "no candidate has curves of validation rows")
        return figure
    behind = _behind(fact.curves)
    low, high = limits(fact.curves)
    for number, (axes, curve) in enumerate(zip(grid, shown, strict=True)):
        axes.plot(*behind, color="#C9C9C9", linewidth=0.5, zorder=0, label="all others")
        axes.fill_between(curve.epoch_T, curve.low_T, curve.high_T, color=VALIDATION, alpha=0.25, linewidth=0)
        axes.plot(
            curve.epoch_T,
            curve.validation_T,
            color=VALIDATION,
            label=f"validation (band: range over {networks_of(fact)})",
        )
        axes.plot(
            curve.epoch_T,
            curve.train_T,
            color=TRAINING,
            linestyle=(0, (4, 1.5)),
            linewidth=1.2,
            label="training",
        )
        axes.set_title(_name(curve), fontsize=9, fontweight="bold" if curve.chosen else "normal")
        if low > 0 and high / low > LOGARITHMIC:
            logarithmic(axes.yaxis, low, high)
        axes.set_ylim(low, high)
        whole_numbers(axes.xaxis)
        at_left, at_bottom = number % _COLUMNS == 0, number >= len(shown) - _COLUMNS
        axes.tick_params(labelleft=at_left, labelbottom=at_bottom)
        axes.set(ylabel="loss" if at_left else "", xlabel="epoch" if at_bottom else "")
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower left", ncols=3)
    which = (
        f"the best {len(shown)} of {counted(len(fact.curves), 'candidate')}"
        if len(shown) < len(fact.curves)
        else "all candidates"
    )
    heading(figure, f"Curves of {which}: {plain(fact.quantity, 80)}")
    return figure


def _name(curve: CandidateCurve) -> str:
    """Give rank and settings in a few lines."""
    whole = f"{curve.rank}. {'chosen: ' if curve.chosen else ''}{curve.label}"
    lines = in_lines(plain(whole, _TITLE * (_TITLE_LINES - 1)), _TITLE).split("\n")
    return "\n".join(plain(line, _TITLE) for line in lines)


def _shown(curves: tuple[CandidateCurve, ...]) -> list[CandidateCurve]:
    """Give the best candidates; the chosen one is always among them."""
    best, rest = list(curves[:_PANELS]), curves[_PANELS:]
    later = [curve for curve in rest if curve.chosen]
    return [*best[: _PANELS - len(later)], *later]


def _behind(curves: tuple[CandidateCurve, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give one path through the validation curves of many candidates, evenly from best to worst."""
    some = np.unique(np.linspace(0, len(curves) - 1, min(len(curves), _BEHIND)).round().astype(int))
    x: list[NDArray[Any]] = []
    y: list[NDArray[Any]] = []
    for curve in (curves[number] for number in some):
        points = np.unique(np.linspace(0, len(curve.epoch_T) - 1, _POINTS).round().astype(int))
        x += [curve.epoch_T[points], np.array([np.nan])]
        y += [curve.validation_T[points], np.array([np.nan])]
    return np.concatenate(x), np.concatenate(y)


def limits(curves: tuple[CandidateCurve, ...]) -> tuple[float, float]:
    """Give the range of the vertical axis: all that the first panels show, of the others the middle 98 %."""
    best = curves[:_PANELS]
    values = np.concatenate([array for curve in best for array in (curve.low_T, curve.high_T, curve.train_T)])
    others = np.concatenate([curve.validation_T for curve in curves])
    values, others = values[np.isfinite(values)], others[np.isfinite(others)]
    if not len(values) or not len(others):
        return 0.0, 1.0
    low = float(min(values.min(), np.quantile(others, 0.01)))
    high = float(max(np.quantile(values, 0.999), np.quantile(others, 0.99)))
    roomy = with_room(low, high)
    return (low * 0.9 if low > 0 and high / low > LOGARITHMIC else roomy[0]), roomy[1]


def caption(fact: CandidateCurves) -> str:
    """What to look for, and what the bands are."""
    over = networks_of(fact)
    text = f"Look for curves that still fall, part from training, or jump. The band is the range over {over}."
    ends = limits(fact.curves)
    logarithmic = ends[0] > 0 and ends[1] / ends[0] > LOGARITHMIC
    hidden = 0
    for curve in fact.curves:
        pair = (
            Line(name, curve.epoch_T, middle_T, middle_T, middle_T, curve.networks)
            for name, middle_T in (("training", curve.train_T), ("validation", curve.validation_T))
        )
        hidden += bool(coinciding(tuple(pair), ends, logarithmic=logarithmic))
    if hidden:
        text += (
            f" Training and validation coincide for {hidden:,} of {counted(len(fact.curves), 'candidate')}."
        )
    return text


def networks_of(fact: CandidateCurves) -> str:
    """Say over how many networks of a candidate the bands range: one for each fold and repeat."""
    counts = sorted({curve.networks for curve in fact.curves})
    return f"{listed([f'{count}' for count in counts], most=NAMES)} networks" if counts else "no network"


def words(fact: CandidateCurves) -> str:
    """Say it in a sentence, with its few telling numbers."""
    first, last = fact.curves[0], fact.curves[-1]
    ends = f"{one_number(first.validation_T[-1])} (the best), {one_number(last.validation_T[-1])} (the worst)"
    return f"Validation {fact.quantity} of {counted(len(fact.curves), 'candidate')} at the end: {ends}."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    if not extent.several:
        return 0.0
    candidates = len(extent.candidates)
    return panels_seconds(min(6, candidates)) + _CURVE_SECONDS * candidates * extent.members


FIGURE: Final = Figure(
    chapters=(Chapter.SEARCH,),
    order=50,
    name="24-search-curves",
    title="Curves of the candidates",
    caption=caption,
    gather=single(candidate_curves),
    draw=draw_candidate_curves,
    words=words,
    seconds=seconds,
)
