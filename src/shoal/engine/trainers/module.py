"""The trainer of people's own modules: torch's way of training, with our order of rows, draws, curve and state.

Torch has one generator a process, which a module draws from as it likes (dropout, noise). It is seeded from the streams
before every step, and used by one fit at a time, so that a fit's bytes depend on itself alone wherever it is
interrupted. Letters: N rows, B rows of a batch, K outputs, P parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from shoal.engine._trainer import AskedGradient, FitData, Job, State
from shoal.engine.trainers.optimizer_state import arrays_of_optimizer, restore_optimizer
from shoal.engine.trainers.torch import TorchTrainer, one_thread
from shoal.engine.trainers.torch_fit import TorchFit, point_at
from shoal.kinds import Takes
from shoal.nets import Architecture, Recipe, TorchLoss, arrays_of, numbers_of, own_draws, own_loss, torch_loss
from shoal.streams import Role, draw
from shoal.study import Training

if TYPE_CHECKING:
    from torch import Tensor, nn

MODULE_ROWS: Final = 1024
"""Rows that pass through a module at once where nothing is learned of them."""
ROWS_TOGETHER: Final = 32
"""They are made a multiple of this."""


class ModuleTrainer(TorchTrainer):
    """Trains people's own modules on `device`, in `dtype`."""

    name = "module"

    def __init__(self, device: str = "cpu", dtype: Literal["float32", "float64"] = "float32") -> None:
        """Choose where and how finely to compute."""
        super().__init__(device, dtype)
        version = "module-1" if (device, dtype) == ("cpu", "float32") else f"module-1-{device}-{dtype}"
        self.versions: Mapping[Takes, str] = dict.fromkeys(get_args(Takes), version)

    def workers(self, architecture: Architecture) -> str:
        """Processes, each with a generator of its own; what cannot be sent to one is trained here, fit by fit."""
        return "processes" if architecture.travels else "threads"

    def refuses(self, architecture: Architecture, training: Training) -> str | None:  # noqa: ARG002
        """Take people's own modules alone."""
        return "the trainer of modules takes no layers of Shoal" if architecture.own is None else None

    def advance(self, job: Job, data: FitData, state: State, until: int) -> None:
        """Train up to `until` epochs in all; see `Trainer.advance`."""
        with one_thread(), own_draws() as seed:
            if not isinstance(state.live, ModuleFit) or not state.live.goes_on_with(job, data):
                seed(0)
                state.live = ModuleFit(self, job, data, state)
            state.live.seed = seed
            state.live.run(min(until, job.training.epochs))
        if state.status != "training":
            state.live = None

    def outputs(
        self, architecture: Architecture, parameters_P: NDArray[Any], buffers: NDArray[Any], x: NDArray[Any]
    ) -> NDArray[np.float32]:
        """Outputs of the module for prepared rows, shape (N, K)."""
        import torch

        with one_thread(), own_draws() as seed, torch.no_grad():
            seed(0)
            module = self._trained(architecture, parameters_P, buffers)
            seed(0)
            whole = _filled_up(x)
            parts = [whole[start : start + MODULE_ROWS] for start in range(0, len(whole), MODULE_ROWS)]
            answers = [answer_of(module, architecture, self.tensor(part)).cpu().numpy() for part in parts]
        return np.concatenate(answers)[: len(x)].astype(np.float32, copy=False)

    def maps(
        self,
        architecture: Architecture,  # noqa: ARG002
        parameters_P: NDArray[Any],  # noqa: ARG002
        buffers: NDArray[Any],  # noqa: ARG002
        x: NDArray[Any],  # noqa: ARG002
    ) -> tuple[NDArray[np.float32], ...]:
        """None: which of its numbers are maps is not known."""
        return ()

    def gradient(
        self,
        architecture: Architecture,
        parameters_P: NDArray[Any],
        buffers: NDArray[Any],
        x: NDArray[Any],
        asked: AskedGradient,
    ) -> NDArray[np.float32]:
        """Gradient by prepared rows; see `Trainer.gradient`."""
        import torch

        with one_thread(), own_draws() as seed:
            seed(0)
            module = self._trained(architecture, parameters_P, buffers)
            inputs = self.tensor(x).requires_grad_()
            above = self.tensor(np.asarray(asked.by_outputs_NK))
            (gradient,) = torch.autograd.grad(answer_of(module, architecture, inputs), inputs, above)
        array: NDArray[Any] = gradient.cpu().numpy()
        return array.astype(np.float32, copy=False)

    def passing_bytes(self, job: Job, rows: int, asked: int) -> float:
        """Predict what passes through a module at once: its inputs and outputs, and as much for each of its arrays, as
        what it makes of them is not known.
        """
        at_once = max(min(rows, MODULE_ROWS), min(asked, MODULE_ROWS))
        numbers = sum(layer.numbers * (1 + len(layer.parts)) for layer in job.architecture.layers)
        return 4.0 * math.prod(job.architecture.input_shape) * rows + 8.0 * numbers * at_once

    def lingering_bytes(self, job: Job, rows: int, asked: int) -> float:  # noqa: ARG002
        """Nothing that is known."""
        return 0.0

    def _trained(
        self, architecture: Architecture, parameters_P: NDArray[Any], buffers: NDArray[Any]
    ) -> nn.Module:
        module = _made(architecture, self.device, self.tensor(parameters_P), self.tensor(buffers))
        return module.eval().requires_grad_(requires_grad=False)


def _made(architecture: Architecture, device: str, flat_P: Tensor, buffers: Tensor) -> nn.Module:
    """Make a module anew, its parameters views of the flat tensor, its other arrays as the numbers say."""
    import torch

    assert architecture.own is not None  # noqa: S101 - the trainer refuses all others
    module = architecture.own.made().to(device, flat_P.dtype)
    point_at(module, architecture, flat_P)
    others = arrays_of(module).others
    with torch.no_grad():
        for slot in architecture.buffer_slots:
            others[slot.name].copy_(buffers[slot.start : slot.stop].view(slot.shape))
    return module


def _filled_up(x: NDArray[Any]) -> NDArray[Any]:
    """Repeat the last row, so that products of matrices are made as for many rows: a row's answer is then the same to
    the last bits, whatever rows stand beside it.
    """
    more = -len(x) % ROWS_TOGETHER
    return np.concatenate([x, np.repeat(x[-1:], more, axis=0)]) if more else x


def answer_of(module: nn.Module, architecture: Architecture, x: Tensor) -> Tensor:
    """Give the outputs of a module, (B, K). Raises ValueError where they have another shape.

    It is given a copy of the rows, with channels first in memory too, as people's modules view them: one that works in
    place would write into those of who asks.
    """
    import torch

    assert architecture.own is not None  # noqa: S101 - the trainer refuses all others
    network, start = architecture.own.network, 0
    if architecture.takes == "images" or network.plain:
        outputs = module(x.clone(memory_format=torch.contiguous_format))
    else:
        inputs: dict[str, Tensor] = {}
        for part in network.inputs:
            values = x[:, start : start + part.size].clone(memory_format=torch.contiguous_format)
            values = values.view(len(x), *part.shape)
            inputs[part.name] = values.long() if part.whole else values
            start += part.size
        outputs = module(inputs[""]) if "" in inputs else module(**inputs)
    shape = getattr(outputs, "shape", None)
    if shape != (len(x), architecture.outputs):
        title, said = network.own.module.title, type(outputs).__name__ if shape is None else tuple(shape)
        raise ValueError(
            f"module: expected {title} to give outputs of shape {(len(x), architecture.outputs)}, got {said}"
        )
    answer: Tensor = outputs
    return answer


class ModuleFit(TorchFit):
    """A fit of a person's own module, perhaps with a loss and an optimiser of their own."""

    seed: Callable[[int], Any]

    def goes_on_with(self, job: Job, data: FitData) -> bool:
        """Whether it is a fit of this job and these rows, so that its module need not be made again."""
        return self.job is job and self.data is data

    def built(self) -> nn.Module:
        """Make the module, and what makes its steps."""
        architecture = self.job.architecture
        assert architecture.own is not None  # noqa: S101 - the trainer refuses all others
        self.layer = architecture.own
        self.own = self.layer.network.own
        module = _made(architecture, self.device.device, self.flat_P, self.buffers)
        if self.own.optimizer is None:
            point_at(module, architecture, self.flat_P, self.grad_P)
            self.step, self.optimizer = self.flat_step(), None
        else:
            self.optimizer = _optimizer(self.own.optimizer, module, self.job.training)
            if self.state.optimizer:
                restore_optimizer(self.optimizer, self.state.optimizer)
        self.seeds: tuple[int, NDArray[np.uint64]] = (-1, np.zeros(0, np.uint64))
        return module

    def loss_of_batch(self) -> TorchLoss:
        """Give the loss, by its name or a person's own."""
        if self.own.criterion is None:
            return torch_loss(self.job.loss, self.job.training)
        loss, title = (
            own_loss(self.own.criterion, lambda made: made.to(self.device.device)),
            self.own.criterion.title,
        )

        def said(outputs: Tensor, targets: Tensor, /, *, reduction: str = "mean") -> Tensor:
            try:
                return loss(outputs, targets, reduction=reduction)
            except (RuntimeError, ValueError) as error:
                if outputs.shape == targets.shape or str(error).startswith("criterion"):
                    raise
                what = f"expected a loss of outputs of shape {tuple(outputs.shape)} and a class number a row"
                raise ValueError(f"criterion: {what}, got {title}, which refuses them: {error}") from error

        return said

    def ready(self, step: int) -> None:
        """Seed torch's generator for a step of this epoch."""
        epoch, seed_S = self.seeds
        if epoch != self.state.epoch:
            key = self.job.key.words(Role.DROPOUT)
            words = draw(key, 2, step=np.arange(self.steps + 1), epoch=self.state.epoch).astype(np.uint64)
            seed_S = words[:, 0] | words[:, 1] << np.uint64(32)
            self.seeds = self.state.epoch, seed_S
        self.seed(int(seed_S[step]))

    def answer(self, x: Tensor) -> Tensor:
        """Give the outputs for some rows, many of them in parts."""
        import torch

        architecture = self.job.architecture
        if self.module.training:
            return self._answer_to_batch(x)
        if len(x) <= MODULE_ROWS:
            return answer_of(self.module, architecture, x)
        parts = [x[start : start + MODULE_ROWS] for start in range(0, len(x), MODULE_ROWS)]
        return torch.cat([answer_of(self.module, architecture, part) for part in parts])

    def _answer_to_batch(self, x: Tensor) -> Tensor:
        """Give the outputs for a batch. Raises ValueError, naming the parameter, for what torch refuses."""
        import torch

        title = self.own.module.title
        try:
            outputs = answer_of(self.module, self.job.architecture, x)
        except (RuntimeError, ValueError) as error:
            if "more than 1 value per channel" in str(error) and len(x) == 1:
                size, rows = self.job.training.batch_size, len(self.rows["train"])
                what = "expected batches of two rows or more, which batch norm needs"
                raise ValueError(f"batch_size: {what}, got one of 1 row, of {rows} by {size}") from error
            if "'indices'" in str(error):
                what = f"expected whole numbers by the name that the forward of {title} has for them"
                raise ValueError(
                    f'X: {what}, as embeddings need, such as {{"words": X}}, got floats'
                ) from error
            raise
        if not isinstance(outputs, torch.Tensor) or not outputs.is_floating_point():
            kind = outputs.dtype if isinstance(outputs, torch.Tensor) else type(outputs).__name__
            raise ValueError(f"module: expected {title} to give floats in a tensor, got {kind}")
        return outputs

    def exact(self, values: Tensor) -> Tensor:
        """Give numbers in the precision in which a person's own loss is trained."""
        return values if self.own.criterion else super().exact(values)

    def _loss_of(self, step: int, batch: tuple[Tensor, Tensor, Tensor | None, Tensor | None]) -> Tensor:
        loss = super()._loss_of(step, batch)
        if not loss.requires_grad:
            title = self.own.module.title
            raise ValueError(
                f"module: expected a loss with a gradient by the parameters of {title}, got one without"
            )
        return loss

    def stepped(self, loss_of: Callable[[], Tensor], lr: float) -> bool:
        """Make one step by the loss of a batch, which an optimiser of one's own may ask for several times."""
        if self.optimizer is None:
            return super().stepped(loss_of, lr)
        optimizer = self.optimizer
        if self.job.training.schedule != "constant":
            for group in optimizer.param_groups:
                group["lr"] = lr

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = loss_of()
            if not math.isfinite(loss.item()):
                raise _NotFinite
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        try:
            optimizer.step(closure)
        except _NotFinite:
            return False
        return True

    def give_back(self) -> None:
        """Copy to the state what does not share its memory."""
        super().give_back()
        slots = self.job.architecture.buffer_slots
        others = self.layer.arrays(self.module).others if slots else {}
        for slot in slots:
            self.state.buffers[slot.start : slot.stop] = numbers_of(others[slot.name]).reshape(-1)

    def run(self, until: int) -> None:
        """Train as any fit; then see that the module's arrays are those it had, and write down what an optimiser of
        one's own keeps.
        """
        super().run(until)
        self.layer.arrays(self.module)
        if self.optimizer is not None:
            self.state.optimizer = arrays_of_optimizer(self.optimizer)


class _NotFinite(Exception):
    """Ends a step whose loss is not finite."""


def _optimizer(recipe: Recipe, module: nn.Module, training: Training) -> Any:
    """Make a person's own optimiser of the parameters that are trained. Raises InputError for strange keywords."""
    recipe.refuse_strange()
    keywords = dict(recipe.keywords)
    if "lr" in recipe.takes:
        keywords = {"lr": training.lr} | keywords
    return recipe.make([array for array in module.parameters() if array.requires_grad], **keywords)
