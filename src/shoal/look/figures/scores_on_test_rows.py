"""The scores on test rows, every repeat of every comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._measures import leading_metric, on_test_rows
from shoal.look._paper import BLACK, BLUE, VERMILLION, Sheet, fan, heading, legend_beside, panels, plain
from shoal.look._run_findings import RunFindings
from shoal.wording import one_number

_DOT_SECONDS: Final = 0.004


@dataclass(frozen=True, eq=False)
class Scores:
    """Every repeat's score of G comparisons: `scores` holds one float64 (R,) each, without failed repeats.

    `reference_G` holds a published single number each, NaN where there is none.
    """

    metric: str
    names: tuple[str, ...]
    scores: tuple[NDArray[np.float64], ...]
    median_G: NDArray[np.float64]
    failed: tuple[int, ...]
    reference_G: NDArray[np.float64]


def compared_scores(
    metric: str, scores: Mapping[str, NDArray[Any]], reference: Mapping[str, float] | None = None
) -> Scores:
    """Scores of every repeat by comparison; those that are not finite are counted as failed."""
    arrays = [np.asarray(values, dtype=np.float64) for values in scores.values()]
    healthy = tuple(values[np.isfinite(values)] for values in arrays)
    known = reference or {}
    return Scores(
        metric=metric,
        names=tuple(scores),
        scores=healthy,
        median_G=np.array([np.median(values) if values.size else np.nan for values in healthy]),
        failed=tuple(int((~np.isfinite(values)).sum()) for values in arrays),
        reference_G=np.array([known.get(name, np.nan) for name in scores], dtype=np.float64),
    )


def draw_scores(scores: Scores) -> Sheet:
    """Every repeat a dot, the median a bar: what a table with one number a row hides."""
    count = len(scores.names)
    figure, (axes,) = panels(1, size=(8.5, 1.5 + 0.45 * count))
    row_R = np.concatenate([row + fan(len(scores_R)) for row, scores_R in enumerate(scores.scores)])
    axes.scatter(
        np.concatenate(scores.scores), row_R, s=26, color=BLUE, alpha=0.6, linewidths=0, label="one repeat"
    )
    rows = np.arange(count)
    if any(len(scores_R) > 1 for scores_R in scores.scores):
        axes.vlines(
            scores.median_G, rows - 0.36, rows + 0.36, color=VERMILLION, linewidth=2.4, label="median"
        )
    known = np.isfinite(scores.reference_G)
    if known.any():
        axes.scatter(
            scores.reference_G[known], rows[known], marker="D", s=36, facecolors="none", edgecolors=BLACK,
            zorder=4, label="published",
        )  # fmt: skip
    names = zip(scores.names, scores.failed, strict=True)
    axes.set_yticks(
        rows,
        [plain(name, 34) + (f"\n({failed} failed, not drawn)" if failed else "") for name, failed in names],
    )
    axes.set_ylim(count - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(scores.metric)
    heading(figure, "Scores on test rows: every repeat of every comparison")
    legend_beside(axes)
    return figure


def caption(fact: Scores) -> str:
    """What the dots say of the spread."""
    if max(map(len, fact.scores), default=0) < 2:
        return "Each dot is the one network of its row: how far another repeat would differ is not known."
    return (
        "Each dot is one repeat. Where the dots of two rows overlap widely, one number a row would mislead."
    )


def words(fact: Scores) -> str:
    """Say it in a sentence, with its few telling numbers."""
    parts = (
        f"{name} {one_number(value)}" + (f" ({failed} diverged or failed)" if failed else "")
        for name, value, failed in zip(fact.names, fact.median_G, fact.failed, strict=True)
    )
    middle = "Median " if max(map(len, fact.scores), default=0) > 1 else ""
    text = f"{middle}{fact.metric}: {', '.join(parts)}."
    return text[0].upper() + text[1:]


def scores_of(findings: RunFindings) -> Scores:
    """Test scores of every repeat of every comparison."""
    metric = leading_metric(findings.results)
    scores = {
        group.name: np.array(
            [findings.results.summaries[entry.fit_id].scores["test"][metric] for entry in group.healthy]
            + [np.nan] * group.failed
        )
        for group in findings.comparisons
    }
    known = {value.name: value.value for value in findings.study.reference if value.metric == metric}
    return compared_scores(on_test_rows(metric), scores, known)


def gather(subject: Subject) -> Iterator[Gathered]:
    """The scores of a run that compares; one alone is no comparison."""
    if len(subject.findings.comparisons) > 1:
        yield Gathered(scores_of(subject.findings))


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    if extent.comparisons < 2:
        return 0.0
    return panels_seconds(1) + _DOT_SECONDS * extent.comparisons * extent.repeats


FIGURE: Final = Figure(
    chapters=(Chapter.OVERVIEW,),
    order=10,
    name="10-test-scores",
    title="Test scores",
    caption=caption,
    gather=gather,
    draw=draw_scores,
    words=words,
    seconds=seconds,
)
