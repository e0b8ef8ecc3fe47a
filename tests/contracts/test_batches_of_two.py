"""Batch norm of two rows: it leaves so little of a gradient that rounding shows, in the core no more than in torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from trainer_cases import KEY, in_precision, make_trainer

from shoal.engine._trainer import FitData, Job, Rows, Trainer, initial_state
from shoal.nets import build_architecture
from shoal.study import Network, Training

Floats = NDArray[np.float64]
DRAWS = 24
NETWORK = Network(hidden=(9, 7), activation="tanh", norm="batch")


def errors(exact: Trainer, batch_size: int) -> tuple[Floats, Floats]:
    """How far the core and torch come to lie from torch in float64 in two epochs, draw by draw."""
    job = Job(
        build_architecture(NETWORK, (4,), 2),
        Training(optimizer="sgd", lr=0.1, batch_size=batch_size, epochs=2),
        "mse",
        KEY,
    )
    farthest: tuple[list[float], list[float]] = ([], [])
    for draw in range(DRAWS):
        own, rng = replace(job, key=replace(KEY, repeat=draw)), np.random.default_rng(draw)
        x, y = (
            rng.standard_normal((32, 4)).astype(np.float32),
            rng.standard_normal((32, 2)).astype(np.float32),
        )
        none = Rows(x[:0], y[:0])
        data = FitData(Rows(x, y), none, none)
        ended = []
        for trainer in (exact, make_trainer("native"), make_trainer("torch")):
            state = in_precision(initial_state(own), "float64" if trainer is exact else "float32")
            trainer.advance(own, data, state, 2)
            ended.append(state.parameters_P.astype(np.float64))
        for where, mine in zip(farthest, ended[1:], strict=True):
            where.append(float(np.abs(mine - ended[0]).max()))
    return np.array(farthest[0]), np.array(farthest[1])


def test_where_batches_are_larger_both_stay_within_rounding(exact_trainer: Trainer) -> None:
    assert max(map(np.max, errors(exact_trainer, 16))) < 1e-6


def test_with_two_rows_both_part_from_float64_and_neither_is_the_farther(exact_trainer: Trainer) -> None:
    """Two rows are normed to nearly -1 and 1, wherever they lie: of the gradient of a sum, whose parts cancel, a share
    of 1e-5 / variance is left.
    """
    core, torch = errors(exact_trainer, 2)
    assert min(np.median(core), np.median(torch)) > 1e-5
    farther = int((core > torch).sum())
    assert 5 <= farther <= DRAWS - 5  # of fair throws, all but 1 in 600 lie there
    assert np.median(core) < 10 * np.median(torch)
