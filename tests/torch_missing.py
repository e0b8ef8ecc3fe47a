"""Tests where torch is not installed: those that ask for it are skipped, by one rule.

What imports torch in a file of tests, or in an exported one, is skipped there, a whole file where it does so at its
head. Code of Shoal that imports torch fails, as it would for a user; where it says in its sentence that torch is
needed, a test is skipped whose file speaks of torch, or of what the sentence begins with, and no other.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

import shoal
from shoal.errors import ShoalError
from shoal.extras import needed

HOUSE = Path(shoal.__file__).parent
REASON = "torch is not installed"
ASKED: Final = {"dtype: float64 ": ("float64",), "a torch.nn.Module ": ("module_", "modules_")}
"""How a sentence begins that says what torch alone does, and the words of files of tests that ask for it."""


class TestsWithoutTorch:
    """Asked where a module is that nobody else has found: skips the test, or the file of tests, that imports torch."""

    __test__ = False

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname.partition(".")[0] != "torch":
            return
        frame: Any = sys._getframe(1)
        while frame and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        path = Path(frame.f_code.co_filename) if frame else HOUSE
        roots = (HOUSE, sys.prefix, sys.base_prefix)
        if path.is_file() and not any(path.is_relative_to(root) for root in roots):
            raise pytest.skip.Exception(REASON, allow_module_level=True)


@contextmanager
def _skipped(module: ModuleType) -> Iterator[None]:
    try:
        yield
    except (ShoalError, AttributeError) as error:
        words = next((words for start, words in ASKED.items() if str(error).startswith(start)), ("torch",))
        if needed("torch") in str(error) and any(word in inspect.getsource(module) for word in words):
            pytest.skip(REASON)
        raise


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(request: pytest.FixtureRequest) -> Iterator[object]:
    with _skipped(request._pyfuncitem.module):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    drawn = getattr(pyfuncitem.obj, "hypothesis", None)
    with pytest.MonkeyPatch.context() as patch, _skipped(pyfuncitem.module):
        if drawn:  # the first case that needs torch ends it: no smaller one is looked for
            patch.setattr(drawn, "inner_test", _skipped(pyfuncitem.module)(drawn.inner_test))
        return (yield)
