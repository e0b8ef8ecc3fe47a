"""What holds of every trainer of rows that have weights: the loss of a batch is their weighted mean.

Letters: N rows, K outputs.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import functional
from trainer_cases import LONG, TABLE, UNIT, Case, drawn_cases, same_bytes, step_bound

from shoal.engine._trainer import CURVES, FitData, Rows, State, Trainer
from shoal.kinds import LOSSES

RELATIONS = settings(max_examples=300 if LONG else 12, derandomize=not LONG)
CASES = {case.name: case for case in TABLE}


def picked(rows: Rows, places: NDArray[Any], weight: NDArray[Any] | None = None) -> Rows:
    """Some of the rows in this order, with these weights."""
    return Rows(rows.x[places], rows.y[places], weight=weight)


def in_one_batch(case: Case) -> Case:
    """The same fit where one batch holds all rows, nothing is dropped, and every epoch is evaluated."""
    network = case.network.model_copy(update={"dropout": 0.0, "norm": "none", "batch_norm": False})
    case = dataclasses.replace(case, network=network, weights="", validation=case.validation + 1)
    return case.but(batch_size=1000, early_stopping="none", keep="last")


def trained(trainer: Trainer, case: Case, train: Rows, dtype: str = "float32") -> State:
    """The state after all epochs on these training rows."""
    state = case.start(dtype)
    trainer.advance(case.job, dataclasses.replace(case.data, train=train), state, case.training.epochs)
    return state


def hold(ours: State, others: State, tolerance: float) -> None:
    """Two fits have the same curves and parameters, up to rounding."""
    moved = float(np.abs(others.parameters_P).max())
    assert np.abs(ours.parameters_P - others.parameters_P).max() <= tolerance * moved
    np.testing.assert_allclose(ours.curve_TC, others.curve_TC, rtol=100 * tolerance, atol=tolerance)


@RELATIONS
@given(case=drawn_cases(epochs=6, batch_norm=False), data=st.data())
def test_a_whole_weight_is_so_many_rows(exact_trainer: Trainer, case: Case, data: st.DataObject) -> None:
    case, rows = in_one_batch(case), case.data.train
    weight = data.draw(st.lists(st.integers(0, 4), min_size=len(rows), max_size=len(rows)))
    weight[0] += not any(weight)
    repeated = np.repeat(np.arange(len(rows)), weight)
    weighted = picked(rows, np.arange(len(rows)), np.array(weight, np.float32))
    ours = trained(exact_trainer, case, weighted, "float64")
    hold(ours, trained(exact_trainer, case, picked(rows, repeated), "float64"), 1e-10)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_whole_weight_is_so_many_rows_to_the_rounding_of_float32(trainer: Trainer, loss: str) -> None:
    """Each epoch from the same state."""
    case = in_one_batch(CASES[f"loss {loss}, whole weights"])
    rows, weight = case.data.train, np.random.default_rng(3).integers(0, 5, case.rows)
    weighted = dataclasses.replace(
        case.data, train=picked(rows, np.arange(case.rows), weight.astype(np.float32))
    )
    repeated = dataclasses.replace(case.data, train=picked(rows, np.repeat(np.arange(case.rows), weight)))
    state = case.start()
    for epoch in range(case.training.epochs):
        other = dataclasses.replace(
            state,
            **{name: value.copy() for name, value in vars(state).items() if isinstance(value, np.ndarray)},
        )
        before_P = state.parameters_P.astype(np.float64)
        trainer.advance(case.job, repeated, other, epoch + 1)
        trainer.advance(case.job, weighted, state, epoch + 1)
        error = float(np.linalg.norm(state.parameters_P - other.parameters_P))
        assert error <= 2 * step_bound(before_P, other.parameters_P.astype(np.float64), 1)
        np.testing.assert_allclose(state.curve_TC[epoch], other.curve_TC[epoch], rtol=1e-5)


@RELATIONS
@given(case=drawn_cases(epochs=4, batch_norm=False), seed=st.integers(0, 99))
def test_rows_may_come_in_any_order_with_their_weights(exact_trainer: Trainer, case: Case, seed: int) -> None:
    case, rows, draw = in_one_batch(case), case.data.train, np.random.default_rng(seed)
    weight, order = draw.gamma(0.5, 1, len(rows)).astype(np.float32), draw.permutation(len(rows))
    ours = trained(exact_trainer, case, picked(rows, np.arange(len(rows)), weight), "float64")
    hold(ours, trained(exact_trainer, case, picked(rows, order, weight[order]), "float64"), 1e-10)


@RELATIONS
@given(case=drawn_cases(epochs=4))
def test_only_the_ratios_of_weights_count(trainer: Trainer, case: Case) -> None:
    """Times a power of two, every number is the same but for its exponent."""
    case = dataclasses.replace(case, weights="any")
    data = case.data
    larger = FitData(
        *(
            dataclasses.replace(rows, weight=None if rows.weight is None else rows.weight * 64)
            for rows in (data.train, data.validation, data.inner)
        )
    )
    states = []
    for rows in (data, larger):
        states.append(case.start())
        trainer.advance(case.job, rows, states[-1], case.training.epochs)
    assert same_bytes(*states)


@RELATIONS
@given(case=drawn_cases(epochs=3, batch_norm=False))
def test_rows_that_weigh_alike_are_rows_without_weights(exact_trainer: Trainer, case: Case) -> None:
    case = dataclasses.replace(case, weights="")
    rows = case.data.train
    alike = dataclasses.replace(rows, weight=np.full(len(rows), 3, np.float32))
    hold(trained(exact_trainer, case, alike, "float64"), trained(exact_trainer, case, rows, "float64"), 1e-11)


def test_a_row_that_weighs_nothing_is_not_looked_at(trainer: Trainer) -> None:
    """Be its target or its loss no number at all; and it is as if it were not there."""
    for name in (
        "loss mse, whole weights",
        "loss cross-entropy, whole weights",
        "loss poisson, whole weights",
    ):
        case = in_one_batch(CASES[name])
        rows = case.data.train
        weight = np.where(np.arange(case.rows) % 3 == 0, 0, 1.5).astype(np.float32)
        there = np.flatnonzero(weight)
        x, y = rows.x.copy(), rows.y.copy()
        x[::3] = 1e30
        if y.dtype.kind == "f":
            y[::3] = 3e38
        ours = trained(trainer, case, Rows(x, y, weight=weight))
        hold(ours, trained(trainer, case, picked(rows, there, weight[there])), 1e-5)
        assert np.isfinite(ours.curve_TC[:, CURVES.index("train_loss")]).all()


@pytest.mark.parametrize("keys", [{}, {"weight_decay": 0.1}, {"momentum": 0.9}])
def test_a_batch_that_weighs_nothing_has_no_loss_and_no_gradient(
    trainer: Trainer, keys: dict[str, float]
) -> None:
    """The optimiser still makes its step: weights decay, and momentum goes on."""
    case = CASES["sgd, dropout, short last batch"].but(epochs=1, batch_size=100, lr=0.5, **keys)
    rows = case.data.train
    state = case.start()
    state.first_P[:] = 0.25
    before_P = state.parameters_P.copy()
    weighted = dataclasses.replace(rows, weight=np.zeros(len(rows), np.float32))
    trainer.advance(case.job, dataclasses.replace(case.data, train=weighted), state, 1)
    assert state.status == "done"
    assert state.curve_TC[0, CURVES.index("train_loss")] == 0
    pulled = keys.get("weight_decay", 0) * before_P + 0.25 * keys.get("momentum", 0)
    np.testing.assert_allclose(state.parameters_P, before_P - 0.5 * pulled, rtol=4 * UNIT, atol=1e-7)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_weights_of_classes_are_those_of_torchs_cross_entropy(trainer: Trainer, smoothing: float) -> None:
    """Smoothed, a row weighs what its own class does, in all terms of its loss; torch weighs each term by its class."""
    case = in_one_batch(CASES["loss cross-entropy, whole weights"]).but(label_smoothing=smoothing, epochs=1)
    rows, of_class = case.data.train, np.array([0.5, 2, 0, 3])
    state = trained(trainer, case, dataclasses.replace(rows, weight=of_class[rows.y].astype(np.float32)))
    oracle = case.oracle()
    oracle.set_parameters(state.parameters_P)
    label_N = torch.tensor(rows.y)
    with torch.no_grad():
        logit_NK = oracle.outputs(torch.tensor(rows.x, dtype=torch.float64))
    if smoothing:
        weight_N = torch.tensor(of_class)[label_N]
        loss_N = functional.cross_entropy(logit_NK, label_N, reduction="none", label_smoothing=smoothing)
        expected = (weight_N * loss_N).sum() / weight_N.sum()
    else:
        expected = functional.cross_entropy(logit_NK, label_N, weight=torch.tensor(of_class))
    assert state.curve_TC[0, CURVES.index("train_loss")] == pytest.approx(float(expected), rel=1e-5)
