"""The published convolutional network in each peer, one fit after another. Runs in `.bench-venv`.

Each contestant trains so many epochs with Adam and looks at the validation images after each, as Shoal does. They do
what their documentation shows, less what would only cost them; images are held in memory. Reads requests as
JSON lines (name, fits, epochs, batch, threads), answers with seconds: on the clock, and of the processor.
`python -m benchmarks.images_peers DATA.npz`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Images = dict[str, NDArray[Any]]


def module(network: str, shape: Sequence[int]) -> nn.Sequential:
    """The published network; one that pools instead of strides; or one with batch norm and pooling, that of the
    built-in study."""
    layers: list[nn.Module] = []
    before, normed = shape[0], network == "normed"
    for channels, padding in zip((16, 32, 64) if normed else (8, 16, 32), (1, 1, 0), strict=True):
        if network == "published":
            layers += [nn.Conv2d(before, channels, 3, 2, padding), nn.ReLU()]
        else:
            norm = [nn.BatchNorm2d(channels)] if normed else []
            layers += [nn.Conv2d(before, channels, 3, 1, 1), *norm, nn.ReLU(), nn.MaxPool2d(2)]
        before = channels
    layers.append(nn.Flatten())
    features = nn.Sequential(*layers)(torch.zeros(2, *shape)).shape[1]
    norm = [nn.BatchNorm1d(64)] if normed else []
    model = nn.Sequential(*layers, nn.Linear(features, 64), *norm, nn.ReLU(), nn.Linear(64, 10))
    for layer in model:
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
    return model


def pytorch_loop(images: Images, epochs: int, batch: int, network: str = "published") -> None:
    """The loop of every tutorial, less the DataLoader: all images as one float tensor."""
    x, y, seen, right = (
        torch.from_numpy(images[name]) for name in ("train_x", "train_y", "valid_x", "valid_y")
    )
    x, seen = x.float().div_(255), seen.float().div_(255)
    model, criterion = module(network, x.shape[1:]), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(x)).split(batch):
            optimizer.zero_grad()
            criterion(model(x[rows]), y[rows]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            for part, answers in zip(seen.split(1000), right.split(1000), strict=True):
                criterion(model(part), answers).item()


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
        module("published", images["train_x"].shape[1:]),
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
    **{f"PyTorch loop, {name}": partial(pytorch_loop, network=name) for name in ("pooled", "normed")},
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
        start, used = time.perf_counter(), time.process_time()
        for _ in range(request["fits"]):
            CONTESTANTS[request["name"]](images, request["epochs"], request["batch"])
        answers.write(json.dumps((time.perf_counter() - start, time.process_time() - used)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
