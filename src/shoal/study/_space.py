"""The search space: its axes checked one by one, and the settings in it: every combination, or random draws."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from shoal.errors import StudyError
from shoal.kinds import SEARCHES, row_of
from shoal.study._key_paths import KeyPath, assign, key_path_text, overlap, parse_key_path
from shoal.study._sentences import Mistake, elsewhere, is_known, is_whole, unknown_key, valid_keys
from shoal.study._study import Range, Search, Study
from shoal.study._vary import SECTIONS, plain, rehomed, vary_section
from shoal.wording import nearest, value_text

MOST: Final = 1_000_000
_STREAM: Final = 2**32 - 1  # no split of the rows has this number
Token = int | float  # names one value of an axis: its place in the list, or the number drawn


@dataclass(frozen=True)
class Axis:
    """One key of the space with its values."""

    key: str
    path: KeyPath
    values: list[Any] | Range

    def value(self, token: Token) -> Any:
        """Give the value that a token names."""
        return token if isinstance(self.values, Range) else self.values[int(token)]

    def home(self, token: Token) -> KeyPath:
        """Give the place of that value in the study."""
        here = ("search", "space", self.key)
        return here if isinstance(self.values, Range) else (*here, int(token))

    @property
    def size(self) -> float:
        """Number of different values; infinite for a continuous range."""
        if not isinstance(self.values, Range):
            return len(self.values)
        return self.values.high - self.values.low + 1 if self.values.integer else math.inf

    @cached_property
    def _ranked(self) -> list[int]:
        """Places of listed values in the order of `_rank`: draws do not see how they are listed."""
        values = [] if isinstance(self.values, Range) else self.values
        return sorted(range(len(values)), key=lambda place: _rank(values[place]))

    def token(self, uniform: float) -> Token:
        """Turn a draw from [0, 1) into a token.

        Continuous values are rounded to 6 digits: readable, and the same on every machine's logarithm.
        """
        if not isinstance(self.values, Range):
            return self._ranked[int(uniform * len(self.values))]
        low, high = self.values.low, self.values.high
        top = high + 1 if self.values.integer else high
        if self.values.log:
            drawn = math.exp(math.log(low) + uniform * (math.log(top) - math.log(low)))
        else:
            drawn = low + uniform * (top - low)
        drawn = min(max(math.floor(drawn) if self.values.integer else float(f"{drawn:.6g}"), low), high)
        return int(drawn) if self.values.integer else drawn


def _rank(value: object) -> tuple[bool, float, str]:
    """Order values: numbers by size, before others by their text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return False, value, ""
    return True, 0.0, json.dumps(value, sort_keys=True)


@dataclass(frozen=True)
class Space:
    """The axes in which nothing is wrong, what is wrong in the others, and the key paths of those."""

    axes: tuple[Axis, ...]
    mistakes: tuple[Mistake, ...]
    doubtful: tuple[KeyPath, ...]


def read_space(study: Study, search: Search) -> Space:
    """Check every key of the space and every one of its values by itself."""
    size = math.prod(len(values) for values in search.space.values() if not isinstance(values, Range))
    if not _drawn(search) and size > MOST:
        what = f'expected at most {MOST:,} candidates, got {size:,}; method = "random" draws some of them'
        return Space((), (Mistake(("search", "space"), what),), ())
    axes: list[Axis] = []
    mistakes: list[Mistake] = []
    doubtful: list[KeyPath] = []
    earlier: list[Axis] = []
    for key, values in search.space.items():
        try:
            axis = Axis(key, parse_key_path(key), values)
        except StudyError as error:
            mistakes.append(Mistake(("search", "space", key), error.problems[0].what))
            continue
        axis_mistakes = _axis_mistakes(study, search, axis, earlier)
        if len(axis.path) > 1:
            earlier.append(axis)
        mistakes += axis_mistakes
        if axis_mistakes:
            doubtful.append(axis.path)
        else:
            axes.append(axis)
    few = [] if mistakes else _samples_mistakes(search, axes)
    if few:
        return Space((), tuple(few), ())
    return Space(tuple(axes), tuple(mistakes), tuple(doubtful))


def settings(study: Study, search: Search, axes: tuple[Axis, ...]) -> Iterator[tuple[Token, ...]]:
    """Yield the token of every axis, once for each candidate."""
    if _drawn(search):
        yield from _draws(study, int(min(search.samples, MOST, math.prod(axis.size for axis in axes))), axes)
    else:
        yield from itertools.product(*(range(int(axis.size)) for axis in axes))


def _drawn(search: Search) -> bool:
    """Say whether the method draws settings from the space; a method that is unknown raises."""
    return row_of("search.method", SEARCHES, search.method).drawn


def _samples_mistakes(search: Search, axes: list[Axis]) -> list[Mistake]:
    """Say whether the space holds too few candidates to draw from."""
    size = math.prod(axis.size for axis in axes)
    if not _drawn(search) or search.samples <= min(size, MOST):
        return []
    limit = f"{MOST:,}" if size > MOST else f"{int(size):,}, all that the space holds"
    return [Mistake(("search", "samples"), f"expected at most {limit}, got {search.samples:,}")]


def _axis_mistakes(study: Study, search: Search, axis: Axis, earlier: list[Axis]) -> list[Mistake]:
    here = ("search", "space", axis.key)
    what = _key_mistake(axis) or next(
        (
            f"expected keys that do not overlap, got {axis.key} and {other.key}"
            for other in earlier
            if overlap(other.path, axis.path)
        ),
        "",
    )
    if not what and isinstance(axis.values, Range):
        if not _drawn(search):
            method = f'since method = "{search.method}", got a range; method = "random" draws from it'
            what = f"expected a list of values, {method}"
        elif is_whole(axis.path) and not axis.values.integer:
            what = f"expected integer = true, since {key_path_text(axis.path)} is a whole number, got false"
    elif not what and not axis.values:
        what = "expected at least one value, got an empty list"
    if what:
        return [Mistake(here, what)]
    try:
        assign({section: plain(getattr(study, section)) for section in SECTIONS}, axis.path, None)
    except StudyError as error:  # a list of the base study is shorter
        return [Mistake(here, error.problems[0].what, (axis.path[:2],))]
    return _value_mistakes(study, axis)


def _key_mistake(axis: Axis) -> str:
    """Say why no value of the study can be searched under this key."""
    path = axis.path
    if path[0] not in SECTIONS or len(path) == 1:
        keys = [f"{section}.{key}" for section in SECTIONS for key in valid_keys((section,))]
        meant = nearest(axis.key, keys) or elsewhere(axis.key)
        hint = f"; did you mean {meant}?" if meant in keys else ""
        return f"expected a key path inside network or training, got {value_text(axis.key)}{hint}"
    if path[:2] == ("training", "validation"):
        return "expected another key, since every candidate is validated on the same folds"
    unknown = next((path[: depth + 1] for depth in range(len(path)) if not is_known(path[: depth + 1])), None)
    return unknown_key(unknown) if unknown and isinstance(unknown[-1], str) else ""


def _value_mistakes(study: Study, axis: Axis) -> list[Mistake]:
    """Try every value of an axis by itself; what only goes wrong together with others is left for later."""
    here: KeyPath = ("search", "space", axis.key)
    if isinstance(axis.values, Range):
        number = int if axis.values.integer else float
        placed = [((*here, "low"), number(axis.values.low)), ((*here, "high"), number(axis.values.high))]
    else:
        placed = [((*here, index), value) for index, value in enumerate(axis.values)]
    mistakes: list[Mistake] = []
    seen: set[str] = set()
    for home, value in placed:
        varied = vary_section(study, str(axis.path[0]), [(axis.path, value)])
        if isinstance(varied, list):
            alone = [rehomed(mistake, {axis.path: home}) for mistake in varied if not mistake.together]
            mistakes += alone
            if alone:
                continue
        content = json.dumps(value if isinstance(varied, list) else plain(varied), sort_keys=True)
        if content in seen:
            mistakes.append(Mistake(home, f"expected another value, got {value_text(value)} again"))
        seen.add(content)
    return mistakes


def _draws(study: Study, samples: int, axes: tuple[Axis, ...]) -> Iterator[tuple[Token, ...]]:
    """Draw settings until `samples` different ones are found; draw `i` of an axis depends on its key alone."""
    import numpy as np

    from shoal.streams import Role, StreamKey, philox

    words = StreamKey(study.study.seed, _STREAM, 0).words(Role.SPLIT)
    layers = [
        int.from_bytes(hashlib.sha256(repr(axis.path).encode()).digest()[:4], "little") for axis in axes
    ]
    seen: set[tuple[Token, ...]] = set()
    for start in range(0, 50 * samples + 1000, samples):
        steps = np.arange(start, start + samples, dtype=np.uint32)
        columns = []
        for axis, layer in zip(axes, layers, strict=True):
            high, low, _, _ = philox(words, (0, layer, steps, 0)).astype(np.float64)
            columns.append(
                [axis.token(uniform) for uniform in ((high * 2.0**21 + low // 2**11) * 2.0**-53).tolist()]
            )
        for setting in zip(*columns, strict=True):
            if setting not in seen:
                seen.add(setting)
                yield setting
            if len(seen) == samples:
                return
