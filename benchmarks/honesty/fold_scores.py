"""How often noise is called worse in searches of scikit-learn's face, which know one score a fold and no rows.

Labels are by lot, so that all candidates expect the same accuracy. Beside it stands what the corrected t-test of each
pair with Holm's correction would call worse, and how often both call a candidate worse that is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import table

Floats = NDArray[np.float64]
Rng = np.random.Generator
REAL: Final = 24
"""Searches of trained networks of every kind."""
LOSSES: Final = np.array([1, 1, 1, 1.05, 1.1, 1.2, 1.4, 1.4, 1.8, 1.8, 2.5, 4.0])
WORSE: Final = LOSSES == 1.8
SPREAD: Final = 0.1
"""Standard deviation over folds of the difference of two equal candidates, as a share of the loss."""


@dataclass(frozen=True)
class Noise:
    """One kind of search: its candidates guess, each by itself, or `alike` as all others do in such a share of rows.

    Where `odd` of them guess by themselves, all others name the first class in that share of rows.
    """

    candidates: int
    classes: int
    folds: int = 3
    rows: int = 200
    alike: float = 0.0
    odd: int = 0

    @property
    def name(self) -> str:
        """In words."""
        how = f", {100 * self.alike:.0f} % of answers alike" if self.alike else ""
        if self.odd:
            how = f", {self.odd} guess, the others name one class for {100 * self.alike:.0f} % of rows"
        return f"{self.candidates} candidates, {self.classes} classes, {self.folds} folds of {self.rows} rows{how}"

    def accuracies(self, rng: Rng) -> Floats:
        """Draw one search's scores, (C, F)."""
        label, common = rng.integers(self.classes, size=(2, self.rows))
        own = rng.integers(self.classes, size=(self.candidates, self.rows))
        guess = np.where(rng.random(own.shape) < self.alike, 0 if self.odd else common, own)
        guess[: self.odd] = own[: self.odd]
        parts = np.array_split(guess == label, self.folds, axis=1)
        return np.stack([part.mean(axis=1) for part in parts], axis=1)


KINDS: Final = (
    *(
        Noise(candidates, classes, folds, alike=alike)
        for folds in (3, 5)
        for classes in (2, 10)
        for candidates in (2, 12, 72)
        for alike in (0.0, 0.9)
    ),
    *(
        Noise(candidates, 2, alike=alike, odd=odd)
        for candidates, odd in ((12, 1), (12, 4), (72, 1), (72, 4), (72, 8), (72, 36), (300, 2), (300, 8))
        for alike in (1.0, 0.97)
    ),
)


def _held_out(rows: int, folds: int) -> NDArray[np.int64]:
    return np.array([len(part) for part in np.array_split(np.arange(rows), folds)])


def worse_now(score_CF: Floats, rows: int) -> NDArray[np.bool_]:
    """Say which candidates are called worse than the best, (C,)."""
    from shoal.estimators._cv_results import FoldScores

    held = _held_out(rows, score_CF.shape[1])
    return ~FoldScores(score_CF, rows - held, held).indistinguishable()


def worse_by_pairs(score_CF: Floats, rows: int) -> NDArray[np.bool_]:
    """Say the same by the corrected t-test of each pair and Holm's correction."""
    from scipy.stats import t

    apart_CF = score_CF[score_CF.mean(axis=1).argmax()] - score_CF
    folds, mean_C, spread_C = score_CF.shape[1], apart_CF.mean(axis=1), apart_CF.std(axis=1, ddof=1)
    known, held = spread_C > 1e-12 * np.abs(mean_C), rows / folds
    error_C = spread_C[known] * np.sqrt(1 / folds + held / (rows - held))
    p_C = 2 * t.sf(np.abs(mean_C[known]) / error_C, folds - 1)
    order = np.argsort(p_C)
    adjusted_C = np.maximum.accumulate(p_C[order] * np.arange(len(order), 0, -1))
    worse_C = np.zeros(len(score_CF), np.bool_)
    worse_C[np.flatnonzero(known)[order]] = adjusted_C < 0.05
    return worse_C


def _rates(name: str, draw: Callable[[], Floats], rows: int, studies: int) -> list[str]:
    drawn = [draw() for _ in range(studies)]
    rates = [
        np.mean([call(score_CF, rows).any() for score_CF in drawn]) for call in (worse_now, worse_by_pairs)
    ]
    return [name, f"{studies}", *(f"{100 * rate:.1f}" for rate in rates)]


def _trained(candidates: int, classes: int, rng: Rng) -> Floats:
    """Search among small networks, trained on labels by lot; accuracies, (C, F)."""
    from sklearn.model_selection import KFold

    import shoal
    from shoal.estimators._cv_results import scores_of

    sizes = [(4,), (8,), (16,)] if candidates == 12 else [(2,), (4,), (8,), (12,), (16,), (24,)]
    grid = {"hidden_layer_sizes": sizes, "learning_rate_init": [0.001, 0.003, 0.01, 0.03]}
    grid |= {} if candidates == 12 else {"dropout": [0.0, 0.1, 0.3]}
    x_ND, label = rng.normal(size=(200, 5)), rng.integers(classes, size=200)
    network = shoal.MLPClassifier(max_iter=15, batch_size=32, random_state=int(rng.integers(1 << 30)))
    folds = KFold(3, shuffle=True, random_state=int(rng.integers(1 << 30)))
    search = shoal.GridSearchCV(network, grid, cv=folds, n_jobs=1, refit=False).fit(x_ND, label)
    return scores_of(search.cv_results_, "score")


def _power(folds: int, wild: int, rng: Rng, studies: int) -> list[str]:
    """Count how often candidates of 1.8 times the best's loss are called worse; folds are hard or easy for all.

    A few more are `wild`: far worse, and by another amount in every fold.
    """
    calls: list[list[float]] = []
    for _ in range(studies):
        noise_CF = SPREAD / np.sqrt(2) * rng.normal(size=(len(LOSSES), folds))
        loss_CF = LOSSES[:, None] * (1 + 0.2 * rng.normal(size=folds) + noise_CF)
        score_CF = -np.concatenate([loss_CF, 5 + 5 * rng.normal(size=(wild, folds)) ** 2])
        worse_by = [call(score_CF, 100 * folds)[: len(LOSSES)] for call in (worse_now, worse_by_pairs)]
        calls.append([worse_C[WORSE].mean() for worse_C in worse_by])
    name = f"{folds} folds" + (f", and {wild} wild ones" if wild else "")
    return [name, f"{studies}", *(f"{100 * rate:.0f}" for rate in np.mean(calls, axis=0))]


def run(studies: int = 400) -> list[str]:
    """Measure every kind, print the rows as they come, and give the lines of both tables."""
    rng = np.random.default_rng(0)
    noise, power = [], []
    for kind in KINDS:
        noise.append(_rates(kind.name, lambda kind=kind: kind.accuracies(rng), kind.rows, studies))
        print(" | ".join(noise[-1]), flush=True)
    for classes in (2, 10):
        for candidates in (12, 72):
            name = f"{candidates} trained networks, {classes} classes, 3 folds of 200 rows"
            searches = min(REAL, studies)
            noise.append(_rates(name, lambda c=candidates, k=classes: _trained(c, k, rng), 200, searches))
            print(" | ".join(noise[-1]), flush=True)
    for folds in (3, 5, 10):
        for wild in (0, 2):
            power.append(_power(folds, wild, rng, studies))
            print(" | ".join(power[-1]), flush=True)
    calls = ["pooled: called worse, %", "pair by pair, Holm: called worse, %"]
    return [
        *table(["labels by lot", "searches", *calls], noise),
        "",
        *table(["12 candidates, two of 1.8 times the best's loss", "searches", *calls], power),
    ]
