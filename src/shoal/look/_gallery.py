"""Which pictures a run gets, under which names, and how they come to disk."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shoal.errors import EnvironmentFault, Problem
from shoal.look._figures import Sheet, png
from shoal.look._figures_classes import draw_calibration, draw_confusion, draw_mistakes
from shoal.look._figures_inside import draw_profiles, draw_weights
from shoal.look._figures_search import draw_effects, draw_ranking, draw_variance_split
from shoal.look._figures_training import (
    draw_agreement,
    draw_compared_curves,
    draw_fitted_curve,
    draw_scores,
    draw_training_curves,
)
from shoal.look._findings import Findings, Group
from shoal.results import Results

_OURS: Final = re.compile(r"\d\d-[a-z0-9-]+\.png")


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture: its file name without ending, what to see in it, its fact and what draws it."""

    name: str
    caption: str
    fact: Any
    draw: Callable[[Any], Sheet]

    def png(self) -> bytes:
        """Draw it; the same fact gives the same bytes."""
        return png(self.draw, self.fact)


def draw_figures(results: Results, folder: Path) -> tuple[Path, ...]:
    """Write every picture of a run to `folder`, which is made; give the files, the most telling first.

    Each file appears whole or not at all. Files of earlier pictures that the run has no more are removed.
    Raises EnvironmentFault where the folder cannot be written.
    """
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures(results):
            path = folder / f"{picture.name}.png"
            temporary = folder / f".{picture.name}.{os.getpid()}.tmp"
            try:
                temporary.write_bytes(picture.png())
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
            written.append(path)
        for path in set(folder.iterdir()) - set(written):
            if _OURS.fullmatch(path.name):
                path.unlink()
    except OSError as error:
        what = f"expected a folder that pictures can be written to, got: {error.strerror or error}"
        raise EnvironmentFault(Problem(str(folder), what)) from error
    return tuple(written)


def pictures(results: Results) -> Iterator[Picture]:
    """Give every picture that the results hold the facts of; facts are gathered one after the other."""
    findings = Findings(results)
    yield from _overview(findings)
    yield from _search(findings)
    if findings.delivered.healthy:
        yield from _delivered(findings)
    for number, group in enumerate(findings.comparisons, start=1):
        yield from _comparison(findings, group, f"{number:02d}-{_slug(group.name)}")


def _overview(findings: Findings) -> Iterator[Picture]:
    if not findings.comparisons:
        return
    yield Picture(
        "10-test-scores",
        "Each dot is one repeat. Where the dots of two rows overlap widely, one number a row would mislead.",
        findings.scores(),
        draw_scores,
    )
    for number, measure in enumerate(_measures(findings), start=11):
        curves = findings.compared(measure)
        if curves.lines:
            caption = "How fast each comparison learns, and where it ends, on rows held out from training."
            yield Picture(f"{number}-validation-{measure}", caption, curves, draw_compared_curves)


def _search(findings: Findings) -> Iterator[Picture]:
    ranking, effects, split = findings.ranking(), findings.effects(), findings.variance_split()
    if ranking is not None:
        caption = (
            "The marked candidate was chosen; those in blue cannot be told from the best. The score is the"
            " cross-validated one by which was chosen, so the best is a little optimistic."
        )
        yield Picture("20-search-ranking", caption, ranking, draw_ranking)
    if effects is not None:
        caption = (
            "A grey effect is no larger than the noise: its setting hardly matters here."
            " Dashed: the mean of all candidates."
        )
        yield Picture("21-search-effects", caption, effects, draw_effects)
    if split is not None:
        caption = "The more of the variance the candidates hold, the more the choice between them matters."
        yield Picture("22-search-variance", caption, split, draw_variance_split)


def _delivered(findings: Findings) -> Iterator[Picture]:
    group = findings.delivered
    for kind, caption, fact, draw in _tested(findings, group):
        yield Picture(f"30-delivered-{kind}", caption, fact, draw)
    weights, profiles = findings.weights(), findings.profiles()
    if weights is not None:
        caption = "How far training moved the weights from where they started."
        yield Picture("31-delivered-weights", caption, weights, draw_weights)
    if profiles is not None:
        caption = "What each unit answers to; units that answer the same everywhere are dead."
        yield Picture("32-delivered-units", caption, profiles, draw_profiles)
    mistakes = findings.mistakes()
    if mistakes is not None:
        caption = (
            "The mistakes of which the network is surest: doubtful labels stand here,"
            " and pictures unlike those it learned from."
        )
        yield Picture("33-delivered-mistakes", caption, mistakes, draw_mistakes)


def _comparison(findings: Findings, group: Group, name: str) -> Iterator[Picture]:
    for measure in _measures(findings):
        caption = "Where validation stays above training while training falls, the network overfits."
        fact = findings.training(group, measure)
        yield Picture(f"40-{name}-{measure}", caption, fact, draw_training_curves)
    if group.healthy:
        for kind, caption, fact, draw in _tested(findings, group):
            yield Picture(f"40-{name}-{kind}", caption, fact, draw)


def _tested(findings: Findings, group: Group) -> Iterator[tuple[str, str, Any, Callable[[Any], Sheet]]]:
    """Pictures of predictions on test rows: kind, caption, fact, drawing function."""
    if findings.classes:
        caption = "Each row is a true class: off the diagonal stand the mistakes."
        yield "confusion", caption, findings.confusion(group), draw_confusion
        caption = "Below the diagonal the network is surer than it is right, above it less sure."
        yield "calibration", caption, findings.calibration(group), draw_calibration
        return
    curves = findings.fitted_curves(group)
    if curves:
        caption = "The prediction should follow the test rows, also where there are no training rows."
        yield "fit", caption, curves, draw_fitted_curve
    caption = "Dots on the line are right; their distance from it is the error."
    yield "predicted", caption, findings.agreement(group), draw_agreement


def _measures(findings: Findings) -> tuple[str, ...]:
    return ("loss", "accuracy") if findings.classes else ("loss",)


def _slug(name: str) -> str:
    """Give a part of a file name made of a name: small letters, digits and hyphens, at most 40."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:40].rstrip("-") or "unnamed"
