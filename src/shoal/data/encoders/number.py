"""Numbers: as they are, or centred and scaled; the median in the place of missing ones, which an input may say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from shoal.activations import Graph
from shoal.data._dataset import Column
from shoal.data._encoder import FLOAT, Piece, missing_name
from shoal.data._missing import median_of
from shoal.data._scale import Scale, fit_scale
from shoal.wording import counted


@dataclass(frozen=True)
class NumberEncoder:
    """Values become (value - mean) / scale, in one column; statistics are those of the values that are there.

    `missing`: whether the rows of the fit lacked any, so that a second column is 1 where one is missing; None where
    missing values are refused. In their place is `median`, None where the rows of the fit have no value at all: then
    the column becomes no input.
    """

    kind: ClassVar[str] = "number"
    torch_source: ClassVar[str] = '''def number(cells, mean, scale, median=None, missing=None):
    """Centre and scale a column of numbers; where cells may be missing, the median stands for those that are."""
    if missing is None:
        return [(torch.tensor(list(cells), dtype=torch.float64) - mean) / scale]
    if median is None:
        return []
    values = torch.tensor([float("nan") if cell is None else cell for cell in cells], dtype=torch.float64)
    flags = torch.isnan(values)
    values = (torch.where(flags, torch.tensor(median, dtype=torch.float64), values) - mean) / scale
    return [values, flags.double()] if missing else [values]'''

    scale: Scale
    median: float | None = None
    missing: bool | None = None

    @property
    def name(self) -> str:
        """Name of the column as read."""
        return self.scale.name

    @property
    def names(self) -> tuple[str, ...]:
        """Its own name, and that of the column that says what is missing."""
        if self.missing is not None and self.median is None:
            return ()
        return (self.name, missing_name(self.name)) if self.missing else (self.name,)

    @property
    def categories(self) -> None:
        """None: it holds numbers."""
        return None

    @property
    def imputes(self) -> bool:
        """Whether missing values are answered."""
        return self.missing is not None

    @classmethod
    def fit(cls, column: Column, rows: NDArray[np.int64] | slice, *, standardize: bool) -> Self:
        """Learn mean, standard deviation and median of the rows. Raises DataError where one overflows."""
        values = column.values[rows]
        if not column.impute:
            return cls(fit_scale(column.name, values) if standardize else Scale(column.name))
        missing_N = np.isnan(values)
        known = values[~missing_N] if missing_N.any() else values
        if not len(known):
            return cls(Scale(column.name), None, missing=True)
        scale = fit_scale(column.name, known) if standardize else Scale(column.name)
        return cls(scale, median_of(known), len(known) < len(values))

    def encode(self, values_N: NDArray[Any], x_ND: NDArray[Any]) -> None:
        """Write the columns, rounded once. Raises DataError for what they do not hold."""
        if self.median is not None:
            missing_N = np.isnan(values_N)
            values_N = np.where(missing_N, self.median, values_N)
            if self.missing:
                x_ND[:, 1] = missing_N
        if self.names:
            x_ND[:, 0] = self.scale.applied(values_N, "input", x_ND.dtype)

    @property
    def baseline(self) -> tuple[float, ...]:
        """The mean where it was learned, else the median, if that was; nothing is missing."""
        unknown = math.nan if self.median is None else self.median
        value = unknown if self.scale == Scale(self.name) else 0.0
        return (value, 0.0)[: len(self.names)]

    def unknown(self, values_N: NDArray[Any]) -> str:
        """Say how missing cells are read, where the training rows had none."""
        count = int(np.isnan(values_N).sum()) if self.missing is False else 0
        what = "which no training row had, read as their median"
        return f"{counted(count, 'missing cell')}, {what}, {self.median:z.6g}" if count else ""

    def misfits(self) -> Iterator[str]:
        """Find nothing: a mean goes with every scale."""
        return iter(())

    def drawn(self, draw: np.random.Generator, count: int) -> NDArray[Any]:
        """Draw numbers about the mean, as far apart as those of the training rows; some are missing, if they may."""
        values = draw.normal(self.scale.mean, self.scale.scale, count)
        return np.where(draw.random(count) < 0.25, np.nan, values) if self.imputes else values

    def to_json(self) -> dict[str, Any]:
        """Give name, mean and scale; where cells may be missing, the median, and whether any were."""
        missing = {"median": self.median, "missing": self.missing} if self.imputes else {}
        return {**self.scale.to_json(), **missing}

    @classmethod
    def from_json(cls, entry: object) -> Self | None:
        """Read what `to_json` gave; None for anything else."""
        match entry:
            case {"median": float(median), "missing": bool(missing), **others} if math.isfinite(median):
                scale = Scale.from_json(others)
                return None if scale is None else cls(scale, median, missing)
            case {"median": None, "missing": True, **others}:
                scale = Scale.from_json(others)
                return None if scale is None else cls(scale, None, missing=True)
        scale = Scale.from_json(entry)
        return None if scale is None else cls(scale)

    @classmethod
    def nodes(cls, graph: Graph, encoders: Sequence[Self], cells: str) -> list[Piece]:
        """Fill, centre and scale in float64, then round once; say what is missing."""
        used = [place for place, encoder in enumerate(encoders) if encoder.names]
        if not used:
            return []
        if len(used) < len(encoders):
            own = graph.array("input_known", np.array(used))
            cells = graph.node("Gather", [cells, own], "known", {"axis": 1})
        shown = [encoders[place] for place in used]
        flags = ""
        if any(encoder.imputes for encoder in shown):
            medians = [np.nan if encoder.median is None else encoder.median for encoder in shown]
            flags = graph.node("IsNaN", [cells], "missing")
            cells = graph.node(
                "Where", [flags, graph.array("input_median", np.array(medians)), cells], "filled"
            )
        mean = graph.array("input_mean", np.array([encoder.scale.mean for encoder in shown]))
        scale = graph.array("input_scale", np.array([encoder.scale.scale for encoder in shown]))
        centred = graph.node("Sub", [cells, mean], "centred")
        scaled = graph.node("Div", [centred, scale], "scaled")
        prepared = graph.node("Cast", [scaled], "scaled_float", {"to": FLOAT})
        pieces = [(prepared, [(place, 0) for place in used])]
        if flagged := [number for number, encoder in enumerate(shown) if encoder.missing]:
            said = graph.node("Cast", [flags], "missing_float", {"to": FLOAT})
            places = graph.array("input_missing", np.array(flagged))
            said = graph.node("Gather", [said, places], "missing_flags", {"axis": 1})
            pieces.append((said, [(used[number], 1) for number in flagged]))
        return pieces

    @property
    def torch_arguments(self) -> tuple[Any, ...]:
        """Mean and scale; the median, and whether any were missing."""
        scale = self.scale.mean, self.scale.scale
        return (*scale, self.median, self.missing) if self.imputes else scale


ENCODER = NumberEncoder
