"""One check of method, one file: each module here holds a `CHECK`, and what stands here is looked for."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from shoal.look._check import MethodCheck


def method_checks() -> list[MethodCheck]:
    """Give every check, in the order of its code."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    everyone: list[MethodCheck] = [import_module(f"{__name__}.{name}").CHECK for name in names]
    return sorted(everyone, key=lambda check: check.code)
