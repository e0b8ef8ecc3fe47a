"""How often the interval of a nested score holds, for searches that take a thousandth of a second.

A search chooses among ridge regressions, nearest neighbours and tanh units whose last layer is solved for, by three
inner folds. What it delivers from all rows is scored on many others, without their noise: the truth that the interval
speaks of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import table
from shoal.data._folds import k_folds, stratified_folds
from shoal.results import OuterAnswers, Units, outer_interval, row_score

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
INPUTS: Final = 5
INNER: Final = 3
TESTED: Final = 1000
UNITS: Final = 30
CANDIDATES: Final = (
    ("ridge", 0.1), ("ridge", 10.0), ("ridge", 100.0), ("neighbours", 1), ("neighbours", 5), ("neighbours", 15),
    ("tanh", 0.3), ("tanh", 10.0),
)  # fmt: skip


@dataclass(frozen=True)
class CheapStudies:
    """One kind of study: rows, outer folds, classes (0: a regression), heavy errors or not, what is scored."""

    rows: int
    outer: int
    classes: int = 0
    heavy: bool = False
    metric: str = "loss"

    @property
    def name(self) -> str:
        """What it is called in the table."""
        kind = f"{self.classes} classes" if self.classes else "Student 3" if self.heavy else "normal errors"
        return f"{self.rows} rows, {self.outer} outer folds, {kind}, {self.metric}"


def kinds() -> Iterator[CheapStudies]:
    """Give every cell."""
    for rows in (60, 150, 500):
        for outer in (5, 10):
            yield CheapStudies(rows, outer)
            yield CheapStudies(rows, outer, heavy=True)
            for classes in (2, 10):
                for metric in ("accuracy", "loss"):
                    yield CheapStudies(rows, outer, classes, metric=metric)


@dataclass(frozen=True, eq=False)
class World:
    """Rows of one kind: inputs (N, D), targets, and what is true without noise: values, or chances of classes."""

    x_ND: Floats
    y_N: NDArray[Any]
    clean: Floats


def drawn(kind: CheapStudies, rows: int, rng: np.random.Generator) -> World:
    """Draw rows."""
    x_ND = rng.normal(size=(rows, INPUTS))
    signal_N = x_ND[:, 0] + np.sin(2 * x_ND[:, 1]) + 0.5 * x_ND[:, 2] * x_ND[:, 0]
    if not kind.classes:
        noise_N = rng.standard_t(3, rows) / np.sqrt(3) if kind.heavy else rng.normal(size=rows)
        return World(x_ND, signal_N + noise_N, signal_N)
    weight_DK = np.random.default_rng(7).normal(size=(INPUTS, kind.classes))
    logit_NK = 2 * x_ND @ weight_DK + np.sin(2 * x_ND[:, [1]]) * weight_DK[0]
    if kind.classes == 2:
        logit_NK = np.stack((np.zeros(rows), 2 * signal_N), axis=1)
    chance_NK = _softmax(logit_NK)
    y_N = (rng.random(rows)[:, None] > chance_NK.cumsum(axis=1)).sum(axis=1).clip(0, kind.classes - 1)
    return World(x_ND, y_N.astype(np.int64), chance_NK)


def _softmax(value_NK: Floats) -> Floats:
    power_NK = np.exp(value_NK - value_NK.max(axis=1, keepdims=True))
    return np.asarray(power_NK / power_NK.sum(axis=1, keepdims=True))


def answers(kind: CheapStudies, world: World, learned: Rows, asked_ND: Floats, seed: int) -> list[Floats]:
    """Give what every candidate, trained on some rows, answers to others: values (M, 1) or probabilities (M, K)."""
    x_ND, y_N = world.x_ND[learned], world.y_N[learned]
    target_NK = np.eye(kind.classes)[y_N] if kind.classes else y_N[:, None]
    distance_MN = (asked_ND**2).sum(axis=1)[:, None] + (x_ND**2).sum(axis=1) - 2 * asked_ND @ x_ND.T
    near_MN = np.argpartition(distance_MN, 14, axis=1)[:, :15]
    order_MN = np.argsort(np.take_along_axis(distance_MN, near_MN, axis=1), axis=1)
    near_MN = np.take_along_axis(near_MN, order_MN, axis=1)
    given = []
    for name, setting in CANDIDATES:
        if name == "neighbours":
            mean_MK = target_NK[near_MN[:, : int(setting)]].mean(axis=1)
            smoothed = (mean_MK * setting + 1 / max(1, kind.classes)) / (setting + 1)
            given.append(smoothed if kind.classes else mean_MK)
            continue
        part_NH, asked_MH = (_features(name, each_ND, seed) for each_ND in (x_ND, asked_ND))
        penalty_HH = setting * np.eye(part_NH.shape[1])
        penalty_HH[0, 0] *= 1e-3
        weight_HK = np.linalg.solve(part_NH.T @ part_NH + penalty_HH, part_NH.T @ target_NK)
        given.append(_softmax(5 * asked_MH @ weight_HK) if kind.classes else asked_MH @ weight_HK)
    return given


def _features(name: str, x_ND: Floats, seed: int) -> Floats:
    one_N1 = np.ones((len(x_ND), 1))
    if name == "ridge":
        return np.concatenate((one_N1, x_ND), axis=1)
    draw = np.random.default_rng(seed)
    return np.concatenate(
        (one_N1, np.tanh(x_ND @ draw.normal(size=(INPUTS, UNITS)) + draw.normal(size=UNITS))), axis=1
    )


def folds_of(kind: CheapStudies, y_N: NDArray[Any], count: int, rng: np.random.Generator) -> Sequence[Rows]:
    """Split rows as a study does that says nothing of it."""
    random = np.random.RandomState(int(rng.integers(1 << 31)))
    return stratified_folds(y_N, count, random) if kind.classes else k_folds(len(y_N), count, random)


def delivered(
    kind: CheapStudies, world: World, rows: Rows, asked_ND: Floats, rng: np.random.Generator
) -> Floats:
    """Choose among the candidates by inner folds of some rows, train the chosen one on them, and ask it."""
    score = row_score("classification" if kind.classes else "regression", kind.metric)
    scores, seed = [], int(rng.integers(1 << 30))
    for held in folds_of(kind, world.y_N[rows], INNER, rng):
        rest = np.setdiff1d(np.arange(len(rows)), held)
        true = _as_targets(kind, world.y_N[rows[held]])
        asked = answers(kind, world, rows[rest], world.x_ND[rows[held]], seed)
        scores.append([score.score(true, answer) for answer in asked])
    mean_C = np.mean(scores, axis=0) * (-1 if kind.metric == "accuracy" else 1)
    return answers(kind, world, rows, asked_ND, int(rng.integers(1 << 30)))[int(mean_C.argmin())]


def _as_targets(kind: CheapStudies, y_N: NDArray[Any]) -> NDArray[Any]:
    return y_N if kind.classes else y_N[:, None]


def true_score(kind: CheapStudies, clean: Floats, answer: Floats) -> float:
    """Score answers on rows whose noise is known on average."""
    if not kind.classes:
        return float(((answer[:, 0] - clean) ** 2).mean() + 1)
    if kind.metric == "accuracy":
        return float(np.take_along_axis(clean, answer.argmax(axis=1)[:, None], axis=1).mean())
    return float(-(clean * np.log(answer)).sum(axis=1).mean())


def measure(kind: CheapStudies, studies: int) -> list[str]:
    """Draw studies of one kind and count; a row of the table."""
    rng = np.random.default_rng([0, *kind.name.encode()])
    score = row_score("classification" if kind.classes else "regression", kind.metric)
    found = []
    for _ in range(studies):
        world, others = drawn(kind, kind.rows, rng), drawn(kind, TESTED, rng)
        every = np.arange(kind.rows)
        truth = true_score(kind, others.clean, delivered(kind, world, every, others.x_ND, rng))
        folds = folds_of(kind, world.y_N, kind.outer, rng)
        answer = [delivered(kind, world, np.setdiff1d(every, held), world.x_ND[held], rng) for held in folds]
        held_V = np.concatenate(folds)
        fold_V = np.repeat(np.arange(kind.outer), [len(held) for held in folds])
        outer = OuterAnswers(
            _as_targets(kind, world.y_N[held_V]),
            np.concatenate(answer),
            fold_V,
            Units(held_V.astype(np.int64), False),
            held_V,
        )
        span = outer_interval(score, outer)
        found.append((truth, score.score(outer.y, outer.answers), span.low, span.high))
    truth_S, value_S, low_S, high_S = np.array(found).T
    shown_S = ~np.isnan(low_S)
    held_S, some = (low_S <= truth_S) & (truth_S <= high_S), bool(shown_S.any())
    return [
        kind.name,
        f"{100 * shown_S.mean():.0f}",
        f"{100 * held_S[shown_S].mean():.1f}" if some else "–",
        f"{100 * (high_S < truth_S)[shown_S].mean():.1f}" if some else "–",
        f"{np.median((high_S - low_S)[shown_S]):.3f}" if some else "–",
        f"{np.mean(value_S - truth_S):+.3f}",
        f"{truth_S.mean():.3f}",
    ]


def run(studies: int = 400) -> list[str]:
    """Measure every kind, print the table as it grows, and give its lines."""
    rows = []
    for kind in kinds():
        rows.append(measure(kind, studies))
        print(" | ".join(rows[-1]), flush=True)
    head = ["studies", "shown, %", "held, %", "below it, %", "median width", "nested less truth", "truth"]
    return table(head, rows)
