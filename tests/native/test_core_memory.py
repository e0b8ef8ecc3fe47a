"""Every allocation of the native core fails once: an error of Python, nothing half done, and the next call goes on."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from core_cases import make_data, make_job, needs_core, same_bytes

from shoal.engine._trainer import AskedGradient, initial_state
from shoal.engine.trainers.native import NativeTrainer
from shoal.nets import Architecture

HERE = Path(__file__).parent
pytestmark = [
    needs_core,
    pytest.mark.skipif(sys.platform != "linux" or not shutil.which("gcc"), reason="preloads by gcc on Linux"),
]
DENSE = ({"hidden": [5, 3], "dropout": 0.25}, {"epochs": 3, "batch_size": 4}, "mse", (3, 2))
CODES = (*DENSE, ((4, 2), (5, 3)))
IMAGES = (
    {"kind": "cnn", "conv": [{"channels": 3, "pool": {}}], "hidden": [4], "dropout": 0.5},
    {"epochs": 2, "batch_size": 5, "augment": {"shift": 1, "flip": True}},
    "cross-entropy",
    ((1, 6, 6), 3),
)


def test_every_allocation_fails_once(tmp_path: Path) -> None:
    library = tmp_path / "failing.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O1", HERE / "failing_calloc.c", "-o", library, "-ldl"], check=True
    )
    path = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    told = subprocess.run(
        [sys.executable, __file__, library],
        env={**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    failed = [int(number) for number in told.split()]
    assert len(failed) == 6
    assert all(count >= 1 for count in failed), failed
    assert max(failed) >= 3


def _fail_each(case: tuple[object, ...], shim: ctypes.CDLL) -> tuple[int, int]:
    """Let allocation after allocation fail, in training and in predicting; give how many there were of each."""
    job = make_job(*case)  # type: ignore[arg-type]
    data, trainer = make_data(job), NativeTrainer()
    state, other = initial_state(job), initial_state(job)
    trainer.advance(job, data, other, job.training.epochs)
    fails = _failures(shim, lambda: trainer.advance(job, data, state, job.training.epochs))
    assert same_bytes(state, other)
    outputs = []
    asked = lambda: outputs.append(_answers(trainer, job.architecture, other.parameters_P, data.train.x))  # noqa: E731
    fails_of_outputs = _failures(shim, asked)
    assert np.array_equal(outputs[-1], _answers(trainer, job.architecture, other.parameters_P, data.train.x))
    return fails, fails_of_outputs


def _answers(trainer: NativeTrainer, architecture: Architecture, parameters_P: object, x: object) -> object:
    asked: tuple[Any, ...] = (architecture, parameters_P, np.zeros(0, np.float32), x)
    outputs = trainer.outputs(*asked)
    if not architecture.convolutions:
        return outputs
    gradient = trainer.gradient(*asked, AskedGradient(outputs))
    return np.concatenate([part.reshape(-1) for part in (outputs, *trainer.maps(*asked), gradient)])


def _failures(shim: ctypes.CDLL, work: object) -> int:
    for number in range(1, 100):
        shim.shoal_test_fail(number)
        try:
            work()  # type: ignore[operator]
        except MemoryError:
            continue
        finally:
            shim.shoal_test_fail(0)
        return number - 1
    raise AssertionError("it fails for ever")


if __name__ == "__main__":
    failing = ctypes.CDLL(sys.argv[1])
    print(*(count for case in (DENSE, CODES, IMAGES) for count in _fail_each(case, failing)))
