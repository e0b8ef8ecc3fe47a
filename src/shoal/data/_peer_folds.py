"""Splits that a class of scikit-learn draws, by its own name: imported when a study asks for one.

Letters: N training rows.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import DataError, Problem, StudyError
from shoal.wording import did_you_mean, listed, quoted, visible

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PeerRows:
    """What such a class is shown of the training rows: targets (N, K) or class numbers (N,), groups, times.

    Rows that have times are shown in their order, of equal ones in that of the table; else in that of the table.
    """

    y: NDArray[Any]
    groups: NDArray[Any] | None
    time_N: NDArray[np.float64] | None

    def shown(self) -> tuple[Rows, dict[str, Any]]:
        """Give the rows in the order in which they are shown, and the arguments of its methods."""
        order_N = np.arange(len(self.y)) if self.time_N is None else np.argsort(self.time_N, kind="stable")
        groups = None if self.groups is None else self.groups[order_N]
        return order_N, {"X": np.zeros((len(self.y), 1)), "y": self.y[order_N], "groups": groups}


@dataclass(frozen=True)
class Peer:
    """A class of scikit-learn's by its `name`, its arguments, the seed of the study and the `key` that asks for it."""

    name: str
    options: Mapping[str, Any]
    seed: int
    key: str


def peer_count(peer: Peer, rows: PeerRows) -> int:
    """Count the splits of a class of scikit-learn's, without drawing any; raises as `peer_splits` does."""
    splitter = _splitter(peer)
    return int(_asked(peer, lambda: splitter.get_n_splits(**rows.shown()[1])))


def peer_splits(peer: Peer, rows: PeerRows) -> list[tuple[Rows, Rows]]:
    """Give the rows to train on and to validate on of each of its splits, sorted.

    Its `random_state` is the seed where it takes one, draws, and the options have none. Raises StudyError for a name or
    options that it does not have, DataError for whatever it refuses, or warns of.
    """
    splitter = _splitter(peer)
    order_N, shown = rows.shown()
    pairs = _asked(peer, lambda: list(splitter.split(**shown)))
    if any(not len(train) or not len(judged) for train, judged in pairs):
        what = (
            f"expected rows on both sides of each split, got none on one side of scikit-learn's {peer.name}"
        )
        raise DataError(Problem(peer.key, what))
    return [(np.sort(order_N[train]), np.sort(order_N[judged])) for train, judged in pairs]


def _splitter(peer: Peer) -> Any:
    """Make one, as the options say. Raises as `peer_splits` does."""
    kind = _class(peer)
    known = inspect.signature(kind).parameters
    strange = [option for option in peer.options if option not in known]
    if strange:
        takes = f"takes ({listed(list(known))})" if known else "takes (none)"
        got = quoted(strange[0]) + did_you_mean(strange[0], list(known), quoted)
        raise StudyError(
            Problem(f"{peer.key}.options", f"expected options that {peer.name} {takes}, got {got}")
        )
    arguments = dict(peer.options)
    draws = arguments.get("shuffle", known["shuffle"].default) if "shuffle" in known else True
    if "random_state" in known and draws:
        arguments.setdefault("random_state", random_state(peer.seed))
    return _asked(peer, lambda: kind(**arguments))


def random_state(seed: int) -> np.random.RandomState:
    """Seed scikit-learn's generator; seeds that it does not take become two words."""
    return np.random.RandomState(seed if seed < 2**32 else [seed % 2**32, seed // 2**32])


def _class(peer: Peer) -> Any:
    """Find the class of that name which splits rows. Raises StudyError where there is none."""
    from sklearn import model_selection

    splitters = {
        each: kind
        for each, kind in vars(model_selection).items()
        if inspect.isclass(kind) and not inspect.isabstract(kind)
        if {"split", "get_n_splits"} <= set(dir(kind))
    }
    if peer.name not in splitters:
        what = "expected a kind of folds, or a class of sklearn.model_selection that splits rows"
        got = quoted(peer.name) + did_you_mean(peer.name, list(splitters), quoted)
        raise StudyError(Problem(f"{peer.key}.kind", f"{what}, got {got}"))
    return splitters[peer.name]


def _asked(peer: Peer, ask: Callable[[], Any]) -> Any:
    """Ask scikit-learn. Raises DataError for what it refuses, and what it warns of, in its own words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            warnings.filterwarnings(
                "ignore", "The groups parameter is ignored"
            )  # folds that divide them are said
            return ask()
    except (ValueError, TypeError, IndexError, Warning) as error:
        what = f"scikit-learn's {peer.name} refuses that: {visible(str(error).partition(chr(10))[0])}"
        raise DataError(Problem(peer.key, what)) from error
