"""`python -m benchmarks.estimators`: our estimators beside scikit-learn's, on the data sets it brings along."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import warnings
from pathlib import Path
from typing import Any

from benchmarks.environment import ONE_CORE, ensure_peers
from benchmarks.pairs import number
from benchmarks.record import table, write_record

SETS = {
    "breast_cancer": "MLPClassifier", "digits": "MLPClassifier", "iris": "MLPClassifier", "wine": "MLPClassifier",
    "diabetes": "MLPRegressor", "linnerud": "MLPRegressor",
}  # fmt: skip
SEEDS = (0, 1, 2)
FOLDS = 5


def scored(model: Any, x: Any, y: Any, classes: bool) -> tuple[list[float], list[float]]:
    """Cross-validated scores and times to fit, of every seed and fold; the folds are those of the seed."""
    from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scores: list[float] = []
    seconds: list[float] = []
    for seed in SEEDS:
        splits = (StratifiedKFold if classes else KFold)(FOLDS, shuffle=True, random_state=seed)
        pipeline = make_pipeline(StandardScaler(), model(random_state=seed))
        metric = "accuracy" if classes else "neg_root_mean_squared_error"
        found = cross_validate(pipeline, x, y, cv=splits, scoring=metric)
        scores += found["test_score"].tolist()
        seconds += found["fit_time"].tolist()
    return scores, seconds


def compare(quick: bool) -> list[str]:
    """Score and time both on every data set."""
    import numpy as np
    from sklearn import datasets, neural_network

    import shoal

    rows = []
    for name in ("iris", "linnerud") if quick else SETS:
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        classes = SETS[name] == "MLPClassifier"
        print(f"{name} ...", file=sys.stderr, flush=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's says that 200 epochs are few
            (ours, ours_s), (theirs, theirs_s) = (
                scored(getattr(home, SETS[name]), x, y, classes) for home in (shoal, neural_network)
            )
        error = float(np.std(theirs, ddof=1) / np.sqrt(len(theirs)))
        ahead = float(np.mean(ours) - np.mean(theirs))
        fast, slow = float(np.median(ours_s)), float(np.median(theirs_s))
        verdict = "yes" if ahead >= -error and fast < slow else "no"
        sign = 1 if classes else -1
        means = [f"{sign * float(np.mean(scores)):.4g}" for scores in (ours, theirs)]
        rows.append(
            [f"{SETS[name]} on {name}", *means, number(error), f"{fast * 1e3:.1f} ms", f"{slow * 1e3:.1f} ms",
             f"{slow / fast:.1f}", verdict]
        )  # fmt: skip
    head = ["", "ours", "scikit-learn", "standard error of its mean", "our fit", "its fit", "times faster"]
    return [
        f"Defaults of both, after StandardScaler: one hidden layer of 100, Adam, 200 epochs. {FOLDS} folds, shuffled",
        f"by {len(SEEDS)} seeds that are also the estimators'; the mean of the {FOLDS * len(SEEDS)} scores: accuracy",
        "(higher is better) of classes, root mean squared error (lower is better) of numbers. Times are medians of one",
        "fit with its scaling, everything on one core. Well: within one standard error of scikit-learn's mean or",
        "better, and faster.",
        "",
        *table([*head, "well"], rows),
    ]


def main() -> None:
    """Compare and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimators", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run: two data sets, no record kept")
    parser.add_argument("--out", type=Path, help="where to write the record")
    asked = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in ONE_CORE.items()):
        command = [sys.executable, "-m", "benchmarks.estimators", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | ONE_CORE)  # noqa: S606 - libraries read it as they load
    ensure_peers()
    body = compare(asked.quick)
    print("\n".join(body), flush=True)
    if not asked.quick or asked.out:
        command_line = shlex.join(["python", "-m", "benchmarks.estimators", *sys.argv[1:]])
        print(write_record(command_line, [("Estimators: beside scikit-learn", body)], asked.out))


if __name__ == "__main__":
    main()
