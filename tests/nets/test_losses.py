"""The losses: values by hand, gradients by differences, links, and what they are called."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from shoal.errors import StudyError
from shoal.kinds import LOSSES
from shoal.links import LINKS, link_of
from shoal.nets import loss_of, loss_option, torch_loss
from shoal.study import Training

OPTIONS = {"huber_delta": 0.5, "label_smoothing": 0.2}
BY_HAND = {  # outputs 1 and -2, targets 3 and 0; of classes the second of these
    "mse": 4.0,
    "mae": 2.0,
    "huber": 0.5 * (2 - 0.25),
    "poisson": (math.e - 3 + math.exp(-2)) / 2,
    "cross-entropy": math.log(1 + math.exp(-3)) + 0.9 * 3,
}


def training_by(loss: str) -> Training:
    option = LOSSES[loss].option
    return Training.model_validate({"loss": loss, **({option: OPTIONS[option]} if option else {})})


@pytest.mark.parametrize("loss", LOSSES)
def test_a_value_is_the_one_worked_out_by_hand(loss: str) -> None:
    classes = LOSSES[loss].task == "classification"
    outputs = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    targets = torch.tensor([1]) if classes else torch.tensor([[3.0, 0.0]], dtype=torch.float64)
    assert float(torch_loss(loss, training_by(loss))(outputs, targets)) == pytest.approx(
        BY_HAND[loss], rel=1e-12
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_a_gradient_is_that_of_differences(loss: str) -> None:
    rng = np.random.default_rng(3)
    outputs = torch.tensor(rng.normal(size=(5, 3)), dtype=torch.float64, requires_grad=True)
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
    assert kind.as_given == (link.task == "regression" and not link.scaled)
    assert (loss_option(loss, training_by(loss)) is None) == (kind.option is None)
    assert bool(kind.option) == bool(loss_of(loss).option_words)


def test_links_give_in_numpy_what_torch_gives() -> None:
    """Their expressions for exported files are held against these where files are exported."""
    outputs = np.random.default_rng(0).normal(size=(4, 3))
    expected = {"identity": lambda x: x, "softmax": lambda x: torch.softmax(x, dim=1), "exp": torch.exp}
    assert list(expected) == list(LINKS)
    for name, function in expected.items():
        answers = function(torch.tensor(outputs)).numpy()
        np.testing.assert_allclose(LINKS[name].numpy(outputs), answers, rtol=1e-14)


def test_an_unknown_link_raises() -> None:
    with pytest.raises(StudyError) as refused:
        link_of("logit")
    assert str(refused.value) == "link: expected one of identity, softmax, exp, got 'logit'"
