"""Fair comparison on a noisy machine: contestants take turns, and ratios are made turn by turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median

Measure = Callable[[], float]


def in_turns(contestants: Mapping[str, Measure], rounds: int) -> dict[str, list[float]]:
    """Measure every contestant once a round, the order rotated from round to round."""
    names = list(contestants)
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            times[name].append(contestants[name]())
    return times


def ratios(theirs: list[float], ours: list[float]) -> list[float]:
    """How many times as long they took, pair by pair."""
    return [their / our for their, our in zip(theirs, ours, strict=True)]


def number(value: float) -> str:
    """Three digits, without an exponent: `0.0123`, `12.3`, `1,234`."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def spread(values: list[float]) -> str:
    """Median, and the smallest and largest: `12.3 (11.9 to 13.0)`."""
    return f"{number(median(values))} ({number(min(values))} to {number(max(values))})"


def best_of(times: dict[str, list[float]], prefix: str) -> str:
    """Name the contestant with the lowest median among those whose name starts with `prefix`."""
    return min((name for name in times if name.startswith(prefix)), key=lambda name: median(times[name]))
