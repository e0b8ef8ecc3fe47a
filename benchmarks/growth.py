"""Growth: 10 to 10,000 tiny fits in one run each; time per fit and peak memory."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import ClassVar

from benchmarks import published
from benchmarks.environment import run_here
from benchmarks.pairs import number, spread
from benchmarks.record import table

STUDY = """
[study]
name = "growth"
task = "regression"
[data]
train = "train.csv"
inputs = ["x"]
target = "y"
[network]
hidden = [16]
activation = "tanh"
[training]
batch_size = 10
epochs = 200
[search]
method = "random"
samples = {samples}
folds = 2
[search.space]
"training.lr" = {{ low = 1e-4, high = 1e-2, log = true }}
"""
FOLDS = 2
MIB = 2**20
Facts = dict[str, float]


def main(folder: Path, fits: int) -> None:
    """Run a search of so many fits; print its seconds and its peak memory in bytes, workers' included."""
    import shoal
    from shoal.engine import Silent

    class Stopwatch(Silent):
        """Times the search, from the first fit given out to the last one stored."""

        stages: ClassVar[list[float]] = []

        def begin(self, *_: object) -> None:
            self._begun = time.perf_counter()

        def end(self) -> None:
            self.stages.append(time.perf_counter() - self._begun)

    path = folder / f"study-{fits}.toml"
    path.write_text(STUDY.format(samples=fits // FOLDS), encoding="utf-8")
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        shoal.run(shoal.load_study(path), out=Path(out) / "run", watcher=Stopwatch())
        seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    peaks = [
        resource.getrusage(who).ru_maxrss * unit for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    facts = {"run": seconds, "search": Stopwatch.stages[0], "coordinator": peaks[0], "worker": peaks[1]}
    print(json.dumps(facts))


def _run(folder: Path, size: int) -> Facts:
    printed = run_here(sys.executable, "-m", "benchmarks.growth", str(folder), str(size))
    return dict(json.loads(printed.splitlines()[-1]))


def _row(size: int, runs: list[Facts]) -> list[str]:
    return [
        f"{size:,}",
        spread([run["run"] for run in runs]),
        spread([run["search"] for run in runs]),
        spread([1e3 * run["search"] / size for run in runs]),
        number(max(run["coordinator"] for run in runs) / MIB),
        number(max(run["worker"] for run in runs) / MIB),
    ]


def growth(pairs: int, quick: bool) -> list[str]:
    """Run each size in turn, in processes of their own."""
    sizes = (10, 100) if quick else (10, 100, 1_000, 10_000)
    runs: dict[int, list[Facts]] = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        published.write_tables(folder)
        for _ in range(pairs):
            for size in sizes:
                runs[size].append(_run(folder, size))
    head = [
        "fits",
        "run, s",
        "search, s",
        "search, ms per fit",
        "peak memory, MiB",
        "of a worker process, MiB",
    ]
    return [
        "Fits of 1-16-1 networks, 50 rows, batch 10, 200 epochs, on all cores. The search is the time from the first",
        "fit given out to the last one stored; the run adds data, plan, refit, test and pictures, not the imports.",
        "",
        *table(head, [_row(size, runs[size]) for size in sizes]),
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
