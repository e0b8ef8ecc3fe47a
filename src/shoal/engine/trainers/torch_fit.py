"""One fit in torch, whatever its module is: the way through its epochs and batches, its losses, its curve.

The parameters, their gradients and the optimiser's moments are each one flat tensor that the module's own
tensors are views of, so that zeroing and the optimiser's step are one call each, and a `State` needs no
gathering. Letters: N rows, B rows of a batch, P parameters.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.engine._trainer import CURVES, FitData, Job, State, steps_per_epoch
from shoal.engine.trainers.batches import on_device
from shoal.kinds import Target
from shoal.nets import Architecture, Descent, Moments, Step, TorchLoss, learning_rates, optimizer_of
from shoal.streams import Role, permutation

if TYPE_CHECKING:
    from torch import Tensor, nn


@cache
def keep_memory() -> None:
    """Have glibc keep what is freed, once a process: pages asked for anew in every step cost half a step.

    Its thresholds for giving memory back rise to the size of the largest block freed so far, up to 32 MiB
    (mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD). Elsewhere this does nothing.
    """
    np.empty(31 << 20, np.uint8)


class Device(Protocol):
    """Where a trainer computes, and how finely."""

    @property
    def device(self) -> str:
        """Torch's name of it."""
        ...

    @property
    def dtype(self) -> str:
        """The type of its floats."""
        ...

    def tensor(self, array: NDArray[Any]) -> Tensor:
        """Put an array there."""
        ...


def point_at(
    module: nn.Module, architecture: Architecture, flat_P: Tensor, grad_P: Tensor | None = None
) -> None:
    """Make the module's parameters and gradients views of the flat tensors."""
    named = dict(module.named_parameters())
    for slot in architecture.slots:
        parameter = named[slot.name]
        parameter.data = flat_P[slot.start : slot.stop].view(slot.shape)
        if grad_P is not None:
            parameter.grad = grad_P[slot.start : slot.stop].view(slot.shape)


class TorchFit(ABC):
    """A fit that is trained: tensors that share memory with the state (on a CPU), module and optimiser."""

    step: Step

    def __init__(self, device: Device, job: Job, data: FitData, state: State) -> None:
        import torch

        keep_memory()
        self.device, self.job, self.data, self.state, self.judge = device, job, data, state, data.judge
        for name in ("parameters_P", "buffers", "first_P", "second_P", "best_P", "best_buffers"):
            setattr(state, name, np.ascontiguousarray(getattr(state, name), dtype=device.dtype))
        self.flat_P, self.buffers, self.first_P, self.second_P = (
            device.tensor(array)
            for array in (state.parameters_P, state.buffers, state.first_P, state.second_P)
        )
        self.grad_P = torch.zeros_like(self.flat_P)
        self.rows = {
            name: on_device(device.tensor, getattr(data, name), data)
            for name in ("train", "validation", "inner")
        }
        self.seen = self.rows | {"train": self.rows["train"].thinned()}
        self.steps = steps_per_epoch(len(data.train), job.training.batch_size)
        self.module = self.built()
        self.loss = self.loss_of_batch()

    # -- what kinds of fits say ------------------------------------------------------------------------------

    @abstractmethod
    def built(self) -> nn.Module:
        """Make the module of the state's numbers."""

    @abstractmethod
    def loss_of_batch(self) -> TorchLoss:
        """Give what is minimised."""

    @abstractmethod
    def ready(self, step: int) -> None:
        """Draw what is random in a step of this epoch; the step past the last is the evaluation."""

    def answer(self, x: Tensor) -> Tensor:
        """Give the outputs for a batch, (B, K)."""
        outputs: Tensor = self.module(x)
        return outputs

    def exact(self, values: Tensor) -> Tensor:
        """Give numbers as losses are evaluated on them."""
        return values.double()

    def stepped(self, loss_of: Callable[[], Tensor], lr: float) -> bool:
        """Make one step by the loss of a batch; False where that is not finite."""
        loss = loss_of()
        if not math.isfinite(loss.item()):
            return False
        self.grad_P.zero_()
        loss.backward()  # type: ignore[no-untyped-call]
        self.step(lr=lr)
        return True

    def flat_step(self) -> Step:
        """Make an optimiser's step over the one flat tensor, its state that of the fit."""
        import torch

        training, state = self.job.training, self.state
        step = torch.tensor(float(state.epoch * self.steps + state.step))
        moments = Moments(step, self.first_P, self.second_P)
        return optimizer_of(training.optimizer).make(Descent(self.flat_P, self.grad_P, moments), training)

    def run(self, until: int) -> None:
        """Train epochs until `until`, the end, a divergence or a pause; then give everything back to the state."""
        state, lr_E = self.state, learning_rates(self.job.training)
        order_key, self.begun = self.job.key.words(Role.ORDER), False
        while state.status == "training" and state.epoch < until:
            order_N = permutation(order_key, len(self.rows["train"]), epoch=state.epoch)
            if not self._epoch(self.device.tensor(order_N), float(lr_E[state.epoch])):
                break
            state.epoch, state.step = state.epoch + 1, 0
            if state.epoch == state.epoch_T[state.points]:
                self._evaluate()
        self.give_back()

    def _epoch(self, order_N: Tensor, lr: float) -> bool:
        """Train the rest of an epoch, each step on the exact mean over its batch's rows; False where it diverged
        or pauses."""
        rows = self.rows["train"].picked(order_N)
        moves = rows.moves(self.job, self.state.epoch, self.device.tensor)
        self.module.train()
        size = self.job.training.batch_size
        for step in range(self.state.step, self.steps):
            if self.begun and self.state.pausing():
                self.state.step = step
                return False
            self.begun = True
            batch = slice(step * size, (step + 1) * size)
            x, targets = rows.batch(batch, moves), rows.y[batch]
            weight = None if rows.weight is None else rows.weight[batch]
            share = None if rows.share is None else rows.share[batch]
            if not self.stepped(partial(self._loss_of, step, (x, targets, weight, share)), lr):
                self.state.diverge(self.state.epoch + 1, step + 1)
                return False
        return True

    def _loss_of(self, step: int, batch: tuple[Tensor, Tensor, Tensor | None, Tensor | None]) -> Tensor:
        """Give the loss of a batch: its inputs, targets, weights and shares."""
        x, targets, weight, share = batch
        self.ready(step)
        return self._loss(self.answer(x), targets, weight, share)

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

    def _evaluate(self) -> None:
        """Losses without dropout, by the network as it stands after the epoch."""
        import torch

        self.module.eval()
        self.ready(self.steps)
        curve, judged = dict.fromkeys(CURVES, math.nan), None
        with torch.no_grad():
            for name, rows in self.seen.items():
                if not len(rows):
                    continue
                y = rows.y
                outputs = torch.cat([self.answer(x) for x in rows.chunks()])
                if self.judge is not None and name == self.job.monitor:
                    judged = self.judge(outputs.cpu().numpy().astype(np.float32, copy=False))
                weight, share = (None if of is None else self.exact(of) for of in (rows.weight, rows.share))
                curve[f"{name}_loss"] = self._loss(
                    self.exact(outputs), self.exact(y) if y.is_floating_point() else y, weight, share
                ).item()
                if self.job.target != "numbers" and name != "inner":
                    right = _right(outputs, y, self.job.target).double()
                    accuracy = right.mean() if weight is None else _weighted_mean(right, weight)
                    curve[f"{name}_accuracy"] = accuracy.item()
        self.give_back()
        curve_C = np.array([curve[name] for name in CURVES])
        self.state.record_evaluation(self.job, curve_C, self.steps, judged)

    def give_back(self) -> None:
        """Copy to the state what does not share its memory (another device)."""
        if self.device.device != "cpu":
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
