"""Fits to try the core on, and a float64 trainer in plain NumPy that shares nothing with it but the streams.

Letters: N rows, B rows of a batch, D inputs, H units, K outputs.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

import numpy as np
import pytest
from exact_layers import Floats, passed
from numpy.typing import NDArray
from scipy import special

from shoal.distributions import distribution_of
from shoal.engine._trainer import FitData, Job, Rows, State, initial_state
from shoal.engine.trainers.native import NativeTrainer
from shoal.engine.trainers.native_core import load_library, native_available, runnable_targets
from shoal.kinds import LOSSES
from shoal.nets import build_architecture, learning_rates
from shoal.streams import Role, StreamKey, dropout_draws, dropout_scale, dropout_threshold, permutation
from shoal.study import Network, Training

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
ULP = 2.0**-23
OPTIONS: dict[str | None, dict[str, Any]] = {
    None: {},
    "huber_delta": {"huber_delta": 0.4},
    "label_smoothing": {"label_smoothing": 0.1},
    "quantiles": {"quantiles": (0.03, 0.5, 0.6, 0.99)},
}
"""What the losses are made of, by the option that they have; other than by default."""
needs_core = pytest.mark.skipif(not native_available(), reason="the native core is not built on this machine")
every_width = pytest.mark.parametrize("target", runnable_targets())


def core() -> ctypes.CDLL:
    library = load_library()
    assert library is not None
    return library


def make_job(
    network: dict[str, Any],
    training: dict[str, Any],
    loss: Any,
    sizes: tuple[Any, int],
    tables: tuple[tuple[int, int], ...] = (),
) -> Job:
    """Describe a fit; `sizes` are inputs (a number, or the shape of an image) and targets or classes; the last inputs
    are looked up in `tables`.
    """
    shape, asked = sizes[0] if isinstance(sizes[0], tuple) else (sizes[0],), Training(**training)
    said = distribution_of(loss, asked.option_of(loss))
    outputs = sizes[1] * (1 if said is None else said.outputs)
    architecture = build_architecture(Network.model_validate(network), shape, outputs, tables)
    return Job(architecture, asked, loss, StreamKey(11, 2, 3))


def make_rows(job: Job, count: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    if job.architecture.takes == "images":
        images = np.random.default_rng(0).integers(0, 256, (30, *job.architecture.input_shape), np.uint8)
        return Rows(images, rng.integers(0, job.architecture.outputs, count), rng.integers(0, 30, count))
    x = rng.standard_normal((count, job.architecture.layers[0].inputs)).astype(np.float32)
    tables = job.architecture.tables
    for place, (rows, _) in enumerate(tables, start=x.shape[1] - len(tables)):
        x[:, place] = rng.integers(0, rows, count)
    if LOSSES[job.loss].task == "classification":
        return Rows(x, rng.integers(0, job.architecture.outputs, count))
    targets = job.architecture.outputs // job.outputs_of_target
    y = rng.standard_normal((count, targets)).astype(np.float32)
    if LOSSES[job.loss].task == "multilabel":
        return Rows(x, (y > 0.3).astype(np.float32))
    return Rows(x, y if LOSSES[job.loss].least is None else np.abs(y))


def make_data(job: Job, train: int = 27, validation: int = 0, inner: int = 0) -> FitData:
    rows = (make_rows(job, count, seed) for seed, count in enumerate((train, validation, inner), start=1))
    scale_C = np.full(job.architecture.input_shape[0], 0.01, np.float32)
    return FitData(*rows, pixel_scale_C=scale_C, pixel_offset_C=-50 * scale_C)


def warm_state(job: Job, epoch: int, seed: int = 5) -> State:
    """A state in mid-training, with moments of the size that training leaves."""
    rng = np.random.default_rng(seed)
    state = initial_state(job)
    state.first_P[:] = 0.01 * rng.standard_normal(len(state.first_P))
    state.second_P[:] = rng.uniform(1e-4, 1e-3, len(state.second_P))
    state.epoch, state.points = epoch, int(np.sum(state.epoch_T <= epoch))
    return state


def same_bytes(one: State, other: State) -> bool:
    arrays = ("parameters_P", "first_P", "second_P", "best_P", "curve_TC", "buffers", "best_buffers")
    facts = ("epoch", "points", "best_epoch", "best_loss", "status", "diverged_epoch", "diverged_batch")
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in arrays) and all(
        getattr(one, name) == getattr(other, name) for name in facts
    )


def update(  # noqa: PLR0917
    training: Training, rate: float, step: int, w: Floats, g: Floats, first: Floats, second: Floats
) -> Floats:
    """One step of the optimiser as torch.optim's documentation writes it; changes the moments in place."""
    if training.optimizer != "adamw":
        g = g + training.weight_decay * w
    if training.optimizer == "sgd":
        if not training.momentum:
            return w - rate * g
        first[:] = training.momentum * first + g
        return w - rate * (g + training.momentum * first if training.nesterov else first)
    if training.optimizer == "rmsprop":
        second[:] = 0.99 * second + 0.01 * g**2
        scaled = g / (np.sqrt(second) + 1e-8)
        if not training.momentum:
            return w - rate * scaled
        first[:] = training.momentum * first + scaled
        return w - rate * first
    if training.optimizer == "adamw":
        w = w * (1 - rate * training.weight_decay)
    first[:] = 0.9 * first + 0.1 * g
    second[:] = 0.999 * second + 0.001 * g**2
    root = np.sqrt(second / (1 - 0.999**step))
    return w - rate * first / (1 - 0.9**step) / (root + 1e-8)


def loss_gradient(job: Job, y_BK: Floats, target: NDArray[Any]) -> Floats:
    match job.loss:
        case "mse":
            return 2 * (y_BK - target) / y_BK.size
        case "mae":
            return np.sign(y_BK - target) / y_BK.size
        case "huber":
            delta = job.training.huber_delta
            return np.clip(y_BK - target, -delta, delta) / y_BK.size
        case "poisson":
            return (np.exp(y_BK) - target) / y_BK.size
        case "quantile":
            levels = np.array(job.training.quantiles)
            above = y_BK.reshape(len(target), -1, len(levels)) > target[:, :, None]
            return (above - levels).reshape(y_BK.shape) / y_BK.size
        case "gaussian":
            off, inverse = y_BK[:, 0::2] - target, np.exp(-y_BK[:, 1::2])
            pairs = np.stack([off * inverse**2, 1 - (off * inverse) ** 2], axis=2)
            return pairs.reshape(y_BK.shape) / target.size
        case "cross-entropy":
            smoothing = job.training.label_smoothing
            p_BK = special.softmax(y_BK, axis=1) - smoothing / y_BK.shape[1]
            p_BK[np.arange(len(target)), target] -= 1 - smoothing
            return p_BK / len(target)
        case "binary-cross-entropy":
            return (special.expit(y_BK) - target) / y_BK.size
    raise AssertionError(job.loss)


def inputs_of(data: FitData, batch: NDArray[Any]) -> Floats:
    """Inputs of some training rows: numbers as they are, or bytes made numbers in float32."""
    rows = data.train
    if rows.index is None:
        return rows.x[batch].astype(np.float64)
    scale, offset = data.pixel_scale_C, data.pixel_offset_C
    assert scale is not None
    assert offset is not None
    numbers = rows.x[rows.index[batch]] * scale[:, None, None] + offset[:, None, None]
    return numbers.astype(np.float64)


def kept_of(job: Job, number: int, rows: int, place: tuple[int, int]) -> Floats | float:
    """What dropout multiplies the units of a layer by in this epoch and step."""
    layer, (epoch, step) = job.architecture.layers[number], place
    if not layer.dropout:
        return 1.0
    words = job.key.words(Role.DROPOUT)
    draws = dropout_draws(words, rows * layer.units, layer=number, step=step, epoch=epoch)
    kept = (draws >= dropout_threshold(layer.dropout)) * float(dropout_scale(layer.dropout))
    return kept.reshape(rows, *layer.mask_shape)


def exact_epoch(job: Job, data: FitData, state: State) -> tuple[Floats, Floats, Floats, Floats]:
    """Train one epoch from the state in float64: parameters, moments and buffers after it."""
    w, first, second, buffers = (
        array.astype(np.float64)
        for array in (state.parameters_P, state.first_P, state.second_P, state.buffers)
    )
    training, architecture = job.training, job.architecture
    running = architecture.named(w, buffers)
    order = permutation(job.key.words(Role.ORDER), len(data.train), epoch=state.epoch)
    steps = -(-len(data.train) // training.batch_size)
    for step in range(steps):
        batch = order[step * training.batch_size : (step + 1) * training.batch_size]
        a, named, ways, entered = inputs_of(data, batch), architecture.named(w), [], dict[str, Floats]()
        for number, layer in enumerate(architecture.layers):
            kept = kept_of(job, number, len(batch), (state.epoch, step))
            entered[layer.name] = a
            a, back = passed(layer, named, running, entered, kept)
            ways.append((layer.name, back))
        gradient, delta = np.empty_like(w), loss_gradient(job, a, data.train.y[batch])
        into = architecture.named(gradient)
        for name, back in reversed(ways):
            delta = back(delta, into) + into.get(name, 0.0)
        rate = float(learning_rates(training)[state.epoch])
        w = update(training, rate, state.epoch * steps + step + 1, w, gradient, first, second)
    return w, first, second, buffers


def errors(job: Job) -> dict[str, float]:
    """Largest error of each vector after an epoch, in units in the last place of its largest element.

    It begins in mid-training, with moments of a size beside which what rounding leaves of a gradient of 0 is nothing.
    """
    data, state = make_data(job, train=26), warm_state(job, 40)
    state.buffers[:] = np.random.default_rng(9).uniform(0.5, 2, len(state.buffers))
    state.second_P += np.float32(0.01)
    expected = exact_epoch(job, data, state)
    NativeTrainer().advance(job, data, state, 41)
    mine = (state.parameters_P, state.first_P, state.second_P, state.buffers)
    return {
        name: float(np.max(np.abs(ours - exact)) / np.max(np.abs(exact)) / ULP)
        for name, ours, exact in zip(
            ("parameters", "first", "second", "buffers"), mine, expected, strict=True
        )
        if len(exact)
    }
