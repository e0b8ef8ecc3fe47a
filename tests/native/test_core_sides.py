"""Windows of any sides, dilation and series in the core: against float64, and the same bytes at every width."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from core_cases import LONG, errors, make_data, make_job, needs_core, same_bytes
from exact_layers import passed
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from drawn_skips import with_skips
from shoal.engine._trainer import AskedGradient, Job, initial_state
from shoal.engine.trainers.native import NativeTrainer
from shoal.engine.trainers.native_core import runnable_targets
from shoal.errors import StudyError

pytestmark = needs_core

GLOBAL = {"kind": "global-average"}
IMAGES: dict[str, list[dict[str, Any]]] = {
    "rectangles": [
        {"channels": 5, "kernel": [1, 4], "stride": [2, 1], "padding": [0, 3], "pool": {"size": [1, 3]}},
        {
            "channels": 18,
            "kernel": [3, 1],
            "pool": {"kind": "average", "size": [2, 1], "stride": [1, 2]},
        },
    ],
    "dilation": [
        {"channels": 6, "groups": 2, "kernel": [2, 3], "dilation": [3, 2], "padding": [1, 2]},
        {"channels": 17, "kernel": 2, "dilation": [1, 3], "stride": [1, 2], "padding": 1, "pool": GLOBAL},
    ],
    "beyond": [
        {"channels": 3, "kernel": 1, "stride": [2, 3], "padding": [3, 4]},
        {"channels": 4, "kernel": 2, "stride": 2**31 - 1, "pool": {"size": 1, "stride": 2**31 - 1}},
    ],
}
"""Convolutions on images of two channels, 9 by 8 pixels."""
SERIES: dict[str, list[dict[str, Any]]] = {
    "pools": [{"channels": 18, "kernel": 5, "padding": 2, "pool": {}}, {"channels": 5, "pool": GLOBAL}],
    "dilation": [{"channels": 4, "kernel": 3, "dilation": 4, "stride": 2}, {"channels": 6, "kernel": 2}],
}
"""Convolutions on two series of 17 numbers."""


def job_of(conv: list[dict[str, Any]], shape: Any, norm: str = "none", **training: Any) -> Job:
    network = {
        "kind": "cnn",
        "conv": conv,
        "hidden": (9,),
        "activation": "tanh",
        "conv_dropout": 0.25,
        "norm": norm,
    }
    network["series"] = 1 if isinstance(shape, tuple) else 2
    training = {"batch_size": 9, "epochs": 100, "optimizer": "sgd", "momentum": 0.9, "lr": 0.05, **training}
    return make_job(network, training, "cross-entropy", (shape, 3))


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("conv", IMAGES.values(), ids=IMAGES)
def test_an_epoch_of_any_windows_agrees_with_float64(conv: list[dict[str, Any]], norm: str) -> None:
    assert max(errors(job_of(conv, (2, 9, 8), norm)).values()) < 64


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("conv", SERIES.values(), ids=SERIES)
def test_an_epoch_of_series_agrees_with_float64(conv: list[dict[str, Any]], norm: str) -> None:
    assert max(errors(job_of(conv, 34, norm)).values()) < 64


@st.composite
def drawn_jobs(draw: st.DrawFn) -> Job:
    """Convolutions of any windows, on images of 7 by 6 pixels or two series of 21 numbers."""
    of_series = draw(st.booleans())

    def sides(low: int, most: int) -> int | list[int]:
        across = draw(st.integers(low, most))
        return across if of_series or draw(st.booleans()) else [draw(st.integers(low, most)), across]

    conv = []
    for _ in range(draw(st.integers(1, 3))):
        pool = {"kind": draw(st.sampled_from(["max", "average"])), "size": sides(1, 3), "stride": sides(1, 4)}
        layer = {"channels": draw(st.sampled_from([2, 4, 16, 34])), "groups": draw(st.integers(1, 2))}
        layer |= {
            "kernel": sides(1, 4),
            "stride": sides(1, 4),
            "padding": sides(0, 3),
            "dilation": sides(1, 3),
        }
        conv.append({**layer, "pool": draw(st.sampled_from([None, pool, GLOBAL]))})
    norm = draw(st.sampled_from(["none", "none", "batch", "layer"]))
    shape: Any = 42 if of_series else (2, 7, 6)
    conv = with_skips(draw, conv, (shape,) if of_series else shape, 2 if of_series else 1)
    try:
        return job_of(conv, shape, norm, epochs=2, batch_size=draw(st.integers(2, 30)))
    except StudyError:  # windows that do not fit
        assume(False)
        raise


@settings(max_examples=1000 if LONG else 25)
@given(job=drawn_jobs())
def test_every_width_trains_and_answers_the_same_bytes(job: Job) -> None:
    last = len(job.architecture.convolutions) - 1
    rows = 23 + (23 % job.training.batch_size == 1)
    data, states, answers = make_data(job, train=rows, validation=5), [], set()
    outer = np.random.default_rng(4).normal(size=(5, 3)).astype(np.float32)
    x = np.random.default_rng(3).normal(size=(5, *job.architecture.input_shape)).astype(np.float32)
    for target in runnable_targets():
        trainer, state = NativeTrainer(target), initial_state(job)
        trainer.advance(job, data, state, 2)
        states.append(state)
        network = job.architecture, state.parameters_P, state.buffers
        parts = [trainer.outputs(*network, x), *trainer.maps(*network, x)]
        if not any(layer.layer_norm for layer in job.architecture.layers):
            parts += [trainer.gradient(*network, x, AskedGradient(outer, at)) for at in (None, 0, last)]
        answers.add(b"".join(part.tobytes() for part in parts))
    assert all(same_bytes(states[0], state) for state in states[1:])
    assert len(answers) == 1


def test_groups_over_long_series_are_taken() -> None:
    conv = [{"channels": 1024, "groups": 2, "stride": 500}]
    job = make_job({"kind": "cnn", "series": 2, "conv": conv, "hidden": ()}, {}, "mse", (40_000, 1))
    state = initial_state(job)
    a = x = np.random.default_rng(0).normal(size=(2, 40_000)).astype(np.float32)
    named = job.architecture.named(state.parameters_P.astype(np.float64))
    for layer in job.architecture.layers:
        a, _ = passed(layer, named, {}, {layer.name: a}, 1.0)
    outputs = NativeTrainer().outputs(job.architecture, state.parameters_P, state.buffers, x)
    np.testing.assert_allclose(outputs, a, rtol=1e-4, atol=1e-5)
