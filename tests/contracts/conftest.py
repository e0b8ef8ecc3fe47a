"""The trainers that pass the one suite."""

from __future__ import annotations

import pytest
from trainer_cases import make_trainer

from shoal.engine._trainer import Trainer

NAMES = ("torch", "native")


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
