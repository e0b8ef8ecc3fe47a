"""Published values beside measured ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._figure import Chapter, Figure, single
from shoal.look._paper import (
    BLACK,
    BLUE,
    VERMILLION,
    Panel,
    Sheet,
    fan,
    heading,
    legend_beside,
    panels,
    plain,
)
from shoal.look._run_findings import RunFindings
from shoal.wording import one_number


@dataclass(frozen=True, eq=False)
class Published:
    """G published values, each beside the scores of the healthy repeats (R,) measured for the same thing.

    `inside_G` says whether the published value lies between the lowest and the highest repeat: 1, 0, or NaN for
    fewer than two repeats.
    """

    names: tuple[str, ...]
    metrics: tuple[str, ...]
    published_G: NDArray[np.float64]
    scores: tuple[NDArray[np.float64], ...]
    inside_G: NDArray[np.float64]
    sources: tuple[str, ...]


def published(
    names: Iterable[str],
    metrics: Iterable[str],
    values: Iterable[float],
    scores: Sequence[NDArray[Any]],
    sources: Iterable[str],
) -> Published:
    """Put published values beside measured ones."""
    value_G = np.array([float(value) for value in values])
    inside = [
        float(scores_R.min() <= value <= scores_R.max()) if len(scores_R) > 1 else np.nan
        for value, scores_R in zip(value_G, scores, strict=True)
    ]
    return Published(
        names=tuple(names),
        metrics=tuple(metrics),
        published_G=value_G,
        scores=tuple(np.asarray(scores_R, np.float64) for scores_R in scores),
        inside_G=np.array(inside),
        sources=tuple(sources),
    )


def draw_published(fact: Published) -> Sheet:
    """Every repeat a dot, the published value a diamond; one panel a metric."""
    metrics = tuple(dict.fromkeys(fact.metrics))
    most = max(fact.metrics.count(metric) for metric in metrics)
    figure, grid = panels(len(metrics), columns=1, size=(8.8, 1.5 + 0.5 * most))
    for axes, metric in zip(grid, metrics, strict=True):
        _draw_metric(axes, fact, metric)
    legend_beside(grid[0])
    known = fact.inside_G[np.isfinite(fact.inside_G)]
    inside = f": {int(known.sum())} of {len(known)} lie within the range of the repeats" if len(known) else ""
    heading(figure, f"Published values beside measured ones{inside}")
    return figure


def _draw_metric(axes: Panel, fact: Published, metric: str) -> None:
    rows = [number for number, name in enumerate(fact.metrics) if name == metric]
    for place, number in enumerate(rows):
        scores_R, first = fact.scores[number], place == 0
        if len(scores_R):
            axes.hlines(place, scores_R.min(), scores_R.max(), color=BLUE, linewidth=5, alpha=0.2)
            axes.scatter(
                scores_R, place + 0.5 * fan(len(scores_R)), s=26, color=BLUE, alpha=0.7, linewidths=0,
                label="one repeat" if first else None,
            )  # fmt: skip
            axes.vlines(
                scores_R.mean(), place - 0.28, place + 0.28, color=VERMILLION, linewidth=2.2,
                label="mean of the repeats" if first else "",
            )  # fmt: skip
        axes.scatter(
            fact.published_G[number], place, marker="D", s=44, facecolors="none", edgecolors=BLACK, zorder=4,
            linewidths=1.4, label="published" if first else None,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [plain(fact.names[number], 34) for number in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"{metric} on test rows")


def caption(fact: Published) -> str:
    """What it means that a published value lies among the measured ones."""
    if not np.isfinite(fact.inside_G).any():
        return "A published value (diamond) beside a measured one: with one repeat their spread is not known."
    return (
        "A published value (diamond) within the range of the dots agrees with them; far from all of them,"
        " something differs."
    )


def words(fact: Published) -> str:
    """Say it in a sentence, with its few telling numbers."""
    means = (one_number(float(scores_R.mean())) if len(scores_R) else "nothing" for scores_R in fact.scores)
    parts = (
        f"{name} published {one_number(value)}, measured {mean}"
        for name, value, mean in zip(fact.names, fact.published_G, means, strict=True)
    )
    return f"{'; '.join(parts)}."


def published_values(findings: RunFindings) -> Published | None:
    """Published values beside every repeat's own; None where the study names none."""
    results = findings.results
    frame, fits = results.references, results.fits
    if not len(frame):
        return None
    compared = set(results.comparisons["label"])
    measured = []
    for name, metric in zip(frame["name"], frame["metric"], strict=True):
        place = (
            fits[(fits["stage"] == "compare") & (fits["label"] == name)]
            if name in compared
            else results.refit
        )
        scores = place.loc[place["status"] == "ok", f"test_{metric}"] if len(place) else []
        measured.append(np.asarray(scores, np.float64))
    return published(frame["name"], frame["metric"], frame["published"], measured, frame["source"])


FIGURE: Final = Figure(
    chapters=(Chapter.OVERVIEW,),
    order=30,
    name="13-published",
    title="Published beside measured",
    caption=caption,
    gather=single(published_values),
    draw=draw_published,
    words=words,
)
