"""Categories: one column for each that the rows of the fit have (one-hot); a missing one is a category of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from shoal.activations import Graph
from shoal.data._classes import numbered, sorted_texts
from shoal.data._dataset import Column
from shoal.data._encoder import Encoder, Piece, missing_name
from shoal.wording import counted, few_quoted, repeated

_STRANGE: Final = "none of them"


@dataclass(frozen=True)
class CategoryEncoder:
    """Values become one column per category, 1 where the value is that category; others are all zero.

    `missing`: whether the rows of the fit lacked any, so that a column more is 1 where one is missing; None where
    missing cells are refused. `pooled` are categories that are rare among the rows of the fit: they, and whatever was
    not learned, are 1 in a last column, which is there where any are. Where the rows of the fit have no category at
    all, the column becomes no input.
    """

    kind: ClassVar[str] = "category"
    torch_source: ClassVar[str] = '''def category(cells, shown, rare=False):
    """Give one column for each text, 1 where a cell is that text (empty: missing); a last one for all rare texts."""
    cells = ["" if cell is None or cell != cell else cell for cell in cells]
    flags = [[float(cell == text) for cell in cells] for text in shown]
    flags += [[float(cell not in shown) for cell in cells]] if rare else []
    return list(torch.tensor(flags, dtype=torch.float64))'''

    name: str
    categories: tuple[str, ...]
    missing: bool | None = None
    pooled: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """One name for each category: "column=category"; and one for missing cells."""
        names = [f"{self.name}={text}" if text else missing_name(self.name) for text in self.shown]
        return (*names, f"{self.name} is rare") if self.pooled else tuple(names)

    @property
    def count(self) -> int:
        """How many columns there are."""
        return len(self.shown) + bool(self.pooled)

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """What has a column of its own; the empty text stands for a missing cell."""
        rare = set(self.pooled)
        common = tuple(category for category in self.categories if category not in rare)
        return (*common, "") if self.missing and self.categories else common

    @property
    def imputes(self) -> bool:
        """Whether missing cells are answered."""
        return self.missing is not None

    @classmethod
    def fit(cls, column: Column, rows: NDArray[np.int64] | slice, *, standardize: bool) -> Self:  # noqa: ARG003
        """Learn which categories the rows have."""
        times = column.counts(rows)
        missing = bool(times.pop("", 0)) if column.impute else None
        rare = sorted_texts(text for text, count in times.items() if count < column.rare_below)
        return cls(column.name, sorted_texts(times), missing, rare)

    def coded(self) -> Encoder:
        """Give codes to what has a column. Raises DataError for more than codes tell apart."""
        from shoal.data.encoders.code import CodeEncoder

        return CodeEncoder.of(self)

    def encode(self, values_N: NDArray[Any], x_ND: NDArray[Any]) -> None:
        """Write 1 into the column of each row's category."""
        code_N = numbered(values_N, self.shown, other=-1)
        known = np.flatnonzero(code_N >= 0)
        x_ND[known, code_N[known]] = 1
        if self.pooled:
            x_ND[code_N < 0, -1] = 1

    @property
    def baseline(self) -> tuple[float, ...]:
        """Every category the same, since how often each was there is not kept."""
        return (1 / self.count,) * self.count if self.count else ()

    def unknown(self, values_N: NDArray[Any]) -> str:
        """Say which categories were not learned, and how missing cells are read, where the training rows had none."""
        strange = sorted_texts(set(values_N.tolist()) - {"", *self.categories})
        as_what = "rare" if self.pooled else "none of them"
        what = f"not among the categories it learned, and read as {as_what}"
        said = [f"{what}: {few_quoted(strange)}"] if strange else []
        count = int((values_N == "").sum()) if self.missing is False else 0
        if count:
            as_what = "rare" if self.pooled else "none of its categories"
            lacking = f"which no training row had, read as {as_what}"
            said.append(f"{counted(count, 'missing cell')}, {lacking}")
        return "; ".join(said)

    def misfits(self) -> Iterator[str]:
        """Find a category that comes twice, and one that is pooled without being one."""
        yield from repeated("category", self.categories)
        yield from repeated("pooled category", self.pooled)
        for strange in sorted(set(self.pooled) - set(self.categories)):
            yield f"expected pooled categories among the others, got {strange[:60]!a}"

    def drawn(self, draw: np.random.Generator, count: int) -> NDArray[Any]:
        """Draw from the categories, and one that is none of them; some are missing, if they may."""
        missing = [""] if self.imputes else []
        return draw.choice(np.array([*self.categories, *missing, _STRANGE]), count)

    def to_json(self) -> dict[str, Any]:
        """Give name and categories; where cells may be missing, whether any were."""
        missing = {"missing": self.missing} if self.imputes else {}
        pooled = {"pooled": list(self.pooled)} if self.pooled else {}
        return {"name": self.name, "categories": list(self.categories), **missing, **pooled}

    @classmethod
    def from_json(cls, entry: object) -> Self | None:
        """Read what `to_json` gave; None for anything else."""
        match entry:
            case {"pooled": [_, *_] as pooled, **others} if all(isinstance(text, str) for text in pooled):
                encoder = cls.from_json(others)
                return encoder and replace(encoder, pooled=tuple(pooled))
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
            texts = list(encoder.shown) or [""]  # without any there is the column of rare ones alone
            encoding = {"domain": "ai.onnx.ml", "cats_strings": texts, "zeros": 1}
            flags = graph.node("OneHotEncoder", [cell], f"category_{number}_flags", encoding)
            flat = graph.node("Flatten", [flags], f"category_{number}_flat", {"axis": 1})
            if encoder.pooled:
                flat = _with_rare(graph, flat, f"category_{number}", alone=not encoder.shown)
            pieces.append((flat, [(number, slot) for slot in range(len(encoder.names))]))
        return pieces

    @property
    def torch_arguments(self) -> tuple[Any, ...]:
        """The texts with a column of their own, and whether others have one."""
        return (list(self.shown), *([True] if self.pooled else []))


def _with_rare(graph: Graph, flags: str, name: str, *, alone: bool) -> str:
    """Add the column that is 1 where no other is; `alone`: there is no other."""
    axes = graph.array(f"{name}_axes", np.array([1]))
    known = graph.node("ReduceSum", [flags, axes], f"{name}_known")
    factor = graph.array(f"{name}_factor", np.array([0.0 if alone else -1.0], np.float32))
    whole = graph.array(f"{name}_one", np.ones(1, np.float32))
    rare = graph.node("Add", [graph.node("Mul", [known, factor], f"{name}_less"), whole], f"{name}_rare")
    return rare if alone else graph.node("Concat", [flags, rare], f"{name}_with_rare", {"axis": 1})


ENCODER = CategoryEncoder
