"""A search around one Shoal network by scikit-learn and by Shoal: numeric and mixed frames, time and memory.

`python -m benchmarks.search_pipelines [PAIRS [ROWS ...]]` prints the table; `python -m benchmarks pipelines` keeps a
record of it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.environment import cores, run_here
from benchmarks.pairs import in_turns, ratios, spread
from benchmarks.record import table

ALLOWED_TIME, ALLOWED_MEMORY = 0.8, 1.2
"""What ours may take in the median, as multiples of scikit-learn's search with `n_jobs=2`."""
ROWS = (1_000, 5_000, 20_000, 50_000)
EPOCHS = 3
SEARCHES = ("scikit-learn", "shoal")
SEARCHES_EACH = 5
LOOK_SECONDS = 0.02


def columns(rows: int, mixed: bool) -> Any:
    """Twelve columns of numbers, and of a mixed frame four of text; two classes."""
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"n{number}": rng.normal(size=rows) for number in range(12)})
    town = rng.choice(list("abcdef"), (rows, 4))
    y = ((frame["n0"] > 0) ^ (town[:, 0] == "a")).astype(int)
    for number in range(4 if mixed else 0):
        frame[f"c{number}"] = town[:, number]
    return frame, y


def estimator(mixed: bool) -> Any:
    """Imputed and scaled numbers, text as indicators, and a small network."""
    from sklearn.compose import ColumnTransformer, make_column_selector
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    import shoal

    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    network = shoal.MLPClassifier((20,), max_iter=EPOCHS, random_state=0)
    if not mixed:
        return Pipeline([("prep", numbers), ("net", network)])
    chosen = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")
    text = OneHotEncoder(sparse_output=False)
    return Pipeline([
        ("prep", ColumnTransformer([("num", numbers, chosen[0]), ("cat", text, chosen[1])])),
        ("net", network),
    ])  # fmt: skip


class Memory:
    """The most that this process and its children hold at once, in MB: shared pages divided among those who share."""

    def __enter__(self) -> Memory:
        self.most, self._over = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self.most = max(self.most, sum(map(_held, _family(os.getpid()))))


def _family(process: int) -> list[int]:
    found = [process]
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += [one for child in thread.read_text().split() for one in _family(int(child))]
        except OSError:  # it has ended meanwhile
            continue
    return found


def _processor_times() -> float:
    """Seconds that this process and its children have computed, user and system."""
    ticks = 0
    for process in _family(os.getpid()):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _held(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def measure(who: str, rows: int, mixed: bool, first: bool) -> dict[str, float]:
    """Search in this process: seconds, seconds of all processors, MB, the best score.

    Where it is not the `first` search, joblib's processes are there already, by scikit-learn's searches, and times are
    those in the middle of five searches. Memory is that of the same search once more: looking at it takes time of this
    process.
    """
    from sklearn import model_selection

    import shoal

    frame, y = columns(rows, mixed)
    kind = model_selection.GridSearchCV if who == "scikit-learn" else shoal.GridSearchCV
    grid = {"net__learning_rate_init": [1e-3, 1e-2], "net__dropout": [0.0, 0.2, 0.4]}
    small, labels = columns(100, mixed)
    for before in () if first else (model_selection.GridSearchCV, kind):
        before(estimator(mixed), grid, cv=2, n_jobs=2).fit(small, labels)
    times = []
    for _ in range(1 if first else SEARCHES_EACH):
        spent, begun = _processor_times(), time.perf_counter()
        search = kind(estimator(mixed), grid, cv=5, n_jobs=2).fit(frame, y)
        times.append((time.perf_counter() - begun, _processor_times() - spent))
    with Memory() as memory:
        kind(estimator(mixed), grid, cv=5, n_jobs=2).fit(frame, y)
    seconds, spent = (median(some) for some in zip(*times, strict=True))
    return {"seconds": seconds, "cpu": spent, "memory": memory.most, "score": float(search.best_score_)}


def _cases(sizes: tuple[int, ...]) -> list[tuple[int, bool, bool]]:
    """Rows, whether there is text, whether it is the first search of its program."""
    return [*product(sizes, (False, True), (False,)), *product(sizes[:1], (False, True), (True,))]


def pipelines(pairs: int, quick: bool, sizes: tuple[int, ...] = ROWS) -> list[str]:
    """Run both in turn, each in a process of its own; ratios are made turn by turn."""
    lines, shares, weights = [], [], []
    for rows, mixed, first in _cases(sizes[:1] if quick else sizes):
        came: dict[str, list[dict[str, float]]] = {who: [] for who in SEARCHES}

        def one(who: str, case: tuple[int, bool, bool], came: Any) -> float:
            arguments = ("-m", "benchmarks.search_pipelines", "one", who, *(str(int(part)) for part in case))
            came[who].append(json.loads(run_here(sys.executable, *arguments).splitlines()[-1]))
            return float(came[who][-1]["seconds"])

        times = in_turns({who: partial(one, who, (rows, mixed, first), came) for who in SEARCHES}, pairs)
        theirs, ours = times.values()
        assert len({round(result["score"], 12) for who in SEARCHES for result in came[who]}) == 1
        share = ratios(ours, theirs)
        cpu, memory = (
            ratios([one[key] for one in came["shoal"]], [one[key] for one in came["scikit-learn"]])
            for key in ("cpu", "memory")
        )
        name = f"{rows:,} rows, {'numbers and text' if mixed else 'numbers'}{', first' if first else ''}"
        lines.append([name, spread(theirs), spread(ours), spread(share), spread(cpu), spread(memory)])
        if not first:
            shares.append(median(share))
            weights.append(median(memory))
    head = ["search", "scikit-learn's, s", "ours, s", "time", "processor time", "peak memory"]
    return [
        f"6 settings, 5 folds, a network of 20 units, {EPOCHS} epochs; `n_jobs=2`, {cores()} cores.",
        "Both find the same scores. joblib's processes, which both use, had been started by smaller searches before;",
        "they had not where a search is the first of its program. Other times are the middle ones of "
        f"{SEARCHES_EACH} searches in a row.",
        "Ratios are ours to scikit-learn's, turn by turn. Memory is that of all processes, shared pages divided",
        f"among those who share them. Asked for: at most {ALLOWED_TIME} of the time, {ALLOWED_MEMORY} of the memory.",
        "",
        *table(head, lines),
        "",
        f"Median of the ratios, first searches left out: time {median(shares):.3g} (worst {max(shares):.3g}), "
        f"memory {median(weights):.3g} (worst {max(weights):.3g}).",
    ]


def main(arguments: list[str]) -> None:
    """Measure one search, for the table, or print the table."""
    if arguments[:1] == ["one"]:
        who, rows, mixed, first = arguments[1:]
        print(json.dumps(measure(who, int(rows), mixed == "1", first == "1")))
    else:
        pairs, *sizes = map(int, arguments or ["5"])
        print("\n".join(pipelines(pairs, quick=False, sizes=tuple(sizes) or ROWS)))


if __name__ == "__main__":
    main(sys.argv[1:])
