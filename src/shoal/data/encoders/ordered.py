"""Ordered categories: the place of each in its order, from 0, as a number; the median for what is missing or unseen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from shoal.activations import Graph
from shoal.data._classes import numbered, sorted_texts
from shoal.data._dataset import Column
from shoal.data._encoder import DOUBLE, FLOAT, Piece, missing_name
from shoal.data._missing import median_of
from shoal.data._scale import Scale, fit_scale
from shoal.wording import counted, few_quoted, repeated


@dataclass(frozen=True)
class OrderedEncoder:
    """Values become (place - mean) / scale in one column, places counted from 0; statistics are of the rows of the fit.

    `missing`: whether the rows of the fit lacked any, so that a second column is 1 where one is missing; None where
    missing cells are refused. A value that is not in the `order`, as new rows may have, is read as a missing one is: in
    its place is `median`, None where the rows of the fit have no value at all: then the column becomes no input.
    """

    kind: ClassVar[str] = "ordered"
    torch_source: ClassVar[str] = '''def ordered(cells, order, mean, scale, median, missing):
    """Give the place of each text, centred and scaled; the median stands for what is missing or not in the order."""
    if median is None:
        return []
    places = {text: float(place) for place, text in enumerate(order)}
    places = [places.get(cell if isinstance(cell, str) else "") for cell in cells]
    values = [median if place is None else place for place in places]
    values = (torch.tensor(values, dtype=torch.float64) - mean) / scale
    flags = torch.tensor([float(place is None) for place in places], dtype=torch.float64)
    return [values, flags] if missing else [values]'''

    scale: Scale
    order: tuple[str, ...]
    median: float | None
    missing: bool | None = None

    @property
    def name(self) -> str:
        """Name of the column as read."""
        return self.scale.name

    @property
    def names(self) -> tuple[str, ...]:
        """Its own name, and that of the column that says what is missing."""
        if self.median is None:
            return ()
        return (self.name, missing_name(self.name)) if self.missing else (self.name,)

    @property
    def categories(self) -> tuple[str, ...]:
        """All categories, in their order."""
        return self.order

    @property
    def imputes(self) -> bool:
        """Whether missing cells are answered."""
        return self.missing is not None

    @classmethod
    def fit(cls, column: Column, rows: NDArray[np.int64] | slice, *, standardize: bool) -> Self:
        """Learn mean, standard deviation and median of the places."""
        place_N = numbered(column.values[rows], column.order, other=-1).astype(np.float64)
        known = place_N[place_N >= 0]
        missing = len(known) < len(place_N) if column.impute else None
        if not len(known):
            return cls(Scale(column.name), column.order, None, missing)
        scale = fit_scale(column.name, known) if standardize else Scale(column.name)
        return cls(scale, column.order, median_of(known), missing)

    def encode(self, values_N: NDArray[Any], x_ND: NDArray[Any]) -> None:
        """Write the columns, rounded once to 32 bits."""
        if self.median is None:
            return
        place_N = numbered(values_N, self.order, other=-1)
        x_ND[:, 0] = self.scale.applied(np.where(place_N < 0, self.median, place_N), "input", x_ND.dtype)
        if self.missing:
            x_ND[:, 1] = place_N < 0

    @property
    def baseline(self) -> tuple[float, ...]:
        """The mean of the places where it was learned, else their median; nothing is missing."""
        if self.median is None:
            return ()
        value = self.median if self.scale == Scale(self.name) else 0.0
        return (value, 0.0)[: len(self.names)]

    def unknown(self, values_N: NDArray[Any]) -> str:
        """Say which values are not in the order, and how missing cells are read, where the training rows had none."""
        strange = sorted_texts(set(values_N.tolist()) - {"", *self.order})
        median = f"the median of its places, {self.median:.6g}" if self.median is not None else "nothing"
        as_what = "a missing one is" if self.missing else median
        said = [f"not in its order, and read as {as_what}: {few_quoted(strange)}"] if strange else []
        count = int((values_N == "").sum()) if self.missing is False else 0
        if count:
            said.append(f"{counted(count, 'missing cell')}, which no training row had, read as {median}")
        return "; ".join(said)

    def misfits(self) -> Iterator[str]:
        """Find a category that comes twice, and a median beyond the order."""
        yield from repeated("category", self.order)
        if self.median is not None and not 0 <= self.median <= len(self.order) - 1:
            yield f"expected a median within an order of {len(self.order)}, got {self.median}"

    def drawn(self, draw: np.random.Generator, count: int) -> NDArray[Any]:
        """Draw from the categories, and one that is none of them; some are missing, if they may."""
        missing = [""] if self.imputes else []
        return draw.choice(np.array([*self.order, *missing, "none of them"]), count)

    def to_json(self) -> dict[str, Any]:
        """Give name, order, mean, scale and median, and whether cells were missing."""
        learned = {"median": self.median, "missing": self.missing}
        return {**self.scale.to_json(), "order": list(self.order), **learned}

    @classmethod
    def from_json(cls, entry: object) -> Self | None:
        """Read what `to_json` gave; None for anything else."""
        match entry:
            case {"order": [_, *_] as order, "median": median, "missing": missing, **others}:
                scale = Scale.from_json(others)
                number = median is None or (isinstance(median, float) and math.isfinite(median))
                texts = all(isinstance(text, str) and text for text in order)
                if scale and number and texts and (missing is None or isinstance(missing, bool)):
                    return cls(scale, tuple(order), median, missing)
        return None

    @classmethod
    def nodes(cls, graph: Graph, encoders: Sequence[Self], cells: str) -> list[Piece]:
        """Give each column its places, fill, centre and scale in float64, then round once."""
        pieces: list[Piece] = []
        for number, encoder in enumerate(encoders):
            if encoder.median is None:
                continue
            own = f"ordered_{number}"
            cell = graph.node(
                "Gather", [cells, graph.array(f"{own}_at", np.array([number]))], f"{own}_cell", {"axis": 1}
            )
            places = {
                "domain": "ai.onnx.ml",
                "keys_strings": list(encoder.order),
                "values_floats": [float(place) for place in range(len(encoder.order))],
                "default_float": -1.0,
            }
            place = graph.node("LabelEncoder", [cell], f"{own}_place", places)
            strange = graph.node(
                "Less", [place, graph.array(f"{own}_zero", np.zeros(1, np.float32))], f"{own}_strange"
            )
            double = graph.node("Cast", [place], f"{own}_double", {"to": DOUBLE})
            median = graph.array(f"{own}_median", np.array([encoder.median]))
            filled = graph.node("Where", [strange, median, double], f"{own}_filled")
            mean = graph.array(f"{own}_mean", np.array([encoder.scale.mean]))
            scale = graph.array(f"{own}_scale", np.array([encoder.scale.scale]))
            centred = graph.node("Sub", [filled, mean], f"{own}_centred")
            scaled = graph.node("Div", [centred, scale], f"{own}_scaled")
            pieces.append((graph.node("Cast", [scaled], f"{own}_float", {"to": FLOAT}), [(number, 0)]))
            if encoder.missing:
                flags = graph.node("Cast", [strange], f"{own}_missing", {"to": FLOAT})
                pieces.append((flags, [(number, 1)]))
        return pieces

    @property
    def torch_arguments(self) -> tuple[Any, ...]:
        """The order, mean and scale, the median, and whether any were missing."""
        return list(self.order), self.scale.mean, self.scale.scale, self.median, bool(self.missing)


ENCODER = OrderedEncoder
