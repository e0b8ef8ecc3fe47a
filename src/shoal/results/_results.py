"""What a Python user or a report reads of a run, from its folder alone. No torch; pandas when a frame is asked for."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import Problem, RunFolderError, ShoalError, as_path
from shoal.parts import Missing
from shoal.results import _frames
from shoal.results._ensemble import Ensemble, ensemble_frame, read_ensemble
from shoal.results._inside import Inside, read_inside
from shoal.results._record import CandidateRow, FitRecord, PlanEntry, Stage, Truth
from shoal.results._select import Choice, rank_candidates, search_scores
from shoal.results._store import Store
from shoal.study import Study

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """One moment of a run folder: `Results.open(folder)`, also while the run goes on.

    `plan` holds every place of the study, `summaries` every finished fit without its arrays; arrays are
    read from the store when asked for. Frames are pandas', made once. `environment` says where it was computed,
    `coverage` how the training rows cover the test rows (None in results of old), `data_notes` what the reader of the
    data did or left out, `missing` what could not be made after training.
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
    missing: tuple[Missing, ...] = ()
    data_notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, folder: Path | str) -> Results:
        """Read a run folder; RunFolderError where there are no results of Shoal, or damaged ones."""
        folder = as_path(folder, "the path of a run folder")
        with Store.open_readonly(folder) as store, store.one_view():
            store.verify()
            truth, plan, fits = store.truth(), store.plan(), store.summaries()
            return cls(
                folder=folder,
                study=_study(folder, store.fact("study")),
                plan=plan,
                candidate_rows=store.candidate_rows(),
                summaries={entry.fit_id: fits[entry.fit_id] for entry in plan if entry.fit_id in fits},
                choice=_choice(folder, store.fact("choice")),
                truth=truth,
                environment=store.fact("environment") or {},
                coverage=store.fact("coverage"),
                missing=_missing(folder, store.fact("missing")),
                data_notes=_data_notes(folder, store.fact("data notes")),
            )

    def __repr__(self) -> str:
        return f"Results({str(self.folder)!r}: {self.study.study.name}, {len(self.summaries)} fits)"

    @property
    def unfinished(self) -> int:
        """Number of planned fits that are not trained yet."""
        return len({entry.fit_id for entry in self.plan} - self.summaries.keys())

    @cached_property
    def fits(self) -> DataFrame:
        """One row a finished fit and place: fit_id, stage, label, candidate_id, fold, repeat, trainer, status,
        message, epochs, kept_epoch, steps, train_rows, validation_rows, validation_*, test_* (scores), seconds.
        """
        return _frames.fits_frame(self.plan, self.summaries)

    @cached_property
    def candidates(self) -> DataFrame:
        """One row a candidate of the search, best first: rank, candidate_id, one column a searched key path,
        parameters, selection_score, standard_error, difference (to the best), ci_low, ci_high, p_value,
        adjusted_p_value, indistinguishable, chosen, sick. Provisional while there is no choice yet.
        """
        if self.choice:
            standings = self.choice.standings
        else:
            standings = rank_candidates(
                search_scores(self.plan, self.candidate_rows, self.summaries, self.study)
            )
        chosen = self.choice.candidate_id if self.choice else None
        return _frames.candidates_frame(standings, self.candidate_rows, chosen)

    @cached_property
    def comparisons(self) -> DataFrame:
        """One row a comparison, the winner last: label, repeats, sick, then for every test metric M: M_mean, M_std,
        M_min, M_median, M_max, M_difference (to the first, paired by repeat), M_ci_low, M_ci_high, M_p_value.
        """
        return _frames.comparisons_frame(self.plan, self.summaries)

    @cached_property
    def references(self) -> DataFrame:
        """One row a published value of the study: name, metric, published, repeats, sick, then over the healthy repeats
        mean, std, min, median, max, difference (mean less published), inside (whether min to max holds it; None for
        a single repeat), and source. A row's name is "delivered" for the winner on all training rows.
        """
        return _frames.references_frame(self.study.reference, self.plan, self.summaries)

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
        candidate_id, fold, repeat, epoch, train_loss, validation_loss ... (those that exist).
        """
        return _frames.curves_frame(self._arrays("curves", stage, label))

    @cached_property
    def predictions(self) -> DataFrame:
        """All predictions of all stages; see `predictions_of`, which reads less."""
        return self.predictions_of()

    def predictions_of(self, stage: Stage | None = None, label: str | None = None) -> DataFrame:
        """Predictions of one stage and label, or of all: fit_id, stage, label, candidate_id, fold, repeat, rows
        ("validation" or "test"), row (its number in `truth`), then target, true, predicted; for classes
        true, predicted and one probability_CLASS a class.
        """
        with _reading(self.folder, "a prediction"):
            return _frames.predictions_frame(self._arrays("predictions", stage, label), self.truth)

    def curve(self, fit_id: str) -> DataFrame:
        """Give the curve of one fit: epoch and the losses; KeyError for a fit that is not there."""
        return _frames.curve_frame(self._array(fit_id, "curves"))

    def parameters(self, fit_id: str) -> dict[str, NDArray[np.float32]]:
        """Give the kept parameters of one fit by name; KeyError for a fit that is not there."""
        return self._array(fit_id, "parameters")

    @cached_property
    def ensemble(self) -> Ensemble | None:
        """Test answers of the chosen candidate's networks of all folds and repeats; None for fewer than two."""
        with Store.open_readonly(self.folder) as store, _reading(self.folder, "the ensemble"):
            return read_ensemble(store, self.plan)

    @cached_property
    def ensemble_scores(self) -> DataFrame:
        """One row a network of the ensemble (network "member"), one for their mean answer ("ensemble"), one for the
        delivered network: network, fit_id, fold, repeat (-1: none), then the scores of the test rows.
        """
        return ensemble_frame(self.ensemble, self.truth, self.plan, self.summaries)

    @cached_property
    def inside(self) -> Inside | None:
        """What was kept of the inside of the delivered network; None in results of old."""
        with Store.open_readonly(self.folder) as store, _reading(self.folder, "the inside of the network"):
            return read_inside(store)

    def test_predictions(self, fit_id: str) -> NDArray[np.float64]:
        """Give what one fit predicts for the test rows, (V, K), without a frame: values in the targets' units, or class
        probabilities. KeyError for a fit that is not there, or is not tested.
        """
        predicted_VK = self._array(fit_id, "predictions")["test"]
        truth = self.truth
        expected = (len(truth.y) - truth.train_rows, len(truth.classes or truth.target_names))
        if predicted_VK.shape != expected:
            raise _foreign(self.folder, "a prediction")
        return predicted_VK

    def _array(self, fit_id: str, part: str) -> dict[str, NDArray[Any]]:
        if fit_id not in self.summaries:
            raise KeyError(fit_id)
        with Store.open_readonly(self.folder) as store:
            return store.arrays(fit_id, part)

    def _arrays(
        self, part: str, stage: Stage | None = None, label: str | None = None
    ) -> Iterator[tuple[PlanEntry, dict[str, NDArray[Any]]]]:
        """Read one part of every finished fit, in the order of the plan."""
        with Store.open_readonly(self.folder) as store:
            for entry in self.plan:
                wanted = stage in (None, entry.stage) and label in (None, entry.label)
                if wanted and entry.fit_id in self.summaries:
                    yield entry, store.arrays(entry.fit_id, part)

    @cached_property
    def digest(self) -> str:
        """One SHA-256 over all that was planned and came out: places, candidates, curves, parameters,
        predictions, scores, choice. Not over time and machine. The same whatever the order of the work, the
        number of workers and the interruptions.
        """
        whole = hashlib.sha256()
        places = sorted(json.dumps(dataclasses.astuple(entry)) for entry in self.plan)
        candidates = sorted(
            json.dumps(dataclasses.astuple(row), sort_keys=True) for row in self.candidate_rows
        )
        choice = self.choice.to_json() if self.choice else None
        whole.update(json.dumps([places, candidates, choice], sort_keys=True).encode())
        with Store.open_readonly(self.folder) as store:
            for fit_id in sorted(self.summaries):
                _digest_fit(whole, store.record(fit_id))
        return whole.hexdigest()


def _digest_fit(whole: hashlib._Hash, record: FitRecord) -> None:
    facts: dict[str, Any] = {**vars(record)}
    del facts["seconds"]
    for part in ("curves", "parameters", "predictions"):
        facts[part] = [
            (name, array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).hexdigest())
            for name, array in sorted(getattr(record, part).items())
        ]
    whole.update(json.dumps(facts, sort_keys=True).encode())


def _study(folder: Path, text: object) -> Study:
    """Read the study back that the run was started with."""
    with _reading(folder, "the study"):
        return Study.model_validate(tomllib.loads(str(text)))


def _data_notes(folder: Path, value: Any) -> tuple[str, ...]:
    """Read the sentences on the data; results of old have none."""
    if value is not None and not (isinstance(value, list) and all(isinstance(note, str) for note in value)):
        raise _foreign(folder, "a note on the data")
    return tuple(value or ())


def _choice(folder: Path, value: Any) -> Choice | None:
    with _reading(folder, "the choice"):
        return Choice.from_json(value) if value is not None else None


def _missing(folder: Path, value: Any) -> tuple[Missing, ...]:
    with _reading(folder, "what is missing"):
        return tuple(Missing(**one) for one in value or ())


@contextmanager
def _reading(folder: Path, what: str) -> Iterator[None]:
    """Refuse what is there but is not what Shoal writes; what the store refuses is said in its own sentence."""
    try:
        yield
    except ShoalError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise _foreign(folder, what) from error


def _foreign(folder: Path, what: str) -> RunFolderError:
    return RunFolderError(Problem(str(folder), f"{what} in its results is not what Shoal writes"))
