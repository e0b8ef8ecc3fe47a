"""The gradient that a trainer gives where a network stands is the one that torch differentiates.

Letters: P parameters.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from numpy.typing import NDArray
from test_conv_trainers import CASES, OFFSET, SCALE, Pictures, taken
from torch.nn.utils import parameters_to_vector
from trainer_cases import LONG, TABLE, Case, drawn_cases, in_precision

from shoal.engine._course import batch_gradient
from shoal.engine._trainer import Trainer, initial_state
from shoal.engine.trainers.torch import TorchTrainer


def differentiated(case: Case, parameters_P: NDArray[Any]) -> NDArray[Any]:
    """The gradient of the loss of all training rows by the oracle, in training and without dropout."""
    oracle, rows = case.oracle(), case.data.train
    oracle.set_parameters(parameters_P)
    oracle.model.train()
    x, y = (oracle._tensor(values) for values in (rows.x, rows.y))
    oracle.weighted(oracle.outputs(x), y, rows.weight).backward()
    return gradient_of(oracle.model)


def gradient_of(model: torch.nn.Module) -> NDArray[Any]:
    parts = [torch.zeros_like(part) if part.grad is None else part.grad for part in model.parameters()]
    return parameters_to_vector(parts).numpy()


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_it_is_that_of_the_oracle_to_12_digits(exact_trainer: Trainer, case: Case) -> None:
    state = case.start("float64")
    before = state.parameters_P.copy(), state.buffers.copy(), state.epoch
    ours = batch_gradient(exact_trainer, case.job, case.data, state)
    theirs = differentiated(case, state.parameters_P)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12 * np.abs(theirs).max())
    np.testing.assert_array_equal(state.parameters_P, before[0])
    np.testing.assert_array_equal(state.buffers, before[1])
    assert (state.epoch, state.status) == (before[2], "training")


@settings(max_examples=300 if LONG else 20, derandomize=not LONG)
@given(case=drawn_cases(normed=False))
def test_every_trainer_gives_it_in_float32(trainer: Trainer, case: Case) -> None:
    state = case.start()
    ours = batch_gradient(trainer, case.job, case.data, state)
    theirs = differentiated(case, state.parameters_P)
    size = np.linalg.norm(theirs)
    assert np.linalg.norm(ours - theirs) <= 1e-4 * size + 1e-7


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_images_are_not_moved_and_nothing_is_dropped(trainer: Trainer, case: Pictures) -> None:
    case = dataclasses.replace(case, offset=OFFSET)
    job, (images, y), weights = taken(trainer, case).job, case.images, case.weights
    oracle = case.oracle()
    oracle.blocks.train()
    x = torch.tensor(images[::2].astype(np.float64) * np.float32(SCALE) + np.float32(OFFSET))
    own = np.ones(len(x)) if weights is None else weights[::2].astype(np.float64)
    oracle.loss(oracle.outputs(x), y[::2], own).backward()
    theirs = gradient_of(oracle.blocks)
    ours = batch_gradient(trainer, job, case.data(), initial_state(job))
    assert np.linalg.norm(ours - theirs) <= 2e-5 * np.linalg.norm(theirs)
    if isinstance(trainer, TorchTrainer):
        exact = batch_gradient(
            TorchTrainer(dtype="float64"), job, case.data(), in_precision(initial_state(job), "float64")
        )
        np.testing.assert_allclose(exact, theirs, rtol=1e-10, atol=1e-12 * np.abs(theirs).max())


def test_a_loss_without_end_has_none(trainer: Trainer) -> None:
    case = next(case for case in TABLE if case.name == "loss poisson")
    state = case.start()
    state.parameters_P[-case.width :] = 1000  # exp of it is beyond a float32
    assert np.isnan(batch_gradient(trainer, case.job, case.data, state)).all()
