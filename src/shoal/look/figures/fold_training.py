"""How the chosen candidate trained on every fold of the search, a line each, in one picture a measure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._fold_curves import (
    FoldCurves,
    draw_fold_curves,
    fold_curve,
    fold_curves_in_words,
    live_fold_curves,
)
from shoal.look._run_findings import RunFindings
from shoal.results import higher_is_better


def fold_curves(findings: RunFindings, measure: str) -> FoldCurves | None:
    """Give the curves of the chosen candidate's networks; None without a choice, or where none is well."""
    results, choice = findings.results, findings.results.choice
    if choice is None:
        return None
    fits = results.summaries
    done = [
        entry
        for entry in results.plan
        if (entry.stage, entry.candidate_id) == ("search", choice.candidate_id) and entry.fit_id in fits
    ]
    healthy = [entry for entry in done if fits[entry.fit_id].status == "ok"]
    networks = []
    for entry in sorted(healthy, key=lambda entry: (entry.fold, entry.repeat)):
        frame, fit = results.curve(entry.fit_id), fits[entry.fit_id]
        curve = {str(name): frame[name].to_numpy() for name in frame.columns}
        place, ends = (entry.fold, entry.repeat), (fit.kept_epoch, fit.epochs)
        networks.append(fold_curve(place, curve, ends, measure))
    if not networks:
        return None
    quantity, failed = findings.quantity(measure, [choice.candidate_id]), len(done) - len(healthy)
    return FoldCurves("Chosen candidate", quantity, tuple(networks), failed, higher_is_better(measure))


def gather(subject: Subject) -> Iterator[Gathered]:
    """The loss, and the accuracy of classes."""
    for number, measure in enumerate(subject.findings.measures, start=26):
        if fact := fold_curves(subject.findings, measure):
            title = f"{measure.capitalize()} of the chosen candidate on every fold"
            yield Gathered(fact, f"{number}-search-fold-{measure}", title)


def caption(fact: FoldCurves) -> str:
    """What to look for."""
    said = "A fold whose line lies apart holds out rows of another kind, or too few of them."
    if len(fact.folds) == 1:
        said = "There is one fold, so that it cannot be seen whether other rows would give other curves."
    if len(fact.networks) > len(fact.folds):
        said += " Lines of one fold differ by their initialisation alone."
    if fact.chosen:
        said += " A dot is the epoch whose weights were kept; a line ends where training did."
    return said


def seconds(extent: Extent) -> float:
    """Give the seconds of its pictures, one a measure."""
    return extent.measures * panels_seconds(1) if extent.folds else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.SEARCH,),
    order=70,
    name="26-search-fold-curves",
    title="The chosen candidate on every fold",
    caption=caption,
    gather=gather,
    draw=draw_fold_curves,
    words=fold_curves_in_words,
    plot=live_fold_curves,
    seconds=seconds,
)
