"""How often what is said of a search's candidates holds: the set that may hold the best, verdicts, errors, corrections.

Candidates are networks of random tanh units whose last layer is solved for: they have the luck of rows and of initial
weights that trained networks have, in a thousandth of the time. What they lose on all rows is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import table
from shoal.results import (
    OutOfFold,
    PlanEntry,
    SearchScores,
    Truth,
    expected_score,
    rank_candidates,
    search_errors,
)

Floats = NDArray[np.float64]
GRID: Final = tuple((units, penalty) for units in (4, 10, 25, 60) for penalty in (1e-4, 1e-2, 1.0))
NOISE: Final = 0.15
_X: Final = np.linspace(0, 1, 400)


@dataclass(frozen=True)
class Searches:
    """One kind of study: candidates (units, penalty), rows, folds; whether initial weights are shared, errors heavy."""

    name: str
    candidates: tuple[tuple[int, float], ...] = GRID
    rows: int = 150
    folds: int = 3
    times: int = 1
    shared: bool = True
    heavy: bool = False
    classes: int = 0
    """Labels by lot, of so many classes; 0 is a curve."""


KINDS: Final = (
    Searches("12 candidates, 3 folds"),
    Searches("12 candidates, 5 folds, 300 rows", rows=300, folds=5),
    Searches("12 candidates, 5 x 3 folds, 100 rows", rows=100, folds=5, times=3),
    Searches("12 candidates, Student 3, 300 rows", rows=300, heavy=True),
    Searches("6 equal candidates, luck of training", ((25, 1e-2),) * 6, shared=False),
    Searches("2 equal candidates, luck of training", ((25, 1e-2),) * 2, shared=False, folds=5),
    Searches("4 nearly equal candidates", ((25, 1e-2), (26, 1e-2), (25, 2e-2), (28, 1e-2))),
    Searches("labels by lot, 2 classes, 12 candidates", GRID, 100, classes=2),
    Searches("labels by lot, 2 classes, 72 candidates", GRID * 6, 100, classes=2, shared=False),
    Searches("labels by lot, 10 classes, 12 candidates", GRID, 200, classes=10),
    Searches("labels by lot, 10 classes, 72 candidates", GRID * 6, 200, classes=10, shared=False),
)


def curve(x_N: Floats) -> Floats:
    """Two peaks."""
    return np.asarray(np.exp(-(((x_N - 0.3) / 0.08) ** 2)) + 0.7 * np.exp(-(((x_N - 0.7) / 0.12) ** 2)))


def _units(x_N: Floats, units: int, seed: int) -> Floats:
    draw = np.random.default_rng(seed)
    inputs = 2 * (np.outer(x_N, 3 * draw.normal(size=units)) + 2 * draw.normal(size=units))
    return np.column_stack((np.ones(len(x_N)), np.tanh(inputs)))


def _trained(x_N: Floats, y_NK: Floats, candidate: tuple[int, float], seed: int) -> Floats:
    unit_NH = _units(x_N, candidate[0], seed)
    normal_HH = unit_NH.T @ unit_NH + candidate[1] * np.eye(unit_NH.shape[1])
    return np.asarray(np.linalg.solve(normal_HH, unit_NH.T @ y_NK))


@dataclass(frozen=True, eq=False)
class Study:
    """Scores of a search, the rows held out, and what its networks score on all rows on average, (C,)."""

    scores: SearchScores
    rows: OutOfFold
    expected_C: Floats


def drawn(kind: Searches, rng: np.random.Generator) -> Study:
    """Draw rows, train every candidate on every fold."""
    x_N = rng.uniform(size=kind.rows)
    error_N = rng.standard_t(3, kind.rows) / np.sqrt(3) if kind.heavy else rng.normal(size=kind.rows)
    class_N = rng.integers(max(1, kind.classes), size=kind.rows)
    y_NK = np.eye(kind.classes)[class_N] if kind.classes else (curve(x_N) + NOISE * error_N)[:, None]
    folds = [
        part for _ in range(kind.times) for part in np.array_split(rng.permutation(kind.rows), kind.folds)
    ]
    names = tuple(f"{place:03}" for place in range(len(kind.candidates)))
    answers: dict[str, Floats] = {}
    expected_CF = np.full((len(names), len(folds)), 1 / max(1, kind.classes))
    for fold, held_V in enumerate(folds):
        learned_N = np.setdiff1d(np.arange(kind.rows), held_V)
        seed = int(rng.integers(1 << 30))
        for place, candidate in enumerate(kind.candidates):
            own = seed if kind.shared else seed + place
            weight_HK = _trained(x_N[learned_N], y_NK[learned_N], candidate, own)
            answer_VK = _units(x_N[held_V], candidate[0], own) @ weight_HK
            if kind.classes:
                answer_VK = np.exp(answer_VK) / np.exp(answer_VK).sum(axis=1, keepdims=True)
            else:
                everywhere = _units(_X, candidate[0], own) @ weight_HK
                expected_CF[place, fold] = ((everywhere[:, 0] - curve(_X)) ** 2).mean() + NOISE**2
            answers[f"{names[place]}/{fold}"] = answer_VK
    entries = [
        PlanEntry(f"{name}/{fold}", "search", name, "", fold, 0, kind.rows - len(held_V), len(held_V))
        for name in names
        for fold, held_V in enumerate(folds)
    ]
    y = class_N if kind.classes else y_NK
    truth = Truth(
        input_names=("x",),
        target_names=("y",),
        classes=tuple(map(str, range(kind.classes))),
        x_ND=x_N[:, None],
        y=y,
        train_rows=kind.rows,
        validation_rows={("search", fold): np.sort(held_V) for fold, held_V in enumerate(folds)},
    )
    order = {fold: np.argsort(held_V) for fold, held_V in enumerate(folds)}
    sorted_answers = {key: answers[key][order[int(key.partition("/")[2])]] for key in answers}
    rows = OutOfFold(entries, truth, lambda entry: sorted_answers[entry.fit_id])
    metric = "accuracy" if kind.classes else "loss"
    scores_CF = np.array(
        [[_score(y, truth, sorted_answers, name, fold, metric) for fold in order] for name in names]
    )
    scores = SearchScores(names, (1,) * len(names), scores_CF[:, :, None], metric, 1.0, 1.0)
    return Study(scores, rows, expected_CF.mean(axis=1))


def _score(y: NDArray, truth: Truth, answers: dict[str, Floats], name: str, fold: int, metric: str) -> float:
    answer_VK, true = answers[f"{name}/{fold}"], y[truth.validation_rows["search", fold]]
    if metric == "accuracy":
        return float(np.mean(answer_VK.argmax(axis=1) == true))
    return float(np.mean((answer_VK - true) ** 2))


def measure(kind: Searches, studies: int) -> list[str]:
    """Draw studies of one kind and count; a row of the table."""
    rng = np.random.default_rng([0, *kind.name.encode()])
    found = [drawn(kind, rng) for _ in range(studies)]
    truth_C = np.mean([study.expected_C for study in found], axis=0)
    sign = -1 if kind.classes else 1
    best = int((sign * truth_C).argmin())
    sizes, holds, wrong, clear, covered, scored, lucky, corrected = ([] for _ in range(8))
    for study in found:
        standings = rank_candidates(study.scores, study.rows)
        place = {row.candidate_id: int(row.candidate_id) for row in standings}
        first = place[standings[0].candidate_id]
        sizes.append(sum(row.indistinguishable for row in standings))
        holds.append(any(row.indistinguishable and place[row.candidate_id] == best for row in standings))
        worse = [place[row.candidate_id] for row in standings if not row.indistinguishable]
        wrong.append(any(sign * truth_C[other] <= sign * truth_C[first] + 1e-12 for other in worse))
        clear += (
            [other in worse for other in np.flatnonzero(truth_C > 1.8 * truth_C[best])]
            if not kind.classes
            else []
        )
        for row in standings:
            own = place[row.candidate_id]
            scored.append(abs(row.selection_score - truth_C[own]) <= 2 * row.standard_error)
            if row is not standings[0]:
                covered.append(row.ci_low <= truth_C[own] - truth_C[first] <= row.ci_high)
        names = [row.candidate_id for row in standings]
        errors = search_errors(study.rows.cells(names, study.scores.metric))
        lucky.append(standings[0].selection_score - truth_C[first])
        corrected.append(expected_score(standings, errors, "best", study.scores.metric) - truth_C[first])
    scale = 1.0 if kind.classes else float(truth_C[best])
    return [
        kind.name,
        f"{np.mean(sizes):.1f} of {len(kind.candidates)}",
        f"{100 * np.mean(holds):.0f}",
        f"{100 * np.mean(wrong):.1f}",
        f"{100 * np.mean(clear):.0f}" if clear else "–",
        f"{100 * np.mean(covered):.1f}",
        f"{100 * np.mean(scored):.1f}",
        f"{np.mean(lucky) / scale:+.3f}",
        f"{np.mean(corrected) / scale:+.3f}",
    ]


def run(studies: int = 400) -> list[str]:
    """Measure every kind, print the table as it grows, and give its lines."""
    rows = []
    for kind in KINDS:
        rows.append(measure(kind, studies))
        print(" | ".join(rows[-1]), flush=True)
    head = [
        "search", "in the set", "holds the best, %", "wrongly worse, %", "of 1.8 times the loss worse, %",
        "interval holds, %", "2 standard errors hold, %", "selection score less truth", "corrected less truth",
    ]  # fmt: skip
    return table(head, rows)
