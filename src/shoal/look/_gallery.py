"""Which pictures a run gets, under which names, and how they come to disk."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shoal.errors import EnvironmentFault, Problem
from shoal.look._figures import Sheet, png
from shoal.look._figures_candidates import draw_candidate_curves, draw_parallel
from shoal.look._figures_channels import (
    draw_class_activation,
    draw_exciting,
    draw_feature_maps,
    draw_kernels,
)
from shoal.look._figures_classes import draw_calibration, draw_confusion, draw_mistakes
from shoal.look._figures_ensemble import (
    draw_disagreement,
    draw_disputed,
    draw_ensemble_curve,
    draw_ensemble_scores,
    draw_ensemble_spread,
)
from shoal.look._figures_inside import draw_profiles, draw_weight_history, draw_weights
from shoal.look._figures_references import draw_published
from shoal.look._figures_search import draw_effects, draw_ranking, draw_variance_split
from shoal.look._figures_training import (
    draw_agreement,
    draw_compared_curves,
    draw_fitted_curve,
    draw_scores,
    draw_training_curves,
)
from shoal.look._findings import Findings, Group
from shoal.look._findings_inside import (
    class_activation,
    convolution_kernels,
    exciting_images,
    history,
    maps_of_images,
)
from shoal.look._findings_search import (
    candidate_curves,
    candidates_side_by_side,
    ensemble_curves,
    ensemble_disagreement,
    ensemble_disputed,
    ensemble_scores,
    ensemble_spreads,
    published_values,
)
from shoal.nets import write_atomically
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


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture and the file that it was drawn to."""

    picture: Picture
    path: Path


def draw_figures(results: Results, folder: Path) -> tuple[Drawn, ...]:
    """Write every picture of a run to `folder`, which is made; give them with their files, the most telling first.

    Each file appears whole or not at all. Files of earlier pictures that the run has no more are removed.
    Raises EnvironmentFault where the folder cannot be written.
    """
    written: list[Drawn] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures(results):
            path = folder / f"{picture.name}.png"
            write_atomically(path, picture.png())
            written.append(Drawn(picture, path))
        for path in set(folder.iterdir()) - {one.path for one in written}:
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
    yield from _ensemble(findings)
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
    values = published_values(findings)
    if values is not None:
        caption = "A published value (diamond) among the dots is replicated; far from all of them, something differs."
        yield Picture("13-published", caption, values, draw_published)


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
        caption = (
            "The more of the variance the candidates hold, the more the choice between them matters."
            f" Here {'noise is larger' if split.noisy else 'the settings matter more than noise'}."
        )
        yield Picture("22-search-variance", caption, split, draw_variance_split)
    side_by_side, curves = candidates_side_by_side(findings), candidate_curves(findings)
    if side_by_side is not None:
        caption = (
            "Follow the dark lines, the best candidates: where they run together, that value is a good one."
        )
        yield Picture("23-search-parallel", caption, side_by_side, draw_parallel)
    if curves is not None:
        caption = "Curves that still fall, part from training, or jump. The band is the range over folds."
        yield Picture("24-search-curves", caption, curves, draw_candidate_curves)


def _delivered(findings: Findings) -> Iterator[Picture]:
    group = findings.delivered
    for kind, caption, fact, draw in _tested(findings, group):
        yield Picture(f"30-delivered-{kind}", caption, fact, draw)
    weights, profiles = findings.weights(), findings.profiles()
    if weights is not None:
        caption = "How far training moved the weights from where they started."
        yield Picture("31-delivered-weights", caption, weights, draw_weights)
    moved = history(findings)
    if moved is not None:
        caption = (
            "Bands that still widen at the end: training was not over. A layer that stays put learned little."
        )
        yield Picture("31-delivered-weights-history", caption, moved, draw_weight_history)
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
    yield from _convolutions(findings)


def _convolutions(findings: Findings) -> Iterator[Picture]:
    found, answers = convolution_kernels(findings), class_activation(findings)
    looked_at = ""
    if answers is not None and answers.images < answers.of:
        looked_at = f" Looked at: {answers.images:,} of {answers.of:,} test images, of each class its share."
    if found is not None:
        caption = (
            "Blue and vermillion side by side find an edge, one colour a patch of light; grain without form"
            " is a kernel that learned little."
        )
        yield Picture("34-delivered-kernels", caption, found, draw_kernels)
    if answers is not None:
        caption = "A channel that is dark in few rows tells those classes apart; white all over, it answers to nothing."
        caption += looked_at
        yield Picture("34-delivered-classes", caption, answers, draw_class_activation)
    for maps in maps_of_images(findings):
        caption = "Where in each image a channel finds what it looks for. A blank column is a channel that sees none."
        yield Picture(f"34-delivered-{maps.layer}-maps", caption, maps, draw_feature_maps)
    for exciting in exciting_images(findings):
        caption = (
            "What a channel looks for: the image made to excite it (only the part that it sees has a pattern),"
            f" and what the test images that excite it most have in common.{looked_at}"
        )
        yield Picture(f"34-delivered-{exciting.layer}-exciting", caption, exciting, draw_exciting)


def _ensemble(findings: Findings) -> Iterator[Picture]:
    scores, votes = ensemble_scores(findings), ensemble_disagreement(findings)
    if scores is not None:
        caption = "The networks of all folds are there already: their mean answer costs nothing and is often better."
        yield Picture("35-ensemble-scores", caption, scores, draw_ensemble_scores)
    curves, spreads, images = (
        ensemble_curves(findings),
        ensemble_spreads(findings),
        ensemble_disputed(findings),
    )
    if curves:
        caption = (
            "Where the band is wide, the training rows do not settle the answer, and one network's is chance."
        )
        yield Picture("36-ensemble-curve", caption, curves, draw_ensemble_curve)
    if spreads:
        caption = "Dots near the line: the networks' spread tells how large the error is. Dots above: it is too sure."
        yield Picture("37-ensemble-spread", caption, spreads, draw_ensemble_spread)
    if votes is not None:
        caption = (
            "Networks that vote against each other: the more do, the more often the ensemble should be wrong."
        )
        yield Picture("38-ensemble-votes", caption, votes, draw_disagreement)
    if images is not None:
        caption = "Images on which the networks divide: between classes, badly drawn, or unlike the training images."
        yield Picture("39-ensemble-disputed", caption, images, draw_disputed)


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
