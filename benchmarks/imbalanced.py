"""`python -m benchmarks.imbalanced DEFAULT CARAVAN`: a threshold by costs on tables with few positives, beside a peer.

The plan, fixed before any result was seen. Two problems are drawn, of 4,000 training rows and 10,000 test rows each, of
which 2 % are positive: in one the log-odds are linear in six inputs, in the other curved. Two are real, Default.csv
(3 %) and Caravan.csv (6 %) as the package ISLP ships them: half of their rows trains, the other half is tested. Each is
drawn, or halved, by ten seeds. A row that is wrongly named positive costs 1, a positive one that is missed 50.

Ours is a study as a user writes it: `class_weight = "balanced"`, a search over five folds by `average_precision` over
networks without, with one and with two hidden layers and two learning rates, and `search.threshold` with these costs.
The peer is scikit-learn's `LogisticRegression(class_weight="balanced")` of standardised inputs within
`TunedThresholdClassifierCV` with the same costs, all else by default. Both name classes by their own `predict`.

Judged are recall of the positive class and mean cost of a test row. The difference of the two is paired over the seeds;
its 95 % interval is Student's, of halves of one table with the correction of Nadeau and Bengio (2003, Machine Learning
52), since they share rows. Ours is worse where the interval leaves 0 out on that side, and no worse elsewhere.
Letters: N rows, D inputs.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.honesty.drawn_studies import TARGET, DrawnStudy, inputs, results_of, signal
from benchmarks.record import table, write_record
from shoal.model import load
from shoal.results import Results

FALSE, MISSED = 1.0, 50.0
ROWS, TEST_ROWS, INPUTS = 4000, 10_000, 6
RARE: Final = 0.02
SLOPE: Final = 2.5
"""Standard deviation of the log-odds."""
POSITIVE, OTHER = "yes", "no"
REAL: Final = {"Default.csv": ("default", "Yes"), "Caravan.csv": ("Purchase", "Yes")}
"""The column of the classes, and the positive one."""
KEYS: Final[dict[str, Any]] = {
    "data": {"standardize": "inputs", "positive": POSITIVE},
    "training": {"class_weight": "balanced", "epochs": 30, "batch_size": 64, "schedule": "cosine"},
    "search": {
        "folds": 5,
        "metric": "average_precision",
        "threshold": {"false_positive": FALSE, "false_negative": MISSED},
        "space": {"network.hidden": [[], [16], [32, 32]], "training.lr": [0.003, 0.01]},
    },
    "checks": {"baselines": False},
}


@dataclass(frozen=True, eq=False)
class Problem:
    """A table with its target last, whose last `test_rows` are tested; `shared` of drawn ones from one table."""

    name: str
    frame: pd.DataFrame
    test_rows: int
    shared: bool = False


@dataclass(frozen=True)
class Outcome:
    """What the classes that are named come to on the test rows."""

    recall: float
    cost: float


def drawn(name: str, seed: int) -> Problem:
    """Draw rows whose log-odds are linear or curved."""
    rng = np.random.default_rng([31, seed, name == "curved"])
    rows = ROWS + TEST_ROWS
    x_ND = inputs(rng, rows, INPUTS)
    odds_N = SLOPE * signal(rng, x_ND, name == "curved") + rng.logistic(size=rows)
    frame = pd.DataFrame({f"x{number}": x_ND[:, number] for number in range(INPUTS)})
    frame[TARGET] = np.where(odds_N > np.quantile(odds_N, 1 - RARE), POSITIVE, OTHER)
    return Problem(f"drawn, {name}", frame, TEST_ROWS)


def halved(path: Path, seed: int) -> Problem:
    """Halve a real table, each class by itself."""
    target, positive = REAL[path.name]
    frame = pd.read_csv(path)
    frame[TARGET] = np.where(frame.pop(target) == positive, POSITIVE, OTHER)
    rng, tested = np.random.default_rng([32, seed]), np.zeros(len(frame), np.bool_)
    for name in (POSITIVE, OTHER):
        rows = rng.permutation(np.flatnonzero(frame[TARGET] == name))
        tested[rows[: len(rows) // 2]] = True
    order = np.argsort(tested, kind="stable")
    return Problem(path.name, frame.iloc[order].reset_index(drop=True), int(tested.sum()), shared=True)


def outcome(problem: Problem, named_N: NDArray[Any]) -> Outcome:
    """Score the classes that are named."""
    true_N = (problem.frame[TARGET][-problem.test_rows :] == POSITIVE).to_numpy()
    positive_N = named_N == POSITIVE
    return Outcome(
        float(positive_N[true_N].mean()),
        float((FALSE * (positive_N & ~true_N) + MISSED * (true_N & ~positive_N)).mean()),
    )


def ours(problem: Problem, seed: int) -> tuple[Outcome, float]:
    """Run the study and name the test rows with its model; give the threshold, too."""
    keys = {**KEYS, "study": {"task": "classification", "seed": seed}}
    columns = {str(name): problem.frame[name].to_numpy() for name in problem.frame}
    study = DrawnStudy("", keys, columns, problem.test_rows)
    new = problem.frame.drop(columns=TARGET)[-problem.test_rows :].reset_index(drop=True)

    def judge(results: Results) -> tuple[Outcome, float]:
        model = load(results.folder)
        assert model.decision is not None
        return outcome(problem, model.predict(new)), model.decision.threshold

    judged: tuple[Outcome, float] = results_of(study, judge)
    return judged


def cost_of(true_N: NDArray[Any], named_N: NDArray[Any]) -> float:
    """Give the mean cost of a row, for scikit-learn's scorer."""
    false_N, missed_N = (
        (named_N == POSITIVE) & (true_N != POSITIVE),
        (named_N != POSITIVE) & (true_N == POSITIVE),
    )
    return float((FALSE * false_N + MISSED * missed_N).mean())


def peer(problem: Problem) -> Outcome:
    """Fit the peer and name the test rows."""
    x_ND = pd.get_dummies(problem.frame.drop(columns=TARGET), drop_first=True).to_numpy(np.float64)
    y_N, first = problem.frame[TARGET].to_numpy(), slice(0, -problem.test_rows)
    logistic = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    scoring = make_scorer(cost_of, greater_is_better=False)
    tuned = TunedThresholdClassifierCV(logistic, scoring=scoring).fit(x_ND[first], y_N[first])
    return outcome(problem, tuned.predict(x_ND[-problem.test_rows :]))


def apart(own: list[float], other: list[float], *, shared: bool) -> tuple[float, float, float]:
    """Give the mean difference over seeds and its 95 % interval."""
    difference = np.array(own) - np.array(other)
    count = len(difference)
    error = difference.std(ddof=1) * math.sqrt(1 / count + (1.0 if shared else 0.0))
    reach = float(stdtrit(count - 1, 0.975)) * error
    return float(difference.mean()), float(difference.mean() - reach), float(difference.mean() + reach)


def problems(tables: list[Path], seeds: int) -> Iterator[tuple[int, Problem]]:
    """Give every problem by every seed."""
    for name in ("linear", "curved"):
        yield from ((seed, drawn(name, seed)) for seed in range(seeds))
    for path in tables:
        yield from ((seed, halved(path, seed)) for seed in range(seeds))


def rows_of(measured: dict[str, list[tuple[Problem, Outcome, Outcome, float]]]) -> list[list[str]]:
    """Give the rows of the record."""
    rows = []
    for name, runs in measured.items():
        frame, shared = runs[0][0].frame, runs[0][0].shared
        share = 100 * float((frame[TARGET] == POSITIVE).mean())
        for what, better in (("recall", 1), ("cost", -1)):
            own, other = ([getattr(run[place], what) for run in runs] for place in (1, 2))
            mean, low, high = apart(own, other, shared=shared)
            worse = high < 0 if better > 0 else low > 0
            wins = sum(better * (a - b) >= 0 for a, b in zip(own, other, strict=True))
            scores = [f"{np.mean(own):.3f}", f"{np.mean(other):.3f}", f"{mean:+.3f}"]
            judged = [
                f"{low:+.3f} to {high:+.3f}",
                f"{wins} of {len(runs)}",
                "worse" if worse else "no worse",
            ]
            rows.append([f"{name} ({share:.0f} % positive), {what}", *scores, *judged])
    return rows


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imbalanced", description=__doc__)
    parser.add_argument("tables", nargs=2, type=Path, help="Default.csv and Caravan.csv")
    parser.add_argument("--seeds", type=int, default=10, help="seeds of each problem (10)")
    parser.add_argument("--out", type=Path, help="where to write the record")
    asked = parser.parse_args()
    measured: dict[str, list[tuple[Problem, Outcome, Outcome, float]]] = {}
    for seed, problem in problems(asked.tables, asked.seeds):
        own, threshold = ours(problem, seed)
        other = peer(problem)
        measured.setdefault(problem.name, []).append((problem, own, other, threshold))
        print(problem.name, seed, f"{threshold:.4f}", own, other, sep=" | ", flush=True)
    head = ["test rows", "ours", "peer", "ours − peer", "95 % interval", "no worse by seed", "ours is"]
    rows = rows_of(measured)
    body = [
        *(__doc__ or "").split("\n\n", 1)[1].strip().removesuffix("Letters: N rows, D inputs.").split("\n")
    ]
    worst = [row[0] for row in rows if row[-1] == "worse"]
    verdict = f"Worse in: {'; '.join(worst)}." if worst else "In none of them ours is worse."
    title = "Imbalanced: recall and cost by a threshold of costs"
    sections = [(title, [*body, "", *table(head, rows), "", verdict])]
    names = " ".join(path.name for path in asked.tables)
    extra = "" if asked.seeds == parser.get_default("seeds") else f" --seeds {asked.seeds}"
    print(
        f"\nwritten: {write_record(f'python -m benchmarks.imbalanced {names}{extra}', sections, asked.out)}"
    )


if __name__ == "__main__":
    main()
