"""The inside of networks of images: the same bytes at every width, and every field of what is asked refused by name."""

from __future__ import annotations

import ctypes
from typing import Any, get_args

import numpy as np
import pytest
from core_cases import LONG, core, make_job, needs_core
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.core import ABI
from shoal.engine._trainer import AskedGradient
from shoal.engine.trainers.native import NativeTrainer
from shoal.engine.trainers.native_core import TARGETS, GradientStruct, runnable_targets
from shoal.engine.trainers.native_network import CoreNetwork, at
from shoal.nets import Architecture, initial_parameters, of_convolutions
from shoal.streams import StreamKey
from shoal.study import Activation

pytestmark = needs_core

ROWS = 3
HUGE = (2**31, 2**63 - 1, -(2**63))


def network(activation: str = "relu", channels: tuple[int, ...] = (4, 3), **changed: Any) -> Architecture:
    conv = [{"channels": channels[0], "padding": 1, "pool": {}}, {"channels": channels[1], "kernel": 2}]
    described = {
        "kind": "cnn",
        "conv": conv,
        "hidden": (5,),
        "activation": activation,
        "dropout": 0.5,
    } | changed
    return make_job(described, {}, "cross-entropy", ((2, 6, 5), 3)).architecture


class Question:
    """What the core is asked, as it reads it; one field after the other can be spoilt."""

    def __init__(self, architecture: Architecture) -> None:
        rng = np.random.default_rng(2)
        self.network = CoreNetwork.of(architecture)
        self.parameters_P = rng.normal(size=architecture.parameter_count).astype(np.float32)
        self.buffers = rng.uniform(0.5, 2, architecture.buffer_count).astype(np.float32)
        self.x = rng.normal(size=(ROWS, *architecture.input_shape)).astype(np.float32)
        self.outer = rng.normal(size=(ROWS, architecture.outputs)).astype(np.float32)
        self.answer = np.zeros(ROWS * sum(layer.numbers for layer in architecture.convolutions), np.float32)
        self.gradient = np.zeros_like(self.x)
        self.struct = GradientStruct(
            ABI, self.network.struct, at(self.parameters_P), self.parameters_P.size, at(self.buffers),
            self.buffers.size, ROWS, at(self.x), self.x.size, at(self.outer), self.outer.size, -1, 0.0,
            at(self.gradient), self.gradient.size,
        )  # fmt: skip

    def maps(self, **changed: Any) -> str:
        """Name the field that is refused where maps are asked for."""
        asked = {
            "network": ctypes.byref(self.network.struct), "parameters": at(self.parameters_P),
            "parameter_count": self.parameters_P.size, "buffers": None, "buffer_count": 0, "x": at(self.x),
            "x_count": self.x.size, "rows": ROWS, "maps": at(self.answer), "maps_count": self.answer.size,
        }  # fmt: skip
        return named(core().shoal_maps(widest(), *(asked | changed).values()))

    def pulled(self) -> str:
        """Name the field that is refused where a gradient is asked for."""
        return named(core().shoal_gradient(widest(), ctypes.byref(self.struct)))


def named(code: int) -> str:
    name: str = core().shoal_field(code).decode()
    assert bool(code) == bool(name)
    return name


def widest() -> int:
    return TARGETS.index(runnable_targets()[-1])


SKIPS: dict[str, Any] = {
    "conv": [
        {"channels": 2, "padding": 1, "skip": 1},
        {"channels": 17, "padding": 1, "stride": 2, "skip": 2},
        {"channels": 17, "padding": 1, "skip": 2, "pool": {}},
    ]
}


@pytest.mark.parametrize("activation", get_args(Activation))
@pytest.mark.parametrize("changed", [{"channels": (4, 3)}, {"channels": (17, 9)}, SKIPS])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_every_width_answers_the_same_bytes(activation: str, changed: dict[str, Any], norm: str) -> None:
    whole = network(activation, norm=norm, **changed)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(35, 2, 6, 5)).astype(np.float32)
    all_buffers = rng.uniform(0.5, 2, whole.buffer_count).astype(np.float32)
    all_P = rng.normal(size=whole.parameter_count).astype(np.float32)
    for asked in (whole, of_convolutions(whole.convolutions, whole.input_shape)):
        parameters_P, buffers = all_P[: asked.parameter_count], all_buffers[: asked.buffer_count]
        outer = rng.normal(size=(35, asked.outputs)).astype(np.float32)
        answers = set()
        for target in runnable_targets():
            trainer = NativeTrainer(target)
            parts = [
                *trainer.maps(asked, parameters_P, buffers, x),
                trainer.outputs(asked, parameters_P, buffers, x),
            ]
            for layer in (None, 0, 1):
                for least in (0.0, 0.1):
                    pulled = AskedGradient(outer, layer, least)
                    parts.append(trainer.gradient(asked, parameters_P, buffers, x, pulled))
            answers.add(b"".join(part.tobytes() for part in parts))
        assert len(answers) == 1


CASES: list[tuple[str, Any, str]] = [
    ("abi", 0, "abi"),
    *(("network.inputs", value, "inputs") for value in (0, -1, 2**24 + 1, *HUGE)),
    ("network.conv_count", 0, "parameter_count"),
    *(("network.conv_count", value, "conv_count") for value in (-1, 33, *HUGE)),
    ("network.dense_count", 0, "parameter_count"),
    *(("network.dense_count", value, "dense_count") for value in (-1, 1025, *HUGE)),
    *(("parameter_count", value, "parameter_count") for value in (-1, 0, 1, *HUGE)),
    ("parameters", None, "parameters"),
    ("network.convs", None, "convs"),
    *(("row_count", value, "x") for value in (-1, 2, 4, *HUGE)),
    *(("x_count", value, "x") for value in (-1, 0, 59, *HUGE)),
    ("x", None, "x"),
    *(("by_outputs_count", value, "by_outputs") for value in (-1, 0, 8, 10, *HUGE)),
    ("by_outputs", None, "by_outputs"),
    *(("layer", value, "layer") for value in (-2, 2, *HUGE)),
    *(("buffer_count", value, "buffer_count") for value in (-1, 0, 23, 25, *HUGE)),
    ("buffers", None, "buffers"),
    ("layer", 0, "gradient"),
    ("layer", 1, "gradient"),
    *(("least_slope", value, "least_slope") for value in (-0.1, 1.1, float("nan"), float("inf"))),
    *(("gradient_count", value, "gradient") for value in (-1, 0, 179, 181, *HUGE)),
    ("gradient", None, "gradient"),
]


def spoilt(path: str, value: Any) -> Question:
    question = Question(network(norm="batch"))
    *outer, last = path.split(".")
    setattr(question.struct.network if outer else question.struct, last, value)
    return question


@pytest.mark.parametrize(("path", "value", "field"), CASES)
def test_each_spoilt_field_of_a_gradient_is_refused_by_name(path: str, value: Any, field: str) -> None:
    assert Question(network(norm="batch")).pulled() == ""
    assert spoilt(path, value).pulled() == field


@settings(max_examples=20_000 if LONG else 500)
@given(case=st.sampled_from(CASES), value=st.integers(-(2**63), 2**63 - 1))
def test_drawn_numbers_are_refused_or_harmless(case: tuple[str, Any, str], value: int) -> None:
    path, sound, _ = case
    if isinstance(sound, int) and path not in ("network.dense_count", "network.conv_count"):
        spoilt(path, value).pulled()


@pytest.mark.parametrize(
    ("field", "value", "refused"),
    [
        ("network", None, "fit"),
        ("parameters", None, "parameters"),
        ("parameter_count", 5, "parameter_count"),
        *(("buffer_count", value, "buffer_count") for value in (-1, 1, *HUGE)),
        ("x", None, "x"),
        ("x_count", 59, "x"),
        *(("rows", value, "x") for value in (-1, 2, 4, *HUGE)),
        ("maps", None, "maps"),
        *(("maps_count", value, "maps") for value in (-1, 0, 1, *HUGE)),
    ],
)
def test_each_spoilt_argument_of_maps_is_refused_by_name(field: str, value: Any, refused: str) -> None:
    question = Question(network())
    assert question.maps() == ""
    assert question.answer.any()
    assert question.maps(**{field: value}) == refused


def test_rows_of_a_table_have_no_inside_and_nobody_is_asked_at_an_unknown_width() -> None:
    table = make_job({"hidden": (4,)}, {}, "mse", (2, 1)).architecture
    described, numbers = CoreNetwork.of(table), np.zeros(table.parameter_count, np.float32)
    x = np.zeros((ROWS, 2), np.float32)
    network = ctypes.byref(described.struct)
    asked = network, at(numbers), numbers.size, None, 0, at(x), x.size, ROWS, at(x), x.size
    assert named(core().shoal_maps(widest(), *asked)) == "conv_count"
    assert named(core().shoal_maps(99, *asked)) == "target"
    struct = GradientStruct(
        ABI,
        described.struct,
        at(numbers),
        numbers.size,
        None,
        0,
        ROWS,
        at(x),
        x.size,
        at(x),
        ROWS,
        -1,
        0.0,
        at(x),
        x.size,
    )
    assert named(core().shoal_gradient(widest(), ctypes.byref(struct))) == "conv_count"
    assert named(core().shoal_gradient(-1, ctypes.byref(struct))) == "target"
    assert named(core().shoal_gradient(widest(), None)) == "fit"


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("headless", [False, True])
def test_a_gradient_says_how_answers_change(norm: str, headless: bool) -> None:
    """Against differences of what the core answers a little to either side."""
    conv = [{"channels": 4, "padding": 1, "pool": {"kind": "average"}}, {"channels": 3, "kernel": 2}]
    whole, rng, far = network("tanh", conv=conv, norm=norm), np.random.default_rng(5), 0.02
    asked = of_convolutions(whole.convolutions, whole.input_shape) if headless else whole
    flat_P = initial_parameters(asked, StreamKey(1, 2, 3))
    flat_P += rng.uniform(-0.1, 0.1, flat_P.size).astype(np.float32)  # scales are not 1, shifts not 0
    buffers = rng.uniform(0.5, 2, asked.buffer_count).astype(np.float32)
    x, outer = rng.normal(size=(1, 2, 6, 5)), rng.normal(size=(1, asked.outputs))
    steps = far * np.eye(x.size).reshape(x.size, *x.shape[1:])
    trainer = NativeTrainer()
    above, below = (trainer.outputs(asked, flat_P, buffers, x + step) for step in (steps, -steps))
    change = ((above - below) @ outer[0]) / (2 * far)
    mine = trainer.gradient(asked, flat_P, buffers, x, AskedGradient(outer)).reshape(-1)
    assert (mine != 0).all()
    np.testing.assert_allclose(mine, change, rtol=0, atol=3e-3 * np.abs(mine).max())
