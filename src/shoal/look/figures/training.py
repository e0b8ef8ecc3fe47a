"""Training and validation of one comparison against epochs, in one picture a measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from numpy.typing import NDArray

from shoal.look._curves import curves_in_words, draw_curves, live_curves, measure_of
from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._lines import Curves, curve_line, usual_spread
from shoal.look._paper import DASHES, TITLED, TRAINING, VALIDATION, Sheet, heading, panels, plain
from shoal.results import higher_is_better

_ROWS_STYLE: Final[dict[str, dict[str, Any]]] = {
    "training": {"color": TRAINING},
    "validation": {"color": VALIDATION, "linestyle": DASHES[1]},
}


def training_curves(
    name: str, curves: Sequence[Mapping[str, NDArray[Any]]], measure: str, quantity: str, failed: int = 0
) -> Curves:
    """Training and validation line of one comparison; `measure` is "loss" or "accuracy"."""
    spread = usual_spread(len(curves))
    columns = {"training": f"train_{measure}", "validation": f"validation_{measure}"}
    lines = (curve_line(rows, curves, column, spread) for rows, column in columns.items())
    return Curves(
        name, quantity, tuple(line for line in lines if line is not None), failed, higher_is_better(measure)
    )


def draw_training_curves(curves: Curves) -> Sheet:
    """Training and validation loss or accuracy against epochs."""
    figure, (axes,) = panels(1, size=(8.8, 4.6))
    draw_curves(axes, curves, [_ROWS_STYLE[line.name] for line in curves.lines])
    heading(figure, f"{plain(curves.name, TITLED)}: {measure_of(curves)} against epochs")
    return figure


def caption(fact: Curves) -> str:
    """What a gap between training and validation means: it opens upwards for a loss, downwards for an accuracy."""
    if not fact.lines:
        return "There is no curve to see: every network of this comparison diverged or failed."
    if {line.name for line in fact.lines} != {"training", "validation"}:
        return "On the rows it learned from alone: whether the network overfits cannot be seen here."
    if fact.higher_is_better:
        return "Where validation falls, or stays below training while training still rises, the network overfits."
    return "Where validation rises, or stays above training while training still falls, the network overfits."


def gather(subject: Subject) -> Iterator[Gathered]:
    """The loss, and the accuracy of classes."""
    findings, group = subject.findings, subject.group
    for measure in findings.measures:
        curves, quantity = findings.curves(group), findings.quantity(measure, group.candidate_ids)
        yield Gathered(
            training_curves(group.titled, curves, measure, quantity, group.failed),
            measure,
            measure.capitalize(),
        )


def seconds(extent: Extent) -> float:
    """Give the seconds of its pictures, one a measure."""
    return extent.measures * panels_seconds(1)


FIGURE: Final = Figure(
    chapters=(Chapter.COMPARED,),
    order=10,
    name="loss",
    title="Loss in training",
    caption=caption,
    gather=gather,
    draw=draw_training_curves,
    words=curves_in_words,
    plot=live_curves,
    seconds=seconds,
)
