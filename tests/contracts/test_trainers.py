"""Every trainer takes the oracle's steps.

In float64 the torch trainer follows the oracle freely: 12 digits, with every optimiser for 100 steps. In float32 two
runs of the same mathematics part from each other, so there each epoch is started from the oracle's state
(teacher forcing) and its error is held against a bound.

Letters: P parameters.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from trainer_cases import (
    KEY,
    LAYER_NORMED,
    LONG,
    LOST_UNITS,
    TABLE,
    UNIT,
    Case,
    drawn_cases,
    in_precision,
    step_bound,
)

from oracle import Oracle
from shoal.engine._trainer import CURVES, FitData, Job, Rows, State, Trainer, evaluation_epochs, initial_state
from shoal.nets import build_architecture
from shoal.study import Network, Training

FORCED_STEPS = 1_000 if LONG else 15

CAMPAIGN = settings(max_examples=2_000 if LONG else 30, derandomize=not LONG)


def by_name(case: Case) -> str:
    return case.name


def farthest(ours: NDArray[Any], oracles: NDArray[Any]) -> float:
    """Largest difference of two vectors, relative to the largest number in them."""
    if not len(oracles):
        return 0.0
    return float(np.max(np.abs(ours - oracles)) / max(float(np.max(np.abs(oracles))), 1e-300))


def expected_curve(oracle: Oracle, data: FitData) -> NDArray[np.float64]:
    """The row of `State.curve_TC` that belongs to the oracle as it stands."""
    train, validation, inner = (
        oracle.evaluate(rows.x, rows.y, rows.weight) for rows in (data.train, data.validation, data.inner)
    )
    columns = {
        "train_loss": train[0],
        "validation_loss": validation[0],
        "inner_loss": inner[0],
        "train_accuracy": train[1],
        "validation_accuracy": validation[1],
    }
    return np.array([columns[name] for name in CURVES])


@pytest.mark.parametrize("case", TABLE, ids=by_name)
def test_follows_the_oracle_to_12_digits(exact_trainer: Trainer, case: Case) -> None:
    state, data, oracle = case.start("float64"), case.data, case.oracle()
    tolerance = 10.0**-case.digits
    for epoch in range(case.training.epochs):
        losses = list(oracle.epoch(data.train.x, data.train.y, epoch, data.train.weight))
        exact_trainer.advance(case.job, data, state, epoch + 1)
        if state.epoch <= epoch:  # stopped early, as the next test of the relations asks for
            assert case.training.early_stopping == "inner"
            break
        assert np.isfinite(losses).all()
        assert farthest(state.parameters_P, oracle.parameters_P) < tolerance, f"after epoch {epoch + 1}"
        assert farthest(state.buffers, oracle.buffers) < tolerance, f"after epoch {epoch + 1}"
        if epoch % 10 == 0:
            np.testing.assert_allclose(state.curve_TC[epoch], expected_curve(oracle, data), rtol=tolerance)
    assert state.status == "done"


# -- float32 -------------------------------------------------------------------------------------------------


def forced_state(case: Case, oracle: Oracle, epoch: int) -> State:
    """Round the oracle's state to float32, as a state of `epoch` epochs; round the oracle's with it."""
    state = in_precision(case.start(), "float32")
    first_P, second_P = oracle.moments()
    state.parameters_P[:], state.first_P[:], state.second_P[:] = oracle.parameters_P, first_P, second_P
    state.buffers[:] = oracle.buffers
    state.epoch = epoch
    state.points = int(np.searchsorted(evaluation_epochs(case.training.epochs), epoch, side="right"))
    steps = -(-case.rows // case.training.batch_size) * epoch
    oracle.restore(state.parameters_P, (state.first_P, state.second_P), steps)
    oracle.set_buffers(state.buffers)
    return state


def _loses_digits(case: Case) -> bool:
    """Whether what rounding leaves of the gradient of a bias in front of a batch norm is divided by its own size; see
    `Case.digits`."""
    return case.network.normed == "batch" and case.training.optimizer in ("adamw", "rmsprop")


FORCED = [case for case in TABLE if not _loses_digits(case) and case.training.early_stopping == "none"]


@pytest.mark.parametrize("case", FORCED, ids=by_name)
def test_takes_each_step_from_the_oracles_state_to_float32_rounding(trainer: Trainer, case: Case) -> None:
    steps = -(-case.rows // case.training.batch_size)
    epochs = max(2, FORCED_STEPS // steps)
    case = case.but(epochs=epochs)
    if refusal := trainer.refuses(case.job.architecture, case.training):
        assert case.network.normed == "layer", refusal
        pytest.skip(refusal)
    data, oracle = case.data, case.oracle()
    largest = np.zeros(2)
    for epoch in range(epochs):
        state = forced_state(case, oracle, epoch)
        before_P = state.parameters_P.astype(np.float64)
        assert np.isfinite(list(oracle.epoch(data.train.x, data.train.y, epoch, data.train.weight))).all()
        trainer.advance(case.job, data, state, epoch + 1)
        error = float(np.linalg.norm(state.parameters_P - oracle.parameters_P))
        assert error <= step_bound(before_P, oracle.parameters_P, steps), f"epoch {epoch + 1}"
        running = float(np.linalg.norm(state.buffers - oracle.buffers))
        assert running <= UNIT * steps * LOST_UNITS * np.linalg.norm(oracle.buffers), f"epoch {epoch + 1}"
        moments = list(zip((state.first_P, state.second_P), oracle.moments(), strict=True))
        largest = np.maximum(largest, [np.abs(oracles).max() for _, oracles in moments])
        errors = np.array([np.abs(ours - oracles).max() for ours, oracles in moments])
        assert (errors <= UNIT * steps * LOST_UNITS * largest).all(), f"moments, epoch {epoch + 1}"


def test_rates_beyond_a_float_end_a_fit_only_where_it_learns_from_them(trainer: Trainer) -> None:
    architecture = build_architecture(Network(hidden=()), (1,), 1)
    job = Job(architecture, Training(epochs=1, batch_size=4, lr=1e-6, optimizer="sgd"), "poisson", KEY)
    near, far = np.zeros((4, 1), np.float32), np.full((4, 1), 100, np.float32)
    y = np.ones((4, 1), np.float32)
    for learned, seen in ((near, far), (far, near)):
        state = initial_state(job)
        state.parameters_P[:] = 1, 0  # the output is the input
        trainer.advance(job, FitData(Rows(learned, y), Rows(seen, y), Rows(near[:0], y[:0])), state, 1)
        if learned is near:
            assert state.status == "done"
            assert state.curve_TC[0, CURVES.index("validation_loss")] == pytest.approx(
                math.exp(100), rel=1e-4
            )
        else:
            assert (state.status, state.diverged_epoch, state.diverged_batch) == ("diverged", 1, 1)


def test_native_refuses_layer_norm_and_nothing_else_of_the_table() -> None:
    from trainer_cases import make_trainer

    native = make_trainer("native")
    refused = [case.name for case in TABLE if native.refuses(case.job.architecture, case.training)]
    assert refused == [case.name for case in LAYER_NORMED]


def check_drawn(trainer: Trainer, case: Case, tolerance: float) -> None:
    """Run a drawn case to its end; hold losses against the oracle's at the same and at its own parameters."""
    data, oracle, own = case.data, case.oracle(), case.oracle()
    state = case.start("float64" if tolerance < UNIT else "float32")
    for epoch in range(case.training.epochs):
        list(oracle.epoch(data.train.x, data.train.y, epoch, data.train.weight))
        trainer.advance(case.job, data, state, epoch + 1)
        assert state.status != "diverged"
        if state.epoch <= epoch:
            assert case.training.early_stopping == "inner"
            assert state.epoch - state.best_epoch == case.training.patience
            break
        own.set_parameters(state.parameters_P)
        own.set_buffers(state.buffers)
        curve = state.curve_TC[epoch]
        np.testing.assert_allclose(curve, expected_curve(own, data), rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(
            curve[:3], expected_curve(oracle, data)[:3], rtol=100 * tolerance, atol=tolerance
        )
    assert state.status == "done"


@CAMPAIGN
@given(case=drawn_cases(layer_norm=True))
def test_any_fit_agrees_with_the_oracle_in_float64(exact_trainer: Trainer, case: Case) -> None:
    check_drawn(exact_trainer, case, 1e-11)


@CAMPAIGN
@given(case=drawn_cases(batch_norm=False))
def test_any_fit_agrees_with_the_oracle_in_float32(trainer: Trainer, case: Case) -> None:
    assert trainer.refuses(case.job.architecture, case.training) is None
    check_drawn(trainer, case, 2e-5)
