"""Which pictures a run gets, under which names, and how they come to disk."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from shoal.look import _captions as captions
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
from shoal.parts import REPORT, Parts
from shoal.results import PICTURES, Results, RunFiles

_Gather: TypeAlias = Callable[[Findings], Iterator["Picture"]]
_Tested: TypeAlias = Callable[[Findings, Group, str], Iterator["Picture"]]


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
    """A picture, the file that it was drawn to (its path in the run folder), and what stands in that."""

    picture: Picture
    name: str
    content: bytes


def draw_figures(results: Results, files: RunFiles, parts: Parts | None = None) -> tuple[Drawn, ...]:
    """Write every picture of a run to its run folder; give them with their files, the most telling first.

    Each file appears whole or not at all. Files of earlier pictures that the run has no more are removed. A picture
    that cannot be made is noted in `parts`, and the others are made.
    Raises EnvironmentFault or RunFolderError where the folder cannot be written.
    """
    parts = parts or Parts()
    written: list[Drawn] = []
    for picture in pictures(results, parts):
        with parts.attempt(f"figure {picture.name}", REPORT):
            drawn = Drawn(picture, f"{PICTURES}/{picture.name}.png", picture.png())
            files.write(drawn.name, drawn.content)
            written.append(drawn)
    files.keep_only(PICTURES, [one.name for one in written])
    return tuple(written)


def pictures(results: Results, parts: Parts | None = None) -> Iterator[Picture]:
    """Give every picture that the results hold the facts of; facts are gathered one after the other.

    A picture whose facts cannot be gathered is noted in `parts`.
    """
    parts = parts or Parts()
    for name, gathered in _kinds(Findings(results)):
        with parts.attempt(f"figure {name}", REPORT):
            yield from gathered()


def _kinds(findings: Findings) -> Iterator[tuple[str, Callable[[], Iterator[Picture]]]]:
    """Give every kind of picture that there may be: its name, and what gathers its facts."""
    kinds = [*(_OVERVIEW if findings.comparisons else ()), *_SEARCH]
    kinds += _DELIVERED if findings.delivered.healthy else ()
    kinds += _ENSEMBLE
    for name, gather in kinds:
        yield name, partial(gather, findings)
    for number, group in enumerate(findings.comparisons, start=1):
        name = f"40-{number:02d}-{_slug(group.name)}"
        for measure in _measures(findings):
            yield f"{name}-{measure}", partial(_training, findings, group, f"{name}-{measure}", measure)
        for kind, gather_tested in _TESTED if group.healthy else ():
            yield f"{name}-{kind}", partial(gather_tested, findings, group, f"{name}-{kind}")


def _test_scores(findings: Findings) -> Iterator[Picture]:
    scores = findings.scores()
    yield Picture("10-test-scores", captions.of_scores(scores), scores, draw_scores)


def _compared(findings: Findings) -> Iterator[Picture]:
    for number, measure in enumerate(_measures(findings), start=11):
        curves = findings.compared(measure)
        if curves.lines:
            caption = captions.of_compared(curves)
            yield Picture(f"{number}-validation-{measure}", caption, curves, draw_compared_curves)


def _published(findings: Findings) -> Iterator[Picture]:
    values = published_values(findings)
    if values is not None:
        caption = captions.of_published(values)
        yield Picture("13-published", caption, values, draw_published)


def _ranking(findings: Findings) -> Iterator[Picture]:
    ranking = findings.ranking()
    if ranking is not None:
        caption = captions.of_ranking(ranking)
        yield Picture("20-search-ranking", caption, ranking, draw_ranking)


def _effects(findings: Findings) -> Iterator[Picture]:
    effects = findings.effects()
    if effects is not None:
        caption = captions.of_effects(effects)
        yield Picture("21-search-effects", caption, effects, draw_effects)


def _variance(findings: Findings) -> Iterator[Picture]:
    split = findings.variance_split()
    if split is not None:
        caption = captions.of_shares(split)
        yield Picture("22-search-variance", caption, split, draw_variance_split)


def _parallel(findings: Findings) -> Iterator[Picture]:
    side_by_side = candidates_side_by_side(findings)
    if side_by_side is not None:
        caption = (
            "Follow the dark lines, the best candidates: where they run together, the best share that value."
        )
        yield Picture("23-search-parallel", caption, side_by_side, draw_parallel)


def _candidate_curves(findings: Findings) -> Iterator[Picture]:
    curves = candidate_curves(findings)
    if curves is not None:
        caption = captions.of_candidate_curves(curves)
        yield Picture("24-search-curves", caption, curves, draw_candidate_curves)


def _weights(findings: Findings) -> Iterator[Picture]:
    weights = findings.weights()
    if weights is not None:
        caption = "How the weights of each layer are spread before and after training."
        yield Picture("31-delivered-weights", caption, weights, draw_weights)


def _history(findings: Findings) -> Iterator[Picture]:
    moved = history(findings)
    if moved is not None:
        caption = (
            "Bands that still widen at the end: the weights were still growing. The number above each panel says how"
            " far its weights moved."
        )
        yield Picture("31-delivered-weights-history", caption, moved, draw_weight_history)


def _units(findings: Findings) -> Iterator[Picture]:
    profiles = findings.profiles()
    if profiles is not None:
        caption = (
            "What each unit answers to. Dead units answer the same everywhere, or never leave the flat side."
        )
        yield Picture("32-delivered-units", caption, profiles, draw_profiles)


def _mistakes(findings: Findings) -> Iterator[Picture]:
    mistakes = findings.mistakes()
    if mistakes is not None:
        caption = (
            "The mistakes of which the network is surest: doubtful labels stand here,"
            " and pictures unlike those it learned from."
        )
        yield Picture("33-delivered-mistakes", caption, mistakes, draw_mistakes)


def _kernels(findings: Findings) -> Iterator[Picture]:
    found = convolution_kernels(findings)
    if found is not None:
        caption = (
            "Blue and vermillion side by side find an edge, one colour a patch of light; grain without form"
            " is a kernel that may have learned little."
        )
        yield Picture("34-delivered-kernels", caption, found, draw_kernels)


def _class_activation(findings: Findings) -> Iterator[Picture]:
    answers = class_activation(findings)
    if answers is not None:
        caption = "A channel that is dark in few rows tells those classes apart; white all over, it answers to nothing."
        yield Picture(
            "34-delivered-classes", caption + captions.of_sample(answers), answers, draw_class_activation
        )


def _maps(findings: Findings) -> Iterator[Picture]:
    for maps in maps_of_images(findings):
        caption = "Where in each image a channel finds what it looks for. A blank column is a channel that sees none."
        yield Picture(f"34-delivered-{maps.layer}-maps", caption, maps, draw_feature_maps)


def _exciting(findings: Findings) -> Iterator[Picture]:
    looked_at = captions.of_sample(class_activation(findings))
    for exciting in exciting_images(findings):
        caption = (
            "What a channel looks for: the image made to excite it (only the part that it sees has a pattern),"
            f" and what the test images that excite it most have in common.{looked_at}"
        )
        yield Picture(f"34-delivered-{exciting.layer}-exciting", caption, exciting, draw_exciting)


def _ensemble_scores(findings: Findings) -> Iterator[Picture]:
    scores = ensemble_scores(findings)
    if scores is not None:
        caption = captions.of_ensemble_scores(scores)
        yield Picture("35-ensemble-scores", caption, scores, draw_ensemble_scores)


def _ensemble_curve(findings: Findings) -> Iterator[Picture]:
    curves = ensemble_curves(findings)
    if curves:
        caption = (
            "Where the band is wide, the networks disagree: the training rows do not settle the answer there."
        )
        yield Picture("36-ensemble-curve", caption, curves, draw_ensemble_curve)


def _ensemble_spread(findings: Findings) -> Iterator[Picture]:
    spreads = ensemble_spreads(findings)
    if spreads:
        caption = captions.of_spreads(spreads)
        yield Picture("37-ensemble-spread", caption, spreads, draw_ensemble_spread)


def _votes(findings: Findings) -> Iterator[Picture]:
    votes = ensemble_disagreement(findings)
    if votes is not None:
        caption = (
            "Networks that vote against each other: the more do, the more often the ensemble should be wrong."
        )
        yield Picture("38-ensemble-votes", caption, votes, draw_disagreement)


def _disputed(findings: Findings) -> Iterator[Picture]:
    images = ensemble_disputed(findings)
    if images is not None:
        caption = "Images on which the networks divide: between classes, badly drawn, or unlike the training images."
        yield Picture("39-ensemble-disputed", caption, images, draw_disputed)


def _training(findings: Findings, group: Group, name: str, measure: str) -> Iterator[Picture]:
    fact = findings.training(group, measure)
    yield Picture(name, captions.of_training(fact), fact, draw_training_curves)


def _confusion(findings: Findings, group: Group, name: str) -> Iterator[Picture]:
    if findings.classes:
        caption = "Each row is a true class: off the diagonal stand the mistakes."
        yield Picture(name, caption, findings.confusion(group), draw_confusion)


def _calibration(findings: Findings, group: Group, name: str) -> Iterator[Picture]:
    if findings.classes:
        caption = "Below the diagonal the network is surer than it is right, above it less sure."
        yield Picture(name, caption, findings.calibration(group), draw_calibration)


def _fit(findings: Findings, group: Group, name: str) -> Iterator[Picture]:
    curves = [] if findings.classes else findings.fitted_curves(group)
    if curves:
        caption = "The prediction should follow the test rows, also where there are no training rows."
        yield Picture(name, caption, curves, draw_fitted_curve)


def _predicted(findings: Findings, group: Group, name: str) -> Iterator[Picture]:
    if not findings.classes:
        caption = "Dots on the line are right; their upright distance from it is the error."
        yield Picture(name, caption, findings.agreement(group), draw_agreement)


def _of_delivered(gather: _Tested, name: str) -> _Gather:
    """Give a picture of predictions on test rows, those of the delivered network."""
    return lambda findings: gather(findings, findings.delivered, name)


def _measures(findings: Findings) -> tuple[str, ...]:
    return ("loss", "accuracy") if findings.classes else ("loss",)


def _slug(name: str) -> str:
    """Give a part of a file name made of a name: small letters, digits and hyphens, at most 40."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:40].rstrip("-") or "unnamed"


# The order of pictures: the most telling first

_OVERVIEW: Final[tuple[tuple[str, _Gather], ...]] = (
    ("10-test-scores", _test_scores),
    ("11-validation", _compared),
    ("13-published", _published),
)
_SEARCH: Final[tuple[tuple[str, _Gather], ...]] = (
    ("20-search-ranking", _ranking),
    ("21-search-effects", _effects),
    ("22-search-variance", _variance),
    ("23-search-parallel", _parallel),
    ("24-search-curves", _candidate_curves),
)
_TESTED: Final[tuple[tuple[str, _Tested], ...]] = (
    ("confusion", _confusion),
    ("calibration", _calibration),
    ("fit", _fit),
    ("predicted", _predicted),
)
"""Of predictions on test rows, for the delivered network and for each comparison."""
_DELIVERED: Final[tuple[tuple[str, _Gather], ...]] = (
    *((f"30-delivered-{kind}", _of_delivered(gather, f"30-delivered-{kind}")) for kind, gather in _TESTED),
    ("31-delivered-weights", _weights),
    ("31-delivered-weights-history", _history),
    ("32-delivered-units", _units),
    ("33-delivered-mistakes", _mistakes),
    ("34-delivered-kernels", _kernels),
    ("34-delivered-classes", _class_activation),
    ("34-delivered-maps", _maps),
    ("34-delivered-exciting", _exciting),
)
_ENSEMBLE: Final[tuple[tuple[str, _Gather], ...]] = (
    ("35-ensemble-scores", _ensemble_scores),
    ("36-ensemble-curve", _ensemble_curve),
    ("37-ensemble-spread", _ensemble_spread),
    ("38-ensemble-votes", _votes),
    ("39-ensemble-disputed", _disputed),
)
