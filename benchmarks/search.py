"""The published grid through scikit-learn's interface beside `shoal run`: what the interface costs.

`python -m benchmarks.search [PAIRS [EPOCHS]]` prints the table; `python -m benchmarks search` keeps a record of it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks import published
from benchmarks.environment import cores, run_here
from benchmarks.pairs import in_turns, ratios, spread
from benchmarks.record import table

ALLOWED = 1.15
"""What the search through scikit-learn's interface may take, as a multiple of the study's."""
QUICK_EPOCHS = 300


def by_study(folder: Path, epochs: int) -> float:
    """Seconds of the 216 fits of `shoal run`: from the first given out to the last one stored."""
    import shoal
    from shoal.engine import Silent

    class Stopwatch(Silent):
        """Times every stage."""

        def __init__(self) -> None:
            self.stages: list[float] = []

        def begin(self, *_: object) -> None:
            self._begun = time.perf_counter()

        def end(self) -> None:
            self.stages.append(time.perf_counter() - self._begun)

    path, watch = folder / "study.toml", Stopwatch()
    path.write_text(published.STUDY.format(epochs=epochs), encoding="utf-8")
    with tempfile.TemporaryDirectory() as out:
        shoal.run(shoal.load_study(path), out=Path(out) / "run", watcher=watch)
    return watch.stages[0]


def by_search(folder: Path, epochs: int) -> float:
    """Seconds of the whole `fit`: planning, the same 216 fits, scores, the refit on all rows."""
    import shoal

    network = shoal.MLPRegressor(
        activation="logistic", max_iter=epochs, learning_rate_init=1e-3, random_state=0
    )
    grid: dict[str, Any] = {
        "hidden_layer_sizes": list(product(published.FIRST, published.SECOND)),
        "dropout": list(published.DROPOUTS),
        "weight_decay": list(published.DECAYS),
        "batch_size": list(published.BATCHES),
    }
    x, y = published.read_rows(folder)
    begun = time.perf_counter()
    search = shoal.GridSearchCV(network, grid, cv=published.FOLDS).fit(x, y.ravel())
    seconds = time.perf_counter() - begun
    assert len(search.cv_results_["params"]) * published.FOLDS == published.FITS
    return seconds


CONTESTANTS = {"`shoal run`: its search": by_study, "`GridSearchCV(MLPRegressor(...)).fit`": by_search}


def search(pairs: int, quick: bool, epochs: int | None = None) -> list[str]:
    """Run both in turn, each in a process of its own; the ratio is made turn by turn."""
    epochs = epochs or (QUICK_EPOCHS if quick else published.EPOCHS)
    with tempfile.TemporaryDirectory() as name:
        published.write_tables(Path(name))

        def measure(who: str) -> Any:
            arguments = ("-m", "benchmarks.search", "one", who, name, str(epochs))
            return lambda: float(json.loads(run_here(sys.executable, *arguments).splitlines()[-1]))

        times = in_turns({who: measure(who) for who in CONTESTANTS}, pairs)
    study, ours = times.values()
    rows = [[who, spread(seconds), spread(ratios(seconds, study))] for who, seconds in times.items()]
    return [
        f"{published.FITS} fits of 1-H1-H2-1 networks on 66 or 67 rows, {epochs:,} epochs, {cores()} cores.",
        "The study's time is that of its 216 fits alone; that of the search is the whole `fit`: checks, the same fits,",
        f"scores of all folds, the refit on all rows. Imports are in neither. Asked for: at most {ALLOWED}.",
        "",
        *table(["published grid", "seconds", "times the study's"], rows),
        "",
        f"Median ratio {sorted(ratios(ours, study))[len(ours) // 2]:.3f}.",
    ]


def main(arguments: list[str]) -> None:
    """Measure one contestant, for the table, or print the table."""
    if arguments[:1] == ["one"]:
        who, folder, epochs = arguments[1:]
        print(json.dumps(CONTESTANTS[who](Path(folder), int(epochs))))
    else:
        pairs, epochs, *_ = [*map(int, arguments), *(5, published.EPOCHS)[len(arguments) :]]
        print("\n".join(search(pairs, quick=False, epochs=epochs)))


if __name__ == "__main__":
    main(sys.argv[1:])
