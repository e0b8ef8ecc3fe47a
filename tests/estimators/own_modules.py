"""Modules as people write them, which worker processes can import."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Plain(nn.Module):
    """Dense layers with all that is awkward: a norm with running statistics, dropout, a frozen layer."""

    def __init__(self, in_features: int, out_features: int, width: int = 6, rate: float = 0.2) -> None:
        super().__init__()
        self.first = nn.Linear(in_features, width)
        self.norm = nn.BatchNorm1d(width, momentum=None)
        self.drop = nn.Dropout(rate)
        self.fixed = nn.Linear(width, width).requires_grad_(requires_grad=False)
        self.last = nn.Linear(width, out_features)

    def forward(self, x: Tensor) -> Any:
        return self.last(self.drop(torch.tanh(self.fixed(self.norm(self.first(x))))))


class Dense(nn.Sequential):
    """The usual layers, as a class."""

    def __init__(self, in_features: int, out_features: int, width: int = 8) -> None:
        super().__init__(nn.Linear(in_features, width), nn.Tanh(), nn.Linear(width, out_features))


class Sequence(nn.Module):
    """An LSTM over rows (T, C), whose last step answers."""

    def __init__(self, input_shape: tuple[int, int], out_features: int, units: int = 5) -> None:
        super().__init__()
        self.lstm = nn.LSTM(input_shape[1], units, batch_first=True)
        self.head = nn.Linear(units, out_features)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.lstm(x)[0][:, -1])


class TwoInputs(nn.Module):
    """Words, looked up, beside numbers."""

    def __init__(self, input_shape: dict[str, tuple[int, ...]], n_classes: int, words: int = 10) -> None:
        super().__init__()
        self.vectors = nn.EmbeddingBag(words, 4)
        self.head = nn.Linear(4 + input_shape["numbers"][0], n_classes)

    def forward(self, words: Tensor, numbers: Tensor) -> Any:
        return self.head(torch.cat([self.vectors(words), numbers], dim=1))


def dense(in_features: int, out_features: int, width: int = 8) -> nn.Module:
    """Give a module that is made by a function."""
    return Dense(in_features, out_features, width)
