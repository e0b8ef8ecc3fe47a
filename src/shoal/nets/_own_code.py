"""Code as it runs: what it does, what it names of what is around it, and what of that is an installed library's.

What runs counts, not the text of a file, which may have been edited since it was read.
"""

from __future__ import annotations

import dis
import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, Final

from shoal.nets._own_module import PYTHON

_STANDARD: Final = tuple(sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib"))
_INSTALLED: Final = tuple(
    path + os.sep
    for path in (
        sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages(),
        site.getusersitepackages(),
    )
)  # fmt: skip
_NAMES: Final = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_GLOBALS",
                 "LOAD_FROM_DICT_OR_DEREF")  # fmt: skip
_ATTRIBUTES: Final = ("LOAD_ATTR", "LOAD_METHOD")


def code_text(code: CodeType) -> str:
    """Write down what code does, not where it stands."""
    takes = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    constants = [*map(_constant, code.co_consts)]
    return repr((takes, names, code.co_code, code.co_exceptiontable, constants))


def _constant(value: Any) -> str:
    match value:
        case CodeType():
            return code_text(value)
        case tuple():
            return f"({', '.join(map(_constant, value))})"
        case frozenset():
            return f"{{{', '.join(sorted(map(_constant, value)))}}}"  # its order is another in each process
    return repr(value)


def named_by(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Give what a function names of the program around it, by name: of a module of one's own, what is asked of it."""
    code = function.__code__
    around = dict(function.__globals__)
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        around.pop(name, None)
        try:
            around[name] = cell.cell_contents
        except ValueError:  # it is not there yet
            continue
    for name, *attributes in sorted(set(_chains(code))):
        if name not in around:
            continue
        value, said = around[name], name
        for attribute in attributes:
            if not isinstance(value, ModuleType) or library_name(value):
                break
            value, said = getattr(value, attribute, None), f"{said}.{attribute}"
        yield said, value


def _chains(code: CodeType) -> Iterator[tuple[str, ...]]:
    """Give the names that code asks for, each with the attributes that it asks of it: `package.part.SCALE`."""
    chain: list[str] = []
    for step in dis.get_instructions(code):
        if chain and step.opname in _ATTRIBUTES:
            chain.append(step.argval)
        elif step.opname != "EXTENDED_ARG":
            if chain:
                yield tuple(chain)
            chain = [step.argval] if step.opname in _NAMES else []
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _chains(inner)


def imported_within(code: CodeType) -> Iterator[str]:
    """Give the modules that code imports as it runs, but those of installed libraries."""
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    for number, step in enumerate(steps):
        if step.opname == "IMPORT_NAME":
            from_here = steps[number - 2].argval != 0
            module = None if from_here else sys.modules.get(step.argval)
            if module is None or not library_name(module):
                yield step.argval
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from imported_within(inner)


def library_name(value: Any) -> str:
    """Name what an installed library has, with the library's version; empty for all else, such as code made by exec,
    whatever module that says it is of.
    """
    if isinstance(value, ModuleType):
        version = _version_of(value)
        return f"{value.__name__} {version}" if version else ""
    owner = getattr(value, "__objclass__", value)
    module = sys.modules.get(str(getattr(owner, "__module__", None)))
    name = getattr(value, "__qualname__", None)
    if module is None or not isinstance(name, str) or not (version := _version_of(module)):
        return ""
    compiled = isinstance(value, BuiltinFunctionType) and isinstance(
        value.__self__, ModuleType | type | type(None)
    )
    there: Any = module
    for part in name.split("."):
        there = getattr(there, part, None)
    if not compiled and there is not value:
        return ""
    return f"{module.__name__}.{name} {version}"


def runs_in_library(function: FunctionType) -> bool:
    """Whether a function's code is an installed library's, as that of a decorator of torch is."""
    module = sys.modules.get(str(function.__globals__.get("__name__")))
    return module is not None and vars(module) is function.__globals__ and bool(_version_of(module))


def _version_of(module: ModuleType) -> str:
    """Give the version of the library that a module is of; empty where it is of none."""
    top, file = module.__name__.partition(".")[0], getattr(module, "__file__", None)
    if file is None:
        return PYTHON if module.__name__ in sys.builtin_module_names else ""
    if str(file).startswith(_INSTALLED):
        return _version(top)
    return PYTHON if str(file).startswith(_STANDARD) and top in sys.stdlib_module_names else ""


@cache
def _version(top: str) -> str:
    try:
        return metadata.version(top)
    except metadata.PackageNotFoundError:
        names = metadata.packages_distributions().get(top, ())
        return ", ".join(sorted(f"{name} {metadata.version(name)}" for name in names))
