"""The order of a search's fits: networks as they end, lots that other processes do, and what is left."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np

from shoal.estimators._answers import FitArguments, FitCall, answered, first_asked
from shoal.estimators._callbacks import is_followed
from shoal.estimators._estimator import NetworkEstimator
from shoal.estimators._lots import Lot, Lots, Spot, last_of
from shoal.estimators._pieces import Piece
from shoal.estimators._planning import Spoken
from shoal.estimators._training_tasks import Task, TaskResult, jobs_at_once, light_seconds, train
from shoal.estimators._turns import Turn, Turns

AWAY_SECONDS: Final = 0.5
"""How long the networks of what another process does may take to train: so long may others wait for it in the end."""
FEWEST: Final = 3
"""Candidates on a fold are not done by several where they are no more than these: each fits the transformers."""


@dataclass(frozen=True)
class Options:
    """How networks are trained: `n_jobs` at a time (None is one a core), kept in the folder `store`, told to `say`,
    on a `cluster`, if there is one.
    """

    n_jobs: int | None
    store: Path | None
    say: Callable[[str], None] | None
    cluster: Any = None

    @property
    def jobs(self) -> int:
        """How many processes may work, as scikit-learn has it: one where nothing was said, or one keeps a store."""
        alone = self.n_jobs is None or self.store or self.cluster is not None
        return 1 if alone else jobs_at_once(self.n_jobs)

    def watcher(self, tasks: int) -> Spoken | None:
        """Give who says how many of so many networks are trained."""
        return Spoken(self.say, tasks) if self.say else None

    def of(self, lots: Iterator[list[Task]], watcher: Spoken | None) -> Generator[TaskResult, None, None]:
        """Train lots of tasks, so many at the most."""
        jobs = -1 if self.n_jobs is None else self.n_jobs
        return train(lots, n_jobs=jobs, store=self.store, watcher=watcher, cluster=self.cluster)


@dataclass(eq=False)
class TrainedFits:
    """The fits of every candidate and fold: the training without the parameters, its network; sizes of candidates."""

    trained: dict[Spot, TaskResult] = field(default_factory=dict)
    networks: dict[Spot, NetworkEstimator] = field(default_factory=dict)
    parameters: dict[int, int] = field(default_factory=dict)

    def note(self, spot: Spot, trained: TaskResult, parameters: int) -> None:
        """Note a training, and how many parameters the network has: of a candidate, on its largest fold."""
        self.trained[spot] = trained.bare()
        self.parameters[spot.candidate] = max(self.parameters.get(spot.candidate, 0), parameters)


@dataclass(eq=False)
class SearchOrder:
    """The order of the fits of one call of scikit-learn's search, run by `work`: candidates from number `first` on."""

    work: Turns
    lots: Lots
    fits: TrainedFits
    options: Options
    search: Any
    first: int
    _waiting: deque[Lot] = field(default_factory=deque)
    _remaining: set[Spot] = field(default_factory=set)
    _alone: set[Spot] = field(default_factory=set)
    _seconds: float = math.inf
    _watcher: Spoken | None = None

    def turns(self) -> Generator[Turn, None, None]:
        """Say which fit is next, and surround it by its answers.

        First come the networks that the engine trains, as they end, and what other processes have done beside it.
        Fits that callbacks listen to, those that train networks of folds beside their own (`calibration`), and those
        that end before a network is trained, follow in scikit-learn's order: they are done where they are scored.
        """
        numbers, folds = range(self.first, len(self.lots.candidates)), range(len(self.lots.splits))
        heard = self._heard(numbers) | set(filter(self.lots.calibrates, numbers))
        quiet = [number for number in numbers if number not in heard]
        self._remaining = {Spot(*place) for place in product(numbers, folds)}
        self._alone = {spot for spot in self._remaining if spot.candidate in heard}
        most = max(FEWEST, len(self._remaining) // (2 * self.work.processes.jobs))
        self._waiting = deque(evened(list(self.lots.laid_out(quiet, most)), self.work.processes.jobs))
        self._watcher = self.options.watcher(len(quiet) * len(folds))
        with closing(self.options.of(self._planned(), self._watcher)) as results:
            for trained in results:
                spot = Spot.of(trained.key)
                yield self._known(spot, trained)
                self.lots.scored(spot)
                yield from self._back()
        while self.work.processes.away:
            yield from self._back(wait=True)
        for spot in sorted(self._remaining):
            yield self._fitted_here(spot, self.lots.task(spot) if spot in self._alone else None)

    def _heard(self, numbers: range) -> set[int]:
        """Give the candidates of whose fits a callback is told; most are looked at as one."""
        looks = {number: self.lots.plain(number) for number in numbers}
        different = {id(look): look for look in looks.values()}
        followed = {place for place, look in different.items() if is_followed(self.search, look)}
        return {number for number, look in looks.items() if id(look) in followed}

    # -- lots ----------------------------------------------------------------------------------------------------

    def _planned(self) -> Iterator[list[Task]]:
        """Plan lot by lot what nobody else does."""
        while self._waiting:
            tasks = self.lots.planned(self._waiting.popleft())
            self._seconds = max(map(light_seconds, tasks), default=self._seconds)
            self._send()
            if tasks:
                yield tasks

    def _send(self) -> None:
        """Have lots done by other processes: where networks are trained so soon that all else takes longer.

        Others are better trained one by one, by whoever is free.
        """
        times = [trained.seconds for trained in self.fits.trained.values()] or [self._seconds]
        while self._waiting and self.work.processes.idle:
            lot = self._waiting[0]
            calls = {spot: self.work.call(self._place(spot)) for spot in lot.spots()}
            heavy = math.isinf(self._seconds) or float(np.mean(times)) * len(calls) > AWAY_SECONDS
            if heavy or not self.work.processes.send(lot, Piece(self.lots.to_send(), lot, calls)):
                break
            self.lots.given_away(self._waiting.popleft())

    def _back(self, *, wait: bool = False) -> Iterator[Turn]:
        """Take a lot that another process has done, and give it more; what it left out is planned by itself."""
        back = self.work.processes.back(wait=wait)
        self._send()
        if back is None:
            return
        self._alone.update(back.name.spots())
        if back.result is None:
            return
        self.lots.came_back(back.name, back.result.held_out)
        for scored in back.result.scored:
            self._remaining.remove(scored.spot)
            self.fits.networks[scored.spot] = scored.network
            self.fits.note(scored.spot, scored.trained, scored.parameters)
            if self._watcher:
                self._watcher(scored.spot.key, 1.0)
            yield Turn(self._place(scored.spot), result=scored.results)

    # -- fits ----------------------------------------------------------------------------------------------------

    def _place(self, spot: Spot) -> int:
        """Give the number of a fit among those of the call."""
        return (spot.candidate - self.first) * len(self.lots.splits) + spot.fold

    def _known(self, spot: Spot, trained: TaskResult) -> Turn:
        """Surround a fit by what came of its network."""
        self._remaining.remove(spot)
        place, plan = self._place(spot), self.lots.plan(spot)
        self.fits.note(spot, trained, plan.task.parameter_count)
        note = partial(self.fits.networks.__setitem__, spot)
        known = plan.known(trained, goes_on=not self.lots.only_predicts)
        return Turn(place, self.lots.handed(spot, self.work.estimator(place), known, note))

    def _fitted_here(self, spot: Spot, task: Task | None) -> Turn:
        """Let a network be trained where it stands, by the task that was planned, if one was."""
        place = self._place(spot)

        def fitted(network: NetworkEstimator, _arguments: FitArguments, fit: FitCall) -> None:
            self.fits.networks[spot] = network
            fit(task, lambda trained, task: self.fits.note(spot, trained, task.parameter_count))

        return Turn(place, answered(first_asked(partial(last_of, self.work.estimator(place)), fitted)))


def evened(lots: Sequence[Lot], jobs: int) -> Iterator[Lot]:
    """Cut the last lots where they are too few for all processes: others would wait for who does one."""
    whole = len(lots) - len(lots) % jobs
    yield from lots[:whole]
    for lot in lots[whole:]:
        yield from lot.cut(max(1, min(jobs, len(lot.numbers) // FEWEST)))
