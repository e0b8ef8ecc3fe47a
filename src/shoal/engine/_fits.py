"""From a study and its rows to the list of fits: the plan. Nothing is trained, nothing is written.

A fit is one network: candidate x split x repeat. Its id is the SHA-256 of all that its bytes depend on, so
what is trained once is known wherever it appears again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import (
    Coverage,
    Dataset,
    FoldOptions,
    Preprocessing,
    Split,
    coverage,
    findings_in_rows,
    fold_count,
    holdout_split,
    make_folds,
    make_folds_within,
    make_outer_folds,
    permuted_rows,
)
from shoal.engine._count import refuse_too_many
from shoal.engine._fit import FitRows, content_id, row_digest
from shoal.engine._layout import Layouts, naming_module
from shoal.engine._planned import OuterFold, PlannedFit, StudyFit, prepare, prepared_for
from shoal.engine._positive import naming_positive
from shoal.engine._row_weights import Weighing
from shoal.engine._trainer import Job, Trainer, steps_per_epoch
from shoal.errors import Problem, StudyError
from shoal.kinds import SEARCHES, row_of
from shoal.nets import Architecture, OwnModule
from shoal.results import CandidateRow, FitRecord, Place, PlanEntry, Stage, place_in
from shoal.search import History, Trial, next_round
from shoal.streams import COMPARE_STREAM, INNER_STREAMS, PERMUTED_STREAM, REFIT_STREAM, StreamKey
from shoal.study import Candidate, Folds, Study, Training, base_candidate, comparison_candidates
from shoal.wording import counted

WINNER: Final = "winner"


class Planner:
    """Lays out the fits of one study over one data set; `choose_trainer` says who trains a job.

    With `outer`, it lays out the same search on the training rows of that outer fold, as if there were no others.
    """

    def __init__(
        self,
        study: Study,
        dataset: Dataset,
        choose_trainer: Callable[[Job], Trainer],
        outer: OuterFold | None = None,
        own: OwnModule | None = None,
    ) -> None:
        """Take the question, the rows and the trainers at hand, perhaps a person's own module."""
        self.study, self.dataset, self._choose_trainer = study, dataset, choose_trainer
        self.outer, self.own = outer, own
        self._preprocessings: dict[str, Preprocessing] = {}
        self._layouts = Layouts(dataset, own)
        self._none = np.arange(0, dtype=np.int64)
        self._trainers: dict[tuple[int, int], tuple[Job, Trainer]] = {}
        self._held_out: dict[int, Split] = {}
        self._rows: dict[tuple[int, int, float], tuple[Split, FitRows]] = {}
        self._weighing = Weighing(dataset)
        self._digests: dict[int, tuple[NDArray[np.int64], str]] = {}
        if outer is not None:
            self._trials = outer.trials
        else:
            self._trials = next_round(History(study)) if study.search else (Trial(base_candidate(study)),)
        self._first_trials, self._round = self._trials, 1
        self._refuse_too_many()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The candidates that the search asked for so far; without a search the base study is the only one."""
        return tuple(trial.candidate for trial in self._trials)

    @property
    def more_rounds(self) -> bool:
        """Whether the search may ask for more than its first round."""
        search = self.study.search
        return search is not None and not row_of("search.method", SEARCHES, search.method).one_round

    @property
    def training_title(self) -> str:
        """What the training of the round laid out last is called; rounds are numbered where there may be more."""
        return f"training, round {self._round}" if self.more_rounds else "training"

    def _refuse_too_many(self) -> None:
        if self.outer is not None:  # counted by the whole study
            return
        nested = self.study.nested
        asked = replace(self._options_of(nested.splitter), section="nested") if nested else None
        outer = fold_count(self.dataset, asked) if asked else 0
        folds = fold_count(self.dataset, self._fold_options)
        refuse_too_many(self.study, len(self.candidates), folds, outer)

    @cached_property
    def comparisons(self) -> tuple[tuple[str, Candidate], ...]:
        """The comparisons, each with its name."""
        names = (entry.name for entry in self.study.compare)
        return tuple(zip(names, comparison_candidates(self.study), strict=True))

    @cached_property
    def folds(self) -> tuple[Split, ...]:
        """The splits of the search; empty without one."""
        if self.outer is not None:
            return make_folds_within(self.dataset, self.outer.split, self._fold_options)
        return make_folds(self.dataset, self._fold_options) if self.study.search else ()

    @cached_property
    def findings_in_rows(self) -> dict[str, str]:
        """What the checks of the rows measured."""
        return findings_in_rows(self.dataset, shuffled=self.study.shuffles)

    @cached_property
    def coverage(self) -> Coverage:
        """How far the training rows cover the test rows."""
        return coverage(self.dataset)

    @property
    def preparation(self) -> str:
        """What names a fit beside its candidate, rows and trainer, in words: how rows are made ready, and the seed."""
        data = self.study.data
        transform = "" if data.target_transform == "none" else f" target_transform={data.target_transform}"
        return f"standardize={data.standardize}{transform} seed={self.study.study.seed}"

    @property
    def _fold_options(self) -> FoldOptions:
        return self._options_of(self.study.search.splitter if self.study.search else Folds())

    def _options_of(self, splitter: Folds) -> FoldOptions:
        return FoldOptions(**splitter.model_dump(exclude={"column"}), seed=self.study.study.seed)

    @cached_property
    def outer_searches(self) -> tuple[Planner, ...]:
        """The search once more on the training rows of each outer fold; empty where the study asks for none."""
        if self.study.nested is None or self.outer is not None:
            return ()
        searches: list[Planner] = []
        number = 0
        for split in make_outer_folds(self.dataset, self._options_of(self.study.nested.splitter)):
            outer = OuterFold(split, number, self._first_trials)
            searches.append(Planner(self.study, self.dataset, self._choose_trainer, outer, self.own))
            number += 1 + len(searches[-1].folds)
        return tuple(searches)

    @property
    def nested_splits(self) -> tuple[Split, ...]:
        """All splits of the outer folds' searches, by number: each outer fold, and the folds of its training rows."""
        return tuple(split for outer in self.outer_searches for split in (outer.refit_split, *outer.folds))

    def nested_fits(self) -> tuple[PlannedFit, ...]:
        """What the searches of all outer folds asked for so far."""
        return tuple(item for outer in self.outer_searches for item in outer.search_fits())

    @cached_property
    def likely_nested(self) -> tuple[PlannedFit, ...]:
        """What the outer folds' searches deliver, as if the costliest candidate won everywhere.

        Raises StudyError where one of the candidates could not be trained on an outer fold's rows.
        """
        for outer in self.outer_searches:
            for candidate in self.candidates:
                _refuse_lone_row(candidate, len(outer.refit_split.train), outer.refit_split.label)
        return tuple(
            outer.refit(winner, winner.training.epochs, 0)
            for winner in ([self.costliest()] if self.outer_searches else [])
            for outer in self.outer_searches
        )

    def architecture(self, candidate: Candidate, split: Split) -> Architecture:
        """Lay out the network for one split: categories that its training rows lack have no input there."""
        prepared = partial(self.preprocessing, split)
        try:
            return self._layouts.architecture(candidate, self._digest(split.train), prepared)
        except StudyError as error:
            if candidate.network != self.study.network:  # its lines are not those of the study's network
                raise
            raise StudyError(map(self.study.placed, error.problems)) from error

    def input_shape(self, split: Split) -> tuple[int, ...]:
        """Give the shape of a row of one split, every category a column of its own."""
        return self._layouts.inputs(self._digest(split.train), None, partial(self.preprocessing, split)).shape

    def preprocessing(self, split: Split) -> Preprocessing:
        """Give the preprocessing of one split, fitted once."""
        rows = self._digest(split.train)
        if rows not in self._preprocessings:
            self._preprocessings[rows] = prepare(self.dataset, split, self.study.data.standardize)
        return self._preprocessings[rows]

    def preprocessing_of(self, fit: StudyFit) -> Preprocessing:
        """Give the preprocessing of one fit: that of its split, the codes of its network, the answers of its loss."""
        return prepared_for(fit, self.preprocessing(fit.split))

    def search_fits(self) -> tuple[PlannedFit, ...]:
        """Every candidate on every fold, `search.repeats` times, round by round."""
        return self._search_fits

    @cached_property
    def _search_fits(self) -> tuple[PlannedFit, ...]:
        return self._round_fits(self._trials)

    def next_search_fits(self, records: Mapping[str, FitRecord]) -> tuple[PlannedFit, ...]:
        """Ask for another round, which may depend on the records of the rounds before; none where the search is over.

        Its fits are then part of `search_fits`.
        """
        from shoal.results import as_search, search_scores  # of no use before there are records

        before, rows = self.search_fits(), self.candidate_rows()
        scores = search_scores(as_search(item.entry for item in before), rows, records, self.study)
        trials = next_round(History(self.study, self._trials, scores))
        self._trials += trials
        self._round += 1
        self._refuse_too_many()
        fits = self._round_fits(trials)
        self._search_fits = before + fits
        return fits

    def _round_fits(self, trials: Sequence[Trial]) -> tuple[PlannedFit, ...]:
        repeats = self.study.search.repeats if self.study.search else 0
        outer = self.outer
        first = outer.number + 1 if outer else 0
        label = outer.split.label if outer else ""
        return tuple(
            self._planned("nested" if outer else "search", label, trial.candidate, split, (fold, repeat))
            for repeat in range(repeats)
            for fold, split in enumerate(self.folds, start=first)
            for trial in trials
        )

    def comparison_fits(self, named: Iterable[tuple[str, Candidate]] | None = None) -> tuple[PlannedFit, ...]:
        """Every comparison (or those named) under one protocol: the same rows held out in each repeat."""
        entries = tuple(self.comparisons if named is None else named)
        return tuple(
            self._planned("compare", label, candidate, self.comparison_split(repeat), (0, repeat))
            for repeat in range(self.study.study.repeats)
            for label, candidate in entries
        )

    def winner_fits(self, winner: Candidate, epochs: int) -> tuple[PlannedFit, ...]:
        """The winner among the comparisons, and refitted on all training rows for `epochs`, which were decided
        without them.
        """
        refits = tuple(self.refit(winner, epochs, repeat) for repeat in range(self.study.study.repeats))
        return self.comparison_fits([(WINNER, winner)]) + refits

    def refit(self, winner: Candidate, epochs: int, repeat: int) -> PlannedFit:
        """The winner on all training rows, of the outer fold where there is one."""
        refitted = winner.with_training(epochs=epochs, keep="last", early_stopping="none")
        if self.outer is None:
            planned = self._planned("refit", WINNER, refitted, self.refit_split, (0, repeat))
        else:
            place = self.outer.number, repeat
            planned = self._planned("nested", self.outer.split.label, refitted, self.refit_split, place)
        return PlannedFit(planned.fit, replace(planned.entry, candidate_id=winner.id))

    def permuted_fits(self, winner: Candidate, epochs: int) -> tuple[PlannedFit, ...]:
        """The winner's refit on permuted targets, `checks.permutations` times; see `permuted_rows`."""
        refitted = winner.with_training(epochs=epochs, keep="last", early_stopping="none")
        planned = tuple(
            self._planned("permuted", WINNER, refitted, self._permuted_split, (0, number))
            for number in range(self.study.checks.permutations)
        )
        return tuple(PlannedFit(item.fit, replace(item.entry, candidate_id=winner.id)) for item in planned)

    @cached_property
    def _permuted_split(self) -> Split:
        return replace(self.refit_split, stream=PERMUTED_STREAM)

    def comparison_split(self, repeat: int) -> Split:
        """Hold `training.validation` of the training rows out, drawn once for each repeat."""
        if repeat not in self._held_out:
            self._held_out[repeat] = self._comparison_split(repeat)
        return self._held_out[repeat]

    def _comparison_split(self, repeat: int) -> Split:
        rows = np.arange(self.dataset.train_rows, dtype=np.int64)
        key = StreamKey(self.study.study.seed, COMPARE_STREAM, repeat)
        share = self.study.training.validation
        return holdout_split(
            self.dataset, rows, share, key=key, label=f"repeat {repeat + 1}", stream=COMPARE_STREAM
        )

    @cached_property
    def likely_winner(self) -> tuple[PlannedFit, ...]:
        """The winner's own fits as if the costliest candidate won; the refits come last."""
        costliest = self.costliest()
        epochs = costliest.training.epochs
        return self.permuted_fits(costliest, epochs) + self.winner_fits(costliest, epochs)

    def known_by_place(self, places: Collection[Place], known: Collection[str]) -> frozenset[str]:
        """Give the ids of fits that stand for those of the actual winner, here and within outer folds, and are trained.

        `places` are those of the trained fits of a study that chooses as this one does: what stands in one place of a
        plan needs no training there, whoever won. It is none before all of the search is `known`: by another trainer,
        or on other rows, another may win.
        """
        if any(item.fit.id not in known for item in (*self.search_fits(), *self.nested_fits())):
            return frozenset()
        likely = (*self.likely_winner, *self.likely_nested)
        return frozenset(item.fit.id for item in likely if place_in(item.entry) in places)

    def costliest(self) -> Candidate:
        """Give the candidate of the most work as a comparison, laying out no fit; of several the first that is none.

        Raises StudyError where one could not be trained as a comparison.
        """
        compared = {candidate.id for _, candidate in self.comparisons}
        return max(self.candidates, key=lambda costly: (self._work(costly), costly.id not in compared))

    def _work(self, candidate: Candidate) -> int:
        repeats = range(self.study.study.repeats if candidate.network.normed == "batch" else 1)
        rows = {self._learning_count(candidate, repeat): repeat for repeat in reversed(repeats)}
        for count, repeat in rows.items():
            _refuse_lone_row(candidate, count, self.comparison_split(repeat).label)
        network = self.architecture(candidate, self.comparison_split(0))
        return _steps(candidate.training, self._learning_count(candidate, 0)) * network.flops_per_row

    def _learning_count(self, candidate: Candidate, repeat: int) -> int:
        return self._fit_rows(candidate, self.comparison_split(repeat), repeat).learning_count

    @cached_property
    def refit_split(self) -> Split:
        """All training rows; of an outer fold with its own rows to be scored on."""
        if self.outer is not None:
            return replace(self.outer.split, stream=REFIT_STREAM)
        rows = np.arange(self.dataset.train_rows, dtype=np.int64)
        return Split("all training rows", REFIT_STREAM, rows, rows[:0])

    def candidate_rows(self, extra: Iterable[Candidate] = ()) -> tuple[CandidateRow, ...]:
        """Describe the candidates as the results know them; sizes are those of the refit."""
        rows: dict[str, CandidateRow] = {}
        nested = (candidate for outer in self.outer_searches for candidate in outer.candidates)
        for candidate in (*self.candidates, *(c for _, c in self.comparisons), *nested, *extra):
            size = self.architecture(candidate, self.refit_split).parameter_count
            rows.setdefault(candidate.id, CandidateRow(candidate.id, dict(candidate.values), size))
        return tuple(rows.values())

    def _planned(
        self, stage: Stage, label: str, candidate: Candidate, split: Split, place: tuple[int, int]
    ) -> PlannedFit:
        fold, repeat = place
        fit = self._fit(candidate, split, repeat, tested=stage not in ("search", "nested"))
        entry = PlanEntry(
            fit.id, stage, candidate.id, label, fold, repeat, len(split.train), len(split.validation)
        )  # fmt: skip
        return PlannedFit(fit, entry)

    def _fit(self, candidate: Candidate, split: Split, repeat: int, *, tested: bool) -> StudyFit:
        seed = self.study.study.seed
        key = StreamKey(seed, split.stream, repeat)
        job = Job(
            self.architecture(candidate, split),
            candidate.training,
            candidate.training.loss or self.study.loss,
            key,
        )
        rows = self._fit_rows(candidate, split, repeat)
        _refuse_lone_row(candidate, rows.learning_count, split.label)
        self._weighing.refuse_weightless(candidate.training, rows, split.label)
        trainer = self._trainer(job)
        content = {
            "task": self.study.study.task,
            "standardize": self.study.data.standardize,
            **({} if self.dataset.target_transform == "none" else {"target": self.dataset.target_transform}),
            **naming_positive(self.dataset, job),
            **naming_module(job.architecture),
            "data": [self.dataset.train_fingerprint, self.dataset.test_fingerprint if tested else None],
            "rows": [self._digest(part) for part in (rows.train, rows.validation, rows.inner)],
            "streams": [seed, split.stream, repeat],
            "trainer": trainer.versions[job.architecture.takes],
        }
        permuted = split.stream == PERMUTED_STREAM
        if permuted:
            content["permuted"] = row_digest(permuted_rows(self.dataset, key))
        # The candidate's text is made once for all its fits.
        name = content_id(content, first=f'"candidate":{candidate.canonical}')
        return StudyFit(
            name, job, rows, trainer.name, candidate=candidate, split=split, repeat=repeat, tested=tested,
            permuted=permuted, nested=self.outer is not None,
        )  # fmt: skip

    def _fit_rows(self, candidate: Candidate, split: Split, repeat: int) -> FitRows:
        """Give the rows of a fit, the same ones for all candidates of one share of inner rows, which decide early
        stopping; what is kept here keeps its id.
        """
        training = candidate.training
        share = training.inner_share if training.early_stopping == "inner" else 0.0
        key = id(split), repeat if share else 0, share
        if key not in self._rows:
            self._rows[key] = split, self._divided(split, repeat, share)
        return self._rows[key][1]

    def _divided(self, split: Split, repeat: int, share: float) -> FitRows:
        """Set inner rows apart; where rows have an order, some before them may be neither."""
        if not share:
            return FitRows(split.train, split.validation, self._none, within=True)
        key = StreamKey(self.study.study.seed, INNER_STREAMS + split.stream, repeat)
        inner = holdout_split(self.dataset, split.train, share, key=key, label="inner", stream=split.stream)
        used = np.union1d(inner.train, inner.validation)
        train = split.train if len(used) == len(split.train) else used
        return FitRows(train, split.validation, inner.validation, within=True)

    @property
    def trainers(self) -> dict[str, Trainer]:
        """Who trains the fits laid out so far, by name."""
        chosen = [trainer for _, trainer in self._trainers.values()]
        for outer in self.outer_searches:
            chosen += outer.trainers.values()
        return {trainer.name: trainer for trainer in chosen}

    def _trainer(self, job: Job) -> Trainer:
        """Choose once for each network and its training."""
        key = id(job.architecture), id(job.training)
        if key not in self._trainers:
            self._trainers[key] = job, self._choose_trainer(job)
        return self._trainers[key][1]

    def _digest(self, rows: NDArray[np.int64]) -> str:
        """Give the SHA-256 of row numbers, made once for each array; an array kept here keeps its id."""
        if id(rows) not in self._digests:
            self._digests[id(rows)] = rows, row_digest(rows)
        return self._digests[id(rows)][1]


def _refuse_lone_row(candidate: Candidate, rows: int, where: str) -> None:
    """Refuse batch norm where the last batch of an epoch is one row, which has no spread to normalise by."""
    if candidate.network.normed == "batch" and candidate.training.has_lone_row(rows):
        batches = f"batches of {candidate.training.batch_size} from {counted(rows, 'training row')} ({where})"
        what = f"expected no batch of one row with batch norm, got {batches}"
        raise StudyError(Problem("training.batch_size", what))


def _steps(training: Training, rows: int) -> int:
    return training.epochs * steps_per_epoch(rows, training.batch_size)
