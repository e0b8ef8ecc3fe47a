"""The picture of published values beside measured ones."""

from __future__ import annotations

import numpy as np

from shoal.look._facts_references import Published
from shoal.look._figures import (
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


def draw_published(fact: Published) -> Sheet:
    """Every repeat a dot, the published value a diamond; one panel a metric."""
    metrics = tuple(dict.fromkeys(fact.metrics))
    most = max(fact.metrics.count(metric) for metric in metrics)
    figure, grid = panels(len(metrics), columns=1, size=(8.8, 1.5 + 0.5 * most))
    for axes, metric in zip(grid, metrics, strict=True):
        _draw_metric(axes, fact, metric)
    legend_beside(grid[0])
    known = fact.inside_G[np.isfinite(fact.inside_G)]
    told = f": {int(known.sum())} of {len(known)} lie within the range of the repeats" if len(known) else ""
    heading(figure, f"Published values beside measured ones{told}")
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
