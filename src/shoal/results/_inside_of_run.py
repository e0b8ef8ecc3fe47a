"""What a run keeps beyond answers: the inside of its delivered network, what inputs do, cells of the test rows."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.results._dependence import Dependence, read_dependence
from shoal.results._importance import Importance, importance_frame, read_importance
from shoal.results._inside import Inside, read_inside
from shoal.results._reading import opened
from shoal.results._record import Truth
from shoal.results._stored_facts import coherent
from shoal.results._test_cells import CellsTested, read_test_cells

if TYPE_CHECKING:
    from pandas import DataFrame


class InsideOfRun:
    """Reads it from the store of a run folder when it is asked for; `Results` is one."""

    folder: Path
    truth: Truth

    @cached_property
    def importances(self) -> Importance | None:
        """How much worse the score that heads the run gets where an input is permuted; None where that is not kept."""
        with opened(self.folder) as store, coherent(self.folder, "the importance of the inputs"):
            return read_importance(store, self.truth)

    @property
    def importance(self) -> DataFrame:
        """One row an input, then one a group of inputs that go along with each other, the most important first: input,
        columns (how many), importance, std, ci_low, ci_high, score, networks, permutations, rows.
        """
        return importance_frame(self.importances)

    @cached_property
    def dependence(self) -> Dependence | None:
        """How answers hang on the most important inputs, and which of them interact; None where that is not kept."""
        with opened(self.folder) as store, coherent(self.folder, "partial dependence"):
            return read_dependence(store)

    @cached_property
    def test_cells(self) -> CellsTested | None:
        """Categories, dates and, if asked for, names of the groups of the test rows; None where none are kept."""
        with opened(self.folder) as store, coherent(self.folder, "the cells of the test rows"):
            return read_test_cells(store, self.truth)

    @cached_property
    def inside(self) -> Inside | None:
        """What was kept of the inside of the delivered network; None in results of old."""
        with opened(self.folder) as store, coherent(self.folder, "the inside of the network"):
            return read_inside(store, self.truth)
