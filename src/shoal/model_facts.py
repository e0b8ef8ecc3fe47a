"""What a model file says beside its network, which may be foreign: read strictly, and written in the same words."""

from __future__ import annotations

import math
from types import NoneType
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from pydantic_core import PydanticCustomError

from shoal.decisions import HIGHEST
from shoal.engine import written
from shoal.errors import ModelFileError
from shoal.kinds import Task


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class FitFacts(_Part):
    """Which fit this network is."""

    id: str
    trainer: str
    epochs: int
    repeat: int


class DecisionFacts(_Part):
    """From which probability on which of two classes is named."""

    positive: str
    threshold: Annotated[float, Field(ge=0, le=HIGHEST)]

    @field_validator("threshold")
    @classmethod
    def _unsigned(cls, threshold: float) -> float:
        """Refuse -0.0, which no run writes."""
        if math.copysign(1, threshold) < 0:
            raise PydanticCustomError("unsigned", "Input should be greater than or equal to 0, got -0.0")
        return threshold


class Facts(_Part):
    """What a model file says beside its network; of two classes also the decision, where a threshold was chosen."""

    task: Task
    classes: tuple[str, ...] = Field(strict=False)
    targets: tuple[str, ...] = Field(strict=False)
    preprocessing: dict[str, Any]
    training: dict[str, Any]
    fit: FitFacts
    scores: dict[str, dict[str, float | None]]
    decision: DecisionFacts | None = None

    @field_validator("scores", mode="before")
    @classmethod
    def _numbers(cls, scores: object) -> object:
        """Stop at the first mistake; pydantic alone would list millions."""
        parts = scores.values() if isinstance(scores, dict) else [None]
        for part in parts:
            values = part.values() if isinstance(part, dict) else [part]
            if not isinstance(part, dict) or not all(type(value) in (float, NoneType) for value in values):
                raise PydanticCustomError("scores", "expected scores by name")
        return scores

    @property
    def described(self) -> dict[str, Any]:
        """Give them as JSON values; without a decision where there is none, as in files of before there were any."""
        return self.model_dump(mode="json", exclude={"decision"} if self.decision is None else None)


def facts_of(described: dict[str, Any]) -> Facts:
    """Read facts that may be foreign; they must be written again in the same words. Raises ModelFileError."""
    try:
        facts = Facts.model_validate(described)
        if written(facts.described) == written(described):
            return facts
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))[:60]
        raise ModelFileError(f"metadata {place!a}: {first['msg'].splitlines()[0]}") from error
    except (ValueError, RecursionError):  # nested deeper than can be written
        pass
    raise ModelFileError("expected facts as Shoal writes them, got others")
