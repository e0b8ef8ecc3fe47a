"""The optimisers: their steps are those of torch.optim's classes, without what these import. Letters: P parameters."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, optim

from shoal.nets import Descent, Moments, optimizer_of
from shoal.study import Optimizer, Training

CLASSES: dict[str, tuple[type[optim.Optimizer], dict[str, Any], tuple[str, ...]]] = {
    "sgd": (optim.SGD, {}, ("momentum_buffer",)),
    "adam": (optim.Adam, {"fused": True}, ("exp_avg", "exp_avg_sq")),
    "adamw": (optim.AdamW, {"fused": True}, ("exp_avg", "exp_avg_sq")),
    "rmsprop": (optim.RMSprop, {}, ("momentum_buffer", "square_avg")),
}
"""Torch's class for each optimiser, how we ask for it, and what it calls the vectors of a fit's state."""

MOMENTUM: dict[str, tuple[dict[str, Any], ...]] = {
    "sgd": ({}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": ({}, {"momentum": 0.8}),
}
CASES = [
    (name, {**keys, "weight_decay": decay})
    for name in get_args(Optimizer)
    for keys in MOMENTUM.get(name, ({},))
    for decay in (0.0, 0.01)
]


def gradients(dtype: torch.dtype) -> list[Tensor]:
    source = torch.Generator().manual_seed(3)
    return [torch.randn(37, generator=source, dtype=dtype) for _ in range(9)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "keys"), CASES, ids=str)
def test_steps_are_those_of_the_class_to_the_byte(
    name: str, keys: dict[str, Any], dtype: torch.dtype
) -> None:
    make, asked, names = CLASSES[name]
    theirs = torch.nn.Parameter(gradients(dtype)[0].clone())
    optimizer = make([theirs], **asked, **keys)  # type: ignore[call-arg]
    flat_P, grad_P, first_P, second_P = theirs.detach().clone(), *torch.zeros(3, 37, dtype=dtype)
    training = Training.model_validate({"optimizer": name, **keys})
    moments = Moments(torch.tensor(0.0), first_P, second_P)
    step = optimizer_of(name).make(Descent(flat_P, grad_P, moments), training)
    for number, gradient_P in enumerate(gradients(dtype)):
        rate = 0.1 / (1 + number)
        optimizer.param_groups[0]["lr"] = rate
        theirs.grad = gradient_P.clone()
        optimizer.step()
        grad_P.copy_(gradient_P)
        step(lr=rate)
        assert torch.equal(flat_P, theirs), number
        for kept, ours in zip(names, (first_P, second_P), strict=False):
            if kept in optimizer.state[theirs]:
                assert torch.equal(ours, optimizer.state[theirs][kept]), kept


TRAIN_EACH = """
import gc
import sys
import numpy as np
from shoal.engine._trainer import FitData, Job, Rows, initial_state
from shoal.engine.trainers.torch import TorchTrainer
from shoal.kinds import OPTIMIZERS
from shoal.nets import build_architecture
from shoal.streams import StreamKey
from shoal.study import Conv, Network, Training

tables = Network(hidden=(3,), dropout=0.2, batch_norm=True), (2,), np.ones((9, 2), np.float32)
images = Network(kind="cnn", conv=(Conv(channels=2),), hidden=()), (1, 6, 6), np.ones((9, 1, 6, 6), np.float32)
for network, shape, x in (tables, images):
    for optimizer in OPTIMIZERS:
        training = Training(optimizer=optimizer, epochs=2, batch_size=3)
        rows = Rows(x, np.arange(9) % 2)
        job = Job(build_architecture(network, shape, 2), training, "cross-entropy", StreamKey(1, 1, 0))
        TorchTrainer().advance(job, FitData(rows, rows, rows), initial_state(job), 2)
print("torch" in sys.modules, gc.isenabled(), "torch._dynamo" in sys.modules)
"""


def test_training_does_without_torchs_compiler() -> None:
    """Importing it takes a worker process as long as all the rest of torch."""
    done = subprocess.run([sys.executable, "-c", TRAIN_EACH], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False"]
