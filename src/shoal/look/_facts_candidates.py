"""What the pictures of all candidates show, as plain arrays: their settings side by side, and their curves.

Letters: C candidates, A settings, T evaluated epochs, U networks of one candidate (folds times repeats).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._facts_search import short_keys, text_of

NAMED_VALUES: Final = 8
"""Up to so many values stand at even distances on their axis; more numbers stand to scale."""
_WIDE: Final = 50
"""Ratio of the largest to the smallest number from which an axis is logarithmic."""
_TINY: Final = 1e-290
_FAN: Final = 0.62
"""Share of the distance between two values over which the candidates of one value are fanned out."""


@dataclass(frozen=True, eq=False)
class Setting:
    """One axis: where each candidate stands on it, `place_C` from 0 (bottom) to 1, NaN where it has no value.

    `tick_T` and `labels` name places on the axis. Candidates with the same value are fanned out around it, in the
    order of their scores.
    """

    key: str
    place_C: NDArray[np.float64]
    tick_T: NDArray[np.float64]
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Parallel:
    """Parallel coordinates of C healthy candidates, best first: their settings, then their score.

    `rank_share_C` goes from 0 (best) to 1 (worst); `chosen` is a place among the candidates, -1 for none;
    `sick` counts those left out.
    """

    quantity: str
    settings: tuple[Setting, ...]
    score: Setting
    score_C: NDArray[np.float64]
    rank_share_C: NDArray[np.float64]
    chosen: int
    sick: int


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
    sick: int


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
    found = (
        _setting(name, [setting.get(key) for setting in ranked], -1 if higher_is_better else 1)
        for key, name in zip(keys, short_keys(keys), strict=True)
    )
    several = tuple(setting for setting in found if len(setting.labels) > 1)
    return Parallel(
        quantity=quantity,
        settings=several,
        score=_to_scale("score", score_C[order]),
        score_C=score_C[order],
        rank_share_C=np.arange(len(order)) / max(1, len(order) - 1),
        chosen=int(np.argmax(chosen_C[order])) if chosen_C[order].any() else -1,
        sick=len(score_C) - len(order),
    )


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
    return Setting(key, (place_C + margin) / width, tick, tuple(labels))


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
