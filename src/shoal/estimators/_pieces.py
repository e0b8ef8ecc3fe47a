"""A piece of a search that another process does: candidates on a fold, planned, trained and scored there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sklearn import config_context, get_config

from shoal.estimators._estimator import NetworkEstimator
from shoal.estimators._lots import Lot, Lots, Spot
from shoal.estimators._training_tasks import TaskResult, train
from shoal.estimators._turns import Call


class Scored(NamedTuple):
    """What came of a candidate on a fold: what its calls gave, the network, its training (without the parameters) and
    how many parameters it has.
    """

    spot: Spot
    results: list[Any]
    network: NetworkEstimator
    trained: TaskResult
    parameters: int


class Done(NamedTuple):
    """A piece that is done: what came of its candidates, and the rows held out as their network takes them.

    These are None where they are many, or may be others for whoever asks again.
    """

    scored: list[Scored]
    held_out: Any


@dataclass(frozen=True, eq=False)
class Piece:
    """A lot of candidates, and what scores each."""

    lots: Lots
    lot: Lot
    calls: Mapping[Spot, Call]
    config: Mapping[str, Any] = field(default_factory=get_config)

    def __call__(self) -> Done:
        """Do it, as scikit-learn is configured where it comes from; what fails before it is trained is left out."""
        with config_context(**self.config):
            return Done(list(self._scored()), self.lots.shared.rows_held_out(self.lot.path))

    def _scored(self) -> Iterator[Scored]:
        tasks = self.lots.alone(self.lot)
        for trained in train([tasks] if tasks else [], n_jobs=1):
            spot, networks = Spot.of(trained.key), list[NetworkEstimator]()
            plan = self.lots.plan(spot)
            function, arguments, named = self.calls[spot]
            known = plan.known(trained, goes_on=not self.lots.only_predicts)
            with self.lots.handed(spot, arguments[0], known, networks.append):
                results = [function(*arguments, **named)]
            self.lots.scored(spot)
            network = (networks or [plan.network])[-1]
            yield Scored(spot, results, network, trained.bare(), plan.task.parameter_count)
