"""Drawn studies, and what the benchmarks that predict and measure them share: memory and time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import write_record

Numbers = np.random.Generator


@dataclass(frozen=True)
class Drawn:
    """A study in words and as a file, beside its data."""

    words: str
    study: Path
    trainer: str
    workers: int

    @property
    def arguments(self) -> list[str]:
        return [str(self.study), "--trainer", self.trainer, "--workers", str(self.workers)]


def as_toml(tree: dict[str, Any]) -> str:
    from shoal.study import Study, to_toml

    return to_toml(Study.model_validate(tree))


def log_uniform(numbers: Numbers, low: float, high: float) -> int:
    return round(float(np.exp(numbers.uniform(np.log(low), np.log(high)))))


def draw_table(numbers: Numbers, folder: Path) -> tuple[dict[str, Any], str]:
    rows, columns = log_uniform(numbers, 100, 200_000), log_uniform(numbers, 1, 200)
    columns = max(1, min(columns, 8_000_000 // rows))
    written = "csv" if rows * columns < 1_500_000 and numbers.random() < 0.6 else "npz"
    arrays: dict[str, Any] = {f"x{n}": numbers.normal(size=rows).round(6) for n in range(columns)}
    kinds = int(numbers.integers(0, 3))
    for place in range(kinds):
        codes = numbers.integers(0, int(numbers.integers(2, 12)), rows)
        arrays[f"c{place}"] = np.array([f"kind {code}" for code in codes])
    classes = int(numbers.integers(2, min(21, rows // 25))) if numbers.random() < 0.5 else 0
    y = np.arange(rows) % classes if classes else numbers.normal(size=rows)
    arrays["y"] = np.array([f"class {label}" for label in y]) if classes else y
    if written == "csv":
        import pandas as pd

        pd.DataFrame(arrays).to_csv(folder / "data.csv", index=False)
    else:
        np.savez(folder / "data.npz", **arrays)
    hidden = [log_uniform(numbers, 4, 500) for _ in range(int(numbers.integers(1, 4)))]
    task = "classification" if classes else "regression"
    standardize = str(numbers.choice(["none", "inputs"]))
    data: dict[str, Any] = {
        "train": str(folder / f"data.{written}"),
        "target": "y",
        "standardize": standardize,
    }
    data["categorical"] = [f"c{place}" for place in range(kinds)]
    tree = {"study": {"task": task}, "data": data, "network": {"hidden": hidden}}
    batch = log_uniform(numbers, 8, 1000) if rows < 20_000 else log_uniform(numbers, 128, 2000)
    tree["training"] = {"batch_size": batch}
    words = f"{rows} x {columns}+{kinds} {written}, {classes or 'no'} classes, mlp {hidden}, batch {batch}"
    return tree, words


def processes_of(process: int) -> Iterator[int]:
    """A process and those that its threads started."""
    yield process
    try:
        threads = os.listdir(f"/proc/{process}/task")
        children = [
            Path(f"/proc/{process}/task/{thread}/children").read_text(encoding="ascii") for thread in threads
        ]
    except OSError:
        return
    for child in " ".join(children).split():
        yield from processes_of(int(child))


def saying(say: Callable[[str], None], name: str, *, before: str = "", after: str = "") -> None:
    """Have a step of the pipeline say which phases end before and after it."""
    import shoal.pipeline

    step = getattr(shoal.pipeline, name)

    def said(*given: Any, **more: Any) -> Any:
        if before:
            say(before)
        came = step(*given, **more)
        if after:
            say(after)
        return came

    setattr(shoal.pipeline, name, said)


def predicted(module: str, drawn: Drawn) -> Any:
    """Ask a benchmark, in a process of its own, what is predicted of a drawn study."""
    command = [sys.executable, "-m", module, "--predict", str(drawn.study), drawn.trainer, str(drawn.workers)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])


def command_line(
    module: str,
    run: Callable[[list[str]], None],
    predict: Callable[[str, Any, str], Any],
    titled: tuple[str, Callable[[int, bool], list[str]]],
) -> None:
    """Be a benchmark of drawn studies: run one, predict one, or (by default) compare them all and keep a record."""
    match sys.argv[1:]:
        case ["--run", *given]:
            run(given)
        case ["--predict", path, trainer, workers]:
            print(json.dumps(predict(path, trainer, workers)))
        case _:
            quick, (title, compare) = "--quick" in sys.argv, titled
            said = compare(1, quick)
            print("\n".join(said))
            if not quick:
                print(write_record(f"python -m {module}", [(title, said)], None))
