"""The arrays of a run's fits, each looked at as it is read: curves, parameters, and what networks answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.results._coherence import check_part
from shoal.results._differences import Said
from shoal.results._reading import opened
from shoal.results._record import FitRecord, PlanEntry, Stage, Truth, place_of
from shoal.results._schema import expect
from shoal.results._store import Store
from shoal.results._stored_facts import coherent


@dataclass(frozen=True, eq=False)
class KeptArrays:
    """Where the arrays of the fits of a plan lie, and what they have to fit to."""

    folder: Path
    plan: Sequence[PlanEntry]
    summaries: Mapping[str, FitRecord]
    truth: Truth
    said: Said

    def of_fit(self, fit_id: str, part: str) -> dict[str, NDArray[Any]]:
        """Give one part of one fit; KeyError for a fit that is not there."""
        if fit_id not in self.summaries:
            raise KeyError(fit_id)
        with opened(self.folder) as store:
            return self.part(store, fit_id, part)

    def part(self, store: Store, fit_id: str, part: str) -> dict[str, NDArray[Any]]:
        """Give one part of one fit out of an open store."""
        arrays = store.arrays(fit_id, part)
        with coherent(self.folder, f"the {part} of fit {fit_id}"):
            check_part(part, arrays, self.summaries[fit_id], self.truth, self.said(fit_id))
        return arrays

    def of_places(
        self, part: str, stage: Stage | None = None, label: str | None = None
    ) -> Iterator[tuple[PlanEntry, dict[str, NDArray[Any]]]]:
        """Read one part of every finished fit, in the order of the plan."""
        with opened(self.folder) as store:
            for entry in self.plan:
                matches = stage in (None, entry.stage) and label in (None, entry.label)
                if matches and entry.fit_id in self.summaries:
                    arrays = self.part(store, entry.fit_id, part)
                    if part == "predictions" and "validation" in arrays:
                        self._check_held_out(entry, arrays)
                    yield entry, arrays

    def held_out(self, store: Store, entry: PlanEntry) -> NDArray[np.float64]:
        """Give what the fit of a place answers to the rows that it holds out."""
        arrays = self.part(store, entry.fit_id, "predictions")
        self._check_held_out(entry, arrays)
        return arrays["validation"]

    def tested(self, store: Store) -> Callable[[str], NDArray[np.float64]]:
        """Give what reads the answers of a fit to the test rows."""
        return lambda fit_id: self.part(store, fit_id, "predictions")["test"]

    def _check_held_out(self, entry: PlanEntry, arrays: Mapping[str, NDArray[Any]]) -> None:
        with coherent(self.folder, f"the predictions of fit {entry.fit_id}"):
            rows_V = self.truth.validation_rows[place_of(entry)]
            expect(len(rows_V) == len(arrays["validation"]))
