"""How a network learns, measured where it stands: how long its gradient is in every layer, and which units are dead.

The gradient is that of the training loss, a mean over training rows by their weights and those of their classes. Weight
decay is no part of it, dropout and augmentation are off, and batch norm takes each batch by itself, as in training. The
trainer itself gives it: a step of plain descent with momentum, from none, leaves the gradient in the momentum's buffer.

Letters: M rows looked at, B rows of a batch, U units of a layer, P parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.engine._channels import Channels
from shoal.engine._extents import course_rows
from shoal.engine._trainer import CURVES, FitData, Job, Rows, State, Trainer
from shoal.nets import Architecture, activations, dead_units
from shoal.study import Augment

_PLAIN: Final[dict[str, Any]] = {
    "optimizer": "sgd", "momentum": 0.5, "nesterov": False, "weight_decay": 0.0, "schedule": "constant", "epochs": 2,
    "early_stopping": "none", "keep": "last", "monitor": "loss", "augment": Augment(),
}  # fmt: skip
"""One step is an epoch; there is a second one, never reached, at whose end losses would be evaluated."""

Arrays = dict[str, NDArray[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Course:
    """What is measured of a fit at every snapshot, on training rows evenly spaced among those that weigh something.

    `place_M` are their places among the rows of `data.train`.
    """

    job: Job
    data: FitData
    place_M: NDArray[np.int64]
    batches: int

    @classmethod
    def of(cls, job: Job, data: FitData) -> Course:
        """Choose the rows; see `course_rows`."""
        weight_N = data.train.weight
        there = np.arange(len(data.train)) if weight_N is None else np.flatnonzero(weight_N > 0)
        count, batches = course_rows(job, len(there))
        return cls(job, data, there[np.arange(count) * len(there) // count].astype(np.int64), batches)

    def at(self, trainer: Trainer, state: State) -> Arrays:
        """Measure the network as it stands: "LAYER/gradient", the norm of the gradient by all parameters of the layer
        (NaN where a loss is not finite), and "LAYER/dead", the share of its units that are dead.
        """
        architecture = self.job.architecture
        square_L = np.zeros(len(architecture.layers))
        gradient_P = self._gradient(trainer, state)
        for slot in architecture.slots:
            square_L[slot.layer] += np.sum(np.square(gradient_P[slot.start : slot.stop]))
        norms = zip(architecture.layers, np.sqrt(square_L), strict=True)
        gradients = {f"{layer.name}/gradient": norm for layer, norm in norms if layer.parts}
        return gradients | self._dead(state)

    def _gradient(self, trainer: Trainer, state: State) -> Floats:
        """Give the gradient of the loss of all M rows, (P,): the mean of those of batches, by what these weigh."""
        whole_P, weight = np.zeros(self.job.architecture.parameter_count), 0.0
        for part_B in np.array_split(self.place_M, self.batches):
            rows = picked(self.data.train, part_B)
            own = float(len(rows)) if rows.weight is None else float(rows.weight.sum(dtype=np.float64))
            whole_P += own * batch_gradient(trainer, self.job, replace(self.data, train=rows), state)
            weight += own
        return np.asarray(whole_P / weight)

    def _dead(self, state: State) -> Arrays:
        """Give the share of dead units of every hidden layer."""
        architecture = self.job.architecture
        named = architecture.named(state.parameters_P, state.buffers)
        rows = picked(self.data.train, self.place_M)
        outputs = dict(_outputs(architecture, named, self.data, rows))
        return {
            f"{layer.name}/dead": dead_units(layer.activation, outputs[layer.name]).mean()
            for layer in architecture.layers
            if layer.name in architecture.hidden
        }


def batch_gradient(trainer: Trainer, job: Job, data: FitData, state: State) -> Floats:
    """Give the gradient of the loss of all rows of `data.train` at the parameters of `state`, (P,), as a trainer has
    it.

    It is NaN where the loss is not finite.
    """
    layers = tuple(
        replace(layer, dropout=0.0) if layer.dropout else layer for layer in job.architecture.layers
    )
    training = job.training.model_copy(update={**_PLAIN, "batch_size": len(data.train)})
    plain = replace(job, architecture=replace(job.architecture, layers=layers), training=training)
    none = picked(data.train, np.zeros(0, np.int64))
    data = replace(data, validation=none, inner=none, judge=None)
    step = State(
        parameters_P=state.parameters_P.copy(),
        buffers=state.buffers.copy(),
        first_P=np.zeros_like(state.parameters_P),
        second_P=np.zeros_like(state.parameters_P),
        best_P=state.parameters_P.copy(),
        best_buffers=state.buffers.copy(),
        epoch_T=np.array([2], np.int64),
        curve_TC=np.full((1, len(CURVES)), np.nan),
    )
    trainer.advance(plain, data, step, 1)
    if step.status == "diverged":
        return np.full(job.architecture.parameter_count, np.nan)
    return step.first_P.astype(np.float64)


def picked(rows: Rows, place_B: NDArray[np.int64]) -> Rows:
    """Give some of the rows; images stay where they are."""
    weight, share = (None if of is None else of[place_B] for of in (rows.weight, rows.share))
    if rows.index is not None:
        return replace(rows, y=rows.y[place_B], index=rows.index[place_B], weight=weight, share=share)
    return Rows(rows.x[place_B], rows.y[place_B], None, weight, share)


def _outputs(
    architecture: Architecture, named: Arrays, data: FitData, rows: Rows
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Give what all layers but the last answer to some rows, in evaluation mode, (M, U); of maps least and largest
    values.
    """
    series = architecture.series
    layers = tuple(
        layer for layer in architecture.layers[:-1] if layer.takes == "table" and layer is not series
    )
    if series is not None:
        maps = series.output(named, data.inputs(rows, slice(None)))
        ends, x_MD = _ends_of_maps(Channels.of_series(architecture, named), maps)
        yield from ends.items()
    elif rows.index is None:
        x_MD = data.inputs(rows, slice(None))
    else:
        assert data.pixel_scale_C is not None  # noqa: S101 - images come with their scale
        assert data.pixel_offset_C is not None  # noqa: S101
        channels = Channels(architecture, named, data.pixel_scale_C, data.pixel_offset_C)
        ends, x_MD = _ends_of_maps(channels, rows.x[rows.index])
        yield from ends.items()
    head = Architecture(x_MD.shape[1:], architecture.outputs, layers)
    outputs = activations(head, named, x_MD)
    yield from ((layer.name, output) for layer, output in zip(layers, outputs, strict=True))


def _ends_of_maps(channels: Channels, images: NDArray[Any]) -> tuple[Arrays, NDArray[np.float32]]:
    """Give the least and largest values of the maps of every convolution, and what the first dense layer takes in."""
    parts = [
        [np.stack([map_NUHW.min(axis=(0, 2, 3)), map_NUHW.max(axis=(0, 2, 3))]) for map_NUHW in maps]
        for maps in channels.maps(images)
    ]
    of_layer = zip(channels.layers, zip(*parts, strict=True), strict=True)
    return {layer.name: np.concatenate(ends) for layer, ends in of_layer}, channels.flattened(images)
