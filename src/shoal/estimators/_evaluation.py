"""One run of a search: every candidate on every fold planned, trained together, scored by scikit-learn, kept.

Letters: C candidates, F folds, N rows, K outputs or classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state, indexable
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params, _num_samples

from shoal.estimators._cv_results import held_out_means
from shoal.estimators._estimator import NetworkEstimator
from shoal.estimators._inputs import Prepared, in_precision
from shoal.estimators._parameters import SEEDS
from shoal.estimators._shared import SharedTransformers
from shoal.estimators._tasks import Task, Trained
from shoal.estimators._together import Held, Together, held_rows, planned

if TYPE_CHECKING:
    from pandas import DataFrame

Parts = tuple[Any, Any]
"""X and y of some rows."""


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


@dataclass(frozen=True, eq=False)
class Kept:
    """What stays of a search: curves of every fit, rows of a fold on average, the chosen candidate's folds.

    `fits` holds candidate, fold and what came of the fit, without parameters.
    """

    fits: tuple[tuple[int, int, Trained], ...]
    train_rows: float
    test_rows: float
    fold_estimators: tuple[Any, ...]
    held_out: NDArray[np.float64]

    def curves(self) -> DataFrame:
        """One row an evaluated epoch of every fit."""
        import pandas as pd

        parts = [
            pd.DataFrame({"candidate": candidate, "fold": fold, "status": trained.status, **trained.curves})
            for candidate, fold, trained in self.fits
        ]
        frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        return frame.astype({"epoch": np.int64}) if "epoch" in frame else frame


@dataclass(eq=False)
class Evaluation:
    """One run: the estimator as it is searched, its rows, and the networks trained together.

    Of that estimator all candidates share one seed (drawn once where none was given, so that they are compared in
    pairs) and fit each transformer once a fold. `changes` says what it has in place of what was given.
    """

    estimator: Any
    changes: dict[str, tuple[Any, Any]]
    x: Any
    y: Any
    together: Together
    routed: Any = None
    candidates: list[dict[str, Any]] = field(default_factory=list)
    splits: list[tuple[NDArray[Any], NDArray[Any]]] = field(default_factory=list)
    names: dict[tuple[int, int], str] = field(default_factory=dict)
    _held: dict[tuple[Any, ...], Held | None] = field(default_factory=dict)

    @classmethod
    def of(cls, estimator: Any, x: Any, y: Any, together: Together) -> Evaluation:
        """Begin, around an estimator that ends in a network."""
        searched = clone(estimator)
        found = network_in(searched)
        assert found is not None  # noqa: S101 - the caller has looked
        shared = SharedTransformers()
        changes: dict[str, tuple[Any, Any]] = {
            f"{prefix}memory": (None, shared)
            for prefix, pipeline in found.pipelines
            if pipeline.memory is None
        }
        if found.network.random_state is None:
            seed = int(check_random_state(None).randint(SEEDS))
            changes[f"{found.prefix}random_state"] = (None, seed)
        searched.set_params(**{name: ours for name, (_, ours) in changes.items()})
        return cls(searched, changes, x, y, together)

    def restore(self, fitted: Any) -> None:
        """Give an estimator what it was given, in place of what the search had put there."""
        held = fitted.get_params()
        given = {name: was for name, (was, ours) in self.changes.items() if held.get(name) is ours}
        fitted.set_params(**given)

    # -- planning ----------------------------------------------------------------------------------------------

    def run(
        self,
        search: Any,
        evaluate: Callable[..., Any],
        candidates: Any,
        cv: Any = None,
        more_results: Any = None,
        **context: Any,
    ) -> Any:
        """Do what scikit-learn's `evaluate` does, with every network trained before it is asked for."""
        self.x, self.y = indexable(self.x, self.y)
        splitter = cv or check_cv(search.cv, self.y, classifier=is_classifier(search.estimator))
        self.candidates = list(candidates)
        self.splits = list(splitter.split(self.x, self.y, **self.routed.splitter.split))
        for fold, split in enumerate(self.splits):
            self._plan_fold(fold, *split)
        self.together.start()
        with self.together.answers():
            return evaluate(self.candidates, _Fixed(self.splits), more_results, **context)

    def _plan_fold(self, fold: int, train: Any, test: Any) -> None:
        learned, held = self._parts(train), self._parts(test, train)
        fit_params = _check_method_params(self.x, params=self.routed.estimator.fit, indices=train)
        for number in range(len(self.candidates)):
            self._plan(number, fold, learned, held, fit_params)

    def _plan(self, number: int, fold: int, learned: Parts, held: Parts, fit_params: dict[str, Any]) -> None:
        """Note what a candidate would train on a fold; what fails here fails again where it is scored."""
        try:
            estimator = self._candidate(self.candidates[number])
        except Exception:
            return
        found = network_in(estimator)
        if found is None:
            return
        for one in (estimator, found.network):
            one.__dict__.pop("_skl_callbacks", None)  # they are told of the fit itself
        wanted = planned(lambda: _fit(estimator, *learned, fit_params))
        if wanted is None:
            return
        # Without transformers every candidate meets the same rows.
        kind = (fold, type(found.network), found.network.dtype, number if found.pipelines else None)
        if kind not in self._held:
            self._held[kind] = _held_out(found, wanted.task, learned[1], held)
        self.names[number, fold] = self.together.plan(wanted, self._held[kind])

    def _candidate(self, settings: Mapping[str, Any]) -> Any:
        return clone(self.estimator).set_params(**clone(dict(settings), safe=False))

    def _parts(self, rows: Any, train: Any = None) -> Parts:
        return tuple(_safe_split(self.estimator, self.x, self.y, rows, train))

    # -- what came of it -----------------------------------------------------------------------------------------

    def put_times(self, out: Sequence[dict[str, Any]]) -> None:
        """Put the time that each network took to train in place of the time it took to hand it out."""
        places = product(range(len(self.candidates)), range(len(self.splits)))
        for place, came in zip(places, out, strict=True):
            trained = self._trained(*place)
            if trained is not None:
                came["fit_time"] = trained.seconds

    def parameters(self) -> list[float]:
        """Count the parameters of every candidate's network, on its largest fold; of no network, infinitely many."""
        counts: dict[int, float] = {}
        for (number, _), name in self.names.items():
            count = self.together.task(name).job.architecture.parameter_count
            counts[number] = max(counts.get(number, 0), count)
        return [counts.get(number, math.inf) for number in range(len(self.candidates))]

    def kept(self, chosen: Mapping[str, Any] | None) -> Kept:
        """Keep what stays: of the chosen candidate, if there is one, also the networks of its folds."""
        places = product(range(len(self.candidates)), range(len(self.splits)))
        fits = [(*place, self._trained(*place)) for place in places]
        sizes = [(_num_samples(train), _num_samples(test)) for train, test in self._numbers()]
        fitted = () if chosen is None else tuple(self._fitted(chosen))
        return Kept(
            fits=tuple((c, f, replace(one, parameters={})) for c, f, one in fits if one is not None),
            train_rows=float(np.mean([train for train, _ in sizes])),
            test_rows=float(np.mean([test for _, test in sizes])),
            fold_estimators=fitted,
            held_out=self._held_out(fitted),
        )

    def _trained(self, candidate: int, fold: int) -> Trained | None:
        name = self.names.get((candidate, fold))
        return None if name is None else self.together.result(name)

    def _numbers(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        return ((held_rows(train), held_rows(test)) for train, test in self.splits)

    def _fitted(self, settings: Mapping[str, Any]) -> Iterator[Any]:
        """Fit a candidate on every fold once more, by the networks that are there; None where it is sick."""
        with self.together.answers():
            for train, _ in self.splits:
                fit_params = _check_method_params(self.x, params=self.routed.estimator.fit, indices=train)
                estimator = self._candidate(settings)
                try:
                    _fit(estimator, *self._parts(train), fit_params)
                except Exception:  # counted and told by scikit-learn
                    yield None
                else:
                    self.restore(estimator)
                    yield estimator

    def _held_out(self, fitted: Sequence[Any]) -> NDArray[np.float64]:
        classes = np.unique(np.asarray(self.y)) if is_classifier(self.estimator) else None
        parts = []
        for estimator, (train, test) in zip(fitted, self.splits, strict=bool(fitted)):
            if estimator is not None:
                predicted = _answers(estimator, self._parts(test, train)[0], classes)
                parts.append((held_rows(test), predicted))
        return held_out_means(_num_samples(self.x), parts)


class _Fixed:
    """Splits that are drawn already, as a splitter."""

    def __init__(self, splits: list[Any]) -> None:
        self._splits = splits

    def split(self, *_: Any, **__: Any) -> list[Any]:
        """Give them."""
        return self._splits


def _fit(estimator: Any, x: Any, y: Any, fit_params: Mapping[str, Any]) -> None:
    if y is None:
        estimator.fit(x, **fit_params)
    else:
        estimator.fit(x, y, **fit_params)


def _held_out(found: Found, task: Task, learned_y: Any, held: Parts) -> Held | None:
    """Make the rows held out ready to draw a validation curve; None where they cannot, as with a class never seen."""
    network, (x, y) = found.network, held
    try:
        for _, pipeline in found.pipelines:
            x = pipeline[:-1].transform(x) if len(pipeline) > 1 else x
        noted = network._targets(learned_y, _unlabelled(task.x), None).fitted
        inputs = in_precision(network._checked(x, reset=False), network.dtype)
        prepared = network._targets(y, _unlabelled(inputs), noted.get("classes_", noted.get("n_outputs_")))
    except Exception:  # the curve is missing; scores are scikit-learn's matter
        return None
    strange = found.network._kind == "classification" and (prepared.y < 0).any()
    return None if strange or not len(prepared.x) else (prepared.x, prepared.y)


def _unlabelled(x: NDArray[Any]) -> Prepared:
    return Prepared(x, x[:0], np.arange(len(x), dtype=np.int64), 0)


def _answers(estimator: Any, x: Any, classes: NDArray[Any] | None) -> NDArray[np.float64]:
    """Predict numbers, or probabilities of `classes`: 0 for one that the estimator never saw."""
    if classes is None:
        return np.asarray(estimator.predict(x), np.float64)
    seen = estimator.predict_proba(x)
    probability_NK = np.zeros((len(seen), len(classes)))
    probability_NK[:, np.searchsorted(classes, estimator.classes_)] = seen
    return probability_NK
