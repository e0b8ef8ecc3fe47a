"""Time: what `shoal check` predicts of drawn studies beside what `shoal run` takes.

A study is drawn from its number: a table or images, a network, a trainer, workers, comparisons, a search, repeats. Its
whole run is predicted and, at once afterwards, measured, each in a process of its own, so that both meet like load.

Two figures are compared. *Wall*: seconds on the clock, with whatever else the machine did meanwhile. *Alone*: the same
less the share of time in which the run's threads stood ready and waited for a core (schedstat of proc(5)), against the
prediction for a machine that does nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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
from benchmarks.record import table

PHASES = ("reading", "training", "ensemble", "inside", "drawing")
"""Where a run's time goes, in order."""
WITHIN = 1.5
BETWEEN_SAMPLES = 0.05  # seconds
WORK = 2e10
"""Multiply-adds of all steps of a drawn study, at most."""


# Drawing studies


def draw_study(number: int, folder: Path) -> Drawn:
    """Draw study `number` and write its files."""
    numbers = np.random.default_rng([2027, number])
    trainer, workers = str(numbers.choice(["native", "torch"])), int(numbers.integers(1, 3))
    tree, words = (_images if numbers.random() < 0.45 else draw_table)(numbers, folder)
    tree["study"] |= {"name": "drawn", "repeats": int(numbers.integers(1, 4))}
    tree["training"] |= {"optimizer": str(numbers.choice(["sgd", "adam"]))}
    compare = [{"name": f"c{place}"} for place in range(int(numbers.integers(0, 3)))]
    for place, one in enumerate(compare):
        one["training"] = {"lr": 0.01 / (place + 1)}
    if numbers.random() < 0.5:
        rates = [0.001 * (place + 1) for place in range(int(numbers.integers(1, 5)))]
        tree["search"] = {"folds": int(numbers.integers(2, 6)), "space": {"training.lr": rates}}
    if numbers.random() < 0.2:
        tree["inspect"] = {"history": 10}
    tree["compare"] = compare
    tree["training"]["epochs"] = _epochs(tree, numbers)
    path = folder / "study.toml"
    path.write_text(as_toml(tree), encoding="utf-8")
    told = f"{len(compare)} comparisons, {tree['study']['repeats']} repeats, {_searched(tree)} search fits"
    told += f", {tree['training']['epochs']} epochs, {trainer}, {workers} workers"
    return Drawn(f"{words}, {told}", path, trainer, workers)


def _searched(tree: dict[str, Any]) -> int:
    search = tree.get("search")
    return len(search["space"]["training.lr"]) * search["folds"] if search else 0


def _epochs(tree: dict[str, Any], numbers: Numbers) -> int:
    """Draw 1 to 300 epochs, fewer where the whole would take too long."""
    from shoal.planning import lay_out
    from shoal.request import Request
    from shoal.study import Study

    study = Study.model_validate({**tree, "training": {**tree["training"], "epochs": 1}})
    _, planner = lay_out(Request(study), "auto", "cpu")
    fits = [item.fit for item in (*planner.search_fits(), *planner.comparison_fits())]
    fits += [item.fit for item in planner.winner_fits(planner.candidates[0], 1)]
    work = sum(3.0 * len(fit.rows.learning) * fit.job.architecture.flops_per_row for fit in fits)
    steps = sum(fit.steps for fit in fits)
    most = min(300.0, WORK / work, 40_000 / steps)
    return max(1, min(log_uniform(numbers, 1, 300), int(most)))


def _images(numbers: Numbers, folder: Path) -> tuple[dict[str, Any], str]:
    side, channels = int(numbers.choice([8, 16, 28, 32, 64])), int(numbers.choice([1, 3]))
    convolves = numbers.random() < 0.75
    rows = min(log_uniform(numbers, 200, 20_000), 20_000_000 // (side * side * channels))
    classes = int(numbers.integers(2, 11)) if numbers.random() < 0.7 else min(150, rows // 20)
    shape = (rows, side, side, 3) if channels == 3 else (rows, side, side)
    # Smooth pictures: noise would be the worst case of every compressor.
    coarse = numbers.integers(0, 256, (rows, side // 4, side // 4, *shape[3:]), np.uint8)
    images = coarse.repeat(4, axis=1).repeat(4, axis=2)
    np.savez(folder / "data.npz", images=images, labels=np.arange(rows) % classes)
    hidden, batch = [log_uniform(numbers, 8, 200)], log_uniform(numbers, 16, 256)
    network: dict[str, Any] = {"hidden": hidden}
    if convolves:
        conv = [{"channels": log_uniform(numbers, 4, 48), "kernel": 3, "padding": 1, "pool": {}}]
        conv += [{"channels": log_uniform(numbers, 4, 64), "kernel": 3, "padding": 1}] * int(
            numbers.integers(0, 3)
        )
        network |= {"kind": "cnn", "conv": conv}
    tree = {"study": {"task": "classification"}, "data": {"train": str(folder / "data.npz")}}
    kind = f"cnn {[one['channels'] for one in network['conv']]}" if convolves else "mlp"
    words = f"{rows} images {side} x {side} x {channels}, {classes} classes, {kind} {hidden}, batch {batch}"
    return {**tree, "network": network, "training": {"batch_size": batch}}, words


# Measuring


def run_in_phases(arguments: list[str]) -> None:
    """Run the command line, saying on standard output when each phase ends."""
    from shoal import cli

    saying(_say, "_train", before="reading")
    saying(_say, "ask_ensemble", before="training", after="ensemble")
    saying(_say, "look_inside", after="inside")
    sys.argv = ["shoal", "run", *arguments]
    try:
        cli.main()
    finally:
        _say("drawing")


def _say(phase: str) -> None:
    print(json.dumps({"phase": phase, "at": time.monotonic()}), flush=True)


def measure(drawn: Drawn, out: Path) -> dict[str, dict[str, float]]:
    """Run a study; give the seconds of each phase, on the clock and as if alone."""
    command = [sys.executable, "-m", "benchmarks.forecast", "--run", *drawn.arguments, "--out", str(out)]
    begun, samples = time.monotonic(), [(time.monotonic(), 0.0, 0.0)]
    seen: dict[tuple[int, str], tuple[float, float]] = {}
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, stdout=said, stderr=errors) as process:
            while process.poll() is None:
                seen.update(scheduled(process.pid))
                ran, waited = (sum(one[place] for one in seen.values()) for place in (0, 1))
                samples.append((time.monotonic(), ran, waited))
                time.sleep(BETWEEN_SAMPLES)
        said.seek(0)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"{drawn.words}: {errors.read().decode()[-2000:]}")
        lines = [line for line in said.read().decode().splitlines() if line.startswith('{"phase"')]
    marks = {one["phase"]: one["at"] for one in map(json.loads, lines)}
    marks["drawing"] = time.monotonic()
    return _phases(begun, marks, np.array(samples))


def _phases(begun: float, marks: dict[str, float], samples: Any) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {"wall": {}, "alone": {}}
    for phase in PHASES:
        ended = marks[phase]
        ran, waited = (
            np.diff(np.interp([begun, ended], samples[:, 0], samples[:, place]))[0] for place in (1, 2)
        )
        found["wall"][phase] = ended - begun
        found["alone"][phase] = (ended - begun) * (ran / (ran + waited) if ran > 0 else 1.0)
        begun = ended
    return found


def scheduled(process: int) -> Iterator[tuple[tuple[int, str], tuple[float, float]]]:
    """Seconds that every thread of a process and of its children ran, and waited for a core while it could run."""
    for one in processes_of(process):
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                ran, waited, _ = Path(f"/proc/{one}/task/{thread}/schedstat").read_text("ascii").split()
                yield (one, thread), (int(ran) / 1e9, int(waited) / 1e9)
        except (OSError, ValueError):
            continue


def predict(path: str, trainer: Any, workers: str) -> dict[str, dict[str, float]]:
    """Predict each phase: on the clock, and as if alone."""
    import shoal.planning
    from shoal.engine.forecast.steps import Watched, crowding

    plan = shoal.planning.plan(path, trainer=trainer, workers=int(workers), out=Path(path).parent / "none")
    return {"wall": dict(plan.time), "alone": dict(plan.time_alone), "crowding": {"": crowding(Watched())}}


def compare(number: int) -> dict[str, Any]:
    """Predict and measure study `number`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = draw_study(number, folder)
        said, measured = predicted("benchmarks.forecast", drawn), measure(drawn, folder / "run")
    return {"number": number, "words": drawn.words, "predicted": said, "measured": measured}


# The record


def ratio(found: dict[str, Any], kind: str) -> float:
    """Predicted over measured seconds of the whole run."""
    return sum(found["predicted"][kind].values()) / sum(found["measured"][kind].values())


def forecast(pairs: int, quick: bool) -> list[str]:  # noqa: ARG001 - every benchmark is asked alike
    """Compare 30 drawn studies (4 when quick), one after the other."""
    found = []
    for number in range(4 if quick else 30):
        found.append(compare(number))
        print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    return report(found)


def report(found: list[dict[str, Any]]) -> list[str]:
    """Lay the comparison out."""
    lines = []
    for kind, told in (("alone", "As if alone"), ("wall", "On the clock")):
        ratios = np.array([ratio(one, kind) for one in found])
        near = int((np.maximum(ratios, 1 / ratios) <= WITHIN).sum())
        low, middle, high = np.quantile(ratios, (0.05, 0.5, 0.95))
        lines += [
            f"{told}: predicted over measured seconds of {len(found)} drawn studies: median {middle:.2f}, 5 % below",
            f"{low:.2f}, 5 % above {high:.2f}, from {ratios.min():.2f} to {ratios.max():.2f}; within {WITHIN} times:"
            f" {near} of {len(found)}.",
            "",
        ]
    crowded = [one["predicted"]["crowding"][""] for one in found]
    lines += [
        f"Others wanted the cores too: when it was predicted, a thread's work took {min(crowded):.1f} to",
        f"{max(crowded):.1f} times its own time (median {np.median(crowded):.1f}). Seconds of the parts are as if",
        "alone, predicted / measured.",
        "",
    ]
    head = ["study", *PHASES, "ratio alone", "ratio on the clock"]
    rows = [
        [
            one["words"],
            *(
                f"{one['predicted']['alone'][part]:.1f} / {one['measured']['alone'][part]:.1f}"
                for part in PHASES
            ),
            f"{ratio(one, 'alone'):.2f}",
            f"{ratio(one, 'wall'):.2f}",
        ]
        for one in found
    ]
    return [*lines, *table(head, rows)]


if __name__ == "__main__":
    command_line(
        "benchmarks.forecast", run_in_phases, predict, ("Forecast: predicted and measured time", forecast)
    )
