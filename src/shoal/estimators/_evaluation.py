"""One run of a search: every candidate on every fold planned, trained, scored by scikit-learn, kept.

Letters: C candidates, F folds, N rows, K outputs or classes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.metrics import get_scorer
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, indexable
from sklearn.utils.validation import _num_samples

from shoal.estimators._cv_results import held_out_means
from shoal.estimators._estimator import NetworkEstimator
from shoal.estimators._lots import Fitted, Lots, Spot, last_of, network_in
from shoal.estimators._order import Options, SearchOrder, TrainedFits
from shoal.estimators._parameters import SEEDS
from shoal.estimators._planning import held_rows
from shoal.estimators._shared_transformers import SharedTransformers, Shelf
from shoal.estimators._training_tasks import TaskResult
from shoal.estimators._turns import Turn, Turns

if TYPE_CHECKING:
    from pandas import DataFrame

_SCORERS: Final = type(get_scorer("accuracy")).__module__


@dataclass(frozen=True, eq=False)
class SearchRecord:
    """What stays of a search: curves of every fit, how many rows folds have, the chosen candidate's folds.

    `fits` holds candidate, fold and what came of the fit, without parameters.
    """

    fits: tuple[tuple[int, int, TaskResult], ...]
    train_rows_F: NDArray[np.int64]
    test_rows_F: NDArray[np.int64]
    fold_networks: tuple[NetworkEstimator | None, ...]
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
    """One run: the estimator as it is searched, its rows, and what comes of every candidate and fold.

    Of that estimator all candidates share one seed (drawn once where none was given, so that they are compared in
    pairs), and transformers. `changes` says what it has in place of what was given.
    """

    search: Any
    estimator: Any
    changes: dict[str, tuple[Any, Any]]
    x: Any
    y: Any
    options: Options
    shared: SharedTransformers
    routed: Any = None
    candidates: list[dict[str, Any]] = field(default_factory=list)
    lots: Lots = field(init=False)
    _fits: TrainedFits = field(default_factory=TrainedFits)
    _before: int = 0

    @classmethod
    def of(cls, search: Any, x: Any, y: Any, options: Options) -> Evaluation:
        """Begin, for a search around an estimator that ends in a network."""
        searched = clone(search.estimator)
        last = network_in(searched)
        assert last is not None  # noqa: S101 - the caller has looked
        shared = SharedTransformers()
        changes: dict[str, tuple[Any, Any]] = {
            f"{prefix}memory": (pipeline.memory, Shelf(shared, pipeline.memory))
            for prefix, pipeline in last.pipelines
        }
        if last.network.random_state is None:
            seed = int(check_random_state(None).randint(SEEDS))
            changes[f"{last.prefix}random_state"] = (None, seed)
        searched.set_params(**{name: ours for name, (_, ours) in changes.items()})
        return cls(search, searched, changes, x, y, options, shared)

    @property
    def jobs(self) -> int:
        """How many processes may work: this one alone where callbacks of the search are told of its fits."""
        return 1 if getattr(self.search, "_skl_callbacks", None) else self.options.jobs

    def restore(self, fitted: Any) -> None:
        """Give an estimator what it was given, in place of what the search had put there."""
        parameters = fitted.get_params()
        originals = {name: was for name, (was, ours) in self.changes.items() if parameters.get(name) is ours}
        fitted.set_params(**originals)

    def run(
        self,
        evaluate: Callable[..., Any],
        candidates: Any,
        cv: Any = None,
        more_results: Any = None,
        **context: Any,
    ) -> Any:
        """Do what scikit-learn's `evaluate` does; `turns` says in which order, and who trains."""
        self.x, self.y = indexable(self.x, self.y)
        splitter = cv or check_cv(self.search.cv, self.y, classifier=is_classifier(self.search.estimator))
        splits = list(splitter.split(self.x, self.y, **self.routed.splitter.split))
        self._before = len(self.candidates)
        self.candidates += candidates
        self.lots = Lots(
            self.estimator,
            self.candidates,
            self.x,
            self.y,
            splits,
            self.routed.estimator.fit,
            self.shared,
            train_scores=self.search.return_train_score,
            only_predicts=_only_predicts(self.search.scoring),
        )
        try:
            return evaluate(self.candidates[self._before :], _Fixed(splits), more_results, **context)
        except BaseException as error:
            if isinstance(error, ValueError):
                self._refuse_settings()
            del self.candidates[self._before :]  # somebody's own class may go on with others
            raise

    def _refuse_settings(self) -> None:
        """Raise what the estimator as it was given says to the settings of a candidate: it names no parts of ours."""
        for settings in self.candidates[self._before :]:
            estimator, own = clone(self.estimator), clone(dict(settings), safe=False)
            self.restore(estimator)
            try:
                estimator.set_params(**own)
            except ValueError as error:
                raise error from None

    def turns(self, work: Turns) -> Generator[Turn, None, None]:
        """Say which fit is next, and surround it by its answers."""
        return SearchOrder(work, self.lots, self._fits, self.options, self.search, self._before).turns()

    # -- what came of it -----------------------------------------------------------------------------------------

    def put_times(self, out: Sequence[dict[str, Any]]) -> None:
        """Put the time that each network took to train in place of the time it took to hand it out."""
        for spot, result in zip(self._spots(), out, strict=True):
            if spot in self._fits.trained:
                result["fit_time"] = self._fits.trained[spot].seconds

    def parameters(self) -> list[float]:
        """Count the parameters of every candidate's network, on its largest fold; of no network, infinitely many."""
        return [self._fits.parameters.get(number, math.inf) for number in range(len(self.candidates))]

    def fold_rows(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Count the rows that every fold trains on and holds out, both (F,)."""
        train_rows_F, test_rows_F = np.array(
            [[len(held_rows(train)), len(held_rows(test))] for train, test in self.lots.splits]
        ).T
        return train_rows_F, test_rows_F

    def record(self, chosen: int | None) -> SearchRecord:
        """Keep what stays: of the chosen candidate, if there is one, also the networks of its folds."""
        folds = range(len(self.lots.splits))
        fitted = [] if chosen is None else [self._fitted(Spot(chosen, fold)) for fold in folds]
        train_rows_F, test_rows_F = self.fold_rows()
        return SearchRecord(
            fits=tuple(
                (*spot, self._fits.trained[spot]) for spot in self._spots() if spot in self._fits.trained
            ),
            train_rows_F=train_rows_F,
            test_rows_F=test_rows_F,
            fold_networks=tuple(
                None if estimator is None else last_of(estimator.last) for estimator in fitted
            ),
            held_out=self._held_out(fitted),
        )

    def _spots(self) -> Iterator[Spot]:
        folds = range(len(self.lots.splits))
        return (Spot(number, fold) for number, fold in product(range(len(self.candidates)), folds))

    def _fitted(self, spot: Spot) -> Fitted | None:
        """Give a candidate as it was fitted on a fold; None where it failed."""
        if spot in self._fits.trained and self._fits.trained[spot].status != "ok":
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # all was told where it was scored
            try:
                return self.lots.fitted(spot, self._fits.networks.get(spot))
            except Exception:  # counted and told by scikit-learn
                return None

    def _held_out(self, fitted: Sequence[Fitted | None]) -> NDArray[np.float64]:
        classes = _classes_of(self.y) if is_classifier(self.estimator) else None
        parts = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for fold, estimator in enumerate(fitted):
                if estimator is None:
                    continue
                with suppress(Exception):  # rows of which nothing can be predicted; their score is NaN
                    rows = held_rows(self.lots.splits[fold][1])
                    parts.append((rows, _answers(estimator.last, estimator.held_out(), classes)))
        return held_out_means(_num_samples(self.x), parts)


class _Fixed:
    """Splits that are drawn already, as a splitter."""

    def __init__(self, splits: list[Any]) -> None:
        self._splits = splits

    def split(self, *_: Any, **__: Any) -> list[Any]:
        """Give them."""
        return self._splits


def _only_predicts(scoring: Any) -> bool:
    """Whether scores are made of predictions alone: somebody else's scorer may do what it likes with an estimator."""
    scoring = getattr(scoring, "_scorers", scoring)  # of several, as `sklearn.metrics.check_scoring` makes it
    if isinstance(scoring, list | tuple | set | dict):
        return all(map(_only_predicts, scoring.values() if isinstance(scoring, dict) else scoring))
    return scoring is None or isinstance(scoring, str) or type(scoring).__module__ == _SCORERS


def _classes_of(y: Any) -> NDArray[Any]:
    """Give the classes of targets; of several labels, which stand in columns, their numbers."""
    several = len(getattr(y, "shape", np.shape(y))) == 2 and np.shape(y)[1] > 1
    return np.arange(np.shape(y)[1]) if several else np.unique(np.asarray(y))


def _answers(estimator: Any, x: Any, classes: NDArray[Any] | None) -> NDArray[np.float64]:
    """Predict numbers, or probabilities of `classes`: 0 for one that the estimator never saw."""
    if classes is None:
        return np.asarray(estimator.predict(x), np.float64)
    seen = estimator.predict_proba(x)
    probability_NK = np.zeros((len(seen), len(classes)))
    probability_NK[:, np.searchsorted(classes, estimator.classes_)] = seen
    return probability_NK
