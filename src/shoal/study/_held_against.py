"""What the delivered network is held against, once it is trained: simple models, and itself on permuted targets."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from shoal.study._section import SECTION


class Checks(BaseModel):
    """What the delivered network is held against. It takes no part in training or choosing.

    `baselines`: a linear model and boosted trees, fitted to the same training rows. `permutations`: how many networks
    of the chosen settings are trained on permuted targets, for a permutation test of the whole.
    """

    model_config = SECTION

    baselines: bool = True
    permutations: Annotated[int, Field(ge=0, le=100_000)] = 0
