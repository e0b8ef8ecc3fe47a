"""One fit in each of Shoal's trainers, from its description to a trained network. Runs in our environment.

A fit is the first epochs of a fit of `case.of_epochs`, with all that its trainer does on the way: streams,
checks for divergence, losses over all rows at up to 500 of those epochs.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from benchmarks.cases import Case
from shoal.engine._trainer import FitData, Job, Rows, Trainer, initial_state
from shoal.nets import build_architecture
from shoal.streams import StreamKey
from shoal.study import Network, Training


def trainers() -> dict[str, Trainer]:
    """Every trainer that works here."""
    from shoal.engine.trainers.native import NativeTrainer
    from shoal.engine.trainers.native_core import native_available
    from shoal.engine.trainers.torch import TorchTrainer

    found: dict[str, Trainer] = {"Shoal torch": TorchTrainer()}
    if native_available():
        found["Shoal native"] = NativeTrainer()
    return found


def trained(trainer: Trainer, case: Case, rows: tuple[NDArray[Any], NDArray[Any]], epochs: int) -> None:
    """Train the first `epochs` epochs of a fit."""
    x, y = rows
    network = Network.model_validate(
        {"hidden": case.hidden, "activation": case.activation, "dropout": case.dropout}
    )
    training = Training.model_validate({"lr": 1e-3, "batch_size": case.batch, "epochs": case.of_epochs})
    architecture = build_architecture(network, (case.inputs,), case.outputs)
    job = Job(architecture, training, "cross-entropy" if case.classes else "mse", StreamKey(0, 0, 0))
    data = FitData(Rows(x, y), Rows(x[:0], y[:0]), Rows(x[:0], y[:0]))
    trainer.advance(job, data, initial_state(job), epochs)


def _contestant(trainer: Trainer) -> Any:
    return lambda case, x, y, epochs: trained(trainer, case, (x, y), epochs)


CONTESTANTS = {name: _contestant(trainer) for name, trainer in trainers().items()}


def can(name: str, case: Case) -> bool:
    """Say whether a contestant can take a case: every one here."""
    return name in CONTESTANTS and case.of_epochs > 0
