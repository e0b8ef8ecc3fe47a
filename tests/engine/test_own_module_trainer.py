"""The trainer of people's own modules: interrupted anywhere, and gone on with from what a store holds, the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from shoal.engine import CURVES, Checkpoint, Job, State, initial_state
from shoal.engine._trainer import FitData, Rows
from shoal.engine.trainers.choice import Trainers
from shoal.nets import Architecture, InputPart, OwnModule, OwnNetwork, Recipe, own_architecture
from shoal.streams import StreamKey
from shoal.study import Training

torch = pytest.importorskip("torch")

from estimators.own_modules import Plain  # noqa: E402 - it needs torch

DRAW = np.random.default_rng(1)
X, Y = DRAW.normal(size=(50, 3)).astype(np.float32), DRAW.normal(size=(50, 1)).astype(np.float32)
DATA = FitData(Rows(X[:40], Y[:40]), Rows(X[40:], Y[40:]), Rows(X[:0], Y[:0]))
TRAINER = Trainers(own=True).by_name["module"]


def job(optimizer: Any = None, **keywords: Any) -> Job:
    """Give a fit of three epochs of five steps."""
    recipe = None if optimizer is None else Recipe("optimizer", optimizer, keywords)
    network = OwnNetwork(OwnModule(Recipe("module", Plain), None, recipe), (InputPart("", (3,)),))
    training = Training(epochs=3, batch_size=8, lr=0.05, keep="best", schedule="cosine")
    return Job(own_architecture(network, (3,), 1), training, "mse", StreamKey(7, 1, 0))


def content(state: State) -> dict[str, bytes]:
    """Give all bytes of a state."""
    return {name: array.tobytes() for name, array in Checkpoint.of("", state).arrays.items()}


def trained(asked: Job) -> State:
    """Train at once."""
    state = initial_state(asked)
    TRAINER.advance(asked, DATA, state, 3)
    return state


OPTIMIZERS = [
    {},
    {"optimizer": torch.optim.NAdam},
    {"optimizer": torch.optim.ASGD},
    {"optimizer": torch.optim.Rprop},
    {"optimizer": torch.optim.LBFGS, "max_iter": 3, "history_size": 2},
    {"optimizer": torch.optim.SGD, "momentum": 0.9},
]


@pytest.mark.parametrize("asked", OPTIMIZERS, ids=str)
def test_interrupted_after_each_step_it_gives_the_same_bytes(asked: dict[str, Any]) -> None:
    whole = trained(job(**asked))
    again, slices = job(**asked), 0
    state = initial_state(again)
    while state.status == "training":
        torch.manual_seed(slices)  # whoever else draws meanwhile
        state.pausing = always
        TRAINER.advance(again, DATA, state, 3)
        state, slices = Checkpoint.of("", state).state(), slices + 1
    assert slices == 15
    assert (state.status, state.best_epoch) == ("done", whole.best_epoch)
    assert content(state) == content(whole)
    assert np.isfinite(state.curve_TC[:, CURVES.index("validation_loss")]).all()


def always() -> bool:
    """Ask for a pause at once."""
    return True


def test_a_slice_goes_on_with_the_module_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, built = job(), iterated(monkeypatch)
    state = initial_state(asked)
    before = next(built)
    for epoch in (1, 2, 3):
        TRAINER.advance(asked, DATA, state, epoch)
    assert next(built) - before == 1
    assert content(state) == content(trained(asked))
    assert state.live is None


def iterated(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Count how often a module is made."""
    built, make = [0], OwnNetwork.build

    def counting(network: OwnNetwork, outputs: int) -> Any:
        built[0] += 1
        return make(network, outputs)

    monkeypatch.setattr(OwnNetwork, "build", counting)
    while True:
        yield built[0]


def test_seeds_mean_first_weights_and_what_is_drawn() -> None:
    asked = job()
    states = [
        trained(Job(asked.architecture, asked.training, "mse", StreamKey(seed, 1, 0))) for seed in (7, 7, 8)
    ]
    assert content(states[0]) == content(states[1])
    assert not np.allclose(states[0].parameters_P, states[2].parameters_P)


def test_arrays_have_the_names_of_the_state_dict() -> None:
    architecture: Architecture = job().architecture
    module = Plain(3, 1)
    names = {slot.name for slot in (*architecture.slots, *architecture.buffer_slots)}
    assert names == module.state_dict().keys()
    assert {slot.name for slot in architecture.slots} == {
        name for name, array in module.named_parameters() if array.requires_grad
    }
    state = trained(job())
    named = architecture.named(state.parameters_P, state.buffers)
    assert named["norm.num_batches_tracked"] == 15
    module.load_state_dict({name: torch.tensor(array) for name, array in named.items()})
    first = architecture.named(initial_state(job()).parameters_P, initial_state(job()).buffers)
    assert named["fixed.weight"].tobytes() == first["fixed.weight"].tobytes(), (
        "what is frozen stays as it was"
    )


def test_the_gradient_by_rows_is_that_of_differences() -> None:
    architecture = job().architecture
    state = trained(job())
    ones = np.ones((4, 1), np.float32)
    from shoal.engine._trainer import AskedGradient

    numbers = state.parameters_P, state.buffers
    gradient = TRAINER.gradient(architecture, *numbers, X[:4], AskedGradient(ones))
    step = np.float32(1e-2) * np.eye(3, dtype=np.float32)[0]
    difference = (
        TRAINER.outputs(architecture, *numbers, X[:4] + step)
        - TRAINER.outputs(architecture, *numbers, X[:4] - step)
    )[:, 0] / 2e-2
    assert gradient[:, 0] == pytest.approx(difference, abs=2e-3)
