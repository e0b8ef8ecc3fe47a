"""A search's networks in lots: candidates whose transformers have the same places on a fold are planned together.

Letters: N rows, K outputs or classes.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import pairwise
from typing import Any, NamedTuple, Self

from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import validate_parameter_constraints
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from shoal.estimators._answers import FitArguments, FitCall, Known, answered, first_asked
from shoal.estimators._callbacks import muted
from shoal.estimators._estimator import NetworkEstimator
from shoal.estimators._inputs import Prepared
from shoal.estimators._planning import HeldOutArrays, Planned, SharedArrays, fitted_up_to, planned
from shoal.estimators._sent import Sent, same, transformed
from shoal.estimators._shared_transformers import Path, SharedTransformers, Shelf, path_of
from shoal.estimators._training_tasks import Task

Parts = tuple[Any, Any]
"""X and y of some rows."""


class Lot(NamedTuple):
    """Candidates on a fold whose transformers have the same places, and whether they are the last of these."""

    fold: int
    path: Path
    numbers: Sequence[int]
    last: bool = True

    def spots(self) -> list[Spot]:
        """Give each of them on the fold."""
        return [Spot(number, self.fold) for number in self.numbers]

    def cut(self, parts: int) -> Iterator[Lot]:
        """Cut it into so many."""
        bounds = [len(self.numbers) * part // parts for part in range(parts + 1)]
        for begin, end in pairwise(bounds):
            yield self._replace(numbers=self.numbers[begin:end], last=self.last and end == bounds[-1])


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
class FinalNetwork:
    """A network at the end of an estimator: its parameters' prefix, and the Pipelines on the way, with theirs."""

    prefix: str
    network: NetworkEstimator
    pipelines: tuple[tuple[str, Pipeline], ...]

    @property
    def plain(self) -> bool:
        """Whether the Pipelines are scikit-learn's own."""
        return all(type(pipeline) is Pipeline for _, pipeline in self.pipelines)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A candidate as it was fitted on a fold: its network, or the whole; `held_out` gives the rows that it answers."""

    last: Any
    held_out: Callable[[], Any]


def network_in(estimator: Any) -> FinalNetwork | None:
    """Find one of our estimators, alone or as the last step of Pipelines; None for any other."""
    prefix, pipelines = "", []
    while isinstance(estimator, Pipeline):
        pipelines.append((prefix, estimator))
        try:
            name, estimator = estimator.steps[-1]
        except (IndexError, TypeError, ValueError):  # no steps: scikit-learn says so where they are fitted
            return None
        prefix += f"{name}__"
    if not isinstance(estimator, NetworkEstimator):
        return None
    return FinalNetwork(prefix, estimator, tuple(pipelines))


def last_of(estimator: Any) -> NetworkEstimator | None:
    """Give the network at the end of an estimator, as it is now: settings may replace it."""
    last = network_in(estimator)
    return None if last is None else last.network


def is_ours(network: NetworkEstimator) -> bool:
    """Whether nothing of a network is somebody else's: a subclass may do what it likes in its `fit`."""
    return type(network).__module__.partition(".")[0] == "shoal"


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
    only_predicts: bool
    """Whether scores are made of predictions of the rows held out alone."""
    _ways: dict[Spot, Path] = field(default_factory=dict)
    _plans: dict[Spot, Planned] = field(default_factory=dict)
    _looked_at: set[Path] = field(default_factory=set)
    """Paths at whose end somebody may look at rows that a network is given, though it is trained elsewhere."""

    def candidate(self, number: int) -> Any:
        """Make the estimator of a candidate, as scikit-learn does."""
        return clone(self.estimator).set_params(**clone(dict(self.candidates[number]), safe=False))

    def plain(self, number: int) -> Any:
        """Give a candidate to look at: the searched estimator itself where only numbers of its network differ."""
        return self.estimator if self._differs_in_numbers(number) else self.candidate(number)

    def _differs_in_numbers(self, number: int) -> bool:
        own = (key.startswith(self._base.prefix) for key in self.candidates[number])
        return is_ours(self._base.network) and all(own)

    def calibrates(self, number: int) -> bool:
        """Whether the network of a candidate has others trained beside it, on parts of the rows that it is given."""
        last = network_in(self.plain(number))
        if last is None:
            return False
        own = self.candidates[number].get(f"{last.prefix}calibration", last.network.calibration)
        return own is not None

    def parts(self, rows: Any, train: Any = None) -> Parts:
        """Take rows out of X and y, as scikit-learn does."""
        return tuple(_safe_split(self.estimator, self.x, self.y, rows, train))

    def inputs(self, rows: Any, train: Any) -> Any:
        """Take rows out of X alone."""
        return _safe_split(self.estimator, self.x, None, rows, train)[0]

    # -- planning ------------------------------------------------------------------------------------------------

    def laid_out(self, numbers: Sequence[int], most: int) -> Iterator[Lot]:
        """Lay candidates out on every fold, in lots of up to so many, in the order in which they are to be planned."""
        networks = {number: self._own(network_in(self.plain(number))) for number in numbers}
        for fold in range(len(self.splits)):
            lots: dict[Path, list[int]] = {}
            for number, way in networks.items():
                if way is not None:
                    path = path_of(way.pipelines, way.prefix, self.candidates[number], fold)
                    lots.setdefault(path, []).append(number)
            for path in self.shared.expect(Counter({path: len(lot) for path, lot in lots.items()})):
                yield from Lot(fold, path, lots[path]).cut(-(-len(lots[path]) // most))

    def planned(self, lot: Lot) -> list[Task]:
        """Plan a lot; what fails before it trains is left out."""
        tasks = list(self._planned(lot))
        self._are_planned(lot)
        return tasks

    def alone(self, lot: Lot) -> list[Task]:
        """Plan a lot that was not laid out."""
        self.shared.expect(Counter({lot.path: len(lot.numbers)}))
        return self.planned(lot._replace(last=True))

    def given_away(self, lot: Lot) -> None:
        """Let go of what nobody needs, where somebody else does a lot."""
        for _ in lot.numbers:
            self.shared.done_with(lot.path)
        self._are_planned(lot)

    def _are_planned(self, lot: Lot) -> None:
        if lot.last:
            self.shared.planned(lot.path, looked_at=lot.path in self._looked_at)

    def to_send(self) -> Lots:
        """Give the same candidates and folds, with nothing planned."""
        return replace(self, _ways={}, _plans={}, _looked_at=set())

    def came_back(self, lot: Lot, held_out: Any) -> None:
        """Hear of the rows held out, as those who did a lot elsewhere have them; None where they are not there."""
        if held_out is not None:
            self.shared.keep(lot.path, held_out)
            self._ways.update(dict.fromkeys(lot.spots(), lot.path))

    def task(self, spot: Spot) -> Task | None:
        """Plan one candidate on one fold by itself; None where it fails before it trains."""
        last = self._own(network_in(self.plain(spot.candidate)))
        if last is None:
            return None
        path = path_of(last.pipelines, last.prefix, self.candidates[spot.candidate], spot.fold)
        tasks = self.alone(Lot(spot.fold, path, [spot.candidate]))
        self.shared.done_with(path)
        return next(iter(tasks), None)

    def plan(self, spot: Spot) -> Planned:
        """Give what was planned of a candidate, once."""
        return self._plans.pop(spot)

    @contextmanager
    def handed(
        self, spot: Spot, estimator: Any, known: Known, note: Callable[[NetworkEstimator], None]
    ) -> Iterator[None]:
        """Within, the network of an estimator is what is known of it, and its transformers are those of its fold.

        `note` hears of the network.
        """

        asked: list[NetworkEstimator] = []

        def noted(network: NetworkEstimator, arguments: FitArguments, fit: FitCall) -> None:
            note(network)
            asked.append(network)
            known(network, arguments, fit)

        with answered(first_asked(lambda: last_of(estimator), noted)), self.shared.handing(self._ways[spot]):
            yield
        for network in asked:
            network._optimizer = None  # it may hold the rows

    def scored(self, spot: Spot) -> None:
        """Let go of what nobody needs, once a planned candidate is scored."""
        self.shared.done_with(self._ways[spot])

    def _own(self, last: FinalNetwork | None) -> FinalNetwork | None:
        """Find a network only where all Pipelines on the way share transformers."""
        shared = last is not None and all(
            isinstance(pipeline.memory, Shelf) for _, pipeline in last.pipelines
        )
        return last if shared else None

    def _planned(self, lot: Lot) -> Iterator[Task]:
        path, (train, test) = lot.path, self.splits[lot.fold]
        learned, scored, rows = self.parts(train), self.parts(test, train), SharedArrays()
        sent: Sent | None = None
        held_out: dict[tuple[type, tuple[str, ...]], HeldOutArrays | None] = {}
        like: Planned | None = None
        for spot in lot.spots():
            number = spot.candidate
            with self.shared.planning(path):
                plan = self._like(like, number, path) or self._plan(spot, path, learned)
            if plan is None or plan.task.start is not None:
                self.shared.done_with(path)
                continue
            if like is None:
                like, sent = plan, self._sent(lot, number, scored[0])
            kind = (type(plan.network), plan.network._preparation)
            if kind not in held_out:
                held_out[kind] = None if sent is None else _held_out(plan, sent.rows, scored[1])
            self._ways[spot] = path
            task = replace(rows.of(plan.task, _of_values(plan.task, held_out[kind])), key=spot.key)
            self._plans[spot] = plan.waiting(task)
            yield task
        if path and self._wrote(learned, train):
            self.shared.wrote(path)

    def _plan(self, spot: Spot, path: Path, learned: Parts) -> Planned | None:
        """Plan the network of a candidate by the fit of the whole."""
        estimator, (train, _) = muted(self.candidate(spot.candidate)), self.splits[spot.fold]
        last = network_in(estimator)
        assert last is not None  # noqa: S101 - it was found before
        if not (is_ours(last.network) and last.plain):
            self._looked_at.add(path)
        fit_params = _check_method_params(self.x, params=self.fit_params, indices=train)
        return planned(lambda: _fit(estimator, *learned, fit_params), last.network)

    def _like(self, like: Planned | None, number: int, path: Path) -> Planned | None:
        """Plan a network of ours that differs from another on the same rows in its own parameters alone."""
        last, settings = self._base, self.candidates[number]
        own = {key: value for key, value in settings.items() if key.startswith(last.prefix)}
        replaced = any(last.prefix.startswith(f"{key}__") for key in settings)
        others = len(own) < len(settings)  # transformers of one path have the same
        if like is None or replaced or (others and not path) or not is_ours(last.network):
            return None
        with suppress(Exception):  # it fails again where its failure counts
            named = {key.removeprefix(last.prefix): value for key, value in own.items()}
            parameters = clone(self._base_parameters | named, safe=False)
            network = type(last.network)(**parameters)
            # The others are those of the one that it is like, and were checked with that.
            searched = {name: parameters[name] for name in named}
            validate_parameter_constraints(network._parameter_constraints, searched, type(network).__name__)
            return Planned.of(network, like.arguments, like)
        return None

    @cached_property
    def _base(self) -> FinalNetwork:
        last = network_in(self.estimator)
        assert last is not None  # noqa: S101 - nothing else is searched here
        return last

    @cached_property
    def _base_parameters(self) -> dict[str, Any]:
        return dict(self._base.network.get_params(deep=False))

    def _sent(self, lot: Lot, number: int, x: Any) -> Sent | None:
        """Send the rows held out through the transformers of a lot; None where that fails, or they are not there.

        Who is scored on them need not send them again, where that cannot be told apart.
        """
        copies, (train, test) = self.shared.transformers(lot.path), self.splits[lot.fold]
        transformers = self.shared.never_copied(lot.path) if copies is None else copies
        if transformers is None:
            return None
        try:
            sent = Sent.through(transformers, x)
        except Exception:  # the curve is missing; scores are scikit-learn's matter
            return None
        last = network_in(self.plain(number))
        plain = last is not None and last.plain and copies is not None
        if plain and self.only_predicts and sent.lasts(transformers, self.inputs(test, train)):
            self.shared.sends(lot.path, sent)
        return sent

    def _wrote(self, learned: Parts, train: Any) -> bool:
        """Whether transformers wrote into y, or into X where that is scored again."""
        x, y = learned
        looked_at = [] if y is None else [(y, _safe_indexing(self.y, train))]
        if self.train_scores:
            looked_at.append((x, self.inputs(train, None)))
        return not all(before is after or same(before, after) for before, after in looked_at)

    # -- what came of it -----------------------------------------------------------------------------------------

    def fitted(self, spot: Spot, network: NetworkEstimator | None) -> Fitted:
        """Give a candidate on a fold.

        Where its transformers are not there any more, it is the whole, fitted again around the network if there is one.
        """
        train, test = self.splits[spot.fold]
        if network is not None and spot in self._ways:
            rows = self.shared.rows_held_out(self._ways[spot])
            if rows is not None:
                return Fitted(network, lambda: rows)
            transformers = self.shared.transformers(self._ways[spot])
            if transformers is not None:
                return Fitted(network, lambda: transformed(transformers, self.inputs(test, train)))
        estimator, as_given = muted(self.candidate(spot.candidate)), partial(self.inputs, test, train)
        fit_params = _check_method_params(self.x, params=self.fit_params, indices=train)
        fit, last = partial(_fit, estimator, *self.parts(train), fit_params), network_in(estimator)
        if network is None or last is None:
            fit()
        elif not last.prefix:
            return Fitted(network, as_given)
        else:
            fitted_up_to(fit, last.network)
            estimator.set_params(**{last.prefix.removesuffix("__"): network})
        return Fitted(estimator, as_given)


def _fit(estimator: Any, x: Any, y: Any, fit_params: Mapping[str, Any]) -> None:
    if y is None:
        estimator.fit(x, **fit_params)
    else:
        estimator.fit(x, y, **fit_params)


def _of_values(task: Task, held_out: HeldOutArrays | None) -> HeldOutArrays | None:
    """Give rows held out where the loss of a task has a value for each; None where no validation curve can be drawn."""
    return None if held_out is None or task.refused(held_out[1]) else held_out


def _held_out(plan: Planned, x: Any, y: Any) -> HeldOutArrays | None:
    """Make the rows held out ready to draw a validation curve; None where they cannot, as with a class never seen."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seen, fitted = plan.network, plan.prepared.fitted
            held_out = Prepared.of(seen._checked(x, reset=False)).encoded(seen.dtype, plan.prepared.encoding)
            prepared = seen._targets(y, held_out, fitted.get("classes_", fitted.get("n_outputs_")))
    except Exception:  # the curve is missing; scores are scikit-learn's matter
        return None
    strange = plan.task.task == "classification" and (prepared.y < 0).any()
    return None if strange or not len(prepared.x) else (prepared.x, prepared.y)
