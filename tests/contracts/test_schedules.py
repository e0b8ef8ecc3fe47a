"""Learning rates are torch's own, epoch by epoch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainer_cases import SCHEDULES

import oracle
from shoal.nets import learning_rates
from shoal.study import Training


@pytest.mark.parametrize("schedule", SCHEDULES)
@given(
    epochs=st.integers(1, 300),
    lr=st.floats(1e-6, 10),
    every=st.one_of(st.none(), st.integers(1, 50)),
    factor=st.floats(0.01, 1),
)
def test_learning_rates_are_those_of_torch(
    schedule: str, epochs: int, lr: float, every: int | None, factor: float
) -> None:
    training = Training.model_validate(
        {"schedule": schedule, "epochs": epochs, "lr": lr, "step_every": every, "step_factor": factor}
    )
    rates_E = learning_rates(training)
    assert rates_E.shape == (epochs,)
    # torch computes the cosine by a recursion, which rounds at the size of the first rate.
    np.testing.assert_allclose(rates_E, oracle.learning_rates(training), rtol=1e-9, atol=1e-12 * lr)


def test_known_rates() -> None:
    def rates(schedule: str, **keys: float) -> list[float]:
        return list(
            learning_rates(Training.model_validate({"schedule": schedule, "lr": 1.0, "epochs": 4, **keys}))
        )

    assert rates("constant") == [1, 1, 1, 1]
    assert rates("step", step_every=2, step_factor=0.5) == [1, 1, 0.5, 0.5]
    assert rates("step", step_factor=0.5) == [1, 0.5, 0.25, 0.125]
    assert rates("cosine") == pytest.approx([1, (2 + 2**0.5) / 4, 0.5, (2 - 2**0.5) / 4])
    assert rates("one-cycle")[0] == pytest.approx(1 / 25)
    assert rates("one-cycle")[-1] == pytest.approx(1 / 250_000)
