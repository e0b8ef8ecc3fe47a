"""Copies of fitted transformers and of rows, bit for bit what they were copied from, down to the layout of arrays.

An array's layout is part of what is computed from it: sums go along the memory, and round where they come by. But
`copy.deepcopy` packs the gaps of a view, and pandas turns and joins the blocks of a frame.
"""

from __future__ import annotations

import copy
import dis
import gc
import sys
import weakref
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, TypeVar

import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

_T = TypeVar("_T")
_WAYS: Final = ("__deepcopy__", "__getstate__", "__setstate__", "__reduce__", "__reduce_ex__")
_WHOLE: Final = sys.stdlib_module_names | {
    *("numpy", "scipy", "pandas", "polars", "pyarrow", "sklearn", "joblib", "shoal"),
}
"""Libraries whose objects have all of their state in a copy."""
_FIXED: Final = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype)
"""Kinds of values into which nobody writes."""
_LINE: Final = 64
"""Bytes of a line of the processor's cache: no arithmetic asks for a rounder address."""


def copied(things: _T) -> _T:
    """Copy all at once, arrays and frames in the layout that they have; arrays that share memory share it again.

    Raises TypeError where a class is copied in a way of its own, which may leave something out, and where a function
    holds what it may write into: a copy has the very same function.
    """
    _refuse_own_ways(things)
    reached = list(_reached(things))  # they live until all is copied: the memo knows them by their id
    for function in reached:
        if isinstance(function, FunctionType):
            raise TypeError(f"{function.__qualname__} may write into what it holds")
    memo = _arrays_copied(reached)
    memo.update({id(frame): _frame_copied(frame) for frame in reached if _is_frame(frame)})
    return copy.deepcopy(things, memo)


def lies_in(rows: Any, owner: Any) -> bool:
    """Whether rows are those given or lie in their memory: what is written into the one stands in the other too.

    A frame of pandas counts as lying in no other: pandas 3 copies what it writes into, and before, it warns.
    """
    if rows is owner:
        return True
    inside = [array for array in _reached(owner, into=owner) if type(array) is np.ndarray]
    arrays = [array for array in _reached(rows) if type(array) is np.ndarray]
    return any(np.may_share_memory(array, other) for array, other in product(arrays, inside))


# -- arrays and frames --------------------------------------------------------------------------------------------


def _reached(things: Any, *, into: Any = None) -> Iterator[Any]:
    """Give the arrays and frames that a copy of `things` comes to, and functions that hold what may be written into.

    What a frame holds is given only where it is `into`.
    """
    seen: set[int] = set()
    pending = [things]
    while pending:
        thing = pending.pop()
        if isinstance(thing, FunctionType) and _remembers(thing):
            yield thing
        if id(thing) in seen or _stands_for_itself(thing):
            continue
        seen.add(id(thing))
        frame = thing is not into and _is_frame(thing)
        if frame or type(thing) is np.ndarray:
            yield thing
        if not frame:
            pending += gc.get_referents(thing)


def _stands_for_itself(thing: Any) -> bool:
    """Whether a copy holds the very thing: a module, or a class or function, which has a name."""
    if isinstance(thing, type | ModuleType | weakref.ref):
        return True
    return (
        callable(thing)
        and getattr(thing, "__qualname__", None) is not None
        and not isinstance(thing, MethodType)
    )


def _arrays_copied(reached: Iterable[Any]) -> dict[int, Any]:
    """Copy the arrays among things, by id; those of objects are left to deepcopy, which copies the objects too."""
    arrays = [thing for thing in reached if type(thing) is np.ndarray and thing.size]
    plain = [array for array in arrays if not array.dtype.hasobject]
    groups: list[list[NDArray[Any]]] = []
    end = 0
    for array in sorted(plain, key=lambda array: byte_bounds(array)[0]):
        begin, after = byte_bounds(array)
        if begin >= end:
            groups.append([])
        groups[-1].append(array)
        end = max(end, after)
    return {place: made for group in groups for place, made in _memory_copied(group).items()}


def _memory_copied(arrays: list[NDArray[Any]]) -> dict[int, Any]:
    """Copy arrays that lie among each other into one new memory, by id."""
    bounds = [byte_bounds(array) for array in arrays]
    begin, end = min(first for first, _ in bounds), max(last for _, last in bounds)
    memory = np.empty(end - begin + _LINE, np.uint8)
    shift = (begin - memory.ctypes.data) % _LINE
    copies = {}
    for array in arrays:
        offset = shift + array.ctypes.data - begin
        made: NDArray[Any] = np.ndarray(array.shape, array.dtype, memory, offset, array.strides)
        made[...] = array
        made.flags.writeable = array.flags.writeable
        copies[id(array)] = made
    return copies


def _is_frame(thing: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(thing, pandas.DataFrame | pandas.Series)


def _frame_copied(frame: Any) -> Any:
    """Copy a frame or series of pandas block by block, by what pickle would write of it.

    Its memory is shared with no other: pandas, which writes only where nobody else looks, would not know.
    """
    inside = list(_reached(frame, into=frame))
    kind: Any = type(frame)
    made = kind.__new__(kind)
    made.__setstate__(copy.deepcopy(frame.__getstate__(), _arrays_copied(inside)))
    return made


# -- what cannot be copied ----------------------------------------------------------------------------------------


def _remembers(function: FunctionType) -> bool:
    """Whether a function may write into what it holds: variables from around it, defaults, attributes.

    What it writes into elsewhere, in a module or a class, is not found.
    """
    pending, seen = [function], set[int]()
    while pending:
        inner = pending.pop()
        if id(inner) in seen or _from_whole(inner):
            continue
        seen.add(id(inner))
        if _binds_around(inner.__code__):
            return True
        defaults = [*(inner.__defaults__ or ()), *(inner.__kwdefaults__ or {}).values()]
        for value in [*gc.get_referents(*(inner.__closure__ or ())), *defaults, *vars(inner).values()]:
            if isinstance(value, FunctionType):
                pending.append(value)
            elif not (isinstance(value, _FIXED) or _stands_for_itself(value)):
                return True
    return False


def _binds_around(code: CodeType) -> bool:
    """Whether code gives a variable from around it another value."""
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return any(map(_binds_around, inner)) or any(
        step.opname == "STORE_DEREF" and step.argval in code.co_freevars
        for step in dis.get_instructions(code)
    )


def _refuse_own_ways(things: Any) -> None:
    seen: set[int] = set()
    pending: list[Any] = [things]
    while pending:
        thing = pending.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, list | tuple | set | frozenset | dict):
            pending += thing.values() if isinstance(thing, dict) else thing
        elif not isinstance(thing, type):
            _refuse_own_way(type(thing))  # type: ignore[arg-type]
            if isinstance(thing, BaseEstimator) or not _from_whole(type(thing)):
                pending += getattr(thing, "__dict__", {}).values()


@lru_cache
def _refuse_own_way(kind: type) -> None:
    for way in _WAYS:
        owner = next((base for base in kind.__mro__ if way in vars(base)), object)
        if not _from_whole(owner):
            raise TypeError(f"{owner.__qualname__} is copied in a way of its own")


def _from_whole(known: type | FunctionType) -> bool:
    return (known.__module__ or "").partition(".")[0] in _WHOLE
