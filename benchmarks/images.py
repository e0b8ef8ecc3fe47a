"""Convolutional fits, one alone and a grid of them: samples per second beside the peers, in one run.

`python -m benchmarks.images [--pairs N] [--quick] [--out FILE]`. All contestants train the published network on the
same images (Fashion-MNIST where it is installed, made-up ones else) and look at the validation images after
every epoch. The grid is the same fits: in Shoal on two workers, in the peers one after another on two threads. Some
networks meet the plain loop alone, one thread each, by the seconds of the processor: the published one, one with
pooling, one with batch norm and pooling, and the published one on made-up images of 64 x 64 in colour. Shoal looks at
some training images after each epoch, too (every k-th, about 8,192 at the most), for the report's curves; the peers do
not, and so few images as `--quick` takes tell more of that than of training.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.environment import PEERS_PYTHON, ROOT, cores, ensure_peers
from benchmarks.pairs import in_turns, ratios, spread
from benchmarks.record import table, write_record

BATCH = 600
CLOCK, PROCESSOR = 0, 1
PEERS = ("PyTorch loop", "skorch, DataLoader", "Keras (torch)")
Request = dict[str, str | int]


class Asked:
    """A process that times fits on request."""

    def __init__(self, python: str, module: str, data: Path) -> None:
        """Start it on the images of one file."""
        command = [python, "-m", module, str(data)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ
        )

    def seconds(self, request: Request, by: int = CLOCK) -> float:
        """Time one request, on the clock or by what the processor worked."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"a contestant ended: {request}")
        return float(json.loads(answer)[by])

    def stop(self) -> None:
        """End it."""
        self._process.communicate()


def images(rows: int, file: Path) -> str:
    """Write `rows` training images and half as many to validate on; say what they are."""
    from shoal.data import load_builtin
    from shoal.errors import ShoalError

    held = rows // 2
    try:
        fashion = load_builtin("fashion-mnist")
        assert fashion.images is not None
        x, y, name = fashion.images[: rows + held], fashion.targets[: rows + held], "Fashion-MNIST"
    except ShoalError:
        rng = np.random.default_rng(0)
        x = rng.integers(0, 256, (rows + held, 1, 28, 28), dtype=np.uint8)
        y, name = rng.integers(0, 10, rows + held), "made-up images"
    np.savez(file, train_x=x[:rows], train_y=y[:rows], valid_x=x[rows:], valid_y=y[rows:])
    return name


def colour_images(rows: int, file: Path) -> None:
    """Write made-up images of 64 x 64 in colour, half as many to validate on."""
    rng = np.random.default_rng(0)
    for_parts = {"train": rows, "valid": rows // 2}
    arrays = {
        f"{part}_x": rng.integers(0, 256, (count, 3, 64, 64), dtype=np.uint8)
        for part, count in for_parts.items()
    }
    np.savez(file, **arrays, **{f"{part}_y": rng.integers(0, 10, count) for part, count in for_parts.items()})


Seconds = dict[str, list[float]]
OURS, LOOP = "Shoal, 1 worker", "PyTorch loop, 1 thread"
BESIDE_THE_LOOP = {
    "The published network": ("published", BATCH),
    "With pooling instead of strides": ("pooled", BATCH),
    "With batch norm and pooling, 16-32-64 channels": ("normed", 128),
}
COLOUR_SHARE = 5  # of as many images: each has 16 times the numbers
COLOUR = "The published network on images of 64 x 64 in colour"


def started(data: Path) -> tuple[Asked, Asked]:
    """Start ourselves and the peers on the images of one file."""
    return (
        Asked(sys.executable, "benchmarks.images_ours", data),
        Asked(str(PEERS_PYTHON), "benchmarks.images_peers", data),
    )


def measured(data: Path, pairs: int, epochs: int, fits: int) -> tuple[Seconds, Seconds]:
    """Seconds of one fit and of the grid, by contestant, turn by turn."""
    ours, peers = started(data)
    one: dict[str, tuple[Asked, Request]] = {OURS: (ours, {"workers": 1})}
    one |= {
        f"{name}, {threads} thread{'s' * (threads > 1)}": (peers, {"name": name, "threads": threads})
        for name in PEERS
        for threads in (1, 2)
    }
    whole = {"Shoal, 2 workers": (ours, Request(workers=2))} | {
        name: asked for name, asked in one.items() if name.endswith("2 threads")
    }
    try:
        for process, request in one.values():
            process.seconds(request | {"fits": 1, "epochs": 1, "batch": BATCH})  # warm up
        return tuple(
            in_turns(
                {
                    name: partial(asked.seconds, keys | {"fits": count, "epochs": epochs, "batch": BATCH})
                    for name, (asked, keys) in contestants.items()
                },
                pairs,
            )
            for contestants, count in ((one, 1), (whole, fits))
        )  # type: ignore[return-value]
    finally:
        ours.stop()
        peers.stop()


def beside_the_loop(
    data: Path, networks: Mapping[str, tuple[str, int]], pairs: int, epochs: int
) -> dict[str, Seconds]:
    """Seconds of the processor of one fit of each network, in Shoal and in the plain loop, turn by turn."""
    ours, peers = started(data)
    times: dict[str, Seconds] = {}
    try:
        for title, (network, batch) in networks.items():
            loop = "PyTorch loop" if network == "published" else f"PyTorch loop, {network}"
            fit: Request = {"fits": 1, "epochs": epochs, "batch": batch}
            contestants = {
                OURS: partial(ours.seconds, fit | {"workers": 1, "network": network}, PROCESSOR),
                LOOP: partial(peers.seconds, fit | {"name": loop, "threads": 1}, PROCESSOR),
            }
            for contestant in contestants.values():
                contestant()  # warm up
            times[title] = in_turns(contestants, pairs)
        return times
    finally:
        ours.stop()
        peers.stop()


def lines_of(times: Mapping[str, list[float]], samples: int, first: str) -> list[str]:
    """One table: samples per second, and how many times as long as the first contestant each takes."""
    rows = [
        [name, spread([samples / second for second in seconds]), spread(ratios(seconds, times[first]))]
        for name, seconds in sorted(times.items(), key=lambda item: median(item[1]))
    ]
    return table([f"{samples:,} samples", "samples per second", f"times {first}"], rows)


def keras_version() -> str:
    """Install Keras beside the other peers where it is missing; say which it is."""
    python = str(PEERS_PYTHON)
    asking = [python, "-c", "from importlib.metadata import version; print(version('keras'))"]
    if subprocess.run(asking, capture_output=True, check=False).returncode:
        subprocess.run([python, "-m", "pip", "install", "-q", "keras"], check=True)
    return subprocess.run(asking, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.images", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="turns of every comparison (5)")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run: two turns, few images, no record kept"
    )
    parser.add_argument("--out", type=Path, help="where to write the record")
    asked = parser.parse_args()
    rows, pairs, epochs, fits = (1_200, 2, 1, 2) if asked.quick else (20_000, asked.pairs, 2, 4)
    ensure_peers()
    keras = keras_version()
    with tempfile.TemporaryDirectory() as folder:
        data, colour = Path(folder) / "images.npz", Path(folder) / "colour.npz"
        name = images(rows, data)
        colour_images(rows // COLOUR_SHARE, colour)
        beside = beside_the_loop(data, BESIDE_THE_LOOP, pairs, epochs)
        beside |= beside_the_loop(colour, {COLOUR: ("published", BATCH)}, pairs, epochs)
        alone, grid = measured(data, pairs, epochs, fits)
    samples = rows * epochs
    head = [
        f"The published network (8-16-32 channels, 64 units), batch {BATCH}, {epochs} epochs on {rows:,} images "
        f"({name}), {rows // 2:,} validated on after each; {cores()} cores. Median (smallest to largest). "
        f"Keras {keras}, torch backend.",
        "",
    ]
    body = head + lines_of(alone, samples, OURS)
    body += ["", f"The grid: {fits} such fits.", "", *lines_of(grid, fits * samples, "Shoal, 2 workers")]
    body += ["", "Beside the plain loop, one thread each, by the seconds of the processor."]
    for title, times in beside.items():
        share = COLOUR_SHARE if title == COLOUR else 1
        batch = BATCH if title == COLOUR else BESIDE_THE_LOOP[title][1]
        body += ["", f"{title}, batch {batch}.", "", *lines_of(times, samples // share, OURS)]
    if asked.quick:
        print("\n".join(body))
        return
    command = shlex.join(["python", "-m", "benchmarks.images", *sys.argv[1:]])
    print(write_record(command, [("Images: convolutional fits", body)], asked.out))


if __name__ == "__main__":
    main()
