"""One run of a search: every candidate on every fold planned, trained, scored by scikit-learn, kept.

Letters: C candidates, F folds, N rows, K outputs or classes.
"""

from __future__ import annotations

import math
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, indexable
from sklearn.utils.validation import _num_samples

from shoal.estimators._answers import Fit, Given, answered, first_asked
from shoal.estimators._callbacks import told_of
from shoal.estimators._cv_results import held_out_means
from shoal.estimators._estimator import NetworkEstimator
from shoal.estimators._lots import Found, Lot, Lots, Spot, last_of, network_in, transformed
from shoal.estimators._parameters import SEEDS
from shoal.estimators._pieces import Piece
from shoal.estimators._shared import SharedTransformers, Shelf
from shoal.estimators._tasks import Task, Trained, jobs_at_once, light_seconds, train
from shoal.estimators._together import Spoken, held_rows
from shoal.estimators._turns import Turn, Turns

if TYPE_CHECKING:
    from pandas import DataFrame


AWAY_SECONDS: Final = 0.5
"""How long the networks of what a helper does whole may take to train: so long may others wait for it in the end."""
FEWEST: Final = 3
"""Candidates on a fold are not done by several where they are no more than these: each fits the transformers."""


@dataclass(frozen=True, eq=False)
class Kept:
    """What stays of a search: curves of every fit, rows of a fold on average, the chosen candidate's folds.

    `fits` holds candidate, fold and what came of the fit, without parameters.
    """

    fits: tuple[tuple[int, int, Trained], ...]
    train_rows: float
    test_rows: float
    fold_networks: tuple[Found | None, ...]
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


@dataclass(frozen=True)
class Options:
    """How networks are trained: `n_jobs` at a time (None is one a core), kept in the folder `store`, told to `say`."""

    n_jobs: int | None
    store: Path | None
    say: Callable[[str], None] | None

    @property
    def jobs(self) -> int:
        """How many processes may work, as scikit-learn has it: one where nothing was said, or one keeps a store."""
        return 1 if self.n_jobs is None or self.store else jobs_at_once(self.n_jobs)

    def watcher(self, tasks: int) -> Spoken | None:
        """Give who says how many of so many networks are trained."""
        return Spoken(self.say, tasks) if self.say else None

    def of(self, lots: Iterator[list[Task]], watcher: Spoken | None) -> Generator[Trained, None, None]:
        """Train lots of tasks, so many at the most."""
        return train(
            lots, n_jobs=-1 if self.n_jobs is None else self.n_jobs, store=self.store, watcher=watcher
        )


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
    lots: Lots | None = None
    _waiting: deque[Lot] = field(default_factory=deque)
    _seconds: float = math.inf
    _alone: set[Spot] = field(default_factory=set)
    _watcher: Spoken | None = None
    _before: int = 0
    _trained: dict[Spot, Trained] = field(default_factory=dict)
    _networks: dict[Spot, NetworkEstimator] = field(default_factory=dict)
    _parameters: dict[int, float] = field(default_factory=dict)

    @classmethod
    def of(cls, search: Any, x: Any, y: Any, options: Options) -> Evaluation:
        """Begin, for a search around an estimator that ends in a network."""
        searched = clone(search.estimator)
        found = network_in(searched)
        assert found is not None  # noqa: S101 - the caller has looked
        shared = SharedTransformers()
        changes: dict[str, tuple[Any, Any]] = {
            f"{prefix}memory": (pipeline.memory, Shelf(shared, pipeline.memory))
            for prefix, pipeline in found.pipelines
        }
        if found.network.random_state is None:
            seed = int(check_random_state(None).randint(SEEDS))
            changes[f"{found.prefix}random_state"] = (None, seed)
        searched.set_params(**{name: ours for name, (_, ours) in changes.items()})
        return cls(search, searched, changes, x, y, options, shared)

    @property
    def jobs(self) -> int:
        """How many processes may work: this one alone where callbacks of the search are told of its fits."""
        return 1 if getattr(self.search, "_skl_callbacks", None) else self.options.jobs

    def restore(self, fitted: Any) -> None:
        """Give an estimator what it was given, in place of what the search had put there."""
        held = fitted.get_params()
        given = {name: was for name, (was, ours) in self.changes.items() if held.get(name) is ours}
        fitted.set_params(**given)

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
        )
        try:
            return evaluate(self.candidates[self._before :], _Fixed(splits), more_results, **context)
        except ValueError:
            self._refuse_settings()
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

    # -- the order of fits ---------------------------------------------------------------------------------------

    def turns(self, work: Turns) -> Generator[Turn, None, None]:
        """Say which fit is next, and surround it by its answers.

        First come the networks that the engine trains, as they end, and what other processes have done beside it.
        Fits that callbacks listen to, and those that end before a network is trained, follow in scikit-learn's order:
        they are done where they are scored.
        """
        assert self.lots is not None  # noqa: S101 - joblib calls from within `run`
        numbers = range(self._before, len(self.candidates))
        folds = range(len(self.lots.splits))
        looks = {number: self.lots.plain(number) for number in numbers}
        told = {
            id(look): told_of(self.search, look) for look in {id(one): one for one in looks.values()}.values()
        }
        heard = {number for number, look in looks.items() if told[id(look)]}
        quiet = [number for number in numbers if number not in heard]
        left = set(product(numbers, folds))
        most = max(FEWEST, len(left) // (2 * self.jobs))
        self._waiting = deque(self.lots.laid_out(quiet, most))
        self._watcher = self.options.watcher(len(quiet) * len(folds))
        with closing(self.options.of(self._planned(work), self._watcher)) as results:
            for trained in results:
                spot = Spot.of(trained.key)
                left.remove(spot)
                yield self._turn(work, spot, trained)
                self.lots.scored(spot)
                yield from self._back(work, left)
        while work.processes.away:
            yield from self._back(work, left, wait=True)
        for number, fold in sorted(left):
            spot = Spot(number, fold)
            yield self._turn(
                work, spot, self.lots.task(spot) if number in heard or spot in self._alone else None
            )

    def _planned(self, work: Turns) -> Iterator[list[Task]]:
        """Plan lot by lot what nobody else does."""
        assert self.lots is not None  # noqa: S101
        while self._waiting:
            tasks = self.lots.planned(self._waiting.popleft())
            self._seconds = max(map(light_seconds, tasks), default=self._seconds)
            self._send(work)
            if tasks:
                yield tasks

    def _send(self, work: Turns) -> None:
        """Have lots done by other processes: where networks are trained so soon that all else takes longer.

        Others are better trained one by one, by whoever is free.
        """
        assert self.lots is not None  # noqa: S101
        times = [trained.seconds for trained in self._trained.values()] or [self._seconds]
        while self._waiting and work.processes.idle:
            lot = self._waiting[0]
            calls = {spot: work.calls(self._place(spot)) for spot in lot.spots()}
            heavy = math.isinf(self._seconds) or float(np.mean(times)) * len(calls) > AWAY_SECONDS
            if heavy or not work.processes.send(lot, Piece(self.lots.to_send(), lot, calls)):
                break
            self.lots.given_away(self._waiting.popleft())

    def _back(self, work: Turns, left: set[tuple[int, int]], *, wait: bool = False) -> Iterator[Turn]:
        """Take what a helper has done, and give it more."""
        back = work.processes.back(wait=wait)
        self._send(work)
        scores = (back and back.result) or ()
        if back is not None:
            self._alone.update(set(back.name.spots()) - {scored.spot for scored in scores})
        for scored in scores:
            left.remove(scored.spot)
            self._networks[scored.spot] = scored.network
            self._note(scored.spot, scored.trained, scored.parameters)
            if self._watcher:
                self._watcher(scored.spot.key, 1.0)
            yield Turn(self._place(scored.spot), given=scored.given)

    def _place(self, spot: Spot) -> int:
        assert self.lots is not None  # noqa: S101
        return (spot.candidate - self._before) * len(self.lots.splits) + spot.fold

    def _turn(self, work: Turns, spot: Spot, known: Trained | Task | None) -> Turn:
        assert self.lots is not None  # noqa: S101
        place = self._place(spot)
        estimator = work.estimator(place)
        if not isinstance(known, Trained):
            here = first_asked(partial(last_of, estimator), partial(self._fit_here, spot, known))
            return Turn(place, answered(here))
        plan = self.lots.plan(spot)
        answer = plan.known(known)
        self._note(spot, known, plan.task.job.architecture.parameter_count)
        note = partial(self._networks.__setitem__, spot)
        return Turn(place, self.lots.handed(spot, estimator, answer, note))

    def _fit_here(self, spot: Spot, task: Task | None, network: Any, _given: Given, fit: Fit) -> None:
        """Answer a network that is trained where it stands, by the task that was planned, if one was."""
        self._networks[spot] = network
        fit(task, lambda trained, task: self._note(spot, trained, task.job.architecture.parameter_count))

    def _note(self, spot: Spot, trained: Trained, parameters: int) -> None:
        self._trained[spot] = replace(trained, parameters={}, state=None)
        self._parameters[spot.candidate] = max(self._parameters.get(spot.candidate, 0), parameters)

    # -- what came of it -----------------------------------------------------------------------------------------

    def put_times(self, out: Sequence[dict[str, Any]]) -> None:
        """Put the time that each network took to train in place of the time it took to hand it out."""
        for spot, came in zip(self._spots(), out, strict=True):
            if spot in self._trained:
                came["fit_time"] = self._trained[spot].seconds

    def parameters(self) -> list[float]:
        """Count the parameters of every candidate's network, on its largest fold; of no network, infinitely many."""
        return [self._parameters.get(number, math.inf) for number in range(len(self.candidates))]

    def kept(self, chosen: int | None) -> Kept:
        """Keep what stays: of the chosen candidate, if there is one, also the networks of its folds."""
        assert self.lots is not None  # noqa: S101
        splits = [(held_rows(train), held_rows(test)) for train, test in self.lots.splits]
        fitted = [] if chosen is None else [self._fitted(Spot(chosen, fold)) for fold in range(len(splits))]
        return Kept(
            fits=tuple((*spot, self._trained[spot]) for spot in self._spots() if spot in self._trained),
            train_rows=float(np.mean([len(train) for train, _ in splits])),
            test_rows=float(np.mean([len(test) for _, test in splits])),
            fold_networks=tuple(None if one is None else network_in(one[1]) for one in fitted),
            held_out=self._held_out(fitted),
        )

    def _spots(self) -> Iterator[Spot]:
        folds = range(len(self.lots.splits) if self.lots else 0)
        return (Spot(number, fold) for number, fold in product(range(len(self.candidates)), folds))

    def _fitted(self, spot: Spot) -> tuple[list[Any], Any] | None:
        """Give a candidate as it was fitted on a fold, transformers and what follows; None where it is sick."""
        assert self.lots is not None  # noqa: S101
        if spot in self._trained and self._trained[spot].status != "ok":
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # all was told where it was scored
            try:
                return self.lots.fitted(spot, self._networks.get(spot))
            except Exception:  # counted and told by scikit-learn
                return None

    def _held_out(self, fitted: Sequence[tuple[list[Any], Any] | None]) -> NDArray[np.float64]:
        assert self.lots is not None  # noqa: S101
        classes = np.unique(np.asarray(self.y)) if is_classifier(self.estimator) else None
        parts = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for fold, found in enumerate(fitted):
                if found is not None:
                    train, test = self.lots.splits[fold]
                    x = transformed(found[0], self.lots.parts(test, train)[0])
                    parts.append((held_rows(test), _answers(found[1], x, classes)))
        return held_out_means(_num_samples(self.x), parts)


class _Fixed:
    """Splits that are drawn already, as a splitter."""

    def __init__(self, splits: list[Any]) -> None:
        self._splits = splits

    def split(self, *_: Any, **__: Any) -> list[Any]:
        """Give them."""
        return self._splits


def _answers(estimator: Any, x: Any, classes: NDArray[Any] | None) -> NDArray[np.float64]:
    """Predict numbers, or probabilities of `classes`: 0 for one that the estimator never saw."""
    if classes is None:
        return np.asarray(estimator.predict(x), np.float64)
    seen = estimator.predict_proba(x)
    probability_NK = np.zeros((len(seen), len(classes)))
    probability_NK[:, np.searchsorted(classes, estimator.classes_)] = seen
    return probability_NK
