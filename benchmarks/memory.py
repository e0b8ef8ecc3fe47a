"""Memory: the predicted peak of drawn studies beside the measured one.

A study is drawn from its number: a table or images, a network, a trainer, workers. `shoal check` predicts its
peak, then `shoal run` trains it for one epoch (memory does not grow with epochs) in a process of its own. Measured
is what the run and its workers hold together: the anonymous memory of every process, and the pages of files
(libraries), which they share, once. It is sampled all the time, and the coordinator's own peak is exact.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.environment import cores
from benchmarks.record import table, write_record

PHASES = ("reading", "training", "drawing")
MB = 1e6
BETWEEN_SAMPLES = 0.004  # seconds
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


# Drawing studies


def draw_study(number: int, folder: Path) -> Drawn:
    """Draw study `number` and write its files."""
    numbers = np.random.default_rng([2026, number])
    trainer, workers = str(numbers.choice(["native", "torch"])), int(numbers.integers(1, 3))
    make = _images if numbers.random() < 0.35 else _table
    tree, words = make(numbers, folder)
    tree["study"] |= {"name": "drawn", "repeats": int(numbers.integers(1, 4))}
    tree["training"] |= {"epochs": 1, "optimizer": str(numbers.choice(["sgd", "adam"]))}
    if numbers.random() < 0.3:
        tree["training"] |= {"early_stopping": "inner"}
    compare = [{"name": f"c{place}"} for place in range(int(numbers.integers(0, 3)))]
    for place, one in enumerate(compare):
        one["training"] = {"lr": 0.01 / (place + 1)}
    if numbers.random() < 0.6:
        rates = [0.001 * (place + 1) for place in range(int(numbers.integers(1, 4)))]
        tree["search"] = {"folds": int(numbers.integers(2, 5)), "space": {"training.lr": rates}}
    path = folder / "study.toml"
    path.write_text(_toml({**tree, "compare": compare}), encoding="utf-8")
    return Drawn(f"{words}, {trainer}, {workers} workers", path, trainer, workers)


def _toml(tree: dict[str, Any]) -> str:
    from shoal.study import Study
    from shoal.study._toml import to_toml

    return to_toml(Study.model_validate(tree))


def _log(numbers: Numbers, low: float, high: float) -> int:
    return round(float(np.exp(numbers.uniform(np.log(low), np.log(high)))))


def _table(numbers: Numbers, folder: Path) -> tuple[dict[str, Any], str]:
    rows, columns = _log(numbers, 100, 200_000), _log(numbers, 1, 200)
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
    hidden = [_log(numbers, 4, 500) for _ in range(int(numbers.integers(1, 4)))]
    task = "classification" if classes else "regression"
    standardize = str(numbers.choice(["none", "inputs"]))
    data: dict[str, Any] = {
        "train": str(folder / f"data.{written}"),
        "target": "y",
        "standardize": standardize,
    }
    data["categorical"] = [f"c{place}" for place in range(kinds)]
    tree = {"study": {"task": task}, "data": data, "network": {"hidden": hidden}}
    batch = _log(numbers, 8, 1000) if rows < 20_000 else _log(numbers, 128, 2000)
    tree["training"] = {"batch_size": batch}
    words = f"{rows} x {columns}+{kinds} {written}, {classes or 'no'} classes, mlp {hidden}, batch {batch}"
    return tree, words


def _images(numbers: Numbers, folder: Path) -> tuple[dict[str, Any], str]:
    side, channels = int(numbers.choice([8, 16, 28, 32, 64])), int(numbers.choice([1, 3]))
    convolves = numbers.random() < 0.6
    rows = min(_log(numbers, 200, 20_000), 60_000_000 // (side * side * channels))
    rows = min(rows, 2_500_000 // (side * side)) if convolves else rows
    classes = int(numbers.integers(2, 11))
    shape = (rows, side, side, 3) if channels == 3 else (rows, side, side)
    labels = np.arange(rows) % classes
    np.savez(folder / "data.npz", images=numbers.integers(0, 256, shape, np.uint8), labels=labels)
    hidden, batch = [_log(numbers, 8, 200)], _log(numbers, 8, 512)
    network: dict[str, Any] = {"hidden": hidden}
    if convolves:
        conv = [{"channels": _log(numbers, 4, 32), "kernel": 3, "padding": 1, "pool": {}}]
        conv += [{"channels": _log(numbers, 4, 32), "kernel": 3, "pool": {}}] * int(numbers.integers(0, 2))
        network |= {"kind": "cnn", "conv": conv}
    tree = {"study": {"task": "classification"}, "data": {"train": str(folder / "data.npz")}}
    kind = f"cnn {[one['channels'] for one in network['conv']]}" if convolves else "mlp"
    words = f"{rows} images {side} x {side} x {channels}, {classes} classes, {kind} {hidden}, batch {batch}"
    return {**tree, "network": network, "training": {"batch_size": batch}}, words


# Measuring


def run_in_phases(arguments: list[str]) -> None:
    """Run the command line, saying on standard output when a phase begins and what the coordinator held at most."""
    import shoal.pipeline
    from shoal import cli

    train = shoal.pipeline._train

    def timed(*given: Any) -> None:
        _say_peak("reading")
        train(*given)
        _say_peak("training")

    shoal.pipeline._train = timed
    sys.argv = ["shoal", "run", *arguments]
    _say_peak("start")
    try:
        cli.main()
    finally:
        _say_peak("drawing")


def _say_peak(phase: str) -> None:
    peak = _status(os.getpid()).get("VmHWM", 0)
    # The clock is that of the whole machine, so the sampler's moments are told from this one.
    print(json.dumps({"phase": phase, "at": time.monotonic(), "peak": peak}), flush=True)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # begin anew (proc(5))


def _status(process: int) -> dict[str, int]:
    """Memory of a process in bytes, by proc(5)'s names; nothing once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if line.startswith(("VmHWM", "Rss")))
    return {name: 1024 * int(value.split()[0]) for name, value in pairs}


def _tree(process: int) -> Iterator[int]:
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
        yield from _tree(int(child))


def _held(process: int) -> int:
    """What a run holds now: anonymous memory of all its processes, files' pages once."""
    found = [status for one in _tree(process) if (status := _status(one))]
    files = max((status.get("RssFile", 0) for status in found), default=0)
    return files + sum(status.get("RssAnon", 0) + status.get("RssShmem", 0) for status in found)


def measure(drawn: Drawn, out: Path) -> dict[str, float]:
    """Run a study; give the peak of each phase in bytes."""
    command = [sys.executable, "-m", "benchmarks.memory", "--run", *drawn.arguments, "--out", str(out)]
    samples: list[tuple[float, int, float]] = []
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        os.set_blocking(process.stdout.fileno(), False)
        marks: dict[str, tuple[float, int]] = {}
        pending = b""
        while process.poll() is None:
            samples.append((time.monotonic(), _held(process.pid), time.monotonic()))
            pending += process.stdout.read() or b""
            _note(pending, marks)
            time.sleep(BETWEEN_SAMPLES)
        pending += process.stdout.read() or b""
        _note(pending, marks)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"{drawn.words}: {errors.read().decode()[-2000:]}")
    peaks, begun = {}, marks["start"][0]
    for phase in PHASES:
        ended, own = marks[phase]
        seen = [held for asked, held, answered in samples if begun <= asked and answered <= ended]
        peaks[phase], begun = float(max([own, *seen])), ended
    return peaks


def _note(printed: bytes, marks: dict[str, tuple[float, int]]) -> None:
    for line in printed.decode(errors="replace").splitlines():
        if line.startswith('{"phase"') and line.endswith("}"):
            said = json.loads(line)
            marks[said["phase"]] = said["at"], said["peak"]


def compare(number: int) -> dict[str, Any]:
    """Predict and measure study `number`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = draw_study(number, folder)
        command = [sys.executable, "-m", "benchmarks.memory", "--predict", str(drawn.study)]
        command += [drawn.trainer, str(drawn.workers)]
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        predicted = json.loads(answer.stdout.splitlines()[-1])
        measured = measure(drawn, folder / "run")
    return {"number": number, "words": drawn.words, "predicted": predicted, "measured": measured}


def predict(path: str, trainer: Any, workers: str) -> dict[str, float]:
    """Predict each phase's peak."""
    import shoal.pipeline

    plan = shoal.pipeline.plan(path, trainer=trainer, workers=int(workers), out=Path(path).parent / "none")
    return dict(plan.memory)


# The record


def ratio(found: dict[str, Any]) -> float:
    """Predicted over measured peak of the whole run."""
    return max(found["predicted"].values()) / max(found["measured"].values())


def memory(pairs: int, quick: bool) -> list[str]:  # noqa: ARG001 - every benchmark is asked alike
    """Compare 100 drawn studies (5 when quick)."""
    found = []
    with ThreadPoolExecutor(cores()) as beside:  # memory does not depend on what else the machine does
        for one in beside.map(compare, range(5 if quick else 100)):
            found.append(one)
            print(json.dumps(one), file=sys.stderr, flush=True)
    return report(found)


def report(found: list[dict[str, Any]]) -> list[str]:
    """Lay the comparison out."""
    ratios = np.sort([ratio(one) for one in found])
    within = [np.mean(np.abs(ratios - 1) <= share) for share in (0.05, 0.1, 0.2)]
    low, middle, high = np.quantile(ratios, (0.05, 0.5, 0.95))
    rows = [
        [
            one["words"],
            *(f"{part[phase] / MB:,.0f}" for phase in PHASES for part in _both(one)),
            f"{ratio(one):.2f}",
        ]
        for one in found
    ]
    head = ["study", *(f"{phase}, {kind}" for phase in PHASES for kind in ("predicted", "measured")), "ratio"]
    return [
        f"Predicted over measured peak of {len(found)} drawn studies, one epoch each: median {middle:.3f}, 5 % below",
        f"{low:.3f}, 5 % above {high:.3f}, from {ratios[0]:.3f} to {ratios[-1]:.3f}; within 5 %: {within[0]:.0%},",
        f"within 10 %: {within[1]:.0%}, within 20 %: {within[2]:.0%}. Peaks of the three phases in MB; the ratio is",
        "that of the highest phases.",
        "",
        *table(head, rows),
    ]


def _both(one: dict[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
    return one["predicted"], one["measured"]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--run", *given]:
            run_in_phases(given)
        case ["--predict", path, trainer, workers]:
            print(json.dumps(predict(path, trainer, workers)))
        case _:
            said = memory(1, "--quick" in sys.argv)
            print("\n".join(said))
            if "--quick" not in sys.argv:
                print(
                    write_record(
                        "python -m benchmarks.memory", [("Memory: predicted and measured", said)], None
                    )
                )
