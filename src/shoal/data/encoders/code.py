"""Categories as their numbers, one column of codes, by which an embedding looks vectors up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from shoal.activations import Graph
from shoal.data._classes import numbered
from shoal.data._dataset import Column
from shoal.data._encoder import Piece
from shoal.data.encoders.category import CategoryEncoder
from shoal.errors import DataError, Problem
from shoal.wording import quoted

MOST: Final = 2**24 - 1
"""Codes that numbers of 32 bits tell apart."""


@dataclass(frozen=True)
class CodeEncoder:
    """Values become one column of codes: the place of a category, from 1 on; 0 for one that was not learned.

    What has a code is what has a column of `category`: a missing cell, and all rare categories together, too.
    """

    kind: ClassVar[str] = "code"
    torch_source: ClassVar[str] = '''def code(cells, shown, rare=False):
    """Give the place of each cell among the texts (empty: missing), from 1 on; all others have 0, or the next place."""
    cells = ["" if cell is None or cell != cell else cell for cell in cells]
    places = {text: place for place, text in enumerate(shown, start=1)}
    codes = [places.get(cell, len(shown) + 1 if rare else 0) for cell in cells]
    return [torch.tensor(codes, dtype=torch.float64)]'''

    category: CategoryEncoder

    @property
    def name(self) -> str:
        """Name of the column as read."""
        return self.category.name

    @property
    def names(self) -> tuple[str, ...]:
        """Its one column, called as the column read."""
        return (self.name,)

    @property
    def rows(self) -> int:
        """How many vectors there are: one for each code, and that of 0."""
        return self.category.count + 1

    @property
    def texts(self) -> tuple[str, ...]:
        """Texts that have a code of their own."""
        return self.category.shown

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that were learned."""
        return self.category.categories

    @property
    def imputes(self) -> bool:
        """Whether missing cells are answered."""
        return self.category.imputes

    @classmethod
    def fit(cls, column: Column, rows: NDArray[np.int64] | slice, *, standardize: bool) -> Self:
        """Learn which categories the rows have. Raises DataError for more than codes tell apart."""
        return cls.of(CategoryEncoder.fit(column, rows, standardize=standardize))

    @classmethod
    def of(cls, category: CategoryEncoder) -> Self:
        """Give codes to what was learned. Raises DataError for more than codes tell apart."""
        if category.count > MOST:
            what = f"expected at most {MOST:,} categories, got {category.count:,}"
            raise DataError(Problem(f"input column {quoted(category.name)}", what))
        return cls(category)

    def encode(self, values_N: NDArray[Any], x_ND: NDArray[Any]) -> None:
        """Write the code of each row's category."""
        x_ND[:, 0] = numbered(values_N, self.texts, other=self._other - 1) + 1

    @property
    def _other(self) -> int:
        """The code of what has none of its own."""
        return self.rows - 1 if self.category.pooled else 0

    @property
    def baseline(self) -> tuple[float, ...]:
        """The code of what was not learned: an average stands among vectors alone."""
        return (0.0,)

    def unknown(self, values_N: NDArray[Any]) -> str:
        """Say which categories were not learned."""
        return self.category.unknown(values_N)

    def misfits(self) -> Iterator[str]:
        """Find what does not go together among the categories, and that there are none."""
        yield from self.category.misfits()
        if self.rows < 2:
            yield "expected a category that has a code, got none"

    def drawn(self, draw: np.random.Generator, count: int) -> NDArray[Any]:
        """Draw from the categories, and one that is none of them."""
        return self.category.drawn(draw, count)

    def to_json(self) -> dict[str, Any]:
        """Give what was learned, and that it has codes."""
        return {**self.category.to_json(), "codes": True}

    @classmethod
    def from_json(cls, entry: object) -> Self | None:
        """Read what `to_json` gave; None for anything else."""
        match entry:
            case {"codes": True, **others}:
                category = CategoryEncoder.from_json(others)
                return None if category is None else cls(category)
        return None

    @classmethod
    def nodes(cls, graph: Graph, encoders: Sequence[Self], cells: str) -> list[Piece]:
        """Look the code of each cell up, column by column."""
        pieces: list[Piece] = []
        for number, encoder in enumerate(encoders):
            place = graph.array(f"code_{number}", np.array([number]))
            cell = graph.node("Gather", [cells, place], f"code_{number}_cell", {"axis": 1})
            texts = list(encoder.texts) or [""]  # without any, all have the code of rare ones
            looked_up = {
                "domain": "ai.onnx.ml",
                "keys_strings": texts,
                "values_floats": [float(code) for code in range(1, len(texts) + 1)],
                "default_float": float(encoder._other),
            }
            pieces.append(
                (graph.node("LabelEncoder", [cell], f"code_{number}_code", looked_up), [(number, 0)])
            )
        return pieces

    @property
    def torch_arguments(self) -> tuple[Any, ...]:
        """The texts with a code of their own, and whether others have one."""
        return self.category.torch_arguments


ENCODER = CodeEncoder
