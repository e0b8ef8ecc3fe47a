"""The table `folds` of the sections `search` and `nested`: how training rows are split."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from shoal.kinds import SPLITTERS, splitter_kind
from shoal.study._section import SECTION
from shoal.study._values import Count, Name, Splitter, branch_of, together
from shoal.wording import listed

_OWN_KEYS: Final = ("n", "share", "shuffle", "size", "window")
"""Keys of folds that no class of scikit-learn's takes: its own are its `options`."""


class Folds(BaseModel):
    """How the training rows are split for the search; `n` is the number of folds or of random splits.

    `kind` may also be a class of scikit-learn's that splits rows, with its `options`.
    """

    model_config = SECTION

    kind: Splitter | None = None
    n: Annotated[int, Field(ge=2, le=10_000)] = 3
    times: Count = 1
    share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    shuffle: bool = True
    column: Name | None = None
    size: Count | None = None
    window: Count | None = None
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _belongs_together(self) -> Folds:
        row = splitter_kind("kind", self.kind) if self.kind else None
        draws = row.draws if row else "folds"
        if (draws == "column") != (self.column is not None):
            sentence = '`column` (the fold of each row) goes with kind = "given", and only with it'
            raise together(("column", "kind"), sentence)
        if self.times > 1 and not (row is not None and row.repeats):
            able = listed([name for name, other in SPLITTERS.items() if other.repeats], "or")
            raise together(("times", "kind"), f"`times` needs kind {able}, got {self.kind}")
        if self.options and draws != "peer":
            sentence = (
                f"`options` are those of a class of scikit-learn's, named as kind, got kind {self.kind}"
            )
            raise together(("options", "kind"), sentence)
        asked = [key for key in _OWN_KEYS if self.asks(key)]
        if asked and draws == "peer":
            sentence = f"`{asked[0]}` is of our own kinds; {self.kind} takes what stands in `options`"
            raise together((asked[0], "kind"), sentence)
        return self

    def asks(self, key: str) -> bool:
        """Whether somebody gave a key, be it its default: but for a yes or no, which asks for nothing by default.

        Nor does a default in a table with every key that has one: a run folder's study is written so.
        """
        default = Folds.model_fields[key].default
        complete = {name for name, field in Folds.model_fields.items() if field.default is not None}
        stated = not isinstance(default, bool) and not complete <= self.model_fields_set
        return getattr(self, key) != default or (
            stated and key in self.model_fields_set and default is not None
        )


NumberOrFolds = Annotated[
    Annotated[int, Field(ge=2, le=10_000), Tag("<number>")] | Annotated[Folds, Tag("<table>")],
    Discriminator(branch_of),
]
