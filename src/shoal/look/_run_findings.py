"""From the results of a run to what several figures are gathered from: groups of networks, answers, the network.

Letters: R repeats, V rows, K targets or classes, C candidates, F folds, D inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import series_shape
from shoal.errors import Problem, RunFolderError, StudyError
from shoal.kinds import LOSSES, NETWORKS, TARGET_TRANSFORMS, row_of
from shoal.look._losses import loss_words
from shoal.nets import Architecture, ConvLayer, Tables, build_architecture
from shoal.results import (
    Inside,
    PlanEntry,
    SearchScores,
    Stage,
    layers_of,
    search_scores,
)
from shoal.study import TASK_LOSS, Training, base_candidate
from shoal.wording import counted

if TYPE_CHECKING:
    from shoal.results import Results

DELIVERED: Final = "delivered network"
REFITTED: Final = "networks refitted on all training rows"
"""All repeats of the refit; the first healthy one is delivered."""


@dataclass(frozen=True, eq=False)
class NetworkGroup:
    """The finished fits of one comparison or of the refit: `healthy` ones in order of repeat, others counted."""

    name: str
    stage: Stage
    label: str | None
    healthy: tuple[PlanEntry, ...]
    failed: int

    @property
    def candidate_ids(self) -> tuple[str, ...]:
        """The candidates of the healthy fits."""
        return tuple(dict.fromkeys(entry.candidate_id for entry in self.healthy))

    @property
    def delivered(self) -> bool:
        """Whether the first healthy fit is the delivered network."""
        return self.stage == "refit"

    @property
    def is_not(self) -> str:
        """Say of the winner beside the comparisons why its scores are not the delivered ones; empty of other groups."""
        if self.label != "winner" or not self.healthy:
            return ""
        rows = self.healthy[0].validation_rows
        trained = f"trained without {counted(rows, 'row')}" if rows else "trained beside the comparisons"
        return f"{trained}, not the delivered network"

    @property
    def titled(self) -> str:
        """Its name over a picture of its answers, which must not be taken for those of the delivered network."""
        return f"{self.name} ({self.is_not})" if self.is_not else self.name


class RunFindings:
    """What figures, tables and sentences of a run share; None (or empty) where the run has nothing of its kind."""

    def __init__(self, results: Results) -> None:
        """Take the results; arrays are read when a fact is asked for."""
        self.results = results
        self.study = results.study
        self.truth = results.truth
        self.classes = results.study.study.task == "classification"
        self.numbers = results.study.study.task == "regression"
        self.labels = results.study.study.task == "multilabel"
        self._predicted: dict[NetworkGroup, NDArray[np.float64]] = {}

    @cached_property
    def comparisons(self) -> tuple[NetworkGroup, ...]:
        """The comparisons in the order of the study, the winner last."""
        labels = dict.fromkeys(entry.label for entry in self.results.plan if entry.stage == "compare")
        groups = (self._group("compare", label, label) for label in labels)
        return tuple(group for group in groups if group.healthy or group.failed)

    @cached_property
    def delivered(self) -> NetworkGroup:
        """The winner trained on all training rows: the first healthy network is the delivered one."""
        group = self._group("refit", None, REFITTED)
        return replace(group, name=DELIVERED) if len(group.healthy) == 1 else group

    def _group(self, stage: Stage, label: str | None, name: str) -> NetworkGroup:
        done = [
            entry
            for entry in self.results.plan
            if entry.stage == stage
            and label in (None, entry.label)
            and entry.fit_id in self.results.summaries
        ]
        healthy = [entry for entry in done if self.results.summaries[entry.fit_id].status == "ok"]
        healthy.sort(key=lambda entry: entry.repeat)
        return NetworkGroup(name, stage, label, tuple(healthy), len(done) - len(healthy))

    # Training

    @property
    def measures(self) -> tuple[str, ...]:
        """What curves show: the loss, and the accuracy of classes and labels."""
        return ("loss",) if self.numbers else ("loss", "accuracy")

    def quantity(self, measure: str, candidate_ids: Iterable[str] = ()) -> str:
        """Name what the curves of these candidates show, of none the study's own, with its unit."""
        if measure == "accuracy":
            return (
                "accuracy (share of rows)"
                if self.classes
                else "accuracy (share of rows right in every label)"
            )
        own = base_candidate(self.study)
        candidates = [self.results.tried.get(name, own) for name in candidate_ids] or [own]
        named = {self._loss_words(candidate.training) for candidate in candidates}
        return f"loss ({named.pop() if len(named) == 1 else 'each network by its own'})"

    def _loss_words(self, training: Training) -> str:
        """Name the loss of a training, and what its targets are."""
        task, data = self.study.study.task, self.study.data
        words = loss_words(task, training, self.truth.classes)
        as_given = row_of("loss", LOSSES, training.loss or TASK_LOSS[task]).as_given
        if not self.numbers or as_given or (data.standardize != "both" and data.target_transform == "none"):
            return words
        scaled = "standardised " if data.standardize == "both" else ""
        return f"{words}, {scaled}{TARGET_TRANSFORMS[data.target_transform].words}"

    def curves(self, group: NetworkGroup) -> list[dict[str, NDArray[Any]]]:
        """Give the curves of every healthy repeat."""
        frames = (self.results.curve(entry.fit_id) for entry in group.healthy)
        return [{str(name): frame[name].to_numpy() for name in frame.columns} for frame in frames]

    # Predictions on the test rows

    def predicted(self, group: NetworkGroup) -> NDArray[np.float64]:
        """Values or class probabilities of every healthy repeat, (R, V, K)."""
        if group not in self._predicted:
            repeats = [self.results.test_predictions(entry.fit_id) for entry in group.healthy]
            self._predicted[group] = np.array(repeats)
        return self._predicted[group]

    def judged(self, group: NetworkGroup) -> NDArray[np.float64]:
        """Answers of every healthy repeat, (R, V, K), of which the likelier class is the one that is named.

        A threshold names those of the delivered network and its repeats: they are sure of it.
        """
        decision, predicted_RVK = self.results.decision, self.predicted(group)
        if decision is None or not group.delivered:
            return predicted_RVK
        return np.array([decision.sure(answer_VK) for answer_VK in predicted_RVK])

    @property
    def true_classes(self) -> NDArray[np.int64]:
        """Numbers of the true classes of the test rows, (V,)."""
        return np.asarray(self.truth.y[self.truth.train_rows :], dtype=np.int64)

    @property
    def one_input(self) -> bool:
        """Whether there is one input, a numeric one."""
        return (
            len(self.truth.input_names) == 1
            and not self.results.categorical
            and not self.results.dates
            and self.truth.x_ND.shape[1] == 1
        )

    # The search

    @cached_property
    def search(self) -> SearchScores:
        """Scores of the candidates of the search, fold by fold."""
        results = self.results
        return search_scores(results.plan, results.candidate_rows, results.summaries, self.study)

    @cached_property
    def settings(self) -> list[dict[str, Any]]:
        """Searched settings of the candidates of `search`, in its order."""
        values = {row.candidate_id: row.values for row in self.results.candidate_rows}
        return [values[name] for name in self.search.candidate_ids]

    # Inside the delivered network: the first healthy refit

    @cached_property
    def network(self) -> tuple[Architecture, dict[str, NDArray[np.float32]]] | None:
        """The delivered network and its arrays; None of a module of a person's own, which a run folder does not hold,
        and where the size of its images is not known.
        """
        if not self.delivered.healthy or self.results.module:
            return None
        entry = self.delivered.healthy[0]
        choice = self.results.choice
        named = self.results.parameters(entry.fit_id)
        shape = self.truth.images.shape[1:]
        try:
            chosen = self.results.tried[choice.candidate_id] if choice else base_candidate(self.study)
            network = chosen.network
            tables = _tables(named)
            if not NETWORKS[network.kind].convolves:
                (units,) = named["hidden1.weight" if network.hidden else "output.weight"].shape[1:]
                shape = (units - sum(size - 1 for _, size in tables),)
            elif self.results.inputs:
                names = [column.name for column in self.results.inputs]
                shape = series_shape(names) or (sum(column.inputs for column in self.results.inputs),)
            if 0 in shape:
                return None
            architecture = build_architecture(network, shape, len(named["output.bias"]), tables)
        except (LookupError, TypeError, ValueError, StudyError):
            architecture = None
        if architecture is None or not architecture.holds(named):
            what = "the delivered network in its results is not the one of its study"
            raise RunFolderError(Problem(str(self.results.folder), what))
        return architecture, named

    @cached_property
    def inside(self) -> Inside | None:
        """What is kept of the network that is delivered now, not of an earlier one; its arrays are of its layers."""
        inside, healthy = self.results.inside, self.delivered.healthy
        if not inside or not healthy or inside.fit_id != healthy[0].fit_id or self.network is None:
            return None
        if not _is_inside(inside, self.network[0]):
            what = "the inside of the network in its results is not that of the delivered one"
            raise RunFolderError(Problem(str(self.results.folder), what))
        return inside

    @property
    def convolutions(self) -> tuple[ConvLayer, ...]:
        """The convolutional layers of the delivered network, where it takes images."""
        return self.network[0].image_convolutions if self.network else ()


def _tables(named: Mapping[str, NDArray[Any]]) -> Tables:
    """Give the (rows, size) of the tables of an embedding among a network's arrays."""
    names = takewhile(named.__contains__, (f"embedding.{number}.weight" for number in count()))
    return tuple((rows, size) for rows, size in (named[name].shape for name in names))


def _is_inside(inside: Inside, architecture: Architecture) -> bool:
    """Tell whether all that is kept is of the layers of a network, by name and number of units."""
    units = {layer.name: layer.units for layer in architecture.layers if layer.parts}
    dense = {layer.name for layer in architecture.dense}
    conv = {layer.name for layer in architecture.image_convolutions}
    of_outputs = ((inside.units, dense | {"rows"}), (inside.maps, conv | {"rows", "images"}))
    return (
        _is_history(set(inside.history), architecture)
        and (not inside.frames or layers_of(inside.frames) == {*units, *conv})
        and layers_of(inside.frames, "maps") == (conv if "kernels" in inside.frames else set())
        and all(not arrays or arrays.keys() == names for arrays, names in of_outputs)
        and all(array.ndim == 2 and array.shape[1] == units[name] for name, array in _layers(inside.units))
        and all(array.ndim == 4 and array.shape[1] <= units[name] for name, array in _layers(inside.maps))
        and layers_of(inside.channels) in (set(), conv)
        and all(inside.channels[f"{name}/low"].shape == (units[name],) for name in conv if inside.channels)
        and not inside.grad_cam.keys() - conv - {"rows", "classes", "images"}
        and {name.partition("/")[0] for name in inside.series if "/" in name} <= set(architecture.hidden)
    )


def _is_history(names: set[str], architecture: Architecture) -> bool:
    """Tell whether arrays of a history have the names of a network's layers; results of old know no gradients."""
    layers = [layer.name for layer in architecture.layers if layer.parts]
    old = {f"{name}/{what}" for name in layers for what in ("quantile", "moved")} | {"epoch", "share"}
    course = {f"{name}/gradient" for name in layers} | {f"{name}/dead" for name in architecture.hidden}
    return names in (set(), old, old | course | {"looked_at"})


def _layers(arrays: dict[str, NDArray[Any]]) -> list[tuple[str, NDArray[Any]]]:
    return [(name, array) for name, array in arrays.items() if name not in ("rows", "images")]
