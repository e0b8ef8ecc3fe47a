"""The table of fits that every trainer is tested on, and the fits that Hypothesis draws.

Letters: N rows, D inputs, K outputs.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from shoal.distributions import distribution_of
from shoal.engine._train import Checkpoint
from shoal.engine._trainer import FitData, Job, Rows, State, Trainer, initial_state
from shoal.kinds import LOSSES
from shoal.nets import build_architecture, tables_of
from shoal.streams import Role, StreamKey, dropout_draws
from shoal.study import Activation, Loss, Network, Optimizer, Training

if TYPE_CHECKING:
    from oracle import Oracle

SCHEDULES = get_args(Training.model_fields["schedule"].annotation)

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"

UNIT = 2.0**-24
"""Half the distance from 1 to the next float32: the relative error of one rounding."""

LOST_UNITS = 100.0
"""How many roundings may pile up in one update; see `step_bound`."""

KEY = StreamKey(2026, 1, 0)
DEFAULT_RATES = {"sgd": 0.05, "adam": 0.01, "adamw": 0.01, "rmsprop": 0.001}


@dataclass(frozen=True)
class Case:
    """One fit: its description and how many made-up rows it has; `outputs` are targets or classes.

    `digits` is how many digits two trainers in float64 must have in common. The bias in front of a batch norm has
    gradient 0; what rounding leaves of it (1e-17) is what adaptive optimisers divide by its own size: fewer digits.
    """

    name: str
    network: Network
    training: Training
    loss: Loss = "mse"
    inputs: int = 3
    outputs: int = 2
    rows: int = 23
    validation: int = 7
    inner: int = 5
    digits: int = 12
    key: StreamKey = KEY
    weights: str = ""
    categories: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """How many outputs the network has."""
        said = distribution_of(self.loss, self.training.option_of(self.loss))
        return self.outputs * (1 if said is None else said.outputs)

    @property
    def job(self) -> Job:
        tables = tables_of(self.network, [count + 1 for count in self.categories])
        architecture = build_architecture(self.network, (self.inputs,), self.width, tables)
        return Job(architecture, self.training, self.loss, self.key)

    @property
    def data(self) -> FitData:
        """Rows of a smooth function with noise; the same for the same sizes."""
        counts = (self.rows, self.validation, self.inner)
        rng = np.random.default_rng([self.inputs, self.outputs, *counts])
        train, validation, inner = (self._weighted(self._rows(rng, count)) for count in counts)
        return FitData(train, validation, inner)

    def _weighted(self, rows: Rows) -> Rows:
        """The rows with weights of the kind that the case asks for; the same for the same number of rows."""
        rng, count = np.random.default_rng([7, len(rows)]), len(rows)
        match self.weights:
            case "":
                return rows
            case "whole":
                weight = rng.integers(0, 4, count).astype(np.float32)
                weight[:1] = 2  # some row of each part weighs something
            case "any":
                weight = rng.gamma(0.5, 3, count).astype(np.float32)
            case "few":  # most batches weigh nothing
                weight = np.where(np.arange(count) % 11 == 0, 0.5, 0).astype(np.float32)
            case other:
                raise AssertionError(other)
        return dataclasses.replace(rows, weight=weight)

    def _rows(self, rng: np.random.Generator, count: int) -> Rows:
        x = rng.normal(size=(count, self.inputs))
        y: NDArray[Any] = np.sin(x @ rng.normal(size=(self.inputs, self.outputs)) / np.sqrt(self.inputs))
        y += 0.1 * rng.normal(size=y.shape)
        x = self.coded(x, rng)
        if LOSSES[self.loss].task == "classification":
            return Rows(x.astype(np.float32), y.argmax(1).astype(np.int64))
        if LOSSES[self.loss].task == "multilabel":
            return Rows(x.astype(np.float32), (y > 0.2).astype(np.float32))
        y = y if LOSSES[self.loss].least is None else np.abs(y)
        return Rows(x.astype(np.float32), y.astype(np.float32))

    def coded(self, x: NDArray[Any], rng: np.random.Generator | None = None) -> NDArray[Any]:
        """The same inputs with codes in the last columns: drawn ones, or those of categories that were not learned."""
        x = x.copy()
        for place, categories in enumerate(self.categories, start=self.inputs - len(self.categories)):
            x[:, place] = 0 if rng is None else rng.integers(0, categories + 1, len(x))
        return x

    def oracle(self, dtype: str = "float64") -> Oracle:
        import torch

        from oracle import Oracle

        return Oracle(
            self.network,
            self.training,
            self.loss,
            self.key,
            (self.inputs, self.width, self.categories),
            getattr(torch, dtype),
        )

    def start(self, dtype: str = "float32") -> State:
        """The state before the first epoch, its vectors in the trainer's precision."""
        return in_precision(initial_state(self.job), dtype)

    def but(self, **training: Any) -> Case:
        """The same fit with some training keys changed."""
        changed = Training.model_validate(self.training.model_dump() | training)
        return dataclasses.replace(self, training=changed, name=f"{self.name}, {training}")


def make_trainer(name: str) -> Trainer:
    """Build a trainer by name, or skip; with SHOAL_REQUIRE_NATIVE=1 a missing native trainer fails."""
    if name == "torch":
        pytest.importorskip("torch")
        from shoal.engine.trainers.torch import TorchTrainer

        return TorchTrainer()
    from shoal.engine.trainers.native import NativeTrainer
    from shoal.engine.trainers.native_core import native_available

    if not native_available():
        if os.environ.get("SHOAL_REQUIRE_NATIVE") == "1":
            pytest.fail("SHOAL_REQUIRE_NATIVE=1, but the native core is not built on this machine")
        pytest.skip("the native core is not built on this machine")
    return NativeTrainer()


def step_bound(before_P: NDArray[Any], after_P: NDArray[Any], steps: int) -> float:
    """How far (in the 2-norm) a float32 trainer may end from the exact epoch of `steps` steps.

    Each step rounds every parameter once, and once more where weight decay has changed it: 2 units of the
    parameters. Its update is a chain of sums of at most 130 products in these cases, activations with a few
    units of error each, and a quotient; the error of a sum of n terms in any order is below n units of the
    sum of their absolute values (Higham 2002, Accuracy and Stability of Numerical Algorithms, 4.2), and
    residuals and gradients cancel part of that sum. `LOST_UNITS` units of the update allow for it: still
    only 6e-6 of the update, far less than any wrong term of the mathematics would make.

    Near a minimum the gradient's terms cancel while their rounding stays, so moments are held against the
    largest moment so far.
    """
    moved = np.linalg.norm(after_P - before_P)
    return float(UNIT * steps * (2 * np.linalg.norm(after_P) + LOST_UNITS * moved))


def forced(trainer: Trainer, job: Job, data: FitData) -> None:
    """Start every epoch from the exact trainer's state, rounded; ends and curves agree to float32 rounding."""
    from shoal.engine.trainers.torch import TorchTrainer

    exact, state = TorchTrainer(dtype="float64"), initial_state(job)
    for epoch in range(job.training.epochs):
        start = in_precision(state, "float32")
        state = in_precision(start, "float64")
        ours = dataclasses.replace(start, curve_TC=start.curve_TC.copy())
        exact.advance(job, data, state, epoch + 1)
        trainer.advance(job, data, ours, epoch + 1)
        steps = -(-len(data.train) // job.training.batch_size)
        bound = step_bound(start.parameters_P.astype(np.float64), state.parameters_P, steps)
        assert np.linalg.norm(ours.parameters_P - state.parameters_P) <= bound, f"epoch {epoch + 1}"
        np.testing.assert_allclose(ours.curve_TC[epoch, :3], state.curve_TC[epoch, :3], rtol=1e-5, atol=1e-6)


def in_precision(state: State, dtype: str) -> State:
    vectors = ("parameters_P", "buffers", "first_P", "second_P", "best_P", "best_buffers")
    return dataclasses.replace(state, **{name: getattr(state, name).astype(dtype) for name in vectors})


def train_with_pauses(
    trainer: Trainer, job: Job, data: FitData, state: State, pausing: Callable[[], bool]
) -> tuple[State, list[tuple[int, int]]]:
    """Train to the end, storing the state at each pause; give it, and the epochs and steps it paused at."""
    places = []
    with patch("shoal.engine.trainers.native.PAUSE_INTERVAL", 1):
        while state.status == "training":
            state.pausing = pausing
            trainer.advance(job, data, state, job.training.epochs)
            places.append((state.epoch, state.step))
            state = Checkpoint.of("", state).state()
    return state, places


def same_bytes(one: State, other: State) -> bool:
    """Whether two states are equal to the last bit, every field."""
    return fingerprint(one) == fingerprint(other)


def fingerprint(state: State, *leave_out: str) -> tuple[Any, ...]:
    """Every field of a state as comparable values: arrays as their bytes."""
    fields = {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
    return tuple(
        (name, value.tobytes() if isinstance(value, np.ndarray) else value)
        for name, value in fields.items()
        if name not in leave_out
    )


def _case(name: str, network: dict[str, Any] | None = None, **given: Any) -> Case:
    """Build a row of the table: training keys by name, fields of `Case` by name, the rest by default."""
    sizes = {key: given.pop(key) for key in list(given) if key in Case.__dataclass_fields__}
    optimizer = given.get("optimizer", "adam")
    training = {"lr": DEFAULT_RATES[optimizer], "batch_size": 5, "epochs": 8} | given
    shape = {"hidden": [17, 9], "activation": "tanh"} | (network or {})
    return Case(name, Network.model_validate(shape), Training.model_validate(training), **sizes)


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": "sgd"},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "lr": 0.02},
    "nesterov": {"optimizer": "sgd", "momentum": 0.9, "nesterov": True, "lr": 0.02},
    "adam": {"optimizer": "adam"},
    "adamw": {"optimizer": "adamw"},
    "rmsprop": {"optimizer": "rmsprop"},
    "rmsprop with momentum": {"optimizer": "rmsprop", "momentum": 0.8, "lr": 0.001},
}


OPTIONS: dict[str, tuple[Any, ...]] = {
    "huber_delta": (1.0, 0.3),
    "label_smoothing": (0.0, 0.2),
    "quantiles": ((0.1, 0.5, 0.9), (0.35,)),
}
"""Values of the options that losses have."""


def rate_on_a_draw() -> float:
    """Give a rate whose threshold is itself a draw of the first step: that unit is kept."""
    draws = dropout_draws(KEY.words(Role.DROPOUT), 5 * 17, layer=0, step=0, epoch=0)
    return float(np.sort(draws)[20]) / 65536


def _table() -> list[Case]:
    table: list[Case] = []
    for name, keys in OPTIMIZERS.items():
        table += [
            _case(f"{name}, dropout, short last batch", {"dropout": 0.25}, epochs=20, **keys),
            _case(f"{name}, weight decay, one batch", weight_decay=0.02, batch_size=100, epochs=100, **keys),
            _case(f"{name}, classes", loss="cross-entropy", outputs=4, weight_decay=1e-3, **keys),
        ]
    for loss, kind in LOSSES.items():
        outputs = 4 if kind.task == "classification" else 2
        for option in OPTIONS[kind.option] if kind.option else (None,):
            given = {} if option is None else {kind.option: option}
            name = ", ".join([f"loss {loss}", *(f"{key} {value}" for key, value in given.items())])
            table.append(_case(name, {"dropout": 0.25}, loss=loss, outputs=outputs, optimizer="sgd", **given))
    for loss, kind in LOSSES.items():
        outputs = 4 if kind.task == "classification" else 2
        option = {kind.option: OPTIONS[kind.option][-1]} if kind.option else {}
        for weights in ("whole", "any", "few"):
            shape = {"loss": loss, "outputs": outputs, "weights": weights, "weight_decay": 0.01, **option}
            table.append(_case(f"loss {loss}, {weights} weights", {"dropout": 0.25}, **shape))
    for schedule in SCHEDULES:
        table.append(_case(f"schedule {schedule}", optimizer="sgd", schedule=schedule))
    for activation in get_args(Activation):
        network = {"activation": activation, "hidden": [16, 33], "dropout": 0.5}
        table.append(_case(f"activation {activation}", network, optimizer="sgd", outputs=1))
    return [
        *table,
        _case("steps of the schedule by default", schedule="step", step_factor=0.3),
        _case("steps of the schedule every 3 epochs", schedule="step", step_every=3),
        _case("no hidden layer", {"hidden": []}, optimizer="sgd"),
        _case("one hidden unit, one input, one row a batch", {"hidden": [1]}, inputs=1, batch_size=1, epochs=5),
        _case("deep", {"hidden": [8, 7, 6, 5, 4], "dropout": 0.1}, outputs=1),
        _case("wide", {"hidden": [130]}, inputs=67, outputs=19, optimizer="sgd"),
        _case("the published network", {"hidden": [100, 80], "activation": "sigmoid", "dropout": 0.25},
              inputs=1, outputs=1, rows=67, batch_size=10, epochs=15, lr=1e-3),
        _case("a draw equal to the threshold", {"dropout": rate_on_a_draw()}, optimizer="sgd"),
        _case("most units dropped", {"hidden": [40], "dropout": 0.9}, optimizer="sgd"),
        _case("two classes, large logits", loss="cross-entropy", optimizer="sgd", lr=2.0),
        _case("no rows but training rows", validation=0, inner=0, optimizer="sgd"),
        _case("weighted rows judge", keep="best", optimizer="sgd", lr=0.5, epochs=20, weights="any"),
        _case("keep the best epoch", keep="best", optimizer="sgd", lr=0.5, epochs=20),
        _case("inner rows judge", keep="best", early_stopping="inner", patience=4, lr=0.05, epochs=60),
    ]  # fmt: skip


def _embedded() -> list[Case]:
    columns = {"inputs": 5, "categories": (4, 11)}
    network = {"embedding": 3, "dropout": 0.25}
    return [
        *(
            _case(f"embedding, {name}", network, weight_decay=0.02, epochs=20, **columns, **keys)
            for name, keys in OPTIMIZERS.items()
        ),
        _case("embedding, classes", network, loss="cross-entropy", outputs=4, **columns),
        _case("embedding, weights", network, weights="few", **columns),
        _case("embedding, no hidden layer", {"embedding": "auto", "hidden": []}, optimizer="sgd", **columns),
        _case("embedding, nothing beside it", {"embedding": 20}, inputs=1, categories=(70,), optimizer="sgd"),
        _case("embedding, wide vectors", {"embedding": 37}, inputs=31, categories=(9, 2, 300), optimizer="sgd"),
        _case("embedding, keep the best", network, keep="best", lr=0.5, optimizer="sgd", **columns),
        _case("embedding, inner rows judge", network, early_stopping="inner", patience=4, lr=0.05, epochs=60,
              **columns),
    ]  # fmt: skip


def _normed() -> list[Case]:
    # Weight decay gives the bias in front of a batch norm a gradient, except under adamw.
    network = {"batch_norm": True, "dropout": 0.25}
    return [
        *(
            _case(
                f"batch norm, {name}",
                network,
                digits=8 if name == "adamw" else 12,
                rows=24,
                weight_decay=0.02,
                epochs=20,
                **keys,
            )
            for name, keys in OPTIMIZERS.items()
        ),
        _case("batch norm, classes", network, rows=24, loss="cross-entropy", optimizer="sgd"),
        _case("batch norm, weights", network, rows=24, weights="any", optimizer="sgd"),
        _case(
            "batch norm, embedding",
            network | {"embedding": 3},
            rows=24,
            optimizer="sgd",
            inputs=3,
            categories=(9,),
        ),
    ]


def _layer_normed() -> list[Case]:
    network = {"norm": "layer", "dropout": 0.25}
    return [
        _case("layer norm, sgd", network, weight_decay=0.02, epochs=20, optimizer="sgd"),
        _case("layer norm, adam, one row a batch", network, batch_size=1, epochs=3),
        _case("layer norm, classes, weights", network, loss="cross-entropy", outputs=4, optimizer="sgd", weights="any"),
    ]  # fmt: skip


TABLE = [*_table(), *_embedded(), *_normed(), *_layer_normed()]


@st.composite
def drawn_cases(draw: st.DrawFn, epochs: int = 4, normed: bool = True) -> Case:
    """Any fit of reasonable size; layer widths lie around the vector widths, where kernels go wrong."""
    width = st.one_of(st.integers(1, 40), st.sampled_from([7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65]))
    hidden = draw(st.lists(width, max_size=4))
    # A kept unit is multiplied by 1 / (1 - rate): several layers at a high rate are a way to diverge.
    rates = [0.0, 0.0, 1e-6, 0.1, 0.25, *([0.5, 0.9] if len(hidden) < 2 else [])]
    norms = ["none", *["batch", "layer"] * normed]
    network = {
        "hidden": hidden,
        "activation": draw(st.sampled_from(get_args(Activation))),
        "dropout": draw(st.sampled_from(rates)),
        "norm": draw(st.sampled_from(norms)),
        "embedding": draw(st.sampled_from(["none", "none", "auto", 1, 16])),
    }
    inputs = draw(st.integers(1, 33))
    columns = st.lists(st.integers(1, 40), max_size=min(3, inputs))
    categories = draw(columns) if network["embedding"] != "none" else []
    # See `Case.digits`; and batch norm of two rows is a step function, which takes digits from any trainer.
    optimizer = "sgd" if network["norm"] == "batch" else draw(st.sampled_from(get_args(Optimizer)))
    momentum = draw(st.sampled_from([0.0, 0.5, 0.9])) if optimizer in ("sgd", "rmsprop") else 0.0
    rows = draw(st.integers(1, 70))
    size = draw(st.sampled_from([1, 2, 3, 5, 8, 10, 16, 25, 32, 67, 100]))
    if network["norm"] == "batch":
        size = max(size, 5)
        rows = rows + 3 if rows % size in (1, 2) else rows
    training = {
        "optimizer": optimizer,
        "momentum": momentum,
        "nesterov": optimizer == "sgd" and momentum > 0 and draw(st.booleans()),
        # Small enough that the mathematics itself does not diverge, batches of one row of 33 inputs included.
        "lr": DEFAULT_RATES[optimizer] * (1 - momentum) * draw(st.sampled_from([0.01, 0.1, 0.5])),
        "weight_decay": draw(st.sampled_from([0.0, 1e-4, 0.1])),
        "schedule": draw(st.sampled_from(SCHEDULES)),
        "batch_size": size,
        "epochs": draw(st.integers(1, epochs)),
        "keep": draw(st.sampled_from(["last", "best"])),
        "early_stopping": draw(st.sampled_from(["none", "inner"])),
        "patience": draw(st.integers(1, epochs)),
    }
    loss = draw(st.sampled_from(tuple(LOSSES)))
    option = LOSSES[loss].option
    if option:
        training[option] = draw(st.sampled_from(OPTIONS[option]))
    return Case(
        name="drawn",
        network=Network.model_validate(network),
        training=Training.model_validate(training),
        loss=loss,
        inputs=inputs,
        categories=tuple(categories),
        outputs=draw(st.integers(2 if LOSSES[loss].task == "classification" else 1, 18)),
        rows=rows,
        # The rows that judge must be there.
        validation=draw(st.integers(int(training["keep"] == "best"), 20)),
        inner=draw(st.integers(int(training["early_stopping"] == "inner"), 20)),
        weights=draw(st.sampled_from(["", "", "whole", "any", "few"])),
        key=StreamKey(
            draw(st.integers(0, 2**63 - 1)), draw(st.integers(0, 2**31 + 9)), draw(st.integers(0, 99))
        ),
    )
