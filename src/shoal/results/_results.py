"""What a Python user or a report reads of a run, from its folder alone. No torch; pandas when a frame is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from shoal.decisions import Decision
from shoal.distributions import Distribution
from shoal.errors import StudyError, as_path
from shoal.parts import Missing
from shoal.results import _frames
from shoal.results._asked import reported_scores, suiting_scores
from shoal.results._certainty import NOT_IN_FILE, Certainty, certainty_of
from shoal.results._coherence import outputs_of
from shoal.results._conclusion import UNTESTED, OnTestRows, conclusion
from shoal.results._confidence_set import SearchErrors, search_errors
from shoal.results._decided import DecidedScore, Naming
from shoal.results._differences import comparison_differences, groups_trained_on, mean_interval, test_units
from shoal.results._digest import digest_of_results
from shoal.results._ensemble import Ensemble, ensemble_frame, read_ensemble
from shoal.results._fold_networks import chosen_networks
from shoal.results._inside_of_run import InsideOfRun
from shoal.results._intervals import Interval, Units
from shoal.results._kept_arrays import KeptArrays
from shoal.results._levels import LevelHeld, levels_held
from shoal.results._looks import NO_LOOKS, Looks
from shoal.results._nested import Nested, NestedScore, OuterNetworks, read_nested
from shoal.results._opening import read_results
from shoal.results._out_of_fold import OutOfFold
from shoal.results._permutation import PermutationTest, permutation_test
from shoal.results._reading import opened
from shoal.results._record import CandidateRow, ColumnRecord, FitRecord, InputRecord, PlanEntry, Stage, Truth
from shoal.results._score_rows import score_on
from shoal.results._select import Choice, Standing, expected_score, rank_candidates, search_scores
from shoal.results._selection_and_test import Disagreement, Expected, disagreement
from shoal.results._shard import StoredShard
from shoal.results._simple_models import Baseline, Beside, beside_baselines, read_baselines
from shoal.results._stored_facts import coherent
from shoal.results._threshold import ChosenThreshold
from shoal.results._two_way import Difference
from shoal.results._verdict import judging_score, verdict
from shoal.study import Candidate, Study, Training, base_candidate, candidate_with
from shoal.wording import counted

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class Results(InsideOfRun):
    """One moment of a run folder: `Results.open(folder)`, also while the run goes on.

    `plan` holds every place of the study, `summaries` every finished fit without its arrays, which are read when asked
    for. Frames are pandas', made once. `environment` says where the last run was computed, `origins` where the fits
    were: every environment with its number of fits (none in results of old). `coverage` says how training rows cover
    test rows (None in results of old), `data_notes` what their reader did or left out, `refusals` why fits are not the
    preferred trainer's, `columns` what is known of each column, `findings_in_rows` what checks of the rows measured,
    by name, as clauses, `missing` what could not be made after training, `looks` how often, and by how many settings,
    the test rows were scored in all runs of this folder; `categorical` which inputs hold categories, `dates` which
    dates (in the truth seconds since the first training row); `embedded` says which the delivered one embeds, `inputs`
    what it is given of each; `shard` which shard it is of, and how far (None: whole); `module` a module of one's own.
    """

    folder: Path
    study: Study
    plan: tuple[PlanEntry, ...]
    candidate_rows: tuple[CandidateRow, ...]
    summaries: dict[str, FitRecord]
    choice: Choice | None
    truth: Truth
    environment: dict[str, Any]
    coverage: dict[str, Any] | None = None
    origins: tuple[tuple[dict[str, Any], int], ...] = ()
    missing: tuple[Missing, ...] = ()
    data_notes: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    columns: tuple[ColumnRecord, ...] = ()
    categorical: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    embedded: tuple[str, ...] = ()
    inputs: tuple[InputRecord, ...] = ()
    looks: Looks = NO_LOOKS
    findings_in_rows: Mapping[str, str] = field(default_factory=dict)
    shard: StoredShard | None = None
    module: str = ""

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Read a run folder; RunFolderError where there are no results of Shoal, or damaged ones."""
        return cls(**read_results(as_path(folder, "the path of a run folder")))

    def __repr__(self) -> str:
        own = f"{self.study.study.name}, {counted(len(self.summaries), 'fit')}"
        return f"Results({str(self.folder)!r}: {self.shard.said if self.shard else own})"

    @property
    def unfinished(self) -> int:
        """Number of planned fits that are not trained yet."""
        return len({entry.fit_id for entry in self.plan} - self.summaries.keys())

    @cached_property
    def tried(self) -> dict[str, Candidate]:
        """Every candidate of the plan by its id, whole: the study's own network and training with its stored values."""
        with coherent(self.folder, "a candidate"):
            try:
                return {
                    row.candidate_id: candidate_with(self.study, row.values) for row in self.candidate_rows
                }
            except StudyError as error:  # no mistake of whoever reads it
                raise ValueError("values") from error

    @cached_property
    def fits(self) -> DataFrame:
        """One row a finished fit and place: fit_id, stage, label, candidate_id, fold, repeat, trainer, status,
        message, epochs, kept_epoch, steps, train_rows, validation_rows, validation_*, test_* (scores), seconds.
        """
        return _frames.fits_frame(self.plan, self.summaries, self.refits)

    @cached_property
    def candidates(self) -> DataFrame:
        """One row a candidate of the search, best first: rank, candidate_id, one column a searched key path,
        parameters, selection_score, standard_error, difference (to the best), ci_low, ci_high, mean_* (of every further
        score), p_value, adjusted_p_value, indistinguishable, verdict, networks, chosen, failed: see `Standing`.
        Provisional while there is no choice yet.
        """
        chosen = self.choice.candidate_id if self.choice else None
        further = _frames.further_means(self.plan, self.candidate_rows, self.summaries, self.study)
        return _frames.candidates_frame(self.standings, self.candidate_rows, chosen, further)

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """Where the candidates of the search stand, best first; provisional while there is no choice yet."""
        if self.choice and all(row.verdict for row in self.choice.standings):
            return self.choice.standings
        scores = search_scores(self.plan, self.candidate_rows, self.summaries, self.study)
        with coherent(self.folder, "the rows held out"), self.rows_held_out() as rows:
            margin = self.study.search.margin if self.study.search else None
            return rank_candidates(scores, rows, margin)

    @cached_property
    def expected_score(self) -> float:
        """What the whole search may expect of its choice on new rows: the selection score without the luck of choosing.

        Bias-corrected bootstrap cross-validation; NaN before the choice.
        """
        healthy = [standing for standing in self.standings if not standing.failed]
        if self.choice is None or not healthy:
            return math.nan
        errors = self.search_errors([standing.candidate_id for standing in healthy])
        return expected_score(healthy, errors, self.choice.rule, self.choice.metric)

    def search_errors(self, candidate_ids: Sequence[str]) -> SearchErrors:
        """Give how far the selection scores of candidates, none of which failed, and their differences may be off."""
        metric = self.study.search.metric if self.study.search else "loss"
        with coherent(self.folder, "the rows held out"), self.rows_held_out() as rows:
            return search_errors(rows.cells(candidate_ids, metric))

    @property
    def threshold(self) -> ChosenThreshold | None:
        """The threshold that `search.threshold` asks for, chosen on the rows held out; None before the choice."""
        return self._naming.threshold

    @property
    def decision(self) -> Decision | None:
        """Which class the delivered network names from which probability on; None where that is the likelier one."""
        return self._naming.decision

    @cached_property
    def decided_scores(self) -> tuple[DecidedScore, ...]:
        """What the threshold does to scores of the classes that the delivered network names; () without one."""
        delivered = self.delivered_id
        return self._naming.scores(self.test_answers(delivered)) if delivered else ()

    @property
    def refits(self) -> Mapping[str, FitRecord]:
        """The refits' records by id: their test scores judge what the threshold names, all others likelier classes."""
        return self._naming.refits

    @cached_property
    def _naming(self) -> Naming:
        winner = self.choice.candidate_id if self.choice else None
        chosen = [entry for entry in self.plan if entry.stage == "search" and entry.candidate_id == winner]
        return Naming(self.study.search.threshold if self.study.search else "none", chosen, self._arrays)

    @contextmanager
    def rows_held_out(self) -> Iterator[OutOfFold]:
        """Give the rows that the search holds out, and what was answered to them, while the store is open."""
        search = [entry for entry in self.plan if entry.stage == "search"]
        guard = partial(coherent, self.folder, "the rows held out")  # not of what is done with them
        with opened(self.folder) as store:
            said = self.said(search[0].fit_id) if search else None
            yield OutOfFold(search, self.truth, partial(self._arrays.held_out, store), said, guard)

    @cached_property
    def comparisons(self) -> DataFrame:
        """One row a comparison, the winner last: label, repeats, failed, then for every test metric M: M_mean, M_std,
        M_min, M_median, M_max, M_difference (to the first, paired by repeat), M_ci_low, M_ci_high, M_p_value; these
        three speak of other rows and initialisations, see `differences`.
        """
        said = {self.said(entry.fit_id) for entry in self.plan if entry.stage == "compare"}
        alike = len(said) == 1 and None not in said
        return _frames.comparisons_frame(self.plan, self.summaries, self.differences, losses=alike)

    @cached_property
    def differences(self) -> dict[str, dict[str, Difference]]:
        """The difference of every comparison to the first one, by label, then by test score, with its 95 % interval
        on other test rows (or groups of them) and, over more than one repeat, at other initialisations.
        """
        with opened(self.folder) as store:
            names, answers = reported_scores(self.study, self.truth), self._arrays.tested(store)
            return comparison_differences(self.plan, self.summaries, self.truth, answers, self.said, names)

    def test_interval(self, metric: str, fit_ids: Sequence[str], *, decided: bool = False) -> Interval:
        """Give the 95 % interval of the mean test score of fits of the same settings, on other test rows (or groups of
        them) and, for more than one fit, at other initialisations. `decided`: of the classes that the threshold names.
        KeyError for a fit that is not there.
        """
        with opened(self.folder) as store:
            said, tested = self.said(fit_ids[0]) if fit_ids else None, self._arrays.tested(store)
            answers = self._naming.judged(metric, tested) if decided else tested
            return mean_interval(self.truth, metric, fit_ids, answers, said)

    @cached_property
    def nested(self) -> Nested | None:
        """What the whole search, made again without the rows of each outer fold, chose there, and its score on those
        rows; None for a study without `[nested]`, or before that began.
        """
        with opened(self.folder) as store, coherent(self.folder, "the nested search"):
            networks = OuterNetworks(partial(self._arrays.held_out, store), self.said)
            return read_nested(self.study, self.plan, self.summaries, self.truth, networks)

    @property
    def conclusion(self) -> str:
        """What to use, and how good it is expected to be, in one sentence; that it is not recommended, where it is no
        better on the test rows than what is simpler. Empty for a study without `[nested]`.
        """
        chosen, metric = self.choice.candidate_id if self.choice else "", self.judged_by
        judged = verdict(self.beside_baselines(metric), metric)
        tested = OnTestRows(len(self.truth.target_names), judged, self.truth.title_of, self._test_score)
        return conclusion(self.nested, self.tried.get(chosen), self.study, tested)

    def _test_score(self, metric: str) -> NestedScore:
        if metric not in self._delivered_scores:
            return NestedScore(math.nan, UNTESTED)
        span = self.test_interval(metric, [str(self.delivered_id)], decided=True)
        return NestedScore(self._delivered_scores[metric], span)

    @property
    def _delivered_scores(self) -> Mapping[str, float]:
        delivered = self.delivered_id
        return {} if delivered is None else self.refits[delivered].scores.get("test", {})

    @property
    def judged_by(self) -> str:
        """The test score that heads the run, and by which the delivered network is held against what is simpler."""
        scores, decided = self._delivered_scores, self.decision is not None
        return judging_score(self.truth, scores, self.study, self.delivered_training, decided=decided)

    @property
    def delivered_training(self) -> Training:
        """How the delivered network was trained; as the study says, while there is none."""
        return self._trainings.get(self.delivered_id or "", self.study.training)

    @property
    def test_units(self) -> Units:
        """What chance draws among the test rows: groups where the study names them and they are known, else rows."""
        return test_units(self.truth)

    @cached_property
    def levels_held(self) -> tuple[LevelHeld, ...]:
        """Of how many test rows the target lies below each quantile that the delivered network gives; () for none."""
        said = self.said(delivered := self.delivered_id or "")
        return levels_held(self.truth, said, self.test_answers(delivered), self.test_units) if said else ()

    @property
    def groups_trained_on(self) -> float:
        """The share of the groups of the test rows that training rows have too; 0 where groups are not known."""
        return groups_trained_on(self.truth)

    @cached_property
    def baselines(self) -> tuple[Baseline, ...]:
        """The simple models that the delivered network is held against: "constant", "linear", "trees"; of one that is
        not there, why.
        """
        with opened(self.folder) as store, coherent(self.folder, "a simple model"):
            return read_baselines(store, self.truth, asked=self.study.checks.baselines)

    def beside_baselines(self, metric: str, target: int | None = None) -> tuple[Beside, ...]:
        """Hold the delivered network against each of `baselines` by a test score, `balanced_accuracy` among them (of
        one target alone, by its number; of quantiles and normal distributions only a constant has a loss): scores and
        paired differences with 95 % intervals on other test rows (or groups). Empty while no network is delivered.
        """
        if self.delivered_id is None or len(self.truth.y) == self.truth.train_rows:
            return ()
        said = self.said(self.delivered_id) if metric == "loss" else None
        ask = self.test_answers if said else self._naming.judged(metric, self.test_predictions)
        return beside_baselines(self.truth, metric, ask(self.delivered_id), self.baselines, target, said)

    @property
    def delivered_id(self) -> str | None:
        """The id of the delivered network's fit: the first refit that neither diverged nor failed; None before it."""
        for entry in self.plan:
            done = self.summaries.get(entry.fit_id)
            if entry.stage == "refit" and (done is None or done.status == "ok"):
                return entry.fit_id if done else None
        return None

    def permutation_test(self, metric: str) -> PermutationTest | None:
        """Hold the delivered network's test score against those of networks of the same settings that learned permuted
        targets (`checks.permutations`); None without any, or before all are trained.
        """
        with opened(self.folder) as store:
            answers, said = self._arrays.tested(store), self.said(self.delivered_id or "")
            return permutation_test(self.plan, self.summaries, self.truth, metric, answers, said)

    @cached_property
    def disagreement(self) -> Disagreement | None:
        """The delivered network's test score less what the search expects of new rows; None without a search."""
        if self.choice is None or self.delivered_id is None:
            return None
        healthy = [row.candidate_id for row in self.standings if not row.failed]
        metric, said = self.choice.metric, self.said(self.delivered_id)
        score = score_on(self.truth, metric, said)
        if self.choice.candidate_id not in healthy or score.why_none:
            return None
        y, answers_VA = self.truth.y[self.truth.train_rows :], self.test_answers(self.delivered_id)
        errors, place = self.search_errors(healthy), healthy.index(self.choice.candidate_id)
        expects = Expected.of(metric, self.expected_score, errors, place, self.truth.searched_rows)
        return disagreement(expects, score, y, answers_VA, self.test_units)

    @cached_property
    def references(self) -> DataFrame:
        """One row a published value of the study: name, metric, published, repeats, failed, then over the other repeats
        mean, std, min, median, max, difference (mean less published), inside (whether min to max holds it; None for
        a single repeat), ci_low and ci_high (the 95 % interval of the mean, see `test_interval`), and source. A row's
        name is "delivered" for the winner on all training rows.
        """
        references = self.study.reference
        fits = self.summaries, self.refits
        return _frames.references_frame(references, self.plan, fits, self.test_interval)

    @cached_property
    def refit(self) -> DataFrame:
        """The rows of `fits` for the winner trained on all training rows, one a repeat."""
        return self.fits[self.fits["stage"] == "refit"].reset_index(drop=True)

    @cached_property
    def curves(self) -> DataFrame:
        """All curves of all stages; see `curves_of`, which reads less."""
        return self.curves_of()

    def curves_of(self, stage: Stage | None = None, label: str | None = None) -> DataFrame:
        """Curves of one stage and label, or of all, one row a place and evaluated epoch: fit_id, stage, label,
        candidate_id, fold, repeat, epoch, train_loss, validation_loss ... (those that exist)."""
        return _frames.curves_frame(self._arrays.of_places("curves", stage, label))

    @cached_property
    def predictions(self) -> DataFrame:
        """All predictions of all stages; see `predictions_of`, which reads less."""
        return self.predictions_of()

    def predictions_of(self, stage: Stage | None = None, label: str | None = None) -> DataFrame:
        """Predictions of one stage and label, or of all: fit_id, stage, label, candidate_id, fold, repeat, rows
        ("validation" or "test"), row (its number in `truth`), then target, true, predicted; for classes
        true, predicted and one probability_CLASS a class; where more is said of a target, quantile_LEVEL or std too.
        """
        places = self._arrays.of_places("predictions", stage, label)
        return _frames.predictions_frame(places, self.truth, self.said, self.decision)

    def curve(self, fit_id: str) -> DataFrame:
        """Give the curve of one fit: epoch and the losses; KeyError for a fit that is not there."""
        return _frames.curve_frame(self._arrays.of_fit(fit_id, "curves"))

    def parameters(self, fit_id: str) -> dict[str, NDArray[np.float32]]:
        """Give the kept parameters of one fit by name; KeyError for a fit that is not there."""
        return self._arrays.of_fit(fit_id, "parameters")

    @cached_property
    def ensemble(self) -> Ensemble | None:
        """Test answers of the chosen candidate's networks of all folds and repeats; None for fewer than two."""
        with opened(self.folder) as store, coherent(self.folder, "the ensemble"):
            return read_ensemble(store, self.plan, self.truth, self._of_winner)

    @cached_property
    def ensemble_scores(self) -> DataFrame:
        """One row a network of the ensemble (network "member"), one for their mean answer ("ensemble"), one for the
        delivered network: network, fit_id, fold, repeat (-1: none), then the scores of the test rows.
        """
        asked = suiting_scores(self.study, self.truth)
        return ensemble_frame(self.ensemble, self.truth, self.plan, self.summaries, self._of_winner, asked)

    @cached_property
    def certainty(self) -> Certainty:
        """How sure single predictions are, as the chosen candidate's networks of the folds say it, on the test rows."""
        networks = chosen_networks(self.plan, self.study, self.truth, self.choice, self.tried)
        if networks.why:
            return Certainty(networks.why)
        answer_VK = self.test_predictions(self.delivered_id) if self.delivered_id else None
        with opened(self.folder) as store, coherent(self.folder, "the rows held out"):
            outputs, note = outputs_of(self.truth), store.fact(NOT_IN_FILE)

            def ask(entry: PlanEntry) -> NDArray[np.float64]:
                return self._arrays.held_out(store, entry)[:, :outputs]

            return certainty_of(networks.entries, self.truth, ask, self.ensemble, answer_VK).noting(note)

    def test_predictions(self, fit_id: str) -> NDArray[np.float64]:
        """What a fit predicts for the test rows, (V, K): targets in their units or probabilities, else KeyError"""
        return self.test_answers(fit_id)[:, : outputs_of(self.truth)]

    def test_answers(self, fit_id: str) -> NDArray[np.float64]:
        """Give all that one fit says of the test rows, (V, K A): predictions, then what `said` says beside."""
        return self._arrays.of_fit(fit_id, "predictions")["test"]

    def said(self, fit_id: str) -> Distribution | None:
        """What the network of a fit says of a target beyond one number; None where that is all."""
        return training.distribution if (training := self._trainings.get(fit_id)) else None

    @cached_property
    def _trainings(self) -> dict[str, Training]:
        own = base_candidate(self.study)
        return {e.fit_id: self.tried.get(e.candidate_id, own).training for e in self.plan}

    @property
    def _of_winner(self) -> Distribution | None:
        chosen = self.choice.candidate_id if self.choice else None
        return next((self.said(e.fit_id) for e in self.plan if e.candidate_id == chosen), None)

    @cached_property
    def _arrays(self) -> KeptArrays:
        return KeptArrays(self.folder, self.plan, self.summaries, self.truth, self.said)

    @cached_property
    def digest(self) -> str:
        """One SHA-256 over plan, fits (curves, parameters, predictions, how each ended) and choice; not over time,
        machine, words, scores. The same whatever the order of the work, the workers and the interruptions.
        """
        chosen = self.choice.candidate_id if self.choice else None
        with opened(self.folder) as store:
            records = map(store.record, sorted(self.summaries))
            return digest_of_results(self.plan, self.candidate_rows, chosen, records)
