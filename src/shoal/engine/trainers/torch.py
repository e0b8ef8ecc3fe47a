"""The torch trainer: one network at a time, any device; the reference for what every other trainer must give.

The parameters, their gradients and the optimiser's moments are each one flat tensor that the module's own
tensors are views of, so that zeroing and the optimiser's step are one call each, and a `State` needs no
gathering. Letters: N rows, B rows of a batch, S steps, H units, P parameters.
"""

from __future__ import annotations

import contextlib
import gc
import math
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from shoal.engine._trainer import CURVES, AskedGradient, FitData, Job, State, steps_per_epoch
from shoal.engine.forecast.steps import torch_step_seconds
from shoal.engine.trainers.batches import channels_last, chunks_of, on_device
from shoal.engine.trainers.strided import pays, strided_module
from shoal.engine.trainers.torch_memory import lingering_bytes, passing_bytes
from shoal.errors import StudyError
from shoal.extras import is_there, needed
from shoal.kinds import Takes, Target
from shoal.nets import (
    Architecture,
    Descent,
    Moments,
    Step,
    build_module,
    learning_rates,
    optimizer_of,
    torch_loss,
    trained_module,
)
from shoal.streams import Role, dropout_draws, dropout_scale, dropout_threshold, permutation
from shoal.study import Training

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

DRAWS_AT_ONCE = 1 << 18
"""Dropout draws made in one call, as near as whole steps come to it: numpy's overhead is per call."""

_WORKERS: Final[dict[Takes, str]] = {"table": "processes", "images": "threads"}


@cache
def load_torch() -> None:
    """Import torch, once a process, without looking for garbage meanwhile: there is none, and it takes its time.

    Raises StudyError where it is missing.
    """
    if not is_there("torch"):
        raise StudyError(f"the torch trainer {needed('torch')}")
    collecting = gc.isenabled()
    gc.disable()
    try:
        import torch  # noqa: F401
    finally:
        if collecting:
            gc.enable()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread, as every fit does, and give the user's setting back."""
    load_torch()
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@cache
def keep_memory() -> None:
    """Have glibc keep what is freed, once a process: pages asked for anew in every step cost half a step.

    Its thresholds for giving memory back rise to the size of the largest block freed so far, up to 32 MiB
    (mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD). Elsewhere this does nothing.
    """
    np.empty(31 << 20, np.uint8)


class TorchTrainer:
    """Trains in PyTorch on `device`. `dtype` float64 serves the comparison with an oracle."""

    name = "torch"
    imports_torch = True

    def __init__(self, device: str = "cpu", dtype: Literal["float32", "float64"] = "float32") -> None:
        """Choose where and how finely to compute."""
        self.device = device
        self.dtype = dtype
        version = "torch-1" if (device, dtype) == ("cpu", "float32") else f"torch-1-{device}-{dtype}"
        self.versions: Mapping[Takes, str] = dict.fromkeys(get_args(Takes), version)

    def workers(self, architecture: Architecture) -> str:
        """Processes: torch holds the GIL between short calls; those of convolutions are long."""
        return _WORKERS[architecture.takes]

    def refuses(self, architecture: Architecture, training: Training) -> str | None:  # noqa: ARG002
        """Take every fit."""
        return None

    def advance(self, job: Job, data: FitData, state: State, until: int) -> None:
        """Train up to `until` epochs in all; see `Trainer.advance`."""
        with one_thread():
            _Fit(self, job, data, state).run(min(until, job.training.epochs))

    def outputs(
        self, architecture: Architecture, parameters_P: NDArray[Any], buffers: NDArray[Any], x: NDArray[Any]
    ) -> NDArray[np.float32]:
        """Outputs of the network for prepared rows, shape (N, K)."""
        import torch

        with one_thread(), torch.no_grad():
            module = _module_of(architecture, self.device, getattr(torch, self.dtype))
            _point_at(module, architecture, self.tensor(parameters_P), self.tensor(buffers))
            module.eval()
            chunks = [
                module(channels_last(self.tensor(x[rows]))).flatten(1)
                for rows in chunks_of(x, architecture.takes)
            ]
        return np.concatenate([chunk.cpu().numpy() for chunk in chunks]).astype(np.float32, copy=False)

    def maps(
        self, architecture: Architecture, parameters_P: NDArray[Any], buffers: NDArray[Any], x: NDArray[Any]
    ) -> tuple[NDArray[np.float32], ...]:
        """Feature maps of every convolution for prepared images; see `Trainer.maps`."""
        from shoal.engine.trainers.torch_asked import maps_of

        with one_thread():
            return maps_of(self._trained(architecture, parameters_P, buffers), architecture, self.tensor(x))

    def gradient(
        self,
        architecture: Architecture,
        parameters_P: NDArray[Any],
        buffers: NDArray[Any],
        x: NDArray[Any],
        asked: AskedGradient,
    ) -> NDArray[np.float32]:
        """Gradient by prepared images, or by maps; see `Trainer.gradient`."""
        from shoal.engine.trainers.torch_asked import gradient_of

        with one_thread():
            module = self._trained(architecture, parameters_P, buffers)
            return gradient_of(module, architecture, self.tensor(x), asked)

    def _trained(
        self, architecture: Architecture, parameters_P: NDArray[Any], buffers: NDArray[Any]
    ) -> nn.Sequential:
        """Build the module as it stands, in evaluation mode, on the device."""
        kind = np.dtype(self.dtype)
        named = architecture.named(parameters_P.astype(kind), buffers.astype(kind))
        return trained_module(architecture, named).requires_grad_(requires_grad=False).to(self.device)

    def step_seconds(self, job: Job, rows: int) -> float:
        """Predict from this machine's pace: measuring would mean importing torch."""
        return torch_step_seconds(job, rows)

    def passing_bytes(self, job: Job, rows: int, asked: int) -> float:
        """Predict what passes through a network at once."""
        return passing_bytes(job, rows, asked)

    def lingering_bytes(self, job: Job, rows: int, asked: int) -> float:
        """Predict what glibc keeps of it."""
        return lingering_bytes(job, rows, asked)

    def tensor(self, array: NDArray[Any]) -> Tensor:
        """Put an array on the device; floats in the trainer's precision, shared with numpy where possible."""
        import torch

        kind = np.dtype(self.dtype) if array.dtype.kind == "f" else array.dtype
        return torch.from_numpy(np.ascontiguousarray(array, dtype=kind)).to(self.device)


def _module_of(architecture: Architecture, device: str, dtype: torch.dtype) -> nn.Sequential:
    """Build the module; rectifiers overwrite what they are given, which nothing before them needs again."""
    from torch import nn

    module = build_module(architecture).to(device, dtype)
    for child in module:
        if isinstance(child, nn.ReLU):
            child.inplace = True
    for before, layer in pairwise(architecture.convolutions if device == "cpu" else ()):
        if pays(layer, before.pooled):
            setattr(module, layer.name, strided_module(getattr(module, layer.name)))
    return module


def _point_at(
    module: nn.Module,
    architecture: Architecture,
    flat_P: Tensor,
    buffers: Tensor,
    grad_P: Tensor | None = None,
) -> None:
    """Make the module's parameters, gradients and buffers views of the flat tensors."""
    named = dict(module.named_parameters())
    for slot in architecture.slots:
        parameter = named[slot.name]
        parameter.data = flat_P[slot.start : slot.stop].view(slot.shape)
        if grad_P is not None:
            parameter.grad = grad_P[slot.start : slot.stop].view(slot.shape)
    for slot in architecture.buffer_slots:
        owner, name = slot.name.split(".")
        setattr(module.get_submodule(owner), name, buffers[slot.start : slot.stop].view(slot.shape))


class _Fit:
    """One call of `advance`: tensors that share memory with the state (on a CPU), module and optimiser."""

    def __init__(self, trainer: TorchTrainer, job: Job, data: FitData, state: State) -> None:
        import torch

        keep_memory()
        self.trainer, self.job, self.state, self.judge = trainer, job, state, data.judge
        self.loss = torch_loss(job.loss, job.training)
        for name in ("parameters_P", "buffers", "first_P", "second_P", "best_P", "best_buffers"):
            setattr(state, name, np.ascontiguousarray(getattr(state, name), dtype=trainer.dtype))
        self.flat_P, self.buffers, self.first_P, self.second_P = (
            trainer.tensor(array)
            for array in (state.parameters_P, state.buffers, state.first_P, state.second_P)
        )
        self.grad_P = torch.zeros_like(self.flat_P)
        self.module = _module_of(job.architecture, trainer.device, self.flat_P.dtype)
        _point_at(self.module, job.architecture, self.flat_P, self.buffers, self.grad_P)
        self.dropouts = _stream_dropouts(self.module)
        self.rows = {
            name: on_device(trainer.tensor, getattr(data, name), data)
            for name in ("train", "validation", "inner")
        }
        self.seen = self.rows | {"train": self.rows["train"].thinned()}
        self.steps = steps_per_epoch(len(data.train), job.training.batch_size)
        self.step = self._steps_down()
        self.masks: dict[tuple[int, int], list[Tensor]] = {}
        self.begun = False

    def _steps_down(self) -> Step:
        """Make the optimiser's step over the one flat tensor, its state that of the fit."""
        import torch

        training, state = self.job.training, self.state
        step = torch.tensor(float(state.epoch * self.steps + state.step))
        moments = Moments(step, self.first_P, self.second_P)
        return optimizer_of(training.optimizer).make(Descent(self.flat_P, self.grad_P, moments), training)

    def run(self, until: int) -> None:
        """Train epochs until `until`, the end, a divergence or a pause; then give everything back to the state."""
        state, lr_E = self.state, learning_rates(self.job.training)
        order_key = self.job.key.words(Role.ORDER)
        while state.status == "training" and state.epoch < until:
            order_N = permutation(order_key, len(self.rows["train"]), epoch=state.epoch)
            if not self._epoch(self.trainer.tensor(order_N), float(lr_E[state.epoch])):
                break
            state.epoch, state.step = state.epoch + 1, 0
            if state.epoch == state.epoch_T[state.points]:
                self._evaluate()
        self._give_back()

    def _epoch(self, order_N: Tensor, lr: float) -> bool:
        """Train the rest of an epoch, each step on the exact mean over its batch's rows; False where it diverged
        or pauses."""
        loss_of, module, grad_P = self._loss, self.module, self.grad_P
        rows = self.rows["train"].picked(order_N)
        moves = rows.moves(self.job, self.state.epoch, self.trainer.tensor)
        module.train()
        size = self.job.training.batch_size
        for step in range(self.state.step, self.steps):
            if self.begun and self.state.pausing():
                self.state.step = step
                return False
            self.begun = True
            batch = slice(step * size, (step + 1) * size)
            if self.dropouts:
                for dropout, mask in zip(self.dropouts, self._masks_of(step), strict=True):
                    dropout.mask = mask
            weight = None if rows.weight is None else rows.weight[batch]
            share = None if rows.share is None else rows.share[batch]
            loss = loss_of(module(rows.batch(batch, moves)), rows.y[batch], weight, share)
            if not math.isfinite(loss.item()):
                self.state.diverge(self.state.epoch + 1, step + 1)
                return False
            grad_P.zero_()
            loss.backward()  # type: ignore[no-untyped-call]
            self.step(lr=lr)
        return True

    def _loss(
        self, outputs: Tensor, targets: Tensor, weight: Tensor | None = None, share: Tensor | None = None
    ) -> Tensor:
        if weight is None and share is None:
            return self.loss(outputs, targets)
        if weight is not None and not (counted := weight > 0).all():
            # what weighs nothing is not looked at, be its loss infinite
            outputs, targets, weight = outputs[counted], targets[counted], weight[counted]
            share = None if share is None else share[counted]
        loss = self.loss(outputs, targets, reduction="none")
        loss = loss if share is None else loss * share
        loss = loss if loss.ndim == 1 else loss.mean(1)
        return loss.mean() if weight is None else _weighted_mean(loss, weight)

    def _masks_of(self, step: int) -> list[Tensor]:
        """Dropout masks of a step of this epoch, by layer, drawn for many steps at once."""
        place = (self.state.epoch, step)
        if place not in self.masks:
            self.masks = self._draw_masks(*self._ahead(step))
        return self.masks.pop(place)

    def _ahead(self, step: int) -> tuple[range, range]:
        """Epochs and steps of about `DRAWS_AT_ONCE` draws: whole epochs from this one on, or a part of it."""
        units = sum(layer.units for layer in self.job.architecture.layers if layer.dropout)
        epoch, training = self.state.epoch, self.job.training
        epochs = DRAWS_AT_ONCE // (units * len(self.rows["train"]))
        if epochs:
            return range(epoch, min(epoch + epochs, training.epochs)), range(self.steps)
        steps = max(1, DRAWS_AT_ONCE // (units * training.batch_size))
        return range(epoch, epoch + 1), range(step, min(step + steps, self.steps))

    def _draw_masks(self, epochs: range, steps: range) -> dict[tuple[int, int], list[Tensor]]:
        key, size = self.job.key.words(Role.DROPOUT), self.job.training.batch_size
        full, rest = divmod(len(self.rows["train"]), size)
        parts = (steps[: max(0, full - steps.start)], size), (steps[max(0, full - steps.start) :], rest)
        masks: dict[tuple[int, int], list[Tensor]] = {(e, s): [] for e in epochs for s in steps}
        for number, layer in enumerate(self.job.architecture.layers):
            for some, batch in parts if layer.dropout else ():
                if not some:
                    continue
                step_S, epoch_E1 = np.array(some), np.array(epochs)[:, None]
                draws = dropout_draws(key, batch * layer.units, layer=number, step=step_S, epoch=epoch_E1)
                factors = np.where(
                    draws >= dropout_threshold(layer.dropout), dropout_scale(layer.dropout), np.float32(0)
                )
                tensor = self.trainer.tensor(
                    factors.reshape(len(epochs), len(some), batch, *layer.mask_shape)
                )
                for e, epoch in enumerate(epochs):
                    for s, step in enumerate(some):
                        masks[epoch, step].append(tensor[e, s])
        return masks

    def _evaluate(self) -> None:
        """Losses without dropout, by the network as it stands after the epoch."""
        import torch

        self.module.eval()
        curve, judged = dict.fromkeys(CURVES, math.nan), None
        with torch.no_grad():
            for name, rows in self.seen.items():
                if not len(rows):
                    continue
                y = rows.y
                outputs = torch.cat([self.module(x) for x in rows.chunks()])
                if self.judge is not None and name == self.job.monitor:
                    judged = self.judge(outputs.cpu().numpy().astype(np.float32, copy=False))
                weight, share = (None if of is None else of.double() for of in (rows.weight, rows.share))
                curve[f"{name}_loss"] = self._loss(
                    outputs.double(), y.double() if y.is_floating_point() else y, weight, share
                ).item()
                if self.job.target != "numbers" and name != "inner":
                    right = _right(outputs, y, self.job.target).double()
                    accuracy = right.mean() if weight is None else _weighted_mean(right, weight)
                    curve[f"{name}_accuracy"] = accuracy.item()
        self._give_back()
        curve_C = np.array([curve[name] for name in CURVES])
        self.state.record_evaluation(self.job, curve_C, self.steps, judged)

    def _give_back(self) -> None:
        """Copy to the state what does not share its memory (another device)."""
        if self.trainer.device != "cpu":
            for name in ("flat_P", "buffers", "first_P", "second_P"):
                array = getattr(self.state, "parameters_P" if name == "flat_P" else name)
                array[:] = getattr(self, name).cpu().numpy()


def _right(outputs: Tensor, y: Tensor, target: Target) -> Tensor:
    """Say of which rows the class, or every label, is predicted, (N,)."""
    if target == "class":
        return outputs.argmax(1) == y
    return ((outputs > 0) == (y > 0.5)).all(1)


def _weighted_mean(value_N: Tensor, weight_N: Tensor) -> Tensor:
    """Give the weighted mean of rows; 0 where they weigh nothing."""
    import torch

    total = weight_N.sum()
    return (weight_N * value_N).sum() / torch.where(total > 0, total, torch.ones_like(total))


def _stream_dropouts(module: nn.Module) -> list[Any]:
    """Swap every dropout layer for one that multiplies by a mask drawn from the streams; in order of layers."""
    from torch import nn

    class StreamDropout(nn.Dropout):
        mask: Tensor

        def forward(self, x: Tensor) -> Tensor:
            return x * self.mask if self.training else x

    swapped = []
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Dropout | nn.Dropout2d):
            setattr(module, name, StreamDropout(child.p))
            swapped.append(getattr(module, name))
    return swapped
