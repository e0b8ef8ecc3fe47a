"""People's own modules, trained by a plain loop and by skorch. Runs in `.bench-venv`; knows nothing of Shoal.

Rows are flat, (rows, inputs), and each module takes them in its own shape. Letters: N rows, T steps of a series.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.cases import Case
from benchmarks.peers import module_of

Contestant = Callable[[Case, NDArray[Any], NDArray[Any], int], None]


class Lstm(nn.Module):
    """An LSTM over series of one number a step, whose last step answers."""

    def __init__(self, units: int = 32) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, units, batch_first=True)
        self.head = nn.Linear(units, 1)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.lstm(x.view(len(x), -1, 1))[0][:, -1])


class Residual(nn.Module):
    """Convolutions of images of 8 x 8 pixels with a way around them."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.into = nn.Conv2d(1, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.drop = nn.Dropout(0.25)
        self.head = nn.Linear(channels * 16, 10)

    def forward(self, x: Tensor) -> Any:
        first = torch.relu(self.norm(self.into(x.view(len(x), 1, 8, 8))))
        both = nn.functional.avg_pool2d(first + torch.relu(self.conv(first)), 2)
        return self.head(self.drop(both.flatten(1)))


class TwoInputs(nn.Module):
    """A series and numbers beside it, each through layers of its own; `numbers` lie behind `series` where it is one."""

    def __init__(self, numbers: int = 4, units: int = 16) -> None:
        super().__init__()
        self.numbers = numbers
        self.along = nn.Conv1d(1, units, 5)
        self.beside = nn.Linear(numbers, units)
        self.head = nn.Linear(2 * units, 1)

    def forward(self, series: Tensor, numbers: Tensor | None = None) -> Any:
        if numbers is None:
            series, numbers = series[:, : -self.numbers], series[:, -self.numbers :]
        maps = torch.relu(self.along(series[:, None])).mean(2)
        return self.head(torch.cat([maps, torch.relu(self.beside(numbers))], dim=1))


MODULES: dict[str, Callable[[], nn.Module]] = {
    "LSTM": Lstm,
    "residual CNN": Residual,
    "two inputs": TwoInputs,
}


def made(case: Case) -> nn.Module:
    """Make the module of a case."""
    return MODULES[case.name]() if case.name in MODULES else module_of(case)


def train_loop(
    case: Case, x: NDArray[Any], y: NDArray[Any], epochs: int, *, evaluated: bool = False, **variant: Any
) -> None:
    """Run the loop of every tutorial, less the DataLoader: shuffled row numbers cut into batches.

    Where it is `evaluated`, the loss of all rows is computed after each epoch, without dropout.
    """
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    module = made(case)
    criterion = nn.CrossEntropyLoss() if case.classes else nn.MSELoss()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, **variant)
    for _ in range(epochs):
        module.train()
        for rows in torch.randperm(len(inputs)).split(case.batch):
            optimizer.zero_grad()
            criterion(module(inputs[rows]), targets[rows]).backward()
            optimizer.step()
        if evaluated:
            module.eval()
            with torch.no_grad():
                criterion(module(inputs), targets).item()


def skorch(case: Case, x: NDArray[Any], y: NDArray[Any], epochs: int) -> None:
    """Train with skorch's estimator."""
    from skorch import NeuralNetClassifier, NeuralNetRegressor

    net = (NeuralNetClassifier if case.classes else NeuralNetRegressor)(
        partial(made, case),
        criterion=nn.CrossEntropyLoss if case.classes else nn.MSELoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=epochs,
        batch_size=case.batch,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    net.fit(x.astype(np.float32), y)


CONTESTANTS: dict[str, Contestant] = {
    "PyTorch loop": train_loop,
    "PyTorch loop, fused": partial(train_loop, fused=True),
    "PyTorch loop, evaluated": partial(train_loop, evaluated=True),
    "PyTorch loop, fused, evaluated": partial(train_loop, fused=True, evaluated=True),
    "skorch": skorch,
}


def can(name: str, case: Case) -> bool:  # noqa: ARG001
    """Take every case."""
    return True
