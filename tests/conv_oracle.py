"""The oracle of convolutional networks: training written the slow, obvious way in torch.nn and torch.optim.

It shares nothing with `shoal.engine`; what both must agree on beforehand comes from the description, the initial
parameters and the random streams. Letters: N rows, B rows of a batch, C channels, K classes, P parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from oracle import learning_rates, make_optimizer, norm_of_rows
from shoal.nets import build_architecture, initial_parameters
from shoal.streams import Role, StreamKey, draw, dropout_draws, dropout_scale, dropout_threshold, permutation
from shoal.study import Augment, Network, Training

_ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "silu": nn.SiLU, "elu": nn.ELU}


class MapMean(nn.Module):
    """The mean of every map."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum((2, 3), keepdim=True) / (x.shape[2] * x.shape[3])


class MapsAlike(nn.Module):
    """Layer norm of maps: each image less the mean of all its numbers, over their spread; scale and shift a channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        apart = x - x.mean((1, 2, 3), keepdim=True)
        spread = torch.sqrt((apart**2).mean((1, 2, 3), keepdim=True) + 1e-5)
        return self.weight[:, None, None] * apart / spread + self.bias[:, None, None]


class ConvOracle:
    """One network and its optimiser in float64; images are (C, height, width)."""

    def __init__(
        self, network: Network, training: Training, key: StreamKey, shape: tuple[int, int, int], classes: int
    ) -> None:
        self.training, self.key, self.rates = training, key, learning_rates(training)
        self.blocks, self.drops = nn.ModuleList(), []
        x = torch.zeros(2, *shape)
        for conv in network.conv:
            parts: list[nn.Module] = [
                nn.Conv2d(
                    x.shape[1],
                    conv.channels,
                    conv.kernel,
                    conv.stride,
                    conv.padding,
                    conv.dilation,
                    conv.groups,
                )
            ]
            if network.batch_norm:
                parts.append(nn.BatchNorm2d(conv.channels))
            if network.norm == "layer":
                parts.append(MapsAlike(conv.channels))
            parts.append(_ACTIVATIONS[network.activation]())
            if conv.pool is not None and conv.pool.size is None:
                parts.append(MapMean())
            elif conv.pool is not None:
                pool = nn.MaxPool2d if conv.pool.kind == "max" else nn.AvgPool2d
                parts.append(pool(conv.pool.size, conv.pool.stride))
            x = self._add(x, parts, network.conv_dropout)
        x = x.flatten(1)
        for units in network.hidden:
            parts = [
                nn.Linear(x.shape[1], units),
                norm_of_rows(network, units),
                _ACTIVATIONS[network.activation](),
            ]
            x = self._add(x, parts, network.dropout)
        self._add(x, [nn.Linear(x.shape[1], classes)], 0.0)
        self.blocks.double()
        for module in self.blocks.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.reset_running_stats()  # forgets the row that told the sizes
        initial_P = initial_parameters(build_architecture(network, shape, classes), key)
        vector_to_parameters(torch.tensor(initial_P, dtype=torch.float64), self.blocks.parameters())
        self.optimizer = make_optimizer(training, list(self.blocks.parameters()))

    def _add(self, x: Tensor, parts: list[nn.Module], rate: float) -> Tensor:
        self.blocks.append(nn.Sequential(*parts))
        self.drops.append(rate)
        return self.blocks[-1](x.flatten(1) if isinstance(parts[0], nn.Linear) else x).detach()

    @property
    def parameters_P(self) -> NDArray[Any]:
        return parameters_to_vector(self.blocks.parameters()).detach().clone().numpy()

    @property
    def buffers(self) -> NDArray[Any]:
        return np.concatenate([np.zeros(0), *(b.numpy() for b in self.blocks.buffers() if b.dim())])

    def outputs(self, x: Tensor, place: tuple[int, int] | None = None) -> Tensor:
        """Logits (B, K); with `place` (epoch, step) hidden units and channels are dropped."""
        for layer, (block, rate) in enumerate(zip(self.blocks, self.drops, strict=True)):
            x = block(x.flatten(1) if isinstance(block[0], nn.Linear) else x)
            if place is not None and rate:
                x = x * self._kept(layer, x, rate, place)
        return x

    def _kept(self, layer: int, x: Tensor, rate: float, place: tuple[int, int]) -> Tensor:
        rows, units = x.shape[:2]
        words = self.key.words(Role.DROPOUT)
        draws = dropout_draws(words, rows * units, layer=layer, epoch=place[0], step=place[1])
        kept = (draws >= dropout_threshold(rate)).reshape(rows, units, *[1] * (x.ndim - 2))
        return torch.tensor(kept, dtype=torch.float64) * float(dropout_scale(rate))

    def epoch(self, x: NDArray[Any], y: NDArray[Any], epoch: int, weights: NDArray[Any] | None = None) -> int:
        """Take the steps of one epoch (from 0) on float images x; give how many there were."""
        order = permutation(self.key.words(Role.ORDER), len(x), epoch=epoch)
        x, y = moved(x[order], self.training.augment, self.key, epoch), y[order]
        weights = np.ones(len(x)) if weights is None else weights[order].astype(np.float64)
        size = self.training.batch_size
        self.blocks.train()
        self.optimizer.param_groups[0]["lr"] = self.rates[epoch]
        starts = range(0, len(x), size)
        for step, start in enumerate(starts):
            batch = slice(start, start + size)
            self.optimizer.zero_grad()
            outputs = self.outputs(torch.tensor(x[batch]), (epoch, step))
            self.loss(outputs, y[batch], weights[batch]).backward()
            self.optimizer.step()
        return len(starts)

    @staticmethod
    def loss(outputs: Tensor, y: NDArray[Any], weights: NDArray[Any]) -> Tensor:
        """The cross-entropy of every row times its weight, over the sum of the weights, if that is above 0."""
        loss = nn.functional.cross_entropy(outputs, torch.tensor(y), reduction="none")
        return (torch.tensor(weights) * loss).sum() / (weights.sum() or 1.0)

    def evaluate(
        self, x: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None = None
    ) -> tuple[float, float]:
        """Loss and accuracy without dropout."""
        self.blocks.eval()
        with torch.no_grad():
            outputs = self.outputs(torch.tensor(x))
            weights = np.ones(len(x)) if weights is None else weights.astype(np.float64)
            loss = self.loss(outputs, y, weights).item()
        return loss, float(np.average(outputs.argmax(1).numpy() == y, weights=weights))


def moved(x: NDArray[Any], augment: Augment, key: StreamKey, epoch: int) -> NDArray[Any]:
    """Images of an epoch in their order, each moved, then mirrored, one after the other.

    Only right for images whose black is 0.
    """
    words = key.words(Role.AUGMENT)
    down, right, mirrored = (
        draw(words, len(x), layer=layer, epoch=epoch).astype(object) for layer in range(3)
    )
    reach, (height, width) = augment.shift, x.shape[2:]
    changed = []
    for place, image in enumerate(x):
        canvas = np.pad(image, ((0, 0), (reach, reach), (reach, reach)))
        top, left = (words[place] * (2 * reach + 1) // 2**32 for words in (down, right))
        cut = canvas[:, top : top + height, left : left + width]
        changed.append(cut[:, :, ::-1] if augment.flip and mirrored[place] >= 2**31 else cut)
    return np.ascontiguousarray(np.stack(changed))
