"""The sections `reference`, `inspect` and `report`: what is shown beside the results. They change no network."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from shoal.study._section import SECTION
from shoal.study._values import MOST_IMAGES, PLAIN, Label, Metric, Row, together


class _Shown(BaseModel):
    model_config = SECTION


class Reference(_Shown):
    """A published test score, shown beside the measured one. It takes no part in training or choosing.

    `name` is that of a comparison, or "winner" (the chosen candidate among the comparisons), or "delivered" (the winner
    trained on all training rows); `source` says where it stands.
    """

    name: Label
    metric: Metric
    value: float
    source: Annotated[str, Field(min_length=1, max_length=500, pattern=PLAIN)]


class Inspect(_Shown):
    """What is looked at inside the delivered network. It takes no part in training or choosing.

    `history` snapshots of it, evenly spaced over its epochs, tell of weights, gradients and dead units; `images` are
    test rows, from 0, whose feature maps are shown (the first of each class if empty). Of tables, every input column is
    permuted `importance` times, and what the answers hang on is looked at; 0: nothing of it.
    """

    history: Annotated[int, Field(ge=0, le=500)] = 0
    images: Annotated[tuple[Row, ...], Field(strict=False)] = ()
    importance: Annotated[int, Field(ge=0, le=100)] = 5

    @model_validator(mode="after")
    def _few_images(self) -> Inspect:
        if len(self.images) > MOST_IMAGES:
            raise together(("images",), f"expected at most {MOST_IMAGES} images, got {len(self.images)}")
        twice = [row for place, row in enumerate(self.images) if row in self.images[:place]]
        if twice:
            raise together(("images",), f"expected every image once, got {twice[0]} again")
        return self


class Report(_Shown):
    """What the report tells. `paths`: the folders of the data, too, which name a person as often as not; `groups`: the
    names of groups of test rows, which may be patients'.
    """

    paths: bool = False
    groups: bool = False
