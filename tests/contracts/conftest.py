"""The trainers that pass the one suite."""

from __future__ import annotations

import pytest
from trainer_cases import make_trainer

from shoal.engine._trainer import Trainer
from shoal.extras import is_there

NAMES = ("torch", "native")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Small products gain nothing from a second thread, and other tests need the core."""
    if is_there("torch"):
        import torch

        torch.set_num_threads(1)


@pytest.fixture(params=NAMES, scope="session")
def trainer(request: pytest.FixtureRequest) -> Trainer:
    """Every trainer in turn, in float32."""
    return make_trainer(request.param)


@pytest.fixture(scope="session")
def exact_trainer() -> Trainer:
    """The torch trainer in float64, where agreement can be asked for to 12 digits."""
    pytest.importorskip("torch")
    from shoal.engine.trainers.torch import TorchTrainer

    return TorchTrainer(dtype="float64")
