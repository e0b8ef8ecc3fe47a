"""The rule by which a decision threshold of two classes is chosen: a score, or what the two kinds of mistakes cost."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from shoal.study._section import SECTION
from shoal.study._values import branch_of

_Cost = Annotated[float, Field(gt=0)]


class Costs(BaseModel):
    """What a row costs that is named the positive class and is not (`false_positive`), or is and is not named so."""

    model_config = SECTION

    false_positive: _Cost
    false_negative: _Cost

    @property
    def ratio_threshold(self) -> float:
        """The threshold of the lowest expected cost where probabilities are true (Elkan 2001, IJCAI, equation 2)."""
        return 1 / (1 + self.false_negative / self.false_positive)


ThresholdRule = Annotated[
    Annotated[Literal["none", "f1", "balanced"], Tag("<text>")] | Annotated[Costs, Tag("<table>")],
    Discriminator(branch_of),
]
RULES: Final = {"f1": "F1", "balanced": "balanced accuracy"}
"""What a rule that is a score makes as high as it can be, in words."""
