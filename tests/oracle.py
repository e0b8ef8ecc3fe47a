"""The oracle: training written the slow, obvious way in torch.nn and torch.optim.

It shares nothing with `shoal.engine`. What both must agree on beforehand comes from outside the engine: the
description (shoal.study), the initial parameters (shoal.nets) and the random streams (shoal.streams).

Letters: N rows, B rows of a batch, D inputs, H hidden units, K outputs, P parameters, E epochs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn, optim
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.optim import lr_scheduler

from shoal.nets import build_architecture, initial_parameters, tables_of
from shoal.streams import Role, StreamKey, dropout_draws, dropout_scale, dropout_threshold, permutation
from shoal.study import Loss, Network, Training

_ACTIVATIONS = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "identity": nn.Identity,
}
# Where torch.optim keeps what `State.first_P` and `State.second_P` hold.
_MOMENTS = {
    "sgd": ("momentum_buffer", None),
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
    "rmsprop": ("momentum_buffer", "square_avg"),
}


def make_optimizer(training: Training, parameters: list[nn.Parameter]) -> optim.Optimizer:
    """Choose the ordinary optimiser: one tensor after the other, neither foreach nor fused."""
    plain: dict[str, Any] = {"lr": training.lr, "weight_decay": training.weight_decay, "foreach": False}
    match training.optimizer:
        case "sgd":
            return optim.SGD(parameters, momentum=training.momentum, nesterov=training.nesterov, **plain)
        case "rmsprop":
            return optim.RMSprop(parameters, momentum=training.momentum, **plain)
        case "adam":
            return optim.Adam(parameters, **plain)
        case "adamw":
            return optim.AdamW(parameters, **plain)


def learning_rates(training: Training) -> list[float]:
    """Ask torch's own schedulers for the learning rate of every epoch, (E,)."""
    optimizer = optim.SGD([nn.Parameter(torch.zeros(1))], lr=training.lr)
    scheduler: lr_scheduler.LRScheduler
    match training.schedule:
        case "cosine":
            scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=training.epochs)
        case "step":
            every = training.step_every or max(1, training.epochs // 3)
            scheduler = lr_scheduler.StepLR(optimizer, every, gamma=training.step_factor)
        case "one-cycle":
            scheduler = lr_scheduler.OneCycleLR(
                optimizer, training.lr, total_steps=training.epochs, cycle_momentum=False
            )
        case "constant":
            scheduler = lr_scheduler.ConstantLR(optimizer, factor=1.0)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(training.epochs - 1):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return [float(rate) for rate in rates]


def norm_of_rows(network: Network, units: int) -> nn.Module:
    """Torch's own norm of the units of a dense layer."""
    if network.batch_norm or network.norm == "batch":
        return nn.BatchNorm1d(units)
    return nn.LayerNorm(units) if network.norm == "layer" else nn.Identity()


class Oracle:
    """One network and its optimiser; `shape` is (D, K), or (D, K, C): how many categories each of the last columns has,
    which are codes.
    """

    def __init__(
        self,
        network: Network,
        training: Training,
        loss: Loss,
        key: StreamKey,
        shape: tuple[int, int] | tuple[int, int, tuple[int, ...]],
        dtype: torch.dtype = torch.float64,
    ) -> None:
        self.training, self.key, self.dtype, self.rate = training, key, dtype, network.dropout
        inputs, outputs, *coded = shape
        tables = tables_of(network, [count + 1 for count in (coded[0] if coded else ())])
        self.tables = nn.ParameterList(torch.zeros(table) for table in tables)
        widths = (inputs + sum(size - 1 for _, size in tables), *network.hidden)
        self.hidden = nn.ModuleList(
            nn.Sequential(
                nn.Linear(inputs, units),
                norm_of_rows(network, units),
                _ACTIVATIONS[network.activation](),
            )
            for inputs, units in pairwise(widths)
        )
        self.output = nn.Linear(widths[-1], outputs)
        self.model = nn.ModuleList([self.tables, self.hidden, self.output]).to(dtype)
        self.loss = loss
        self.optimizer = make_optimizer(training, list(self.model.parameters()))
        self.rates = learning_rates(training)
        self.set_parameters(initial_parameters(build_architecture(network, (inputs,), outputs, tables), key))

    # -- what it is ------------------------------------------------------------------------------------------

    @property
    def parameters_P(self) -> NDArray[Any]:
        """The flat parameter vector: layer by layer weight, bias, and batch norm's weight and bias."""
        return parameters_to_vector(self.model.parameters()).detach().clone().numpy()

    @property
    def buffers(self) -> NDArray[Any]:
        """Running means and variances, layer by layer."""
        return np.concatenate([np.zeros(0), *(b.numpy() for b in self.model.buffers() if b.dim())])

    def set_parameters(self, parameters_P: NDArray[Any]) -> None:
        """Replace every parameter."""
        # `.data`, since torch's vector_to_parameters makes each parameter a view of the vector it is given.
        vector_to_parameters(torch.tensor(parameters_P, dtype=self.dtype), self.model.parameters())

    def set_buffers(self, buffers: NDArray[Any]) -> None:
        """Replace every running mean and variance."""
        start = 0
        for buffer in (b for b in self.model.buffers() if b.dim()):
            buffer.copy_(torch.tensor(buffers[start : start + len(buffer)], dtype=self.dtype))
            start += len(buffer)

    def moments(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """What the optimiser remembers, as two flat vectors (zeros where it remembers nothing)."""
        first, second = (
            np.concatenate([self._moment(p, name).reshape(-1) for p in self.model.parameters()])
            for name in _MOMENTS[self.training.optimizer]
        )
        return first, second

    def _moment(self, parameter: nn.Parameter, name: str | None) -> NDArray[Any]:
        value = self.optimizer.state[parameter].get(name)
        return np.zeros(parameter.shape) if value is None else value.numpy()

    def restore(
        self, parameters_P: NDArray[Any], moments: tuple[NDArray[Any], NDArray[Any]], steps: int
    ) -> None:
        """Go on from these parameters and moments as if `steps` steps had been taken."""
        self.set_parameters(parameters_P)
        start = 0
        for parameter in self.model.parameters():
            state: dict[str, Any] = {"step": torch.tensor(float(steps))}
            for name, flat in zip(_MOMENTS[self.training.optimizer], moments, strict=True):
                if name is not None:
                    piece = flat[start : start + parameter.numel()].reshape(tuple(parameter.shape))
                    state[name] = torch.tensor(piece, dtype=self.dtype)
            self.optimizer.state[parameter] = state
            start += parameter.numel()

    def criterion(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss, from its formula."""
        training = self.training
        match self.loss:
            case "mse":
                return ((outputs - targets) ** 2).mean()
            case "mae":
                return (outputs - targets).abs().mean()
            case "huber":
                size, delta = (outputs - targets).abs(), training.huber_delta
                return torch.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).mean()
            case "poisson":
                return (outputs.exp() - targets * outputs).mean()
            case "quantile":
                levels = torch.tensor(training.quantiles, dtype=self.dtype)
                below = targets[:, :, None] - outputs.reshape(len(outputs), -1, len(levels))
                return torch.where(below > 0, levels * below, (levels - 1) * below).mean()
            case "gaussian":
                deviation = outputs[:, 1::2].exp()
                return -torch.distributions.Normal(outputs[:, 0::2], deviation).log_prob(targets).mean()
            case "cross-entropy":
                classes, smoothing = outputs.shape[1], training.label_smoothing
                label = nn.functional.one_hot(targets, classes).to(self.dtype)
                truth = (1 - smoothing) * label + smoothing / classes
                return -(truth * outputs.log_softmax(1)).sum(1).mean()
            case "binary-cross-entropy":
                has, lacks = nn.functional.logsigmoid(outputs), nn.functional.logsigmoid(-outputs)
                return -(targets * has + (1 - targets) * lacks).mean()
        raise AssertionError(self.loss)

    def weighted(self, outputs: Tensor, targets: Tensor, weights: NDArray[Any] | None) -> Tensor:
        """The loss of every row by itself, times its weight; their sum over that of the weights, or 0 of no weight."""
        if weights is None:
            return self.criterion(outputs, targets)
        total = outputs.sum() * 0
        for row in np.flatnonzero(weights):
            own = slice(int(row), int(row) + 1)
            total = total + float(weights[row]) * self.criterion(outputs[own], targets[own])
        return total / (float(weights.astype(np.float64).sum()) or 1.0)

    # -- what it does ----------------------------------------------------------------------------------------

    def outputs(self, x: Tensor, place: tuple[int, int] | None = None) -> Tensor:
        """(B, K); with `place` (epoch, step) hidden units are dropped."""
        if len(self.tables):
            x = self._embedded(x)
        for layer, block in enumerate(self.hidden, start=1 if len(self.tables) else 0):
            x = block(x)
            if place is not None and self.rate:
                x = x * self._kept(layer, (x.shape[0], x.shape[1]), place)
        y: Tensor = self.output(x)
        return y

    def _embedded(self, x: Tensor) -> Tensor:
        """Codes as vectors: a column for each category, 1 where it is that one, times the table; code 0 has none."""
        plain = x.shape[1] - len(self.tables)
        vectors = []
        for place, table in enumerate(self.tables):
            columns = nn.functional.one_hot(x[:, plain + place].to(torch.int64), len(table)).to(self.dtype)
            vectors.append(columns[:, 1:] @ table[1:])
        return torch.cat([x[:, :plain], *vectors], dim=1)

    def _kept(self, layer: int, shape: tuple[int, int], place: tuple[int, int]) -> Tensor:
        words = self.key.words(Role.DROPOUT)
        draws = dropout_draws(words, shape[0] * shape[1], layer=layer, epoch=place[0], step=place[1])
        kept_BH = draws.reshape(shape) >= dropout_threshold(self.rate)
        return torch.tensor(kept_BH, dtype=self.dtype) * float(dropout_scale(self.rate))

    def step(
        self, x: NDArray[Any], y: NDArray[Any], place: tuple[int, int], weights: NDArray[Any] | None = None
    ) -> float:
        """Take one step on a batch; give its loss before the step."""
        self.model.train()
        self.optimizer.param_groups[0]["lr"] = self.rates[place[0]]
        self.optimizer.zero_grad()
        loss = self.weighted(self.outputs(self._tensor(x), place), self._tensor(y), weights)
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())

    def epoch(
        self, x: NDArray[Any], y: NDArray[Any], epoch: int, weights: NDArray[Any] | None = None
    ) -> Iterator[float]:
        """Take the steps of one epoch (from 0), giving each batch's loss."""
        order = permutation(self.key.words(Role.ORDER), len(x), epoch=epoch)
        size = self.training.batch_size
        for step, start in enumerate(range(0, len(x), size)):
            rows = order[start : start + size]
            yield self.step(x[rows], y[rows], (epoch, step), None if weights is None else weights[rows])

    def evaluate(
        self, x: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None = None
    ) -> tuple[float, float]:
        """Loss and accuracy over all rows without dropout; NaN for no rows, accuracy NaN for values."""
        if not len(x):
            return float("nan"), float("nan")
        self.model.eval()
        with torch.no_grad():
            outputs = self.outputs(self._tensor(x))
            loss = float(self.weighted(outputs, self._tensor(y), weights))
        if self.loss == "binary-cross-entropy":
            right = ((outputs.numpy() > 0) == (y > 0)).all(axis=1)
        elif y.dtype.kind == "i":
            right = outputs.argmax(1).numpy() == y
        else:
            return loss, float("nan")
        return loss, float(np.average(right, weights=weights))

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.tensor(values, dtype=torch.int64 if values.dtype.kind == "i" else self.dtype)
