"""The trainers on series: each epoch from the state of the exact trainer, and bytes that know no interruption."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from trainer_cases import LONG, Case, fingerprint, forced, same_bytes

from drawn_skips import with_skips
from shoal.engine._trainer import State, Trainer, initial_state
from shoal.errors import StudyError
from shoal.study import Network, Training

LENGTH = 24
SGD = {"optimizer": "sgd", "momentum": 0.9, "lr": 0.02}
WIDE = {"channels": 5, "kernel": 5, "padding": 2}


def series(name: str, network: dict[str, Any], training: dict[str, Any] | None = None, **sizes: Any) -> Case:
    described = {"kind": "cnn", "hidden": [9], "activation": "tanh", **network}
    asked = {"batch_size": 5, "epochs": 6, **SGD, **(training or {})}
    return Case(
        name,
        Network.model_validate(described),
        Training.model_validate(asked),
        **{"inputs": LENGTH, "rows": 24, **sizes},
    )


CASES = [
    series("pools", {"conv": [{**WIDE, "pool": {}}, {"channels": 6, "pool": {"kind": "global-average"}}]}),
    series("dilation", {"conv": [{**WIDE, "dilation": 3, "padding": 6}, {"channels": 17, "dilation": 2}]}),
    series("strides", {"conv": [{**WIDE, "stride": 7}, {"channels": 4, "kernel": 2, "padding": 3}]}),
    series("three of them", {"series": 3, "conv": [WIDE, {"channels": 10, "groups": 5, "kernel": 1}]}),
    # Dropout is drawn by the number of a layer, and the series are the first.
    series("dropout", {"conv": [WIDE, {"channels": 6}], "conv_dropout": 0.3, "dropout": 0.25}),
    series("skips", {"conv": [{**WIDE, "pool": {}}, {**WIDE, "skip": 1}, {**WIDE, "stride": 2, "skip": 3}]}),
    series("batch norm", {"conv": [WIDE, {"channels": 6, "pool": {}}], "norm": "batch"}),
    series("layer norm", {"conv": [WIDE, {"channels": 6, "pool": {}}], "norm": "layer"}),
    series("classes, weights", {"conv": [WIDE]}, loss="cross-entropy", outputs=3, weights="any"),
    series("labels", {"conv": [WIDE]}, loss="binary-cross-entropy", outputs=3),
    series("quantiles", {"conv": [WIDE]}, {"quantiles": (0.1, 0.5, 0.9)}, loss="quantile"),
    series("a value", {"conv": [{"channels": 3, "kernel": 1}], "hidden": []}, inputs=1),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_takes_each_epoch_from_the_exact_state_to_float32_rounding(trainer: Trainer, case: Case) -> None:
    assert trainer.refuses(case.job.architecture, case.training) is None
    forced(trainer, case.job, case.data)


@st.composite
def drawn_series(draw: st.DrawFn) -> Case:
    """Any network of some short series; activations are smooth, since rounding may cross a kink."""
    conv = []
    for _ in range(draw(st.integers(1, 3))):
        pool = {"kind": draw(st.sampled_from(["max", "average"])), "size": draw(st.integers(1, 4))}
        pool["stride"] = draw(st.integers(1, 6))
        layer = {"channels": draw(st.sampled_from([1, 3, 8, 16, 17])), "kernel": draw(st.integers(1, 7))}
        layer |= {"stride": draw(st.sampled_from([1, 1, 2, 9])), "padding": draw(st.integers(0, 5))}
        layer |= {"dilation": draw(st.integers(1, 4)), "pool": draw(st.sampled_from([None, pool]))}
        conv.append(layer)
    several = draw(st.integers(1, 3))
    inputs = several * draw(st.integers(1, 40))
    network = {
        "series": several,
        "conv": with_skips(draw, conv, (inputs,), several),
        "hidden": draw(st.lists(st.sampled_from([1, 8, 17]), max_size=1)),
        "activation": draw(st.sampled_from(["tanh", "sigmoid", "softplus", "identity"])),
        "conv_dropout": draw(st.sampled_from([0.0, 0.25])),
        "dropout": draw(st.sampled_from([0.0, 0.25])),
    }
    case = series(
        "drawn",
        network,
        {"epochs": 2, "batch_size": draw(st.sampled_from([1, 7, 16, 50]))},
        inputs=inputs,
        rows=draw(st.integers(1, 40)),
        weights=draw(st.sampled_from(["", "any"])),
    )
    try:
        _ = case.job
    except StudyError:  # windows that do not fit
        assume(False)
    return case


@settings(max_examples=1_000 if LONG else 25, derandomize=not LONG)
@given(case=drawn_series())
def test_any_network_of_series_agrees_with_the_exact_trainer(trainer: Trainer, case: Case) -> None:
    forced(trainer, case.job, case.data)


def trained(trainer: Trainer, case: Case, *stops: int) -> State:
    state, data = initial_state(case.job), case.data
    for until in (*stops, case.training.epochs):
        trainer.advance(case.job, data, state, until)
    return state


def test_stops_and_held_out_rows_change_no_byte(trainer: Trainer) -> None:
    case = next(case for case in CASES if case.name == "dropout")
    whole, data = trained(trainer, case), case.data
    assert same_bytes(whole, trained(trainer, case, 1, 2, 5))
    state = initial_state(case.job)
    garbage = dataclasses.replace(data.validation, x=np.full_like(data.validation.x, 1e6))
    trainer.advance(case.job, dataclasses.replace(data, validation=garbage), state, case.training.epochs)
    assert fingerprint(state, "curve_TC") == fingerprint(whole, "curve_TC")
    assert not np.array_equal(state.curve_TC, whole.curve_TC)
