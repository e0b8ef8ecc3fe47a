"""One fit in each peer, from nothing to a trained network. Runs in `.bench-venv`; knows nothing of Shoal.

Each contestant is a function of (case, x, y, epochs). They do what their documentation shows, minus what
would only cost them: no validation split, no printing, float32 throughout, rows held in memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.cases import Case

Contestant = Callable[[Case, NDArray[Any], NDArray[Any], int], None]
_ACTIVATIONS = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU}


def module_of(case: Case) -> nn.Sequential:
    """Build the network in torch's own layers."""
    layers: list[nn.Module] = []
    inputs = case.inputs
    for units in case.hidden:
        layers += [nn.Linear(inputs, units), _ACTIVATIONS[case.activation]()]
        if case.dropout:
            layers.append(nn.Dropout(case.dropout))
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, case.outputs))


class TwoHidden(nn.Sequential):
    """The network of the published grid, its sizes as arguments for a search."""

    def __init__(self, first: int = 100, second: int = 80, dropout: float = 0.0) -> None:
        case = Case("", 1, (first, second), 1, "sigmoid", dropout, 1, 1)
        super().__init__(*module_of(case))


def train_loop(case: Case, x: NDArray[Any], y: NDArray[Any], epochs: int, **variant: Any) -> None:
    """Run the loop of every tutorial, less the DataLoader: shuffled row numbers cut into batches."""
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    module = module_of(case)
    criterion = nn.CrossEntropyLoss() if case.classes else nn.MSELoss()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, **variant)
    module.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs)).split(case.batch):
            optimizer.zero_grad()
            loss = criterion(module(inputs[rows]), targets[rows])
            loss.backward()
            optimizer.step()


def skorch(case: Case, x: NDArray[Any], y: NDArray[Any], epochs: int) -> None:
    """Train with skorch's estimator."""
    from skorch import NeuralNetClassifier, NeuralNetRegressor

    criterion = nn.CrossEntropyLoss if case.classes else nn.MSELoss
    net = (NeuralNetClassifier if case.classes else NeuralNetRegressor)(
        module_of(case),
        criterion=criterion,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=epochs,
        batch_size=case.batch,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    net.fit(x, y)


def sklearn_mlp(case: Case, x: NDArray[Any], y: NDArray[Any], epochs: int) -> None:
    """Train with scikit-learn's own network, which has no dropout."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    activation = "logistic" if case.activation == "sigmoid" else case.activation
    net = (MLPClassifier if case.classes else MLPRegressor)(
        hidden_layer_sizes=case.hidden,
        activation=activation,
        solver="adam",
        alpha=0.0,
        batch_size=min(case.batch, len(x)),
        learning_rate_init=1e-3,
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        tol=0.0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the given number of epochs is not convergence
        net.fit(x, y if case.classes else np.squeeze(y, 1))


CONTESTANTS: dict[str, Contestant] = {
    "PyTorch loop": train_loop,
    "PyTorch loop, foreach": partial(train_loop, foreach=True),
    "PyTorch loop, fused": partial(train_loop, fused=True),
    "skorch": skorch,
    "scikit-learn": sklearn_mlp,
}


def can(name: str, case: Case) -> bool:
    """Say whether a contestant can take a case."""
    return name != "scikit-learn" or not case.dropout
