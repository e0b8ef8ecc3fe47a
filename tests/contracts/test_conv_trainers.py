"""The trainers on images: agreement with an ordinary loop, and bytes that know no neighbour.

Letters: N rows, C channels, P parameters.
"""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from trainer_cases import LONG, fingerprint, forced, in_precision, same_bytes, train_with_pauses

from conv_oracle import ConvOracle
from drawn_skips import with_skips
from shoal.engine._trainer import (
    CURVE_ROWS,
    CURVES,
    FitData,
    Job,
    Rows,
    State,
    Trainer,
    initial_state,
    steps_per_epoch,
)
from shoal.engine.trainers.torch import TorchTrainer
from shoal.errors import StudyError
from shoal.nets import build_architecture
from shoal.streams import StreamKey
from shoal.study import Network, Training

KEY = StreamKey(11, 2, 1)
CLASSES = 3
SCALE, OFFSET = 1 / 100, -0.7


@dataclasses.dataclass(frozen=True)
class Pictures:
    """A fit on made-up images; `offset` 0 where black must stay 0, for the oracle's augmentation."""

    name: str
    network: dict[str, Any]
    training: dict[str, Any]
    shape: tuple[int, int, int] = (1, 8, 8)
    rows: int = 23
    offset: float = OFFSET
    weighted: bool = False

    @property
    def job(self) -> Job:
        network = Network.model_validate({"kind": "cnn", "hidden": [9], **self.network})
        training = Training.model_validate({"batch_size": 5, "epochs": 12, "lr": 0.01, **self.training})
        architecture = build_architecture(network, self.shape, CLASSES)
        return Job(architecture, training, "cross-entropy", KEY)

    @property
    def images(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Twice as many images as training rows, and the class of each."""
        rng = np.random.default_rng(5)
        x = rng.integers(0, 256, (2 * self.rows, *self.shape), dtype=np.uint8)
        return x, rng.integers(0, CLASSES, len(x))

    @property
    def weights(self) -> NDArray[np.float32] | None:
        """What each of the images counts, every fourth nothing; None where all count the same."""
        if not self.weighted:
            return None
        weight = np.random.default_rng(6).gamma(0.8, 2, 2 * self.rows).astype(np.float32)
        weight[::4] = 0
        return weight

    def data(self, images: NDArray[np.uint8] | None = None) -> FitData:
        """Every second image is learned from; of the others some are validated on and some are inner rows."""
        made, y = self.images
        x = made if images is None else images
        numbers = np.arange(len(x))
        groups = (numbers[::2], numbers[1:15:2], numbers[15::2])
        channels = np.ones(self.shape[0], np.float32)
        weights = self.weights
        train, validation, inner = (
            Rows(x, y[rows], rows, None if weights is None else weights[rows]) for rows in groups
        )
        return FitData(
            train, validation, inner, np.float32(SCALE) * channels, np.float32(self.offset) * channels
        )

    def oracle(self) -> ConvOracle:
        job = self.job
        network = Network.model_validate({"kind": "cnn", "hidden": [9], **self.network})
        return ConvOracle(network, job.training, KEY, self.shape, CLASSES)


def conv(channels: int, **keys: Any) -> dict[str, Any]:
    return {"channels": channels, "padding": 1, **keys}


MAX, AVERAGE = {"pool": {"kind": "max"}}, {"pool": {"kind": "average", "size": 2, "stride": 1}}
GLOBAL = {"pool": {"kind": "global-average"}}
SGD = {"optimizer": "sgd", "momentum": 0.9, "lr": 0.02}
STRIDED = [conv(4, stride=2), conv(6, stride=2)]
CASES = {
    case.name: case
    for case in (
        Pictures("strides", {"conv": STRIDED}, {"optimizer": "adam", "weight_decay": 1e-3}, (1, 14, 12)),
        Pictures("pooling", {"conv": [conv(4, **MAX), conv(8, **AVERAGE)], "activation": "tanh"}, SGD),
        Pictures("groups", {"conv": [conv(4), conv(8, groups=4, kernel=2)]}, SGD, (2, 6, 5)),
        Pictures("global average", {"conv": [conv(4), conv(6, **GLOBAL)], "hidden": []}, SGD, (2, 7, 7)),
        Pictures("global average of a map that is not square", {"conv": [conv(6, **GLOBAL)]}, SGD, (1, 6, 5)),
        Pictures("dilation", {"conv": [conv(4, dilation=2), conv(5, dilation=[1, 3])]}, SGD, (1, 9, 9)),
        Pictures(
            "sides that are not square",
            {
                "conv": [
                    {
                        "channels": 4,
                        "kernel": [1, 4],
                        "stride": [1, 2],
                        "padding": [0, 2],
                        "pool": {"size": [2, 1]},
                    },
                    {
                        "channels": 5,
                        "kernel": [3, 1],
                        "pool": {"kind": "average", "size": [1, 3], "stride": [2, 1]},
                    },
                ]
            },
            SGD,
            (2, 9, 11),
        ),
        Pictures(
            "strides beyond kernels, padding beyond their halves",
            {
                "conv": [
                    conv(4, kernel=[2, 3], stride=[3, 4], padding=[2, 3]),
                    conv(5, kernel=1, stride=[1, 2], padding=2, pool={"size": [1, 3], "stride": [3, 5]}),
                ]
            },
            SGD,
            (2, 7, 10),
        ),
        Pictures("batch norm", {"conv": [conv(4, **MAX), conv(6)], "batch_norm": True}, SGD, rows=24),
        Pictures("layer norm", {"conv": [conv(4, **MAX), conv(6)], "norm": "layer"}, SGD),
        Pictures("skip", {"conv": [conv(4), conv(4), conv(4, skip=2)], "activation": "tanh"}, SGD),
        Pictures(
            "skips over skips, normed",
            {
                "conv": [
                    conv(4, **MAX),
                    conv(8, groups=2, skip=1),
                    conv(8, stride=2, skip=3),
                    conv(6, groups=2, skip=3),
                    conv(8, skip=2, **AVERAGE),
                ],
                "batch_norm": True,
                "conv_dropout": 0.3,
                "activation": "tanh",
            },
            SGD,
            (2, 12, 11),
            rows=24,
        ),
        Pictures(
            "projected skips, normed",
            {
                "conv": [
                    conv(4, **MAX),
                    conv(6, stride=2, skip=1),
                    conv(6, kernel=1, padding=0),
                    conv(5, stride=[1, 2], skip=3),
                ],
                "norm": "layer",
                "conv_dropout": 0.3,
            },
            SGD,
            (2, 16, 16),
        ),
        Pictures("dropout", {"conv": [conv(5), conv(6, **MAX)], "conv_dropout": 0.3, "dropout": 0.5}, SGD),
        Pictures(
            "augmentation",
            {"conv": [conv(4, **MAX)]},
            {"augment": {"shift": 2, "flip": True}, "schedule": "one-cycle"},
            (3, 6, 7),
            offset=0.0,
        ),
        Pictures("weights", {"conv": [conv(5), conv(6, **MAX)], "conv_dropout": 0.3}, SGD, weighted=True),
        Pictures("no hidden layer", {"conv": [conv(3, kernel=4)], "hidden": [], "activation": "elu"}, SGD),
    )
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
FULL = Pictures(
    "everything",
    {"conv": [conv(4, stride=2), conv(6)], "conv_dropout": 0.2, "dropout": 0.2},
    {"augment": {"shift": 1, "flip": True}, "epochs": 6, "keep": "best"},
    rows=24,
)
NORMED = dataclasses.replace(FULL, name="everything, normed", network={**FULL.network, "batch_norm": True})


def taken(trainer: Trainer, case: Pictures) -> Pictures:
    """The case, or a skip where the trainer leaves it to the torch trainer."""
    why = trainer.refuses(case.job.architecture, case.job.training)
    if why:
        pytest.skip(why)
    return case


def train(
    trainer: Trainer, case: Pictures, stops: tuple[int, ...] = (), data: FitData | None = None
) -> State:
    state, rows = initial_state(case.job), data or case.data()
    for until in (*sorted(stops), case.job.training.epochs):
        trainer.advance(case.job, rows, state, until)
    return state


# -- the ordinary loop ---------------------------------------------------------------------------------------


@every_case
def test_every_epoch_agrees_with_an_ordinary_loop(case: Pictures) -> None:
    trainer, oracle, job = TorchTrainer(dtype="float64"), case.oracle(), case.job
    state = in_precision(initial_state(job), "float64")
    data, (images, y), weights = case.data(), case.images, case.weights
    x = images.astype(np.float64) * np.float32(SCALE) + np.float32(case.offset)
    steps = 0
    for epoch in range(job.training.epochs):
        trainer.advance(job, data, state, epoch + 1)
        steps += oracle.epoch(x[::2], y[::2], epoch, None if weights is None else weights[::2])
        for ours, theirs in ((state.parameters_P, oracle.parameters_P), (state.buffers, oracle.buffers)):
            size = max(1.0, np.abs(theirs).max(initial=0.0))
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12 * size)
        rows = {"train": slice(0, None, 2), "validation": slice(1, 15, 2), "inner": slice(15, None, 2)}
        for name, part in rows.items():
            loss, accuracy = oracle.evaluate(x[part], y[part], None if weights is None else weights[part])
            curve = state.curve_TC[epoch]
            assert curve[CURVES.index(f"{name}_loss")] == pytest.approx(loss, rel=1e-11)
            if name != "inner":
                assert curve[CURVES.index(f"{name}_accuracy")] == pytest.approx(accuracy, rel=1e-12)
    assert state.status == "done"
    assert steps >= 50


@every_case
def test_takes_each_epoch_from_the_exact_state_to_float32_rounding(trainer: Trainer, case: Pictures) -> None:
    taken(trainer, case)
    forced(trainer, case.job, case.data())


@st.composite
def drawn_pictures(draw: st.DrawFn) -> Pictures:
    """Any convolutional network that the native trainer takes and that fits its small images."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 9))
    layers, square = [], draw(st.booleans())

    def sides(low: int, most: int) -> list[int]:
        first = draw(st.integers(low, most))
        return [first, first if square else draw(st.integers(low, most))]

    for _ in range(draw(st.integers(1, 3))):
        layer = {"channels": draw(st.sampled_from([1, 2, 4, 7, 8, 9, 16, 17]))}
        layer |= {"kernel": sides(1, 4), "stride": sides(1, 3), "padding": sides(0, 2)}
        layer["dilation"] = sides(1, 3) if draw(st.booleans()) else 1
        if draw(st.booleans()):
            layer["pool"] = {
                "kind": draw(st.sampled_from(["max", "average"])),
                "size": sides(1, 3),
                "stride": sides(1, 3),
            }
        layers.append(layer)
    network = {
        "conv": with_skips(draw, layers, shape),
        "hidden": draw(st.lists(st.sampled_from([1, 3, 8, 17]), max_size=2)),
        # Smooth ones: a rounding that crosses a kink is a difference, but no mistake.
        "activation": draw(st.sampled_from(["tanh", "sigmoid", "softplus", "silu", "gelu", "identity"])),
        "dropout": draw(st.sampled_from([0.0, 0.25])),
        "conv_dropout": draw(st.sampled_from([0.0, 0.25])),
    }
    training = {
        "epochs": 2,
        "optimizer": "sgd",
        "momentum": draw(st.sampled_from([0.0, 0.9])),
        "weight_decay": draw(st.sampled_from([0.0, 0.01])),
        "batch_size": draw(st.sampled_from([1, 4, 23, 50])),
        "augment": {"shift": draw(st.integers(0, 2)), "flip": draw(st.booleans())},
    }
    drawn = Pictures("drawn", network, training, shape)
    try:
        _ = drawn.job
    except StudyError:  # windows that do not fit
        assume(False)
    return drawn


@settings(max_examples=1_000 if LONG else 25, derandomize=not LONG)
@given(case=drawn_pictures())
def test_any_network_agrees_with_the_exact_trainer(trainer: Trainer, case: Pictures) -> None:
    forced(trainer, case.job, case.data())


def test_outputs_are_those_of_the_oracle_for_images_in_any_memory_order(trainer: Trainer) -> None:
    case = CASES["strides"]
    job, oracle = case.job, case.oracle()
    oracle.blocks.eval()
    x = np.random.default_rng(0).normal(size=(5, *case.shape)).astype(np.float32)
    import torch

    expected = oracle.outputs(torch.tensor(x, dtype=torch.float64)).detach().numpy()
    start = initial_state(job)
    for images in (x, np.asfortranarray(x)):
        got = trainer.outputs(job.architecture, start.parameters_P, start.buffers, images)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["no hidden layer", "weights"])
def test_the_training_curve_sees_every_kth_image(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case = CASES[name]
    whole = train(trainer, case)
    monkeypatch.setitem(CURVE_ROWS, "images", 8)  # of 23 images every third
    thin = train(trainer, case)
    column = CURVES.index("train_loss")
    full, data = case.data(), case.data()
    weight = None if full.train.weight is None else full.train.weight[::3]
    third = Rows(full.train.x, full.train.y[::3], full.train.index[::3], weight)  # type: ignore[index]
    monkeypatch.setitem(CURVE_ROWS, "images", 8192)
    shown = dataclasses.replace(data, validation=third)
    expected = train(trainer, case, data=shown).curve_TC[:, CURVES.index("validation_loss")]
    np.testing.assert_array_equal(thin.curve_TC[:, column], expected)
    assert not np.array_equal(thin.curve_TC[:, column], whole.curve_TC[:, column])
    assert fingerprint(thin, "curve_TC") == fingerprint(whole, "curve_TC")


# -- neighbours, threads, interruptions ----------------------------------------------------------------------


@pytest.mark.parametrize("case", [*CASES.values(), NORMED], ids=lambda case: case.name)
def test_stops_change_no_byte(trainer: Trainer, case: Pictures) -> None:
    taken(trainer, case)
    assert same_bytes(train(trainer, case), train(trainer, case, (1, 2, 5)))


@settings(max_examples=5, derandomize=True)
@given(stops=st.lists(st.integers(0, 6), max_size=4))
def test_where_a_fit_was_interrupted_changes_no_byte(trainer: Trainer, stops: list[int]) -> None:
    assert same_bytes(train(trainer, FULL), train(trainer, FULL, tuple(stops)))


def test_a_fit_among_others_in_threads_is_the_fit_alone(trainer: Trainer) -> None:
    cases = [FULL, CASES["strides"], CASES["dropout"], FULL]
    alone = [train(trainer, case) for case in cases]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda case: train(trainer, case), cases))
    assert all(same_bytes(one, other) for one, other in zip(alone, together, strict=True))


def test_interleaved_fits_do_not_disturb_each_other(trainer: Trainer) -> None:
    one, other = CASES["dropout"], FULL
    states = [initial_state(one.job), initial_state(other.job)]
    for until in range(1, one.job.training.epochs + 1):
        for case, state in zip((one, other), states, strict=True):
            trainer.advance(case.job, case.data(), state, until)
    assert same_bytes(states[0], train(trainer, one))
    assert same_bytes(states[1], train(trainer, other))


def test_where_its_numbers_lie_in_memory_changes_no_byte(trainer: Trainer) -> None:
    case, state = CASES["strides"], initial_state(CASES["strides"].job)
    room = np.zeros(4 * state.parameters_P.size + 4, np.uint8)
    for offset in (0, 4):
        moved = room[offset : offset + 4 * state.parameters_P.size].view(np.float32)
        moved[:] = state.parameters_P
        begun = dataclasses.replace(initial_state(case.job), parameters_P=moved)
        trainer.advance(case.job, case.data(), begun, case.job.training.epochs)
        assert same_bytes(begun, train(trainer, case))


@every_case
def test_a_pause_between_any_two_steps_changes_no_byte(trainer: Trainer, case: Pictures) -> None:
    taken(trainer, case)
    begun = initial_state(case.job)
    state, places = train_with_pauses(trainer, case.job, case.data(), begun, lambda: True)
    steps = steps_per_epoch(len(case.data().train), case.job.training.batch_size)
    assert places == [divmod(step, steps) for step in range(1, len(places) + 1)]
    assert same_bytes(state, train(trainer, case))


# -- what is held out stays out -------------------------------------------------------------------------------


@every_case
def test_garbage_in_held_out_images_changes_no_training_byte(trainer: Trainer, case: Pictures) -> None:
    taken(trainer, case)
    images, _ = case.images
    garbage = images.copy()
    garbage[1::2] = 255 - garbage[1::2]
    clean, poisoned = train(trainer, case), train(trainer, case, data=case.data(garbage))
    assert fingerprint(clean, "curve_TC") == fingerprint(poisoned, "curve_TC")
    for name in ("train_loss", "train_accuracy"):
        column = CURVES.index(name)
        np.testing.assert_array_equal(clean.curve_TC[:, column], poisoned.curve_TC[:, column])
    column = CURVES.index("validation_loss")
    assert not np.array_equal(clean.curve_TC[:, column], poisoned.curve_TC[:, column])
