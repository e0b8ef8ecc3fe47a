"""The negative log-likelihood of counts: exp(output) - target * output, the output being the logarithm of the rate.

What the target alone adds to it, log(target!), is left out. The mean over rows and outputs.
"""

from __future__ import annotations

from functools import partial

from shoal.nets._loss import Loss, TorchLoss


def _torch() -> TorchLoss:
    from torch.nn import functional

    return partial(functional.poisson_nll_loss, log_input=True, full=False)


LOSS = Loss(
    _torch,
    link="exp",
    words="Poisson negative log-likelihood",
    source="Nelder, Wedderburn (1972): Generalized linear models. Journal of the Royal Statistical Society A 135,"
    " 370–384.",
)
