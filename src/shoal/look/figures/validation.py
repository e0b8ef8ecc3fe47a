"""How fast each comparison learns: the curves of all on rows held out, in one picture a measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from numpy.typing import NDArray

from shoal.look._curves import curves_in_words, draw_curves, live_curves, measure_of
from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._lines import Curves, curve_line, usual_spread
from shoal.look._paper import Sheet, heading, panels, series_style
from shoal.results import higher_is_better


def compared_curves(
    curves: Mapping[str, Sequence[Mapping[str, NDArray[Any]]]], measure: str, quantity: str, failed: int = 0
) -> Curves:
    """Validation lines of several comparisons, by name; those without validation rows are left out."""
    spread = usual_spread(max((len(of_comparison) for of_comparison in curves.values()), default=0))
    lines = (
        curve_line(name, of_comparison, f"validation_{measure}", spread)
        for name, of_comparison in curves.items()
    )
    drawn = tuple(line for line in lines if line is not None)
    return Curves("comparisons", quantity, drawn, failed, higher_is_better(measure))


def draw_compared_curves(curves: Curves) -> Sheet:
    """Validation curves of all comparisons in one picture, the names beside it."""
    figure, (axes,) = panels(1, size=(9.5, max(4.8, 1.6 + 0.19 * len(curves.lines))))
    draw_curves(axes, curves, [series_style(number) for number in range(len(curves.lines))])
    heading(figure, f"Validation {measure_of(curves)} of all comparisons")
    return figure


def caption(fact: Curves) -> str:
    """How the comparisons learn."""
    way = "higher" if fact.higher_is_better else "lower"
    return (
        f"Curves of rows held out show how fast each comparison learns, and where it ends: {way} is better."
    )


def gather(subject: Subject) -> Iterator[Gathered]:
    """The loss, and the accuracy of classes; a measure without rows held out has no picture."""
    findings = subject.findings
    if len(findings.comparisons) < 2:  # its own pictures have the curve of one alone
        return
    candidate_ids = [name for group in findings.comparisons for name in group.candidate_ids]
    failed = sum(group.failed for group in findings.comparisons)
    for number, measure in enumerate(findings.measures, start=11):
        curves = compared_curves(
            {group.name: findings.curves(group) for group in findings.comparisons},
            measure,
            findings.quantity(measure, candidate_ids),
            failed,
        )
        if curves.lines:
            yield Gathered(curves, f"{number}-validation-{measure}", f"Validation {measure}")


def seconds(extent: Extent) -> float:
    """Give the seconds of its pictures, one a measure."""
    return extent.measures * panels_seconds(1) if extent.comparisons > 1 else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.OVERVIEW,),
    order=20,
    name="11-validation",
    title="Validation curves",
    caption=caption,
    gather=gather,
    draw=draw_compared_curves,
    words=curves_in_words,
    plot=live_curves,
    seconds=seconds,
)
