"""Categories: one column for each that the rows of the fit have (one-hot); a missing one is a category of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from shoal.data._classes import numbered, sorted_texts
from shoal.data._dataset import Column
from shoal.data._encoder import Graph, Piece, missing_name
from shoal.wording import counted, few_quoted, repeated

_STRANGE: Final = "none of them"


@dataclass(frozen=True)
class CategoryEncoder:
    """Values become one column per category, 1 where the value is that category; others are all zero.

    `missing`: whether the rows of the fit lacked any, so that a column more is 1 where one is missing; None where
    missing cells are refused. Where the rows of the fit have no category at all, the column becomes no input.
    """

    kind: ClassVar[str] = "category"
    torch_source: ClassVar[str] = '''def category(cells, categories, missing=False):
    """Give one column for each category, 1 where a cell is that category; one more for missing cells, if any were."""
    cells = ["" if cell is None or cell != cell else cell for cell in cells]
    shown = [*categories, ""] if missing and categories else categories
    flags = [[float(cell == category) for cell in cells] for category in shown]
    return list(torch.tensor(flags, dtype=torch.float64))'''

    name: str
    categories: tuple[str, ...]
    missing: bool | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """One name for each category: "column=category"; and one for missing cells."""
        names = tuple(f"{self.name}={category}" for category in self.categories)
        return (*names, missing_name(self.name)) if "" in self._shown else names

    @property
    def _shown(self) -> tuple[str, ...]:
        """What has a column of its own; the empty text stands for a missing cell."""
        return (*self.categories, "") if self.missing and self.categories else self.categories

    @property
    def imputes(self) -> bool:
        """Whether missing cells are answered."""
        return self.missing is not None

    @classmethod
    def fit(cls, column: Column, rows: NDArray[np.int64], *, standardize: bool) -> Self:  # noqa: ARG003
        """Learn which categories the rows have."""
        texts = set(column.values[rows].tolist())
        missing = "" in texts if column.impute else None
        return cls(column.name, sorted_texts(texts - {""}), missing)

    def encode(self, values_N: NDArray[Any], x_ND: NDArray[np.float32]) -> None:
        """Write 1 into the column of each row's category."""
        code_N = numbered(values_N, self._shown, other=-1)
        known = np.flatnonzero(code_N >= 0)
        x_ND[known, code_N[known]] = 1

    def unknown(self, values_N: NDArray[Any]) -> str:
        """Say which categories were not learned, and how missing cells are read, where the training rows had none."""
        strange = sorted_texts(set(values_N.tolist()) - {"", *self.categories})
        what = "not among the categories it learned, and read as none of them"
        said = [f"{what}: {few_quoted(strange)}"] if strange else []
        count = int((values_N == "").sum()) if self.missing is False else 0
        if count:
            lacking = "which no training row had, read as none of its categories"
            said.append(f"{counted(count, 'missing cell')}, {lacking}")
        return "; ".join(said)

    def misfits(self) -> Iterator[str]:
        """Find a category that comes twice."""
        return repeated("category", self.categories)

    def drawn(self, draw: np.random.Generator, count: int) -> NDArray[Any]:
        """Draw from the categories, and one that is none of them; some are missing, if they may."""
        missing = [""] if self.imputes else []
        return draw.choice(np.array([*self.categories, *missing, _STRANGE]), count)

    def to_json(self) -> dict[str, Any]:
        """Give name and categories; where cells may be missing, whether any were."""
        missing = {"missing": self.missing} if self.imputes else {}
        return {"name": self.name, "categories": list(self.categories), **missing}

    @classmethod
    def from_json(cls, entry: object) -> Self | None:
        """Read what `to_json` gave; None for anything else."""
        match entry:
            case {"missing": bool(missing), "categories": list(categories), **others} if "" not in categories:
                encoder = cls.from_json({"categories": categories, **others})
                return encoder and replace(encoder, missing=missing)
            case {"name": str(name), "categories": list(categories), **others} if not others:
                if all(isinstance(category, str) for category in categories):
                    return cls(name, tuple(categories))
        return None

    @classmethod
    def nodes(cls, graph: Graph, encoders: Sequence[Self], cells: str) -> list[Piece]:
        """Spread each column over its categories."""
        pieces: list[Piece] = []
        for number, encoder in enumerate(encoders):
            if not encoder.names:
                continue
            place = graph.array(f"category_{number}", np.array([number]))
            cell = graph.node("Gather", [cells, place], f"category_{number}_cell", {"axis": 1})
            encoding = {"domain": "ai.onnx.ml", "cats_strings": list(encoder._shown), "zeros": 1}
            flags = graph.node("OneHotEncoder", [cell], f"category_{number}_flags", encoding)
            flat = graph.node("Flatten", [flags], f"category_{number}_flat", {"axis": 1})
            pieces.append((flat, [(number, slot) for slot in range(len(encoder.names))]))
        return pieces

    @property
    def torch_arguments(self) -> tuple[Any, ...]:
        """The categories, and whether any cell was missing."""
        return (list(self.categories), *([self.missing] if self.imputes else []))


ENCODER = CategoryEncoder
