"""The convolutions that an estimator's parameters ask for: one value for all of them, or a list with one for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any, Final

import numpy as np
from sklearn.utils._param_validation import Interval

from shoal.errors import InputError, Problem, StudyError
from shoal.estimators._parameters import COUNT, SHARE, choices, counts, hint_at
from shoal.kinds import POOLS
from shoal.study import Conv, Pool
from shoal.wording import listed

_MOST: Final = 2**31 - 1
_BORDER: Final = 10_000
_POOLS: Final = (*POOLS, None)

CONVOLUTIONS: Final[dict[str, list[Any]]] = {
    "conv_channels": ["array-like", COUNT],
    "kernel_size": ["array-like", COUNT],
    "stride": ["array-like", COUNT],
    "padding": ["array-like", choices("auto"), Interval(Integral, 0, _BORDER, closed="both")],
    "dilation": ["array-like", COUNT],
    "groups": ["array-like", COUNT],
    "skip": ["array-like", Interval(Integral, 0, _BORDER, closed="both")],
    "pool": ["array-like", choices(*POOLS), None],
    "pool_size": ["array-like", COUNT],
    "pool_stride": ["array-like", COUNT, None],
    "conv_dropout": [SHARE],
    "shift": [Interval(Integral, 0, 1000, closed="both")],
    "flip": ["boolean"],
    "series": ["boolean"],
}
"""What scikit-learn's check of parameters holds against those of convolutions."""

_IN_STUDIES: Final = re.compile(r"network\.conv\[(\d+)\]\.?(\w*)")
_CALLED: Final = {"": "kernel_size", "kernel": "kernel_size", "pool": "pool_size"}
"""Keys of an entry of a study's `conv`, and what they are called here, where that is another name."""

Sides = tuple[int, ...]
"""What something measures along each axis: down and across of images, along series."""


def convolutions(parameters: Mapping[str, Any], size: Sides) -> tuple[Conv, ...]:
    """Give the convolutions for images of `size` (height, width), or series of (length,).

    Maps smaller than a pool are not pooled. Raises ValueError for a value that none of them takes.
    """
    axes, channels = len(size), counts("conv_channels", parameters["conv_channels"])

    def each(name: str, read: Callable[[str, Any], Any]) -> list[Any]:
        return _each(name, parameters[name], len(channels), read)

    def sides(name: str, least: int = 1) -> list[Sides]:
        return each(name, lambda where, asked: _sides(where, asked, axes, least))

    values = {
        "channels": channels,
        **{name: sides(name) for name in ("kernel_size", "stride", "dilation", "pool_size")},
        "padding": each(
            "padding", lambda where, asked: asked if _is_auto(asked) else _sides(where, asked, axes, 0)
        ),
        "pool_stride": each("pool_stride", lambda where, asked: asked and _sides(where, asked, axes, 1)),
        "pool": each("pool", _pool_name),
        "groups": each("groups", lambda where, asked: _sides(where, asked, 1, 1)[0]),
        "skip": each("skip", lambda where, asked: _sides(where, asked, 1, 0)[0]),
    }
    layers: list[Conv] = []
    for place in range(len(channels)):
        conv, size = _conv({name: entries[place] for name, entries in values.items()}, size)
        layers.append(conv)
    return tuple(layers)


@contextmanager
def in_parameters() -> Iterator[None]:
    """Refuse convolutions that do not fit by the parameters of an estimator, not by the keys of a study."""
    try:
        yield
    except StudyError as error:
        raise InputError(
            Problem(_called(problem.where), problem.what) for problem in error.problems
        ) from error


def _called(where: str) -> str:
    if (key := _IN_STUDIES.match(where)) is None:
        return where
    return f"{_CALLED.get(key[2], key[2])} of convolution {int(key[1]) + 1}"


def _conv(asked: Mapping[str, Any], size: Sides) -> tuple[Conv, Sides]:
    """Give one convolution, and the size of its maps."""
    kernel, stride, dilation, padding = (
        asked[key] for key in ("kernel_size", "stride", "dilation", "padding")
    )
    if _is_auto(padding):
        padding = tuple(step * (side // 2) for side, step in zip(kernel, dilation, strict=True))
        if max(padding) > _BORDER:
            what = f'expected at most {_BORDER:,}, which "auto" makes {max(padding):,} by kernel_size and dilation'
            raise ValueError(f"padding: {what}")
    spans = (step * (side - 1) + 1 for side, step in zip(kernel, dilation, strict=True))
    size = tuple(
        (length + 2 * border - span) // step + 1
        for length, border, span, step in zip(size, padding, spans, stride, strict=True)
    )
    pool, size = _pool(asked, size)
    conv = Conv(
        channels=asked["channels"],
        kernel=_said(kernel),
        stride=_said(stride),
        padding=_said(padding),
        dilation=_said(dilation),
        groups=asked["groups"],
        skip=asked["skip"],
        pool=pool,
    )
    return conv, size


def _pool(asked: Mapping[str, Any], size: Sides) -> tuple[Pool | None, Sides]:
    """Give the pool behind a convolution whose maps are of `size`, if any, and what size it leaves."""
    window, step = asked["pool_size"], asked["pool_stride"]
    if asked["pool"] is None:
        return None, size
    if POOLS[asked["pool"]].whole:
        return Pool(kind=asked["pool"]), tuple(1 for _ in size)
    fits = all(side <= length for side, length in zip(window, size, strict=True))
    if not fits or (set(window) == {1} and step is None):
        return None, size
    pool = Pool(kind=asked["pool"], size=_said(window), stride=step and _said(step))
    lengths = zip(size, window, step or window, strict=True)
    return pool, tuple((length - side) // stride + 1 for length, side, stride in lengths)


def _each(name: str, asked: Any, count: int, read: Callable[[str, Any], Any]) -> list[Any]:
    """Read one value for all convolutions, or a list with one for each."""
    if not isinstance(asked, list | tuple | np.ndarray):
        return [read(name, asked)] * count
    if len(asked) == count:
        return [read(name, value) for value in asked]
    which = f"all {count} convolutions, or a list with one for each" if count > 1 else "the convolution"
    what = f"expected one value for {which}, got {len(asked)}"
    pair = (
        f"; a pair (height, width) for all of them is {[asked] * count}"
        if _may_be_pair(name, asked, read)
        else ""
    )
    raise ValueError(f"{name}: {what}{pair}")


def _may_be_pair(name: str, asked: Any, read: Callable[[str, Any], Any]) -> bool:
    """Whether what was taken for a list would do for a single convolution."""
    try:
        read(name, asked)
    except ValueError:
        return False
    return isinstance(asked, tuple)


def _sides(name: str, asked: Any, axes: int, least: int) -> Sides:
    """Read a number, or (height, width) of images."""
    listed_ = asked if isinstance(asked, list | tuple | np.ndarray) else (asked,) * axes
    whole = all(isinstance(side, Integral) and not isinstance(side, bool | np.bool_) for side in listed_)
    most = _MOST if least else _BORDER
    fits = len(listed_) == axes and (axes > 1 or listed_ is not asked)
    if fits and whole and all(least <= int(side) <= most for side in listed_):
        return tuple(map(int, listed_))
    pairs = ", or a pair (height, width) of such" if axes > 1 else ""
    raise ValueError(
        f"{name}: expected a whole number of at least {least} for a convolution{pairs}, got {asked!r}"
    )


def _pool_name(name: str, asked: Any) -> str | None:
    if asked is None or (isinstance(asked, str) and asked in POOLS):
        return asked
    known = listed([*map(repr, _POOLS)], "or")
    hint = hint_at(asked, _POOLS) if isinstance(asked, str) else ""
    raise ValueError(f"{name}: expected {known} for a convolution, got {asked!r}{hint}")


def _is_auto(asked: Any) -> bool:
    return isinstance(asked, str) and asked == "auto"


def _said(sides: Sequence[int]) -> Any:
    """Give equal sides as one number, as a study says them."""
    return sides[0] if len(set(sides)) == 1 else tuple(sides)
