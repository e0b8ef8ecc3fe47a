"""How often intervals and sets of classes hold new rows where rows have weights: by the weight of these.

Ten drawn problems of numbers and four of classes, whose weights are log-normal and hang together with how large errors
are: by the input that spreads them, by the errors themselves (up to three deviations), or not at all. Each study is
one fit of `MLPRegressor` or `MLPClassifier` with weights, and one of the same rows without, whose intervals hold a
share of rows that counts each once; beside these stands what the second hold by weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import table
from shoal import MLPClassifier, MLPRegressor

Floats = NDArray[np.float64]
NEW_ROWS: Final = 4000
COVERAGES: Final = (0.8, 0.95)
WITHIN: Final = 3.0
"""Points, within which the mean share over studies has to lie around what is asked for."""
STUDIES: Final = 20


@dataclass(frozen=True)
class Weighted:
    """One kind of study. To the logarithm of a row's weight so much is added by the first input, with which errors grow
    (`spreads`), by the size of the row's own error, and by a normal number that is drawn beside.
    """

    name: str
    rows: int = 600
    folds: int = 5
    from_input: float = 0.0
    from_error: float = 0.0
    beside: float = 0.5
    spreads: float = 0.0
    heavy: bool = False
    classes: int = 0


PROBLEMS: Final = (
    Weighted("independent weights", beside=1.0),
    Weighted("heavier where errors are larger", from_input=1.2, spreads=2.0),
    Weighted("lighter where errors are larger", from_input=-1.2, spreads=2.0),
    Weighted("heavier the larger the error", from_error=0.7),
    Weighted("lighter the larger the error", from_error=-0.7),
    Weighted("heavier by input and error, 3 folds", folds=3, from_input=0.8, from_error=0.5, spreads=2.0),
    Weighted("lighter by input, heavier by error", from_input=-0.8, from_error=0.7, spreads=2.0),
    Weighted("Student 3, heavier the larger the error", from_error=0.4, heavy=True),
    Weighted("heavier where errors are larger, 150 rows", rows=150, from_input=0.9, spreads=2.0),
    Weighted("lighter where errors are larger, 1500 rows", rows=1500, from_input=-1.2, spreads=2.0),
    Weighted("2 classes, independent weights", beside=1.0, classes=2),
    Weighted("2 classes, heavier where they overlap", from_error=-1.0, classes=2),
    Weighted("4 classes, lighter where they overlap", from_error=1.0, classes=4),
    Weighted("4 classes, by an input, 3 folds", folds=3, from_input=1.0, classes=4),
)


def _rows(problem: Weighted, rng: np.random.Generator, rows: int) -> tuple[Floats, Any, Floats]:
    """Draw inputs, targets and weights. Of classes, the error is how far a row lies from where all classes meet."""
    beside_N = problem.beside * rng.normal(size=rows)
    if problem.classes:
        angle_K = 2 * np.pi * np.arange(problem.classes) / problem.classes
        class_N = rng.integers(problem.classes, size=rows)
        centre_N2 = 1.3 * np.stack([np.cos(angle_K), np.sin(angle_K)], axis=1)[class_N]
        x_ND, y = centre_N2 + rng.normal(size=(rows, 2)), class_N
        from_input_N, error_N = 0.6 * x_ND[:, 0], np.linalg.norm(x_ND, axis=1)
    else:
        x_ND = rng.uniform(-1, 1, size=(rows, 2))
        error_N = rng.standard_t(3, rows) / np.sqrt(3) if problem.heavy else rng.normal(size=rows)
        spread_N = 0.3 * np.exp(problem.spreads * x_ND[:, 0] / 2)
        y = np.sin(3 * x_ND[:, 0]) + x_ND[:, 1] ** 2 + spread_N * error_N
        from_input_N, error_N = x_ND[:, 0], np.minimum(np.abs(error_N), 3)
    log_N = problem.from_input * from_input_N + problem.from_error * error_N + beside_N
    return x_ND, y, np.exp(log_N)


def _network(problem: Weighted, seed: int) -> Any:
    asked = {
        "activation": "tanh",
        "max_iter": 100,
        "learning_rate_init": 0.01,
        "random_state": seed,
        "n_jobs": 1,
    }
    folds = {"calibration_folds": problem.folds}
    if problem.classes:
        return MLPClassifier((12,), calibration="temperature", **folds, **asked)
    return MLPRegressor((12,), calibration="cv+", **folds, **asked)


def _within(problem: Weighted, network: Any, x_ND: Floats, y: Any, coverage: float) -> NDArray[np.bool_]:
    """Say of every new row whether its interval, or its set, holds it."""
    if problem.classes:
        set_NK: NDArray[np.bool_] = network.predict_set(x_ND, coverage)
        return set_NK[np.arange(len(y)), y]
    low_N, high_N = network.predict_interval(x_ND, coverage).T
    return np.asarray((low_N <= y) & (y <= high_N))


def measure(problem: Weighted, studies: int) -> Floats:
    """Draw studies; give the share of the weight of new rows within, at both coverages with weights and then without,
    and how many rows of one weight are worth as much, (studies, 5).
    """
    rng, shares = np.random.default_rng([0, *problem.name.encode()]), []
    for seed in range(studies):
        x_ND, y, weight_N = _rows(problem, rng, problem.rows)
        new_ND, new_y, new_weight_N = _rows(problem, rng, NEW_ROWS)
        fits = [_network(problem, seed).fit(x_ND, y, sample_weight=own) for own in (weight_N, None)]
        within = [_within(problem, fit, new_ND, new_y, c) for fit in fits for c in COVERAGES]
        worth = weight_N.sum() ** 2 / (weight_N**2).sum()
        shares.append([*(float(np.average(own_N, weights=new_weight_N)) for own_N in within), worth])
    return np.array(shares)


def off_by(share_S: Floats, coverage: float) -> tuple[float, float]:
    """Give by how many points the mean share is off what was asked for, and its standard error."""
    return 100 * (float(share_S.mean()) - coverage), 100 * float(share_S.std(ddof=1)) / np.sqrt(len(share_S))


def run(studies: int = 400) -> list[str]:
    """Measure every problem by a twentieth of so many studies, print the table as it grows, and give its lines."""
    rows = []
    for problem in PROBLEMS:
        measured = measure(problem, max(2, studies // STUDIES))
        off = [off_by(measured[:, place], COVERAGES[place % 2]) for place in range(4)]
        shares = [f"{100 * COVERAGES[n % 2] + mean:.1f} ± {error:.1f}" for n, (mean, error) in enumerate(off)]
        near = all(abs(mean) <= WITHIN for mean, _ in off[:2])
        worth = f"{measured[:, 4].mean():.0f} of {problem.rows}"
        rows.append([problem.name, worth, *shares, "yes" if near else "no"])
        print(" | ".join(rows[-1]), flush=True)
    head = [
        "new rows within, % of their weight", "worth, rows", "80", "95", "80 without weights", "95 without weights",
        f"within {WITHIN:g} points",
    ]  # fmt: skip
    return table(head, rows)
