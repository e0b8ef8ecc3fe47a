"""The losses: values by hand, gradients by differences, links, and what they are called."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import mean_pinball_loss

from shoal.errors import StudyError
from shoal.kinds import LOSSES
from shoal.links import LINKS, link_of
from shoal.nets import loss_of, torch_loss
from shoal.study import Training

OPTIONS: dict[str, Any] = {"huber_delta": 0.5, "label_smoothing": 0.2, "quantiles": (0.1, 0.7)}
BY_HAND = {  # outputs 1 and -2, targets 3 and 0, or 3 alone; of classes the second of these, of labels the first
    "mse": 4.0,
    "mae": 2.0,
    "huber": 0.5 * (2 - 0.25),
    "poisson": (math.e - 3 + math.exp(-2)) / 2,
    "quantile": (0.1 * 2 + 0.7 * 5) / 2,
    "gaussian": (2 / math.exp(-2)) ** 2 / 2 - 2 + math.log(2 * math.pi) / 2,
    "cross-entropy": math.log(1 + math.exp(-3)) + 0.9 * 3,
    "binary-cross-entropy": (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2))) / 2,
}


def training_by(loss: str) -> Training:
    option = LOSSES[loss].option
    return Training.model_validate({"loss": loss, **({option: OPTIONS[option]} if option else {})})


def outputs_of_target(loss: str) -> int:
    said = training_by(loss).distribution
    return 1 if said is None else said.outputs


@pytest.mark.parametrize("loss", LOSSES)
def test_a_value_is_the_one_worked_out_by_hand(loss: str) -> None:
    classes = LOSSES[loss].task == "classification"
    outputs = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    numbers = torch.tensor([[LOSSES[loss].most or 3.0, 0.0]], dtype=torch.float64)
    targets = torch.tensor([1]) if classes else numbers[:, : 2 // outputs_of_target(loss)]
    assert float(torch_loss(loss, training_by(loss))(outputs, targets)) == pytest.approx(
        BY_HAND[loss], rel=1e-12
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_a_gradient_is_that_of_differences(loss: str) -> None:
    rng = np.random.default_rng(3)
    each = outputs_of_target(loss)
    outputs = torch.tensor(rng.normal(size=(5, 3 * each)), dtype=torch.float64, requires_grad=True)
    drawn = (
        rng.integers(0, 3, 5) if LOSSES[loss].task == "classification" else np.abs(rng.normal(size=(5, 3)))
    )
    function = torch_loss(loss, training_by(loss))
    assert torch.autograd.gradcheck(lambda some: function(some, torch.tensor(drawn)), (outputs,))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_link_goes_with_its_loss(loss: str) -> None:
    """Targets are learned as given where answers have a unit of their own, and only there."""
    kind, link = LOSSES[loss], link_of(loss_of(loss).link)
    assert link.task == kind.task
    assert kind.as_given == (link.task != "classification" and not link.scaled)
    assert (training_by(loss).option_of(loss) is None) == (kind.option is None)
    assert bool(kind.option) == bool(loss_of(loss).option_words)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_of_more_than_one_number_is_a_score_of_its_own(loss: str) -> None:
    """Its outputs are in the units of learned targets, which a deviation has no way back from."""
    kind, said = LOSSES[loss], training_by(loss).distribution
    assert (said is None) == (kind.distribution is None) == (not loss_of(loss).score_words)
    assert said is None or (said.kind == kind.distribution and loss_of(loss).link == "identity")


@pytest.mark.parametrize("loss", LOSSES)
def test_the_mean_is_that_of_rows_and_outputs_without_it(loss: str) -> None:
    rng = np.random.default_rng(4)
    outputs = torch.tensor(rng.normal(size=(5, 3 * outputs_of_target(loss))))
    targets = np.abs(rng.normal(size=(5, 3)))
    drawn = torch.tensor(rng.integers(0, 3, 5) if LOSSES[loss].task == "classification" else targets)
    function = torch_loss(loss, training_by(loss))
    of_rows = function(outputs, drawn, reduction="none").reshape(5, -1).mean(1)
    assert float(of_rows.mean()) == pytest.approx(float(function(outputs, drawn)), rel=1e-12)


def test_the_pinball_loss_is_that_of_scikit_learn_and_of_sorted_outputs_no_higher() -> None:
    rng, levels = np.random.default_rng(5), (0.1, 0.5, 0.55, 0.9)
    outputs_NKL, y_NK = rng.normal(size=(40, 2, 4)), rng.normal(size=(40, 2))

    def loss(values_NKL: NDArray[np.float64]) -> float:
        training = Training(loss="quantile", quantiles=levels)
        return float(
            torch_loss("quantile", training)(torch.tensor(values_NKL.reshape(40, 8)), torch.tensor(y_NK))
        )

    each = [
        mean_pinball_loss(y_NK, outputs_NKL[..., place], alpha=level) for place, level in enumerate(levels)
    ]
    assert loss(outputs_NKL) == pytest.approx(np.mean(each), rel=1e-12)
    assert loss(np.sort(outputs_NKL)) < loss(outputs_NKL)


def test_the_likelihood_is_that_of_torch() -> None:
    rng = np.random.default_rng(6)
    outputs, y = torch.tensor(rng.normal(size=(40, 4))), torch.tensor(rng.normal(size=(40, 2)))
    expected = torch.nn.functional.gaussian_nll_loss(
        outputs[:, 0::2], y, (2 * outputs[:, 1::2]).exp(), full=True, eps=1e-12
    )
    assert float(torch_loss("gaussian", Training())(outputs, y)) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize(
    ("logarithm", "error", "sign"), [(1e4, 1.0, 1.0), (-1e4, 1.0, -1.0), (-1e4, 0.0, 1.0)]
)
def test_a_deviation_beyond_its_bound_has_a_loss_and_a_gradient_that_leads_back(
    logarithm: float, error: float, sign: float
) -> None:
    """Of 32 bits too; one that is too small leads back where there is an error."""
    outputs = torch.tensor([[error, logarithm]], requires_grad=True)
    loss = torch_loss("gaussian", Training())(outputs, torch.zeros(1, 1))
    loss.backward()
    assert outputs.grad is not None
    assert torch.isfinite(loss)
    assert torch.isfinite(outputs.grad).all()
    assert float(outputs.grad[0, 1]) * sign > 0


def test_links_give_in_numpy_what_torch_gives() -> None:
    """Their expressions for exported files are held against these where files are exported."""
    outputs = np.random.default_rng(0).normal(size=(4, 3))
    softmax = partial(torch.softmax, dim=1)
    expected = {"identity": lambda x: x, "softmax": softmax, "sigmoid": torch.sigmoid, "exp": torch.exp}
    assert list(expected) == list(LINKS)
    for name, function in expected.items():
        answers = function(torch.tensor(outputs)).numpy()
        np.testing.assert_allclose(LINKS[name].numpy(outputs), answers, rtol=1e-14)


def test_an_unknown_link_raises() -> None:
    with pytest.raises(StudyError) as refused:
        link_of("logit")
    assert str(refused.value) == "link: expected one of identity, softmax, sigmoid, exp, got 'logit'"
