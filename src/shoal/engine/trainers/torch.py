"""The torch trainer: one network at a time, any device; the reference for what every other trainer must give.

Letters: N rows, S steps, H units, P parameters.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from shoal.engine._trainer import AskedGradient, FitData, Job, State
from shoal.engine.forecast.steps import torch_step_seconds
from shoal.engine.trainers.batches import channels_last, chunks_of
from shoal.engine.trainers.strided import pays, strided_module
from shoal.engine.trainers.torch_fit import TorchFit, point_at
from shoal.engine.trainers.torch_memory import lingering_bytes, passing_bytes
from shoal.errors import StudyError
from shoal.extras import is_there, needed
from shoal.kinds import Takes
from shoal.nets import Architecture, TorchLoss, build_module, torch_loss, trained_module
from shoal.streams import Role, dropout_draws, dropout_scale, dropout_threshold
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
        """Take every fit of layers of Shoal."""
        return None if architecture.own is None else "the torch trainer takes no module of a person's own"

    def advance(self, job: Job, data: FitData, state: State, until: int) -> None:
        """Train up to `until` epochs in all; see `Trainer.advance`."""
        with one_thread():
            LayersFit(self, job, data, state).run(min(until, job.training.epochs))

    def outputs(
        self, architecture: Architecture, parameters_P: NDArray[Any], buffers: NDArray[Any], x: NDArray[Any]
    ) -> NDArray[np.float32]:
        """Outputs of the network for prepared rows, shape (N, K)."""
        import torch

        with one_thread(), torch.no_grad():
            module = _module_of(architecture, self.device, getattr(torch, self.dtype))
            point_at(module, architecture, self.tensor(parameters_P))
            _share_buffers(module, architecture, self.tensor(buffers))
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
    ) -> nn.Module:
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
        return torch.from_numpy(np.require(array, kind, ["C", "W"])).to(self.device)


def _module_of(architecture: Architecture, device: str, dtype: torch.dtype) -> nn.Module:
    """Build the module; rectifiers overwrite what they are given, which nothing before them needs again."""
    from torch import nn

    module = build_module(architecture).to(device, dtype)
    for child in module.children():
        if isinstance(child, nn.ReLU):
            child.inplace = True
    for before, layer in pairwise(architecture.convolutions if device == "cpu" else ()):
        if pays(layer, before.pooled):
            setattr(module, layer.name, strided_module(getattr(module, layer.name)))
    return module


def _share_buffers(module: nn.Module, architecture: Architecture, buffers: Tensor) -> None:
    """Make the module's buffers views of the flat tensor."""
    for slot in architecture.buffer_slots:
        owner, name = slot.name.split(".")
        setattr(module.get_submodule(owner), name, buffers[slot.start : slot.stop].view(slot.shape))


class LayersFit(TorchFit):
    """A fit of a network of Shoal's layers, whose dropout comes from the streams. Letters: S steps, H units."""

    def built(self) -> nn.Module:
        """Build the module, its arrays views of the flat tensors, its dropout ours."""
        module = _module_of(self.job.architecture, self.device.device, self.flat_P.dtype)
        point_at(module, self.job.architecture, self.flat_P, self.grad_P)
        _share_buffers(module, self.job.architecture, self.buffers)
        self.dropouts = _stream_dropouts(module)
        self.masks: dict[tuple[int, int], list[Tensor]] = {}
        self.step = self.flat_step()
        return module

    def loss_of_batch(self) -> TorchLoss:
        """Give the loss by its name."""
        return torch_loss(self.job.loss, self.job.training)

    def ready(self, step: int) -> None:
        """Put the masks of a step in place."""
        if self.dropouts and step < self.steps:
            for dropout, mask in zip(self.dropouts, self._masks_of(step), strict=True):
                dropout.mask = mask

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
                tensor = self.device.tensor(factors.reshape(len(epochs), len(some), batch, *layer.mask_shape))
                for e, epoch in enumerate(epochs):
                    for s, step in enumerate(some):
                        masks[epoch, step].append(tensor[e, s])
        return masks


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
