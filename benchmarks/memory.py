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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.drawn import (
    Drawn,
    Numbers,
    as_toml,
    command_line,
    draw_table,
    log_uniform,
    predicted,
    processes_of,
    saying,
)
from benchmarks.environment import cores
from benchmarks.record import table

PHASES = ("reading", "training", "drawing")
MB = 1e6
BETWEEN_SAMPLES = 0.004  # seconds


# Drawing studies


def draw_study(number: int, folder: Path) -> Drawn:
    """Draw study `number` and write its files."""
    numbers = np.random.default_rng([2026, number])
    trainer, workers = str(numbers.choice(["native", "torch"])), int(numbers.integers(1, 3))
    make = _images if numbers.random() < 0.35 else draw_table
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
    path.write_text(as_toml({**tree, "compare": compare}), encoding="utf-8")
    return Drawn(f"{words}, {trainer}, {workers} workers", path, trainer, workers)


def _images(numbers: Numbers, folder: Path) -> tuple[dict[str, Any], str]:
    side, channels = int(numbers.choice([8, 16, 28, 32, 64])), int(numbers.choice([1, 3]))
    convolves = numbers.random() < 0.6
    rows = min(log_uniform(numbers, 200, 20_000), 60_000_000 // (side * side * channels))
    rows = min(rows, 2_500_000 // (side * side)) if convolves else rows
    classes = int(numbers.integers(2, 11))
    shape = (rows, side, side, 3) if channels == 3 else (rows, side, side)
    labels = np.arange(rows) % classes
    np.savez(folder / "data.npz", images=numbers.integers(0, 256, shape, np.uint8), labels=labels)
    hidden, batch = [log_uniform(numbers, 8, 200)], log_uniform(numbers, 8, 512)
    network: dict[str, Any] = {"hidden": hidden}
    if convolves:
        conv = [{"channels": log_uniform(numbers, 4, 32), "kernel": 3, "padding": 1, "pool": {}}]
        conv += [{"channels": log_uniform(numbers, 4, 32), "kernel": 3, "pool": {}}] * int(
            numbers.integers(0, 2)
        )
        network |= {"kind": "cnn", "conv": conv}
    tree = {"study": {"task": "classification"}, "data": {"train": str(folder / "data.npz")}}
    kind = f"cnn {[one['channels'] for one in network['conv']]}" if convolves else "mlp"
    words = f"{rows} images {side} x {side} x {channels}, {classes} classes, {kind} {hidden}, batch {batch}"
    return {**tree, "network": network, "training": {"batch_size": batch}}, words


# Measuring


def run_in_phases(arguments: list[str]) -> None:
    """Run the command line, saying on standard output when a phase begins and what the coordinator held at most."""
    from shoal import cli

    saying(_say_peak, "_train", before="reading")
    saying(_say_peak, "_finish", after="training")
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


def _held(process: int) -> int:
    """What a run holds now: anonymous memory of all its processes, files' pages once."""
    found = [status for one in processes_of(process) if (status := _status(one))]
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
        said, measured = predicted("benchmarks.memory", drawn), measure(drawn, folder / "run")
    return {"number": number, "words": drawn.words, "predicted": said, "measured": measured}


def predict(path: str, trainer: Any, workers: str) -> dict[str, float]:
    """Predict each phase's peak."""
    import shoal.planning

    plan = shoal.planning.plan(path, trainer=trainer, workers=int(workers), out=Path(path).parent / "none")
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
    command_line("benchmarks.memory", run_in_phases, predict, ("Memory: predicted and measured", memory))
