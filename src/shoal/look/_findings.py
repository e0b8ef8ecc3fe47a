"""From the results of a run to the facts that are drawn: what was found, gathered into plain arrays.

Letters: R repeats, V rows, K targets or classes, C candidates, F folds, D inputs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import Column, Dataset, Preprocessing, fit_preprocessing
from shoal.errors import Problem, RunFolderError, StudyError
from shoal.look._facts import (
    Agreement,
    Curves,
    FittedCurve,
    Scores,
    agreement,
    compared_curves,
    compared_scores,
    fitted_curve,
    training_curves,
)
from shoal.look._facts_classes import Calibration, Confusion, Mistakes, calibration, confusion, mistakes
from shoal.look._facts_inside import Profiles, Weights, activation_profiles, weight_histograms
from shoal.look._facts_search import Effects, Ranking, VarianceSplit, effects, ranking, variance_split
from shoal.look._measures import LOSSES, leading_metric, on_test_rows, selection_score
from shoal.nets import Architecture, DenseLayer, activations, build_architecture, refit_parameters
from shoal.results import (
    Inside,
    PlanEntry,
    Results,
    SearchScores,
    Stage,
    higher_is_better,
    layers_of,
    search_scores,
)
from shoal.study import base_candidate, candidates

DELIVERED: Final = "delivered network"
REFITTED: Final = "networks refitted on all training rows"
"""All repeats of the refit; the first healthy one is delivered."""
GRID_POINTS: Final = 241


@dataclass(frozen=True, eq=False)
class Group:
    """The finished fits of one comparison or of the refit: `healthy` ones in order of repeat, others counted."""

    name: str
    stage: Stage
    label: str | None
    healthy: tuple[PlanEntry, ...]
    sick: int

    @property
    def delivered(self) -> bool:
        """Whether the first healthy fit is the delivered network."""
        return self.stage == "refit"


class Findings:
    """Every fact of a run; each is None (or empty) where the run has nothing of its kind."""

    def __init__(self, results: Results) -> None:
        """Take the results; arrays are read when a fact is asked for."""
        self.results = results
        self.study = results.study
        self.truth = results.truth
        self.classes = results.study.study.task == "classification"
        self._predicted: dict[Group, NDArray[np.float64]] = {}

    @cached_property
    def comparisons(self) -> tuple[Group, ...]:
        """The comparisons in the order of the study, the winner last."""
        labels = dict.fromkeys(entry.label for entry in self.results.plan if entry.stage == "compare")
        groups = (self._group("compare", label, label) for label in labels)
        return tuple(group for group in groups if group.healthy or group.sick)

    @cached_property
    def delivered(self) -> Group:
        """The winner trained on all training rows: the first healthy network is the delivered one."""
        group = self._group("refit", None, REFITTED)
        return replace(group, name=DELIVERED) if len(group.healthy) == 1 else group

    def _group(self, stage: Stage, label: str | None, name: str) -> Group:
        done = [
            entry
            for entry in self.results.plan
            if entry.stage == stage
            and label in (None, entry.label)
            and entry.fit_id in self.results.summaries
        ]
        healthy = [entry for entry in done if self.results.summaries[entry.fit_id].status == "ok"]
        healthy.sort(key=lambda entry: entry.repeat)
        return Group(name, stage, label, tuple(healthy), len(done) - len(healthy))

    # Training

    def quantity(self, measure: str) -> str:
        """Name what a curve shows, with its unit."""
        if measure == "accuracy":
            return "accuracy (share of rows)"
        scaled = (
            ", standardised targets" if self.study.data.standardize == "both" and not self.classes else ""
        )
        return f"loss ({LOSSES[self.study.loss]}{scaled})"

    def curves(self, group: Group) -> list[dict[str, NDArray[Any]]]:
        """Give the curves of every healthy repeat."""
        frames = (self.results.curve(entry.fit_id) for entry in group.healthy)
        return [{str(name): frame[name].to_numpy() for name in frame.columns} for frame in frames]

    def training(self, group: Group, measure: str) -> Curves:
        """Training and validation curves of one comparison."""
        return training_curves(group.name, self.curves(group), measure, self.quantity(measure), group.sick)

    def compared(self, measure: str) -> Curves:
        """Validation curves of all comparisons."""
        curves = {group.name: self.curves(group) for group in self.comparisons}
        sick = sum(group.sick for group in self.comparisons)
        return compared_curves(curves, measure, self.quantity(measure), sick)

    def scores(self) -> Scores:
        """Test scores of every repeat of every comparison."""
        metric = leading_metric(self.classes)
        scores = {
            group.name: np.array(
                [self.results.summaries[entry.fit_id].scores["test"][metric] for entry in group.healthy]
                + [np.nan] * group.sick
            )
            for group in self.comparisons
        }
        known = {one.name: one.value for one in self.study.reference if one.metric == metric}
        return compared_scores(on_test_rows(metric), scores, known)

    # Predictions on the test rows

    def predicted(self, group: Group) -> NDArray[np.float64]:
        """Values or class probabilities of every healthy repeat, (R, V, K)."""
        if group not in self._predicted:
            repeats = [self.results.test_predictions(entry.fit_id) for entry in group.healthy]
            self._predicted[group] = np.array(repeats)
        return self._predicted[group]

    def agreement(self, group: Group) -> list[Agreement]:
        """Predicted against true values of every target."""
        predicted_RVK = self.predicted(group)
        true_VK = self.truth.y[self.truth.train_rows :]
        return [
            agreement(group.name, target, true_VK[:, k], predicted_RVK[:, :, k], delivered=group.delivered)
            for k, target in enumerate(self.truth.target_names)
        ]

    def fitted_curves(self, group: Group) -> list[FittedCurve]:
        """The learned function of every target, where there is one input, a numeric one."""
        if not self._one_input:
            return []
        predicted_RVK, x_N, rows = self.predicted(group), self.truth.x_ND[:, 0], self.truth.train_rows
        found = []
        for k, target in enumerate(self.truth.target_names):
            y_N = self.truth.y[:, k]
            train, test = (x_N[:rows], y_N[:rows]), (x_N[rows:], y_N[rows:])
            names = (self.truth.input_names[0], target)
            found.append(fitted_curve(group.name, names, train, test, predicted_RVK[:, :, k]))
        return found

    def confusion(self, group: Group) -> Confusion:
        """Which class was predicted for which, over all healthy repeats."""
        return confusion(
            group.name,
            self.truth.classes,
            self._true_classes,
            self.predicted(group),
            delivered=group.delivered,
        )

    def calibration(self, group: Group) -> Calibration:
        """Confidence against accuracy, over all healthy repeats."""
        return calibration(group.name, self._true_classes, self.predicted(group))

    def mistakes(self) -> Mistakes | None:
        """Images that the delivered network is surest about and wrong; None for a table, or without mistakes."""
        row_M, train_rows = self.truth.image_rows, self.truth.train_rows
        if not len(row_M) or not self.delivered.healthy:
            return None
        probability_VK = self.predicted(self.delivered)[0]
        place_M, images = row_M - train_rows, self.truth.images
        return mistakes(DELIVERED, self.truth.classes, self._true_classes, probability_VK, place_M, images)

    @property
    def _true_classes(self) -> NDArray[np.int64]:
        return np.asarray(self.truth.y[self.truth.train_rows :], dtype=np.int64)

    @property
    def _one_input(self) -> bool:
        data = self.study.data
        return len(self.truth.input_names) == 1 and not data.categorical and self.truth.x_ND.shape[1] == 1

    # The search

    @cached_property
    def _search(self) -> SearchScores:
        results = self.results
        return search_scores(results.plan, results.candidate_rows, results.summaries, self.study)

    @cached_property
    def _settings(self) -> list[dict[str, Any]]:
        """Searched settings of the candidates of `_search`, in its order."""
        values = {row.candidate_id: row.values for row in self.results.candidate_rows}
        return [values[name] for name in self._search.candidate_ids]

    def ranking(self) -> Ranking | None:
        """All candidates of the search from best to worst."""
        frame = self.results.candidates
        if not len(frame):
            return None
        values = {row.candidate_id: row.values for row in self.results.candidate_rows}
        return ranking(
            selection_score(self._search.metric, self.study.loss),
            [values[name] for name in frame["candidate_id"]],
            (frame["selection_score"].to_numpy(), frame["standard_error"].to_numpy()),
            frame["indistinguishable"].to_numpy(),
            frame["chosen"].to_numpy(),
            higher_is_better=higher_is_better(self._search.metric),
        )

    def effects(self) -> Effects | None:
        """Effect of every hyperparameter; None where nothing varies or nothing is healthy."""
        scores = self._search
        if not len(scores.candidate_ids) or self.study.search is None:
            return None
        rows = (scores.train_rows, scores.validation_rows) if self.study.search.method == "grid" else None
        score_CU = scores.scores_CFR.reshape(len(scores.candidate_ids), -1)
        found = effects("selection score", self._settings, score_CU, rows)
        return found if found.effects else None

    def variance_split(self) -> VarianceSplit | None:
        """Variance of the scores by source; None for fewer than two healthy candidates or folds."""
        score_CFR = self._search.scores_CFR
        healthy = np.isfinite(score_CFR).all(axis=(1, 2)).sum() if score_CFR.size else 0
        if healthy < 2 or score_CFR.shape[1] < 2:
            return None
        return variance_split("selection score", score_CFR)

    # Inside the delivered network: the first healthy refit

    @cached_property
    def network(self) -> tuple[Architecture, dict[str, NDArray[np.float32]]] | None:
        """The delivered network and its arrays; None where the size of its images is not known."""
        if not self.delivered.healthy:
            return None
        entry = self.delivered.healthy[0]
        choice = self.results.choice
        everyone = candidates(self.study) if choice else (base_candidate(self.study),)
        named = self.results.parameters(entry.fit_id)
        shape = self.truth.images.shape[1:]
        try:
            network = next(one for one in everyone if choice is None or one.id == choice.candidate_id).network
            if network.kind == "mlp":
                shape = named["hidden1.weight" if network.hidden else "output.weight"].shape[1:]
            if 0 in shape:
                return None
            architecture = build_architecture(network, shape, len(named["output.bias"]))
        except (StopIteration, LookupError, TypeError, ValueError, StudyError):
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

    def weights(self) -> Weights | None:
        """Weights of the delivered network, before and after training."""
        if self.network is None:
            return None
        architecture, named = self.network
        start_P = refit_parameters(architecture, self.study.study.seed, self.delivered.healthy[0].repeat)
        return weight_histograms(DELIVERED, architecture.named(start_P), named)

    def profiles(self) -> Profiles | None:
        """Outputs of the delivered network's dense units: over the one input, or over test rows by prediction.

        Where the rows are not among the results (images, categories), the outputs kept by the run are taken.
        """
        if self.network is None:
            return None
        architecture, named = self.network
        dense = [layer for layer in architecture.layers if isinstance(layer, DenseLayer)]
        columns, axis = self._looked_at()
        x_ND = self._preprocessing.inputs(columns) if columns else np.zeros((0, 0))
        if columns and x_ND.shape[1:] == architecture.input_shape:
            outputs = activations(architecture, named, x_ND)
        elif self.inside is not None and self.inside.units:
            outputs = tuple(self.inside.units[layer.name] for layer in dense)
        else:
            return None
        place_M = columns[0].values if self._one_input else outputs[-1][:, 0]
        layers = [
            (layer.name, layer.activation, output) for layer, output in zip(dense, outputs, strict=True)
        ]
        return activation_profiles(DELIVERED, axis, place_M, layers, ranked=not self._one_input)

    def _looked_at(self) -> tuple[list[Column], str]:
        """Give inputs to look at, and the name of their axis."""
        x_ND, names = self.truth.x_ND, self.truth.input_names
        if self._one_input:
            grid = np.linspace(x_ND.min(), x_ND.max(), GRID_POINTS)
            return [Column(names[0], grid)], names[0]
        first = (self.truth.classes or self.truth.target_names)[0]
        columns = [Column(name, x_ND[self.truth.train_rows :, d]) for d, name in enumerate(names)]
        return columns, f"test rows, by the network's output for {first}"

    @property
    def _preprocessing(self) -> Preprocessing:
        """The refit's preprocessing, fitted again to the numeric inputs of all training rows."""
        truth = self.truth
        dataset = Dataset(
            name="", task=self.study.study.task, target_names=truth.target_names, classes=truth.classes,
            columns=tuple(Column(name, truth.x_ND[:, d]) for d, name in enumerate(truth.input_names)),
            targets=truth.y, train_rows=truth.train_rows, groups=None, given_folds=None,
            train_fingerprint="", test_fingerprint="", source="",
        )  # fmt: skip
        return fit_preprocessing(dataset, np.arange(truth.train_rows), self.study.data.standardize)


def _is_inside(inside: Inside, architecture: Architecture) -> bool:
    """Tell whether all that is kept is of the layers of a network, by name and number of units."""
    units = {layer.name: layer.units for layer in architecture.layers}
    dense = {layer.name for layer in architecture.layers if isinstance(layer, DenseLayer)}
    history = {f"{name}/{what}" for name in units for what in ("quantile", "moved")} | {"epoch", "share"}
    of_outputs = ((inside.units, dense | {"rows"}), (inside.maps, units.keys() - dense | {"rows", "images"}))
    return (
        (not inside.history or inside.history.keys() == history)
        and all(not arrays or arrays.keys() == names for arrays, names in of_outputs)
        and all(array.ndim == 2 and array.shape[1] == units[name] for name, array in _layers(inside.units))
        and all(array.ndim == 4 and array.shape[1] <= units[name] for name, array in _layers(inside.maps))
        and layers_of(inside.channels) in (set(), units.keys() - dense)
        and all(
            inside.channels[f"{name}/low"].shape == (units[name],)
            for name in units.keys() - dense
            if inside.channels
        )
    )


def _layers(arrays: dict[str, NDArray[Any]]) -> list[tuple[str, NDArray[Any]]]:
    return [(name, array) for name, array in arrays.items() if name not in ("rows", "images")]
