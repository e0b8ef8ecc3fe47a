"""What all tests share: a test that runs the command line leaves signals and hooks as they were; none is timed."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.extras import is_there
from shoal.look import SecondProcess

# What asserts for many tests says what it compared, as tests do.
pytest.register_assert_rewrite("estimators.search_cases")

# Where torch is not installed, tests that ask for it are skipped.
if not is_there("torch"):
    from torch_missing import TestsWithoutTorch, pytest_fixture_setup, pytest_pyfunc_call  # noqa: F401

    sys.meta_path.append(TestsWithoutTorch())

# A drawn case that takes long on a busy machine is no mistake. The suite draws few, the same each time, so
# that it says what a change did; `make torture` draws many, and others each time.
LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
settings.register_profile("shoal", deadline=None, derandomize=not LONG, max_examples=1000 if LONG else 25)
settings.load_profile("shoal")

# Threads of torch and of trees that wait for each other in many processes at once take several times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Many tests start the command in a process of its own: where nothing compiled may be kept, each compiles all of Shoal.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A run waits for the disk a hundred times, to be there after a power cut: tests write to memory, where there is room.
MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # noqa: S108
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


# Tests stay until the end, with all that they import: looked through again and again, they took a tenth of the suite.
gc.disable()


@settings(max_examples=1, database=None)
@given(st.none())
def _first_drawn(_: None) -> None:
    """Have Hypothesis make its generator: where all is frozen, old versions find nobody who holds it."""


def pytest_collection_finish() -> None:
    _first_drawn()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before, hook = [signal.getsignal(number) for number in numbers], sys.unraisablehook
    yield
    sys.unraisablehook = hook
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def start_second() -> Iterator[Callable[[SecondProcess], None]]:
    """Draw all pictures in this process, where what a test replaces is replaced; give what would start a second one."""
    start = SecondProcess.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SecondProcess, "start", lambda _: None)
        yield start


@pytest.fixture(scope="module")
def dots() -> Iterator[None]:
    """For modules that run studies and look at no picture, and, but for `simple_models`, at none of these."""
    from dots import AFTER_THE_MODEL, dot

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shoal.look._gallery.png", dot)
        for name in AFTER_THE_MODEL[1:]:
            patch.setattr(f"shoal.pipeline.{name}", lambda *_: "")
        yield


@pytest.fixture(scope="module")
def simple_models(dots: None) -> Iterator[None]:
    """For modules that take `dots`, and see their runs held against simple models."""
    from shoal.engine import ask_simple_models

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shoal.pipeline.ask_simple_models", ask_simple_models)
        yield


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that run studies and read no report: see `end_with_the_model` in `dots.py`."""
    from dots import end_with_the_model

    end_with_the_model(monkeypatch)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs of each kind, without pages: regression, classification, images; and their files.

    No test changes them; what one writes beside them has a name of its own.
    """
    import shoal
    from dots import end_with_the_model
    from test_model import image_study, table_study

    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        for task in ("regression", "classification"):
            shoal.run(table_study(folder, task), out=folder / task, workers=1)
        shoal.run(image_study(folder), out=folder / "images", workers=1)
    return folder
