"""Categories: one column for each that the rows of the fit have (one-hot)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from shoal.data._classes import numbered, sorted_texts
from shoal.data._dataset import Column
from shoal.data._encoder import Graph, Piece
from shoal.wording import few_quoted, repeated

_STRANGE: Final = "none of them"


@dataclass(frozen=True)
class CategoryEncoder:
    """Values become one column per category, 1 where the value is that category; others are all zero."""

    kind: ClassVar[str] = "category"
    torch_source: ClassVar[str] = '''def category(cells, categories):
    """Give one column for each category, 1 where a cell is that category."""
    flags = [[float(cell == category) for cell in cells] for category in categories]
    return list(torch.tensor(flags, dtype=torch.float64))'''

    name: str
    categories: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """One name for each category: "column=category"."""
        return tuple(f"{self.name}={category}" for category in self.categories)

    @classmethod
    def fit(cls, column: Column, rows: NDArray[np.int64], *, standardize: bool) -> Self:  # noqa: ARG003
        """Learn which categories the rows have."""
        return cls(column.name, sorted_texts(set(column.values[rows].tolist())))

    def encode(self, values_N: NDArray[Any], x_ND: NDArray[np.float32]) -> None:
        """Write 1 into the column of each row's category."""
        code_N = numbered(values_N, self.categories, other=-1)
        known = np.flatnonzero(code_N >= 0)
        x_ND[known, code_N[known]] = 1

    def unknown(self, values_N: NDArray[Any]) -> str:
        """Say which categories were not learned."""
        strange = set(values_N.tolist()) - set(self.categories)
        what = "not among the categories it learned, and read as none of them"
        return f"{what}: {few_quoted(sorted_texts(strange))}" if strange else ""

    def misfits(self) -> Iterator[str]:
        """Find a category that comes twice."""
        return repeated("category", self.categories)

    def drawn(self, draw: np.random.Generator, count: int) -> NDArray[Any]:
        """Draw from the categories, and one that is none of them."""
        return draw.choice(np.array([*self.categories, _STRANGE]), count)

    def to_json(self) -> dict[str, Any]:
        """Give name and categories."""
        return {"name": self.name, "categories": list(self.categories)}

    @classmethod
    def from_json(cls, entry: object) -> Self | None:
        """Read what `to_json` gave; None for anything else."""
        match entry:
            case {"name": str(name), "categories": list(categories), **others} if not others:
                if all(isinstance(category, str) for category in categories):
                    return cls(name, tuple(categories))
        return None

    @classmethod
    def nodes(cls, graph: Graph, encoders: Sequence[Self], cells: str) -> list[Piece]:
        """Spread each column over its categories."""
        pieces: list[Piece] = []
        for number, encoder in enumerate(encoders):
            place = graph.array(f"category_{number}", np.array([number]))
            cell = graph.node("Gather", [cells, place], f"category_{number}_cell", {"axis": 1})
            encoding = {"domain": "ai.onnx.ml", "cats_strings": list(encoder.categories), "zeros": 1}
            flags = graph.node("OneHotEncoder", [cell], f"category_{number}_flags", encoding)
            flat = graph.node("Flatten", [flags], f"category_{number}_flat", {"axis": 1})
            pieces.append((flat, [(number, slot) for slot in range(len(encoder.categories))]))
        return pieces

    @property
    def torch_arguments(self) -> tuple[Any, ...]:
        """The categories."""
        return (list(self.categories),)


ENCODER = CategoryEncoder
