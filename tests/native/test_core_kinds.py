"""A number that stands for no kind: refused at the boundary, and nowhere within taken for another kind."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from core_cases import core, make_job, needs_core

from shoal.activations import ACTIVATIONS
from shoal.engine._trainer import initial_state
from shoal.engine.trainers.native_core import TARGETS, runnable_targets
from shoal.engine.trainers.native_network import CoreNetwork
from shoal.kinds import LOSSES, OPTIMIZERS, POOLS

HERE = Path(__file__).parent
NATIVE = HERE.parent.parent / "src" / "native"
MONITORS = 3

PLACES = {
    "activation": range(len(ACTIVATIONS)),
    "loss": range(len(LOSSES)),
    "targets of a loss": range(len(LOSSES)),
    "outputs of a target": range(len(LOSSES)),
    "option of a loss": range(len(LOSSES)),
    "optimizer": range(len(OPTIMIZERS)),
    "momentum of an optimizer": range(len(OPTIMIZERS)),
    "pool": range(1, 1 + sum(row.core is not None for row in POOLS.values())),
    "rows of a monitor": range(MONITORS),
    "column of a monitor": range(1, MONITORS),
}
"""Each place of the core that tells kinds apart by their numbers, and the numbers that it knows."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if sys.platform != "linux" or not shutil.which("g++"):
        pytest.skip("built by g++ on Linux")
    path = tmp_path_factory.mktemp("kinds") / "unknown_kinds"
    flags = ["-std=c++17", "-O1", "-ffp-contract=off", "-fno-math-errno"]
    subprocess.run(["g++", *flags, HERE / "unknown_kinds.cpp", "-o", path], check=True)
    return path


def code_of(program: Path, place: str, number: int) -> int:
    return subprocess.run([program, place, str(number)], capture_output=True, check=False).returncode


@pytest.mark.parametrize("place", PLACES)
def test_no_place_takes_an_unknown_number_for_another_kind(program: Path, place: str) -> None:
    known = PLACES[place]
    assert [code_of(program, place, number) for number in known] == [0] * len(known)
    for number in (known.start - 1, known.stop, 99, 2**40):
        assert code_of(program, place, number) < 0, number  # ended by a signal, nothing computed


def test_each_place_that_tells_kinds_apart_is_asked() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(NATIVE.glob("*.h")))
    calls = len(re.findall(r"unknown_kind\(\);", text))
    assert calls == len(PLACES)
    for body in re.findall(r"switch \((?!vectors)[^{]*\{(.*?)\n    \}", text, re.DOTALL):
        assert "default: unknown_kind();" in body


@needs_core
def test_functions_that_take_no_fit_refuse_unknown_kinds_too() -> None:
    target, x = TARGETS.index(runnable_targets()[-1]), np.ones(4, np.float32)
    for number in (-1, len(ACTIVATIONS), 2**40):
        before = x.tobytes()
        code = core().shoal_activation(target, number, 4, *[x.ctypes.data] * 3)
        assert core().shoal_field(code) == b"dense.activation"
        assert x.tobytes() == before
    job = make_job(
        {"kind": "cnn", "conv": ({"channels": 2, "pool": {}},), "hidden": (3,)},
        {"epochs": 1},
        "cross-entropy",
        ((1, 6, 6), 3),
    )
    for layers, key, number in (("dense", "activation", 9), ("convs", "activation", 9), ("convs", "pool", 3)):
        network, state = CoreNetwork.of(job.architecture), initial_state(job)
        setattr(getattr(network.struct, layers)[0], key, number)
        pixels, y = np.zeros((1, 36), np.float32), np.zeros(3, np.float32)
        code = core().shoal_outputs(
            target, ctypes.byref(network.struct), state.parameters_P.ctypes.data, state.parameters_P.size,
            None, 0, pixels.ctypes.data, pixels.size, 1, y.ctypes.data, y.size,
        )  # fmt: skip
        assert core().shoal_field(code).decode() == f"{layers}.{key}"
