"""The published convolutional network in each peer, one fit after another. Runs in `.bench-venv`.

Each contestant trains so many epochs with Adam and looks at the validation images after each, as Shoal does. They do
what their documentation shows, less what would only cost them; images are held in memory. Reads requests as
JSON lines (name, fits, epochs, batch, threads), answers with seconds. `python -m benchmarks.images_peers DATA.npz`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Images = dict[str, NDArray[Any]]


def module(normed: bool = False) -> nn.Sequential:
    """The published network; or one with batch norm and pooling, that of the built-in study."""
    convolutions: list[nn.Module] = []
    if normed:
        for channels, wider in ((1, 16), (16, 32), (32, 64)):
            convolutions += [
                nn.Conv2d(channels, wider, 3, 1, 1), nn.BatchNorm2d(wider), nn.ReLU(), nn.MaxPool2d(2)
            ]  # fmt: skip
        dense = [nn.Linear(576, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10)]
        return nn.Sequential(*convolutions, nn.Flatten(), *dense)
    for channels, wider, padding in ((1, 8, 1), (8, 16, 1), (16, 32, 0)):
        convolutions += [nn.Conv2d(channels, wider, 3, 2, padding), nn.ReLU()]
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(288, 64), nn.ReLU(), nn.Linear(64, 10))


def pytorch_loop(images: Images, epochs: int, batch: int, normed: bool = False) -> None:
    """The loop of every tutorial, less the DataLoader: all images as one float tensor."""
    x, y, seen, right = (
        torch.from_numpy(images[name]) for name in ("train_x", "train_y", "valid_x", "valid_y")
    )
    x, seen = x.float().div_(255), seen.float().div_(255)
    network, criterion = module(normed), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(epochs):
        network.train()
        for rows in torch.randperm(len(x)).split(batch):
            optimizer.zero_grad()
            criterion(network(x[rows]), y[rows]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            for part, answers in zip(seen.split(1000), right.split(1000), strict=True):
                criterion(network(part), answers).item()


class Pictures(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """Images as a Dataset gives them out: one at a time, bytes turned into floats."""

    def __init__(self, x: NDArray[np.uint8], y: NDArray[np.int64]) -> None:
        self.x, self.y = torch.from_numpy(x), y

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        return self.x[row].float() / 255, int(self.y[row])


def skorch(images: Images, epochs: int, batch: int) -> None:
    """skorch's classifier on a Dataset, which it reads through a DataLoader."""
    from skorch import NeuralNetClassifier
    from skorch.helper import predefined_split

    net = NeuralNetClassifier(
        module(),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=epochs,
        batch_size=batch,
        iterator_train__shuffle=True,
        iterator_valid__batch_size=1000,
        train_split=predefined_split(Pictures(images["valid_x"], images["valid_y"])),
        verbose=0,
        classes=list(range(10)),
    )
    net.fit(Pictures(images["train_x"], images["train_y"]), y=None)


def keras(images: Images, epochs: int, batch: int) -> None:
    """Keras on its torch backend."""
    import keras as k

    x, seen = (images[name].transpose(0, 2, 3, 1).astype("float32") / 255 for name in ("train_x", "valid_x"))
    layers = [k.Input((28, 28, 1))]
    layers += [
        k.layers.Conv2D(channels, 3, 2, padding, activation="relu")
        for channels, padding in ((8, "same"), (16, "same"), (32, "valid"))
    ]
    layers += [k.layers.Flatten(), k.layers.Dense(64, activation="relu"), k.layers.Dense(10)]
    network = k.Sequential(layers)
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(k.optimizers.Adam(1e-3), loss)
    valid = (seen, images["valid_y"])
    network.fit(
        x, images["train_y"], batch, epochs, verbose=0, validation_data=valid, validation_batch_size=1000
    )


CONTESTANTS: dict[str, Callable[[Images, int, int], None]] = {
    "PyTorch loop": pytorch_loop,
    "PyTorch loop, normed": partial(pytorch_loop, normed=True),
    "skorch, DataLoader": skorch,
    "Keras (torch)": keras,
}


def main() -> None:
    """Answer requests until the input ends; what a contestant prints goes to standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    with np.load(sys.argv[1]) as file:
        images = {name: file[name] for name in file.files}
    for line in sys.stdin:
        request = json.loads(line)
        torch.set_num_threads(request["threads"])
        start = time.perf_counter()
        for _ in range(request["fits"]):
            CONTESTANTS[request["name"]](images, request["epochs"], request["batch"])
        answers.write(json.dumps(time.perf_counter() - start) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
