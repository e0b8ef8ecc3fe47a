"""From the results of a search to facts: candidates side by side, their curves, the ensemble, published values.

Each is None (or empty) where the run has nothing of its kind. Letters: M networks, V test rows, K targets or classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.look._facts_candidates import CandidateCurve, CandidateCurves, Parallel, candidate_curve, parallel
from shoal.look._facts_ensemble import (
    Disagreement,
    Disputed,
    EnsembleCurve,
    EnsembleScores,
    EnsembleSpread,
    disagreement,
    disputed,
    ensemble_curve,
    ensemble_spread,
)
from shoal.look._facts_references import Published, published
from shoal.look._facts_search import settings_text
from shoal.look._findings import Findings
from shoal.look._measures import leading_metric, on_test_rows
from shoal.results import higher_is_better


def candidates_side_by_side(findings: Findings) -> Parallel | None:
    """Every candidate with its settings and its score; None where nothing is searched."""
    ranking, frame = findings.ranking(), findings.results.candidates
    if ranking is None:
        return None
    values = {row.candidate_id: row.values for row in findings.results.candidate_rows}
    found = parallel(
        ranking.quantity,
        [values[name] for name in frame["candidate_id"]],
        frame["selection_score"].to_numpy(),
        frame["chosen"].to_numpy(),
        higher_is_better=ranking.higher_is_better,
    )
    return found if found.settings and len(found.score_C) > 1 else None


def candidate_curves(findings: Findings) -> CandidateCurves | None:
    """Curves of every candidate over its folds and repeats; None for fewer than two candidates with curves."""
    results = findings.results
    frame = results.candidates
    if len(frame) < 2:
        return None
    of_candidate: dict[str, list[dict[str, NDArray[Any]]]] = {}
    for _, curve in results.curves_of("search").groupby("fit_id", sort=False):
        arrays = {
            name: curve[name].to_numpy()
            for name in ("epoch", "train_loss", "validation_loss")
            if name in curve
        }
        of_candidate.setdefault(str(curve["candidate_id"].iloc[0]), []).append(arrays)
    values = {row.candidate_id: row.values for row in results.candidate_rows}
    found: list[CandidateCurve] = []
    for row in frame[~frame["sick"]].to_dict("records"):
        name = str(row["candidate_id"])
        place = (settings_text(values[name]), int(row["rank"]), float(row["selection_score"]))
        one = candidate_curve(*place, of_candidate.get(name, []), chosen=bool(row["chosen"]))
        found += [one] if one is not None else []
    if len(found) < 2:
        return None
    return CandidateCurves(findings.quantity("loss"), tuple(found), int(frame["sick"].sum()))


def ensemble_scores(findings: Findings) -> EnsembleScores | None:
    """Test scores of the networks of the chosen candidate, of their mean answer and of the delivered network."""
    frame = findings.results.ensemble_scores
    if not len(frame):
        return None
    metric = leading_metric(findings.classes)

    def of(network: str) -> NDArray[np.float64]:
        return frame.loc[frame["network"] == network, metric].to_numpy(np.float64)

    delivered = of("delivered")
    return EnsembleScores(
        metric=on_test_rows(metric),
        higher_is_better=higher_is_better(metric),
        member_M=of("member"),
        ensemble=float(of("ensemble")[0]),
        delivered=float(delivered[0]) if len(delivered) else float("nan"),
    )


def ensemble_curves(findings: Findings) -> list[EnsembleCurve]:
    """The ensemble along the one input, target by target; empty for other inputs and for classes."""
    ensemble, truth = findings.results.ensemble, findings.truth
    if ensemble is None or findings.classes or not len(ensemble.grid_G):
        return []
    x_N, rows = truth.x_ND[:, 0], truth.train_rows
    return [
        ensemble_curve(
            (truth.input_names[0], target),
            (ensemble.grid_G, ensemble.grid_MGK[:, :, k]),
            (x_N[:rows], truth.y[:rows, k]),
            (x_N[rows:], truth.y[rows:, k]),
        )
        for k, target in enumerate(truth.target_names)
    ]


def ensemble_spreads(findings: Findings) -> list[EnsembleSpread]:
    """Spread against error on the test rows, target by target; empty for classes."""
    ensemble, truth = findings.results.ensemble, findings.truth
    if ensemble is None or findings.classes:
        return []
    true_VK = truth.y[truth.train_rows :]
    return [
        ensemble_spread(target, true_VK[:, k], ensemble.test_MVK[:, :, k])
        for k, target in enumerate(truth.target_names)
    ]


def ensemble_disagreement(findings: Findings) -> Disagreement | None:
    """How many networks vote against the majority, test row by test row; None for a regression."""
    ensemble, truth = findings.results.ensemble, findings.truth
    if ensemble is None or not findings.classes:
        return None
    return disagreement(truth.y[truth.train_rows :], ensemble.test_MVK)


def ensemble_disputed(findings: Findings) -> Disputed | None:
    """Images that the networks disagree about most; None for tables, and where all agree."""
    ensemble, truth = findings.results.ensemble, findings.truth
    if ensemble is None or not len(ensemble.image_rows):
        return None
    rows = ensemble.image_rows - truth.train_rows
    return disputed(truth.classes, truth.y[truth.train_rows :], ensemble.test_MVK, rows, ensemble.images)


def published_values(findings: Findings) -> Published | None:
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
