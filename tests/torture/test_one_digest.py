"""One study, one digest: whatever the workers, the order of the grid, threads, the hash seed, and a kill on the way.

The digest is a SHA-256 over all results and the bytes of the model file.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from digest_run import digest_of
from torture_runs import LONG, telling

from dots import end_with_the_model

SCRIPT = str(Path(__file__).with_name("digest_run.py"))
HASH_SEEDS = 20

# The study's own order of keys and values is one of many; so is that of the grid.
TABLE: dict[str, Any] = {
    "study": {"name": "one", "task": "classification", "seed": 5, "repeats": 2},
    "data": {
        "train": "rows.csv",
        "target": "kind",
        "categorical": ["soil", "sky"],
        "groups": "farm",
        "standardize": "inputs",
    },
    "network": {"hidden": [6, 5], "activation": "tanh", "dropout": 0.25},
    "training": {
        "batch_size": 7,
        "epochs": 30,
        "lr": 0.02,
        "early_stopping": "inner",
        "patience": 5,
        "inner_share": 0.2,
        "keep": "best",
    },
    "search": {
        "folds": 2,
        "rule": "one-standard-error",
        "space": {"network.hidden[0]": [3, 6], "training.lr": [0.02, 0.05], "network.dropout": [0.25, 0]},
    },
}
IMAGES: dict[str, Any] = {
    "study": {"name": "one", "task": "classification", "seed": 6},
    "data": {"train": "pictures.npz", "standardize": "inputs"},
    "network": {
        "kind": "cnn",
        "conv": [{"channels": 3, "pool": {"size": 2}}, {"channels": 6, "kernel": 2, "groups": 3}],
        "hidden": [5],
        "conv_dropout": 0.2,
        "batch_norm": True,
    },
    "training": {"batch_size": 8, "epochs": 4, "augment": {"shift": 1, "flip": True}, "keep": "best"},
    "search": {
        "method": "random",
        "samples": 3,
        "folds": 2,
        "space": {
            "training.lr": {"low": 0.001, "high": 0.1, "log": True},
            "network.hidden[0]": [4, 6, 8],
            "training.weight_decay": [0.001, 0.0],
        },
    },
}
COMPARED = [{"name": "b"}, {"name": "a", "training": {"lr": 0.01}}]
STUDIES = {"table": TABLE, "images": IMAGES}
LEAST_FITS = {"table": 8 * 2 + 2 * 2, "images": 3 * 2 + 2}


@dataclass(frozen=True)
class Way:
    """One way to run the study: `order` shuffles keys and values, `hash_seed` is Python's."""

    workers: int
    order: int
    hash_seed: int
    killed: bool


HERE = Way(1, 0, 0, False)
"""The run that the others are compared with, in the tests' own process."""


def write_data(folder: Path) -> None:
    """A table with numbers, categories and groups, and a few pictures."""
    numbers = np.random.default_rng(1)
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["heat", "rain", "soil", "sky", "farm", "kind"])
        for row in range(64):
            heat, rain = numbers.normal(size=2).round(3)
            soil, sky = numbers.choice(["clay", "sand", "loam"]), numbers.choice(["blue", "grey"])
            kind = "good" if heat + (soil == "clay") > 0.3 else "bad"
            writer.writerow([heat, rain, soil, sky, f"farm {row % 16}", kind])
    labels = np.arange(48) % 3
    images = numbers.integers(0, 200, (48, 9, 9), np.uint8) + (20 * labels[:, None, None]).astype(np.uint8)
    np.savez(folder / "pictures.npz", images=images, labels=labels)


def as_toml(tree: dict[str, Any], order: int) -> str:
    """Write a study with its keys, and the values of its grid, in a drawn order; 0 is its own."""
    numbers = np.random.default_rng(order)

    def shuffled(values: list[Any]) -> list[Any]:
        return [values[place] for place in numbers.permutation(len(values))] if order else values

    def value(given: Any) -> str:
        if isinstance(given, dict):
            inside = ", ".join(f"{json.dumps(key)} = {value(given[key])}" for key in shuffled(list(given)))
            return f"{{ {inside} }}"
        if isinstance(given, list):
            return f"[{', '.join(map(value, given))}]"
        return json.dumps(given)

    space = tree["search"]["space"]
    turned = {key: shuffled(axis) if isinstance(axis, list) else axis for key, axis in space.items()}
    tree = {**tree, "search": {**tree["search"], "space": turned}}
    lines = []
    for section in shuffled(list(tree)):
        part = tree[section]
        lines += [f"[{section}]", *(f"{key} = {value(part[key])}" for key in shuffled(list(part)))]
    for one in COMPARED:
        lines += ["[[compare]]", *(f"{key} = {value(one[key])}" for key in shuffled(list(one)))]
    return "\n".join(lines)


def digest(folder: Path, kind: str, trainer: str, way: Way) -> str:
    """Run a study in one way, in processes of their own."""
    request = asked(folder, kind, trainer, way)
    if way.killed:
        numbers = np.random.default_rng([way.hash_seed, way.workers])
        kill = [int(numbers.integers(0, LEAST_FITS[kind])), float(numbers.choice([0.0, 0.3]))]
        died = run_apart({**request, "kill": kill}, way.hash_seed)
        assert died.returncode == -signal.SIGKILL, died
    done = run_apart(request, way.hash_seed)
    assert done.returncode == 0, done
    return done.stdout.strip()


def asked(folder: Path, kind: str, trainer: str, way: Way) -> dict[str, Any]:
    """Write the study; give the request of its run."""
    name = f"{kind}-{trainer}-{way.workers}-{way.order}-{way.hash_seed}-{way.killed}"
    study = folder / f"{name}.toml"
    study.write_text(as_toml(STUDIES[kind], way.order), encoding="utf-8")
    out = str(folder / name)
    return {"study": str(study), "out": out, "workers": way.workers, "trainer": trainer, "kill": None}


def run_apart(request: dict[str, Any], hash_seed: int) -> subprocess.CompletedProcess[str]:
    own = {"PYTHONHASHSEED": str(hash_seed), "OPENBLAS_NUM_THREADS": str(1 + hash_seed % 2)}
    environment = {**os.environ, **own}
    command = [sys.executable, SCRIPT, json.dumps(request)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def ways(trainer: str) -> list[Way]:
    """All ways of all hash seeds; for torch, which takes long to start, one way a hash seed. In short one."""
    if not LONG:
        return [Way(2, 2, 1, True)]  # an order that moves the values of all keys
    pairs = list(itertools.product((1, 2), (False, True)))
    return [
        Way(workers, seed, seed, killed)
        for seed in range(HASH_SEEDS)
        for workers, killed in (pairs if trainer == "native" else [pairs[seed % 4]])
    ]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end_with_the_model(monkeypatch)
    write_data(tmp_path)


CASES = [("native", "table"), ("native", "images"), ("torch", "table"), ("torch", "images")]


@pytest.mark.parametrize(("trainer", "kind"), CASES if LONG else CASES[:3])
def test_one_digest(trainer: str, kind: str, tmp_path: Path) -> None:
    here = digest_of(asked(tmp_path, kind, trainer, HERE))
    assert len(here) == 64
    runs = ways(trainer)
    for way in runs:
        with telling(way):
            assert digest(tmp_path, kind, trainer, way) == here
    print(f"{trainer}, {kind}: {1 + len(runs)} runs, one digest")


def test_another_study_has_another_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The witness: a digest tells runs apart that differ in one value of the grid."""
    first = digest_of(asked(tmp_path, "table", "native", HERE))
    monkeypatch.setitem(TABLE["search"]["space"], "training.lr", [0.02, 0.051])
    assert digest_of(asked(tmp_path, "table", "native", replace(HERE, workers=2))) != first
