"""A fit of a study, how its rows are prepared, its place in the plan, and the outer fold a search is made without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

from shoal.data import Dataset, Preprocessing, Split, Standardize, fit_preprocessing
from shoal.engine._fit import Fit
from shoal.nets import loss_of
from shoal.results import PlanEntry
from shoal.search import Trial
from shoal.streams import REFIT_STREAM
from shoal.study import Candidate


@dataclass(frozen=True, eq=False)
class StudyFit(Fit):
    """A fit of a study: of which candidate, on which split, in which repeat, and whether it is tested.

    One that is `permuted` learns the targets of other training rows; its key says which.
    `nested`: it is part of the search on an outer fold's training rows.
    """

    _: KW_ONLY
    candidate: Candidate
    split: Split
    repeat: int
    tested: bool
    permuted: bool = False
    nested: bool = False

    @property
    def delivers(self) -> bool:
        """Whether its network may be the one that is delivered."""
        return self.tested and self.split.stream == REFIT_STREAM

    @property
    def cost_key(self) -> tuple[int, ...]:
        """What its cost depends on: such fits as a candidate's on folds of one size cost the same."""
        rows = self.rows
        counts = rows.learning_count, len(rows.validation), len(rows.inner)
        return (id(self.job.architecture), id(self.job.training), *counts, self.tested)


@dataclass(frozen=True, eq=False)
class PlannedFit:
    """A fit and its place in the study."""

    fit: StudyFit
    entry: PlanEntry


@dataclass(frozen=True, eq=False)
class OuterFold:
    """Rows that the whole search is made without, to be scored on them.

    `number` is that of its split among those of all outer folds' searches, whose own folds have the next numbers;
    `trials` are what the search asks for first, which no row has a say in.
    """

    split: Split
    number: int
    trials: tuple[Trial, ...]


def prepare(dataset: Dataset, split: Split, standardize: Standardize) -> Preprocessing:
    """Fit the preprocessing of one split: from its training rows alone."""
    return fit_preprocessing(dataset, split.train, standardize)


def prepared_for(fit: StudyFit, preprocessing: Preprocessing) -> Preprocessing:
    """Give the preprocessing of a split for a network: which categories become codes is its own, and what makes answers
    of outputs is its loss's.
    """
    codes_from = fit.candidate.network.codes_from
    return preprocessing.coded(codes_from).linked(loss_of(fit.job.loss).link, fit.job.distribution)


def unique(planned: Sequence[PlannedFit], known: frozenset[str] = frozenset()) -> tuple[StudyFit, ...]:
    """Fits still to be trained, each once, in the order of the plan."""
    fits = {item.fit.id: item.fit for item in planned if item.fit.id not in known}
    return tuple(fits.values())
