"""Tests where torch is not installed: those that ask for it are skipped, by one rule.

What imports torch in a file of tests is skipped there, a whole file where it does so at its head. Code of Shoal that
imports torch fails, as it would for a user; where it says in its sentence that torch is needed, a test is skipped whose
file speaks of torch, and no other.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shoal.errors import ShoalError
from shoal.extras import needed

TESTS = Path(__file__).parent
REASON = "torch is not installed"


class TestsWithoutTorch:
    """Asked where a module is that nobody else has found: skips the test, or the file of tests, that imports torch."""

    __test__ = False

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname.partition(".")[0] != "torch":
            return
        frame: Any = sys._getframe(1)
        while frame and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        if frame and Path(frame.f_code.co_filename).is_relative_to(TESTS):
            raise pytest.skip.Exception(REASON, allow_module_level=True)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    try:
        return (yield)
    except ShoalError as error:
        if needed("torch") in str(error) and "torch" in inspect.getsource(pyfuncitem.module):
            pytest.skip(REASON)
        raise
