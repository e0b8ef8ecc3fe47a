"""The time that a whole run will take, said before it starts: a sum of named parts, in seconds.

A run has six parts: reading, training, the simple models beside the delivered network, the ensemble, looking inside,
drawing. What can be tried out here is: the rows
have just been read, and trainers time a step. All else was measured once, as seconds on a machine of the pace
`PACE`, and is taken in proportion to the pace of this one. `python -m benchmarks.forecast` compares all of it
with drawn studies.

Letters: N rows, D inputs, K outputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from shoal.cores import core_count
from shoal.data import Dataset
from shoal.engine._extents import (
    CHANNELS_KEPT,
    EXCITING_STEPS,
    FRAMES_OF_CLASSES,
    FRAMES_OF_IMAGES,
    FRAMES_OF_ROWS,
    GRID_POINTS,
    LOOKED_AT,
    MOST_GROUPED,
    SERIES_CHANNELS,
    SERIES_SHOWN,
    UNIT_ROWS,
    course_rows,
    image_points,
    images_attributed,
    mapped,
    networks_permuted,
    rows_along_inputs,
    rows_mapped,
    rows_permuted,
)
from shoal.engine._fit import fit_seconds
from shoal.engine._fits import Planner
from shoal.engine._planned import PlannedFit, StudyFit, unique
from shoal.engine._trainer import Trainer
from shoal.engine.forecast.drawing import Drawing
from shoal.engine.forecast.groups import FitGroup, groups_of
from shoal.engine.forecast.simple_models import IMPORTED, simple_model_seconds
from shoal.engine.forecast.steps import Watched, crowding, machine_pace, torch_call_seconds
from shoal.engine.trainers.choice import Trainers
from shoal.nets import Architecture, Sides, both
from shoal.study import MOST_IMAGES

PACE: Final = 4.2e-6
"""The pace of the machine on which the seconds below were measured (see `machine_pace`)."""
PROGRAM: Final = 0.45
"""Python, numpy, pydantic, Shoal, the command line; until rows are read."""
BEGUN: Final = 0.12
"""Opening the store, writing the study, choosing, the model file."""
ROW: Final = 3e-6
"""Digests of a row, for rows in both training and test rows."""
CELL: Final = 2.5e-7
"""A numeric value on its way into these digests and the store."""
CHOICE: Final = 0.2
"""scipy's distributions, for the choice."""
FIT: Final = 0.012
"""Splitting the rows, predicting, a transaction: what a fit takes beside its steps."""
MADE_READY: Final = 6e-9
"""A value of a row made ready for a fit."""
TORCH: Final = {"import": 1.4, "gradients": 1.1, "child": 2.4, "fit": 0.15}
"""Seconds until torch is there, until it can train, until a child process has it; the first steps of a fit."""
INPUTS: Final = 0.15
"""Of looking at inputs, however few: libraries, groups of columns, the store."""
ASKED: Final = 2.5e-4
"""Of asking a network about permuted rows and scoring it, however few."""
ASKED_LAYER: Final = 3.5e-4
"""Of torch's, which lays a network out each time, for each of its layers."""
PERMUTED: Final = 2e-9
"""An input copied and permuted."""
ASSOCIATED: Final = 1.2e-4
"""Half of what a pair of columns takes that may go along with each other."""
FORWARD: Final = 2.5e-11
"""A multiply-add on the way from rows to answers."""
BATCH: Final = {False: 2e-4, True: 2e-3}
"""What a batch takes beside its step whose gradient is taken apart from training, without torch and with it."""
MAP: Final = 1.3e-8
"""A number of a feature map, computed, pooled and measured."""
EXCITE_STEP: Final = {False: 1.5e-4, True: 8e-4}
"""A step towards an image that excites a channel, for each layer, however small the image and the network; by torch."""
EXCITE_NORM: Final = {False: 0.0, True: 3e-4}
"""A norm in such a step."""
EXCITE_PIXEL: Final = 8.5e-9
EXCITE_MULTIPLY_ADD: Final = 8e-11
EXCITED: Final = 2e-9
"""A number of the maps where it is looked at how much an image excites."""
PULLED: Final = 5.5e-11
"""A multiply-add on the way from images to answers and of gradients back."""
INSIDE_BY_TORCH: Final = 3.0
"""How many times as long torch takes to look inside a network that the core does not take."""
COMPONENTS: Final = 4.0e-10
"""Of a map of activations, by the cube of its rows."""
EXCITE_TRIALS: Final = EXCITING_STEPS // 10 + 2
SNAPSHOT: Final = {"any": 2e-4, "maps": 5e-3, "weight": 1e-8}
"""Of keeping a snapshot, its feature maps, a weight."""


@dataclass(frozen=True)
class Circumstances:
    """What a plan is made for: the trainers at hand, workers at a time, figures to be drawn, fits known, and seconds
    that reading took.
    """

    trainers: Mapping[str, Trainer]
    workers: int
    drawing: Drawing
    known: frozenset[str] = frozenset()
    read: float = 0.0


def crowded(alone: Mapping[str, float], workers: int, watched: Watched) -> dict[str, float]:
    """Give the seconds of each part on the clock, where others want the cores as they do now; see `crowding`."""
    crowd, cores = crowding(watched), core_count()
    together = crowd + (min(workers, cores) - 1) / cores * min(1.0, cores * (crowd - 1))
    return {part: seconds * (together if part == "training" else crowd) for part, seconds in alone.items()}


def seconds_alone(
    planner: Planner, winner: Sequence[PlannedFit], circumstances: Circumstances, watched: Watched
) -> dict[str, float]:
    """Predict the seconds of each part of a run on a machine that does nothing else; `winner` are the likely winner's
    own fits. What is tried out is `watched`.
    """
    scale = watched.call(machine_pace) / PACE
    stages = [unique((*planner.search_fits(), *planner.comparison_fits()), circumstances.known)]
    stages.append(unique(winner, circumstances.known | {fit.id for fit in stages[0]}))
    stages += [unique(fits, circumstances.known) for fits in (planner.nested_fits(), planner.likely_nested)]
    training = _Training(planner, stages, circumstances)
    steps = watched.call(lambda: training.steps)
    refit = next((fit for fit in stages[1] if fit.id == winner[-1].fit.id), None)
    inside = scale * inside_seconds(planner, refit, torch=training.torch) if refit else 0.0
    simple_models = scale * simple_model_seconds(planner)
    if refit:
        trainer = circumstances.trainers[refit.trainer]
        inside += scale * inputs_seconds(planner, refit.job.architecture, torch=trainer.imports_torch)
        inside += replay_seconds(planner, refit, trainer, scale)
    return {
        "reading": scale * PROGRAM + circumstances.read,
        "training": steps + scale * training.beside,
        "simple models": simple_models,
        "ensemble": scale * _ensemble(planner, torch=training.torch),
        # Scikit-learn is imported without simple models, too: it tells test rows from training rows.
        "inside": inside if simple_models else inside + scale * IMPORTED,
        "drawing": scale * circumstances.drawing.seconds(winner[-1].fit.job.architecture),
    }


@dataclass(frozen=True)
class _Training:
    """The fits of both stages, and what is done beside them."""

    planner: Planner
    stages: Sequence[Sequence[StudyFit]]
    circumstances: Circumstances

    @cached_property
    def _groups(self) -> list[FitGroup]:
        return [
            group
            for stage in self.stages
            for group in groups_of(stage, self.circumstances.workers, self.circumstances.trainers)
        ]

    @property
    def torch(self) -> bool:
        """Whether torch trains in the coordinator, so that it is there afterwards."""
        return any(group.trainer.imports_torch and not group.apart for group in self._groups)

    @property
    def steps(self) -> float:
        """Seconds of all steps."""
        return sum(self._steps(group) for group in self._groups)

    def _steps(self, group: FitGroup) -> float:
        """The longest fits first, each to the worker that is free first; threads of torch call it in turns."""
        fits, running = group.fits, _on_cores(group)
        alike = {fit.cost_key: fit for fit in fits}
        seconds = {key: fit_seconds(fit, group.trainer) for key, fit in alike.items()}
        done = spread([seconds[fit.cost_key] for fit in fits], running)
        if not group.trainer.imports_torch or group.apart:
            return done
        return done + (1 - 1 / running) * sum(torch_call_seconds(fit.job) * fit.steps for fit in fits)

    @property
    def beside(self) -> float:
        """Seconds of all else."""
        dataset = self.planner.dataset
        values = dataset.rows * (len(dataset.columns) + 1)
        whole = BEGUN + ROW * dataset.rows + CELL * values + CHOICE * bool(self.planner.folds)
        whole += CHOICE * len(self.planner.outer_searches)
        children = sum(TORCH["child"] for group in self._groups if group.apart)
        here = (TORCH["import"] + TORCH["gradients"]) * self.torch
        each = [
            sum(fit_beside(fit, group.trainer, dataset) for fit in group.fits) / _on_cores(group)
            for group in self._groups
        ]
        return whole + children + here + sum(each)


def _on_cores(group: FitGroup) -> int:
    return min(group.running, core_count())


def spread(seconds: Iterable[float], workers: int) -> float:
    """Give the time until all is done, where each worker that is free takes the longest that is left."""
    busy = [0.0] * max(1, workers)
    for duration in sorted(seconds, reverse=True):
        busy[busy.index(min(busy))] += duration
    return max(busy)


def fit_beside(fit: StudyFit, trainer: Trainer, dataset: Dataset) -> float:
    """What a fit takes beside its steps: rows made ready, answers."""
    inputs = math.prod(fit.job.architecture.input_shape)
    tested = (dataset.rows - dataset.train_rows) * fit.tested
    asked = len(fit.rows.validation) + tested
    ready = 0 if fit.job.architecture.takes == "images" else len(fit.rows.train) + asked
    begun = FIT + TORCH["fit"] * trainer.imports_torch
    return begun + MADE_READY * ready * inputs + asked * answer_seconds(fit.job.architecture)


def answer_seconds(architecture: Architecture) -> float:
    """One row on its way through a network."""
    return FORWARD * architecture.flops_per_row + 2e-8 * architecture.outputs


def _ensemble(planner: Planner, *, torch: bool) -> float:
    """The networks of all folds answer the test rows, one of each fold and repeat; `torch`: it is there already."""
    fits = [item.fit for item in planner.search_fits()][:: len(planner.candidates)]
    asked = planner.dataset.rows - planner.dataset.train_rows + GRID_POINTS
    imported = TORCH["import"] * (
        not torch and any(planner.trainers[fit.trainer].imports_torch for fit in fits)
    )
    ready = (MADE_READY * math.prod(fit.job.architecture.input_shape) for fit in fits)
    each = zip(fits, ready, strict=True)
    return imported + sum(FIT + asked * (answer_seconds(fit.job.architecture) + made) for fit, made in each)


# What inputs do


def inputs_seconds(planner: Planner, architecture: Architecture, *, torch: bool = False) -> float:
    """Importance of the inputs of a table, and how answers hang on them; the delivered network stands for all.

    `torch`: it answers by torch.
    """
    dataset, repeats, networks = planner.dataset, planner.study.inspect.importance, networks_permuted(planner)
    columns = len(dataset.columns)
    rows = rows_permuted(planner, architecture, columns, networks) if columns and repeats else 0
    if not rows:
        return 0.0
    each = answer_seconds(architecture) + PERMUTED * math.prod(architecture.input_shape)
    pairs = columns**2 * ASSOCIATED * (columns <= MOST_GROUPED)
    along = rows_along_inputs(architecture, columns, dataset.train_rows)
    asked = ASKED + ASKED_LAYER * len(architecture.layers) * torch
    return INPUTS + pairs + networks * columns * repeats * (asked + rows * each) + along * each


# Looking inside


def inside_seconds(planner: Planner, fit: StudyFit, *, torch: bool) -> float:
    """Channels, feature maps and units of the delivered network; `torch`: it is there already."""
    architecture, dataset = fit.job.architecture, planner.dataset
    seen = 0.01 + mapped_seconds(dataset, architecture)
    attributed = attributed_seconds(dataset, architecture)
    if not architecture.convolutions:
        return seen + attributed
    tested = dataset.rows - dataset.train_rows
    images = min(LOOKED_AT, tested) + min(UNIT_ROWS, tested) + min(MOST_IMAGES, len(dataset.classes))
    most = CHANNELS_KEPT
    if architecture.series is not None:
        architecture, images, most = architecture.past_series, SERIES_SHOWN, SERIES_CHANNELS
    by_torch = Trainers().taking(architecture).imports_torch
    excited = exciting_seconds(architecture, most, torch=by_torch)
    asked = images * map_seconds(architecture) + attributed
    if not by_torch:
        return seen + asked + excited
    imported = (TORCH["import"] + TORCH["gradients"] / 3) * (not torch)
    return seen + imported + INSIDE_BY_TORCH * asked + excited


def mapped_seconds(dataset: Dataset, architecture: Architecture) -> float:
    """A map of activations at test rows."""
    if not mapped(dataset):
        return 0.0
    rows = min(rows_mapped(architecture), dataset.rows - dataset.train_rows)
    return rows * answer_seconds(architecture) + COMPONENTS * rows**3


def attributed_seconds(dataset: Dataset, architecture: Architecture) -> float:
    """Gradients of images integrated, of the named class and half of the times of the true one."""
    if dataset.columns:
        return 0.0
    points = image_points(architecture)
    tested = dataset.rows - dataset.train_rows
    images = min(images_attributed(architecture), tested)
    return 1.5 * images * points * PULLED * architecture.flops_per_row


def replay_seconds(planner: Planner, fit: StudyFit, trainer: Trainer, scale: float) -> float:
    """The fit trained again to be watched, and what is measured at every snapshot, at `scale` times our seconds."""
    snapshots, epochs = planner.study.inspect.history, fit.job.training.epochs
    if not snapshots:
        return 0.0
    again, architecture, learning = fit_seconds(fit, trainer), fit.job.architecture, fit.rows.learning_count
    rows, batches = course_rows(fit.job, learning)
    answered = map_seconds(architecture) if architecture.convolutions else answer_seconds(architecture)
    beside = scale * (batches * BATCH[trainer.imports_torch] + rows * answered)
    framed = scale * frame_seconds(planner, architecture)
    return again + (min(snapshots, epochs) + 1) * (again / epochs * rows / learning + beside + framed)


def frame_seconds(planner: Planner, architecture: Architecture) -> float:
    """What is kept at every snapshot for pictures that move."""
    dataset = planner.dataset
    most = FRAMES_OF_CLASSES if dataset.classes else GRID_POINTS if dataset.one_input else FRAMES_OF_ROWS
    row = answer_seconds(architecture) + MADE_READY * math.prod(architecture.input_shape)
    maps = SNAPSHOT["maps"] + FRAMES_OF_IMAGES * map_seconds(architecture)
    counted = SNAPSHOT["any"] + SNAPSHOT["weight"] * architecture.parameter_count
    return counted + min(most, dataset.train_rows) * row + maps * (len(architecture.image_convolutions) > 0)


def map_seconds(architecture: Architecture) -> float:
    """The feature maps of one image, in every layer."""
    layers = architecture.convolutions
    numbers = sum(layer.numbers for layer in layers)
    return MAP * numbers + FORWARD * sum(layer.multiply_adds for layer in layers)


def exciting_seconds(architecture: Architecture, most: int, *, torch: bool = False) -> float:
    """Images made to excite the channels of every layer, `most` of each: only what its middle unit sees passes through
    the network, which grows from layer to layer (Araujo and others 2019, Distill), with layer norms and skips at once.
    """
    shape, seconds = architecture.input_shape, 0.0
    calls = products = numbers = 0.0
    whole, field, jump = False, [1, 1], [1, 1]
    for layer in architecture.convolutions:
        calls += EXCITE_STEP[torch] + EXCITE_NORM[torch] * (layer.batch_norm or layer.layer_norm)
        products, numbers = products + layer.multiply_adds, numbers + layer.numbers
        _widen(field, jump, (layer.kernel, layer.stride), both(layer.dilation))
        whole = whole or layer.layer_norm or layer.skip > 0
        seen = math.prod(min(1.0, side / length) for side, length in zip(field, shape[1:], strict=True))
        made = min(most, layer.units)
        passed = EXCITE_MULTIPLY_ADD * products * (1.0 if whole else seen)
        step = calls + made * (EXCITE_PIXEL * math.prod(shape) + passed)
        seconds += EXCITING_STEPS * step + EXCITE_TRIALS * made * (FORWARD * products + EXCITED * numbers)
        _widen(field, jump, (layer.pool_size, layer.pool_stride))
    return seconds


def _widen(
    field: list[int], jump: list[int], window: tuple[Sides, Sides], dilation: tuple[int, int] = (1, 1)
) -> None:
    """Let a unit see the pixels down and across of a further window of so many steps."""
    for axis, (side, stride) in enumerate(zip(both(window[0]), both(window[1]), strict=True)):
        field[axis] += dilation[axis] * (side - 1) * jump[axis]
        jump[axis] *= stride
