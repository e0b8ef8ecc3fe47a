"""Leakage by poison: garbage in rows that are held out changes no byte of training, choice or model.

The split of the rows is given, since stratified folds follow the labels of all training rows. One exception is
asked for by name: with `keep = "best"` and no inner rows, a fit's own validation rows choose which epoch's
weights are kept; the weights of each epoch, and the last ones, still know nothing of them.
"""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from poison_studies import Drawn, drawn_studies
from torture_runs import LONG

from shoal.data import Dataset
from shoal.engine import Planner, State, StudyFit, Trainers, initial_state
from shoal.engine._planned import prepare, unique
from shoal.engine._study_rows import PreparedFit
from shoal.engine._train import advance_fit
from shoal.engine._trainer import CURVES
from shoal.errors import TrainingError
from shoal.model import load
from shoal.pipeline import run
from shoal.results import FitRecord, Results, Store

DRAWN = settings(
    max_examples=500 if LONG else 10,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
OF_VALIDATION = ("validation_loss", "validation_accuracy")
KEPT = ("best_P", "best_buffers", "best_epoch", "best_loss")


def planned(drawn: Drawn, dataset: Dataset) -> Planner:
    return Planner(drawn.study, dataset, Trainers(drawn.trainer).choose)


def every_fit(planner: Planner) -> list[StudyFit]:
    """Search, comparisons, the winner's and its refit, as if the last candidate won with its own epochs."""
    winner = planner.candidates[-1]
    late = planner.winner_fits(winner, winner.training.epochs)
    return list(unique((*planner.search_fits(), *planner.comparison_fits(), *late)))


def trained(drawn: Drawn, fit: StudyFit, dataset: Dataset) -> State:
    """Train one fit to its end."""
    preprocessing = prepare(dataset, fit.split, drawn.study.data.standardize)
    state = initial_state(fit.job)
    trainer = Trainers(drawn.trainer).by_name[fit.trainer]
    advance_fit(fit, trainer, PreparedFit(fit, dataset, preprocessing).data, state, lambda state: None)
    return state


def of_training(state: State, *leave_out: str) -> dict[str, Any]:
    """All that training left: every field, less the curves of the validation rows."""
    columns = [place for place, name in enumerate(CURVES) if name not in OF_VALIDATION]
    fields = {**vars(state), "curve_TC": state.curve_TC[:, columns]}
    fields.pop("pausing")
    return {name: plain(value) for name, value in fields.items() if name not in leave_out}


def plain(value: Any) -> Any:
    return (value.dtype.str, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else repr(value)


def test_garbage_in_held_out_rows_changes_no_training_byte() -> None:
    reached: list[bool] = []

    @DRAWN
    @given(drawn=drawn_studies(), data=st.data())
    def relation(drawn: Drawn, data: st.DataObject) -> None:
        fit = data.draw(st.sampled_from(every_fit(planned(drawn, drawn.dataset))))
        assert_in_order(fit, drawn.dataset)
        held = np.setdiff1d(np.arange(drawn.dataset.rows), fit.split.train)
        dirty = drawn.poisoned(held)
        standardize = drawn.study.data.standardize
        assert prepare(dirty, fit.split, standardize) == prepare(drawn.dataset, fit.split, standardize)
        again = planned(drawn, dirty)._fit(fit.candidate, fit.split, fit.repeat, tested=fit.tested)
        assert again.id == fit.id
        assert again.job == fit.job
        assert again.rows.inner.tobytes() == fit.rows.inner.tobytes()
        chosen_by_them = KEPT if fit.job.monitor == "validation" else ()
        clean, spoilt = trained(drawn, fit, drawn.dataset), trained(drawn, again, dirty)
        assert of_training(clean, *chosen_by_them) == of_training(spoilt, *chosen_by_them)
        if len(fit.split.validation):
            seen = [plain(state.curve_TC[:, CURVES.index("validation_loss")]) for state in (clean, spoilt)]
            reached.append(seen[0] != seen[1])

    relation()
    print(f"held-out rows: {len(reached)} fits with validation rows, {sum(reached)} saw the garbage there")
    assert sum(reached) > len(reached) / 2  # it reaches what it may: not dead, nor diverged networks


def assert_in_order(fit: StudyFit, dataset: Dataset) -> None:
    """Where rows have times, what is trained on is earlier than what judges it, and so than inner rows."""
    if dataset.times is None:
        return
    for learned, judge in ((fit.split.train, fit.split.validation), (fit.rows.learning, fit.rows.inner)):
        assert len(learned)
        assert not len(judge) or dataset.times[learned].max() < dataset.times[judge].min()


def test_no_fit_of_a_study_in_order_of_time_learns_from_what_is_later() -> None:
    seen: set[str] = set()

    @settings(DRAWN, max_examples=2000 if LONG else 60)
    @given(drawn=drawn_studies())
    def relation(drawn: Drawn) -> None:
        if drawn.dataset.times is None:
            return
        for fit in every_fit(planned(drawn, drawn.dataset)):
            assert_in_order(fit, drawn.dataset)
            seen.add(f"{fit.split.label[:4]}{len(fit.rows.inner) > 0}")

    relation()
    assert seen == {f"{split}{inner}" for split in ("fold", "repe") for inner in (True, False)} | {
        "all False"
    }


LEFT_OUT = ("ask_simple_models", "drift_of_rows")
"""What comes after the model and takes most of a small run's time: in short, the first study alone goes through it."""


def finished(drawn: Drawn, dataset: Dataset, folder: Path, *, whole: bool) -> Results | str:
    """Run the study; where every candidate or the refit is failed, give the sentence that says so."""
    with ExitStack() as patches:
        patches.enter_context(patch("shoal.planning.load_data", lambda *_: dataset))
        for name in ("write_report", *(() if whole else LEFT_OUT)):
            patches.enter_context(patch(f"shoal.pipeline.{name}", lambda *_: None))
        try:
            return run(drawn.study, out=folder, workers=1, trainer=drawn.trainer)
        except TrainingError as error:
            return str(error)


def untested(record: FitRecord) -> dict[str, Any]:
    """All of a record but its time and what it says of test rows."""
    facts = dataclasses.asdict(record)
    del facts["seconds"]
    for name in ("predictions", "scores"):
        facts[name].pop("test", None)
    return {
        name: {key: plain(one) for key, one in value.items()} if isinstance(value, dict) else plain(value)
        for name, value in facts.items()
    }


def left(folder: Path) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """What a run left that test rows must not change: the choice, every fit, the delivered network."""
    with Store.open_readonly(folder) as store:
        fits = {name: untested(store.record(name)) for name in store.known()}
        choice = store.fact("choice")
    if not (folder / "model.safetensors").exists():
        return choice, fits, {}
    model = load(folder / "model.safetensors")
    network = {name: plain(array) for name, array in model.parameters.items()}
    return choice, fits, {**network, "preprocessing": repr(model.preprocessing)}


def test_garbage_in_test_rows_changes_neither_choice_nor_model() -> None:
    reached: list[bool] = []

    @DRAWN
    @given(drawn=drawn_studies())
    def relation(drawn: Drawn) -> None:
        rows = np.arange(drawn.dataset.train_rows, drawn.dataset.rows)
        with TemporaryDirectory() as name:
            folders = [Path(name) / "clean", Path(name) / "dirty"]
            whole = LONG or not reached
            clean = finished(drawn, drawn.dataset, folders[0], whole=whole)
            spoilt = finished(drawn, drawn.poisoned(rows), folders[1], whole=whole)
            assert left(folders[0]) == left(folders[1])
            if isinstance(clean, str) or isinstance(spoilt, str):
                assert clean == spoilt
                return
            reached.append(
                repr(clean.refit["test_loss"].tolist()) != repr(spoilt.refit["test_loss"].tolist())
            )

    relation()
    print(f"test rows: {len(reached)} runs to the end, {sum(reached)} with another test score")
    assert sum(reached) > len(reached) / 2
