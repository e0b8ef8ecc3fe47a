"""A search's networks in lots: candidates whose transformers have the same places on a fold are planned together.

Letters: N rows, K outputs or classes.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from shoal.estimators._callbacks import muted
from shoal.estimators._estimator import NetworkEstimator
from shoal.estimators._inputs import Prepared, in_precision
from shoal.estimators._shared import Path, SharedTransformers, Shelf, is_step, path_of
from shoal.estimators._tasks import Task
from shoal.estimators._together import Held, SharedRows, planned

Parts = tuple[Any, Any]
"""X and y of some rows."""


class Spot(NamedTuple):
    """A candidate on a fold, by number."""

    candidate: int
    fold: int

    @property
    def key(self) -> str:
        """Its name as a task."""
        return f"{self.candidate} {self.fold}"

    @classmethod
    def of(cls, key: str) -> Self:
        """Read the name."""
        return cls(*map(int, key.split()))


@dataclass(frozen=True, eq=False)
class Found:
    """A network at the end of an estimator: its parameters' prefix, and the Pipelines on the way, with theirs."""

    prefix: str
    network: NetworkEstimator
    pipelines: tuple[tuple[str, Pipeline], ...]


def network_in(estimator: Any) -> Found | None:
    """Find one of our estimators, alone or as the last step of Pipelines; None for any other."""
    prefix, pipelines = "", []
    while isinstance(estimator, Pipeline) and estimator.steps:
        pipelines.append((prefix, estimator))
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    if not isinstance(estimator, NetworkEstimator):
        return None
    return Found(prefix, estimator, tuple(pipelines))


@dataclass(eq=False)
class Lots:
    """The candidates of a search on its folds. Every fit gets rows of its own, as in scikit-learn."""

    estimator: Any
    candidates: Sequence[Mapping[str, Any]]
    x: Any
    y: Any
    splits: Sequence[tuple[Any, Any]]
    fit_params: Mapping[str, Any]
    shared: SharedTransformers
    train_scores: bool
    _ways: dict[Spot, Path] = field(default_factory=dict)

    def candidate(self, number: int) -> Any:
        """Make the estimator of a candidate, as scikit-learn does."""
        return clone(self.estimator).set_params(**clone(dict(self.candidates[number]), safe=False))

    def parts(self, rows: Any, train: Any = None) -> Parts:
        """Take rows out of X and y, as scikit-learn does."""
        return tuple(_safe_split(self.estimator, self.x, self.y, rows, train))

    def way(self, spot: Spot) -> Path:
        """Give the places of the transformers of what was planned."""
        return self._ways[spot]

    # -- planning ------------------------------------------------------------------------------------------------

    def of(self, numbers: Sequence[int]) -> Iterator[list[Task]]:
        """Plan candidates on every fold, lot by lot; what fails before it trains is in none."""
        found = {number: self._own(network_in(self.candidate(number))) for number in numbers}
        for fold in range(len(self.splits)):
            lots: dict[Path, list[int]] = {}
            for number, way in found.items():
                if way is not None:
                    path = path_of(way.pipelines, way.prefix, self.candidates[number], fold)
                    lots.setdefault(path, []).append(number)
            for path in self.shared.expect(Counter({path: len(lot) for path, lot in lots.items()})):
                if tasks := list(self._lot(fold, path, lots[path])):
                    yield tasks

    def task(self, spot: Spot) -> Task | None:
        """Plan one candidate on one fold by itself; None where it fails before it trains."""
        found = self._own(network_in(self.candidate(spot.candidate)))
        if found is None:
            return None
        path = path_of(found.pipelines, found.prefix, self.candidates[spot.candidate], spot.fold)
        self.shared.expect(Counter([path]))
        task = next(self._lot(spot.fold, path, [spot.candidate]), None)
        self.shared.done_with(path)
        return task

    def scored(self, spot: Spot) -> None:
        """Let go of what nobody needs, once a planned candidate is scored."""
        self.shared.done_with(self._ways[spot])

    def _own(self, found: Found | None) -> Found | None:
        """Find a network only where all Pipelines on the way share transformers."""
        shared = found is not None and all(isinstance(one.memory, Shelf) for _, one in found.pipelines)
        return found if shared else None

    def _lot(self, fold: int, path: Path, numbers: Sequence[int]) -> Iterator[Task]:
        train, test = self.splits[fold]
        learned, rows = self.parts(train), SharedRows()
        held: dict[tuple[type, str], Held | None] = {}
        for number in numbers:
            estimator = muted(self.candidate(number))
            found = network_in(estimator)
            assert found is not None  # noqa: S101 - it was found before
            fit_params = _check_method_params(self.x, params=self.fit_params, indices=train)
            with self.shared.planning(path):
                task = planned(lambda: _fit(estimator, *learned, fit_params), found.network)  # noqa: B023
            if task is None or task.start is not None:
                self.shared.done_with(path)
                continue
            kind = (type(found.network), found.network.dtype)
            if kind not in held:
                transformers = self.shared.transformers(path)
                held[kind] = _held_out(found.network, transformers, task, learned[1], self.parts(test, train))
            spot = Spot(number, fold)
            self._ways[spot] = path
            yield replace(rows.of(task, held[kind]), key=spot.key)
        if path and self._wrote(learned, self.parts(train)):
            self.shared.wrote(path)
        self.shared.planned(path)

    def _wrote(self, learned: Parts, fresh: Parts) -> bool:
        """Whether transformers wrote into y, or into X where that is scored again."""
        looked_at = zip(learned, fresh, strict=True) if self.train_scores else [(learned[1], fresh[1])]
        return not all(one is other or _same(one, other) for one, other in looked_at)

    # -- what came of it -----------------------------------------------------------------------------------------

    def fitted(self, spot: Spot, network: NetworkEstimator | None) -> Any:
        """Give a candidate as it was fitted on a fold: put together of its parts, or fitted again."""
        estimator = self.candidate(spot.candidate)
        transformers = self.shared.transformers(self._ways[spot]) if spot in self._ways else None
        if network is None or transformers is None:
            train, _ = self.splits[spot.fold]
            fit_params = _check_method_params(self.x, params=self.fit_params, indices=train)
            _fit(muted(estimator), *self.parts(train), fit_params)
            return estimator
        found, parts = network_in(estimator), iter(transformers)
        assert found is not None  # noqa: S101 - it was planned
        for _, pipeline in found.pipelines:
            steps = [(name, next(parts) if is_step(step) else step) for name, step in pipeline.steps[:-1]]
            name, last = pipeline.steps[-1]
            pipeline.steps = [*steps, (name, last if isinstance(last, Pipeline) else network)]
        return estimator if found.pipelines else network


def _fit(estimator: Any, x: Any, y: Any, fit_params: Mapping[str, Any]) -> None:
    if y is None:
        estimator.fit(x, **fit_params)
    else:
        estimator.fit(x, y, **fit_params)


def _held_out(
    network: NetworkEstimator, transformers: list[Any] | None, task: Task, learned_y: Any, held: Parts
) -> Held | None:
    """Make the rows held out ready to draw a validation curve; None where they cannot, as with a class never seen."""
    x, y = held
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for transformer in transformers or ():
                x = transformer.transform(x)
            noted = network._targets(learned_y, _unlabelled(task.x), None).fitted
            inputs = in_precision(network._checked(x, reset=False), network.dtype)
            prepared = network._targets(
                y, _unlabelled(inputs), noted.get("classes_", noted.get("n_outputs_"))
            )
    except Exception:  # the curve is missing; scores are scikit-learn's matter
        return None
    strange = network._kind == "classification" and (prepared.y < 0).any()
    return None if strange or not len(prepared.x) or transformers is None else (prepared.x, prepared.y)


def _same(one: Any, other: Any) -> bool:
    """Whether rows hold the same: False where that cannot be told."""
    if callable(getattr(one, "equals", None)):
        return bool(one.equals(other)) and list(getattr(one, "columns", ())) == list(
            getattr(other, "columns", ())
        )
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))
    return False


def _unlabelled(x: NDArray[Any]) -> Prepared:
    return Prepared(x, x[:0], np.arange(len(x), dtype=np.int64), 0)
