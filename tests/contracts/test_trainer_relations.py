"""What holds of every trainer without knowing a single right number.

A fit does not know its neighbours, the threads or where it was interrupted; held-out rows do not reach
training; a failed fit is its own affair; the kept epoch is the best of its curve.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainer_cases import LONG, TABLE, Case, drawn_cases, fingerprint, same_bytes, train_with_pauses

from oracle import Oracle
from shoal.engine._trainer import CURVES, FitData, Rows, State, Trainer, steps_per_epoch
from shoal.engine.workers.kinds import KINDS
from shoal.kinds import LOSSES
from shoal.nets import build_architecture
from shoal.study import Network, Training

RELATIONS = settings(max_examples=300 if LONG else 12, derandomize=not LONG)

CASES = {case.name: case for case in TABLE}
HELD_OUT_CURVES = ("validation_loss", "validation_accuracy")


def train(trainer: Trainer, case: Case, stops: list[int] | None = None, data: FitData | None = None) -> State:
    """Train a case to its end, called once or with stops on the way."""
    state = case.start()
    for until in [*sorted(stops or []), case.training.epochs]:
        trainer.advance(case.job, data or case.data, state, until)
    return state


# -- neighbours, threads, interruptions ----------------------------------------------------------------------


@RELATIONS
@given(case=drawn_cases(epochs=6), stops=st.lists(st.integers(0, 8), max_size=4))
def test_where_a_fit_was_interrupted_changes_no_byte(trainer: Trainer, case: Case, stops: list[int]) -> None:
    assert same_bytes(train(trainer, case), train(trainer, case, stops))


def test_an_interruption_between_evaluations_changes_no_byte(trainer: Trainer) -> None:
    case = dataclasses.replace(CASES["adam, dropout, short last batch"], rows=4).but(epochs=501, keep="best")
    whole = train(trainer, case)
    assert list(whole.epoch_T[[0, 1, -2, -1]]) == [
        2,
        4,
        500,
        501,
    ]  # stops at 1 and 499 lie between evaluations
    assert same_bytes(whole, train(trainer, case, [1, 2, 499]))


@RELATIONS
@given(data=st.data(), pauses=st.lists(st.booleans(), max_size=9))
def test_pauses_between_any_two_steps_change_no_byte(
    trainer: Trainer, data: st.DataObject, pauses: list[bool]
) -> None:
    case = data.draw(drawn_cases(epochs=3))
    wishes = itertools.cycle([*pauses, True])
    state, places = train_with_pauses(trainer, case.job, case.data, case.start(), lambda: next(wishes))
    whole = train(trainer, case)
    assert same_bytes(state, whole)
    steps = whole.epoch * steps_per_epoch(case.rows, case.training.batch_size)
    assert len(set(places)) == len(places) > steps // (len(pauses) + 1) - 1


def test_a_fit_that_is_asked_to_pause_at_once_gets_on(trainer: Trainer) -> None:
    case = CASES["adam, dropout, short last batch"]
    state = case.start()
    state.pausing = lambda: True
    with patch("shoal.engine.trainers.native.PAUSE_INTERVAL", 1):
        trainer.advance(case.job, case.data, state, 8)
    assert (state.epoch, state.step) == (0, 1)


@RELATIONS
@given(
    cases=st.lists(drawn_cases(), min_size=2, max_size=5),
    turns=st.lists(st.integers(0, 4), max_size=12),
)
def test_turns_among_other_fits_change_no_byte(trainer: Trainer, cases: list[Case], turns: list[int]) -> None:
    alone = [train(trainer, case) for case in cases]
    among = [case.start() for case in cases]
    for turn in turns:
        number = turn % len(cases)
        trainer.advance(cases[number].job, cases[number].data, among[number], among[number].epoch + 1)
    for case, state in reversed(list(zip(cases, among, strict=True))):
        trainer.advance(case.job, case.data, state, case.training.epochs)
    assert [fingerprint(state) for state in among] == [fingerprint(state) for state in alone]


def test_two_threads_at_once_change_no_byte(trainer: Trainer) -> None:
    cases = [case for case in TABLE if trainer.refuses(case.job.architecture, case.training) is None][::8]
    alone = [fingerprint(train(trainer, case)) for case in cases]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(lambda case: fingerprint(train(trainer, case)), cases * 2))
    assert together == alone * 2


def test_every_vector_width_of_the_native_trainer_gives_the_same_bytes() -> None:
    from trainer_cases import make_trainer

    from shoal.engine.trainers.native import NativeTrainer
    from shoal.engine.trainers.native_core import runnable_targets

    preferred = make_trainer("native")
    cases = [case for case in TABLE if preferred.refuses(case.job.architecture, case.training) is None]
    expected = [fingerprint(train(preferred, case)) for case in cases]
    assert runnable_targets()
    for target in runnable_targets():
        assert [fingerprint(train(NativeTrainer(target), case)) for case in cases] == expected, target


def test_a_finished_fit_is_left_alone(trainer: Trainer) -> None:
    case = CASES["inner rows judge"]
    state = train(trainer, case)
    before = fingerprint(state)
    trainer.advance(case.job, case.data, state, case.training.epochs)
    assert state.status == "done"
    assert fingerprint(state) == before


def test_the_rows_and_the_other_streams_matter(trainer: Trainer) -> None:
    """The relations above would hold of a trainer that did nothing: see that it does something."""
    case = CASES["adam, dropout, short last batch"]
    key = dataclasses.replace(case.key, repeat=case.key.repeat + 1)
    other = train(trainer, dataclasses.replace(case, key=key))
    start = case.start()
    assert not np.array_equal(train(trainer, case).parameters_P, start.parameters_P)
    same_start = dataclasses.replace(other, parameters_P=start.parameters_P)
    assert not same_bytes(train(trainer, case), same_start)


# -- failed fits -----------------------------------------------------------------------------------------------


def first_diverged_batch(case: Case, oracle: Oracle) -> tuple[int, int]:
    """Epoch and batch, from 1, of the oracle's first loss that is not finite."""
    data = case.data
    for epoch in range(case.training.epochs):
        for batch, loss in enumerate(oracle.epoch(data.train.x, data.train.y, epoch)):
            if not math.isfinite(loss):
                return epoch + 1, batch + 1
        if not math.isfinite(oracle.evaluate(data.train.x, data.train.y)[0]):
            return epoch + 1, batch + 1
    raise AssertionError("the oracle stays finite: this case shows nothing")


FAILED = CASES["no hidden layer"].but(lr=1e10)


def test_a_diverging_fit_says_where_and_changes_no_neighbour(trainer: Trainer) -> None:

    healthy = CASES["momentum, dropout, short last batch"]
    alone = train(trainer, healthy)
    failed, among = FAILED.start(), healthy.start()
    for until in range(1, healthy.training.epochs + 1):
        trainer.advance(FAILED.job, FAILED.data, failed, until)
        trainer.advance(healthy.job, healthy.data, among, until)
    assert failed.status == "diverged"
    assert (failed.diverged_epoch, failed.diverged_batch) == first_diverged_batch(
        FAILED, FAILED.oracle("float32")
    )
    assert same_bytes(alone, among)


def test_a_diverged_fit_stays_where_it_is(trainer: Trainer) -> None:
    state = train(trainer, FAILED)
    before = fingerprint(state)
    trainer.advance(FAILED.job, FAILED.data, state, FAILED.training.epochs)
    assert fingerprint(state) == before


def test_a_last_step_to_infinity_is_seen_by_the_evaluation(trainer: Trainer) -> None:
    """One batch, whose loss before the step is fine, and whose step overflows float32."""
    case = CASES["no hidden layer"].but(lr=1e35, batch_size=100, epochs=3)
    data = case.data
    large = Rows(data.train.x, np.float32(1e10) * data.train.y)
    state = train(trainer, case, data=dataclasses.replace(data, train=large))
    assert (state.status, state.diverged_epoch, state.diverged_batch) == ("diverged", 1, 1)
    assert state.points == 1
    assert not math.isfinite(state.curve_TC[0, CURVES.index("train_loss")])


# -- the kept epoch ------------------------------------------------------------------------------------------

STEPS_PER_EPOCH_LR = 0.05


def one_bias_case(judge_target: float, **training: Any) -> tuple[Case, FitData]:
    """A fit that can be followed by hand: the only input is 0, so that the bias b alone learns the target 1.

    One batch an epoch, sgd: b <- b - lr * 2 * (b - 1), so 1 - b shrinks by 1 - 2 lr each epoch.
    """
    keys = {"optimizer": "sgd", "lr": STEPS_PER_EPOCH_LR, "batch_size": 8, "epochs": 60} | training
    case = Case(
        "one bias", Network.model_validate({"hidden": []}), Training.model_validate(keys), inputs=1, outputs=1
    )
    x = np.zeros((8, 1), np.float32)
    judge = Rows(x, np.full((8, 1), judge_target, np.float32))
    return case, FitData(Rows(x, np.ones((8, 1), np.float32)), judge, judge)


def bias_after(case: Case, epochs: int) -> float:
    """The bias after that many epochs, by hand."""
    start = float(case.start().parameters_P[1])
    return 1 - (1 - start) * (1 - 2 * STEPS_PER_EPOCH_LR) ** epochs


@pytest.mark.parametrize(("keep", "early_stopping"), [("best", "none"), ("last", "inner"), ("best", "inner")])
def test_the_best_epoch_is_the_one_counted_by_hand(trainer: Trainer, keep: str, early_stopping: str) -> None:
    """The judging rows ask for 0.8: the loss falls until the bias passes 0.8 and rises afterwards."""
    case, data = one_bias_case(0.8, keep=keep, early_stopping=early_stopping, patience=7)
    by_hand = min(range(1, 61), key=lambda epoch: abs(bias_after(case, epoch) - 0.8))
    assert 5 < by_hand < 50
    state = train(trainer, case, data=data)
    assert state.best_epoch == by_hand
    assert state.best_P[1] == pytest.approx(bias_after(case, by_hand), rel=1e-5)
    assert state.best_loss == pytest.approx((bias_after(case, by_hand) - 0.8) ** 2, rel=1e-3, abs=1e-9)
    assert state.status == "done"
    assert state.epoch == (by_hand + 7 if early_stopping == "inner" else 60)
    assert state.points == state.epoch


def test_of_equal_epochs_the_earliest_is_kept(trainer: Trainer) -> None:
    case, data = one_bias_case(0.8, keep="best", early_stopping="inner", patience=5, lr=1e-30)
    state = train(trainer, case, data=data)
    assert (state.best_epoch, state.epoch, state.status) == (1, 6, "done")


@pytest.mark.parametrize("judge", ["validation", "inner"])
def test_the_kept_network_is_the_curves_lowest_point(trainer: Trainer, judge: str) -> None:
    stopping = "inner" if judge == "inner" else "none"
    case = CASES["keep the best epoch"].but(early_stopping=stopping, patience=6, epochs=40)
    state = train(trainer, case)
    curve = state.curve_TC[: state.points, CURVES.index(f"{judge}_loss")]
    assert state.best_epoch == state.epoch_T[curve.argmin()]
    assert state.best_loss == curve.min()
    there = case.start()
    trainer.advance(case.job, case.data, there, state.best_epoch)
    assert there.parameters_P.tobytes() == state.best_P.tobytes()
    assert np.isnan(state.curve_TC[state.points :]).all()


def test_without_a_judge_nothing_is_kept(trainer: Trainer) -> None:
    case = CASES["sgd, dropout, short last batch"]
    state = train(trainer, case)
    assert (state.best_epoch, state.best_loss) == (0, math.inf)
    assert state.best_P.tobytes() == case.start().best_P.tobytes()


# -- poison --------------------------------------------------------------------------------------------------


def poisoned(case: Case, rows: Rows, poison: float) -> Rows:
    """The same number of rows, full of garbage, all categories unknown; their targets as far as the loss takes any."""
    kind = LOSSES[case.loss]
    bounded = kind.least is not None or kind.most is not None
    largest = kind.most if kind.most is not None else math.nextafter(math.inf, 0.0)
    keeps = rows.y.dtype.kind == "i" or (bounded and not 0.0 <= poison <= largest)
    y = rows.y[::-1].copy() if keeps else np.full_like(rows.y, poison)
    return Rows(case.coded(np.full_like(rows.x, poison)), y)


def of_training(state: State, *also_leave_out: str) -> tuple[Any, ...]:
    """All that training left in a state: every field, less the curves of the held-out rows."""
    columns = [number for number, name in enumerate(CURVES) if name not in HELD_OUT_CURVES]
    kept = dataclasses.replace(state, curve_TC=np.ascontiguousarray(state.curve_TC[:, columns]))
    return fingerprint(kept, *also_leave_out)


@RELATIONS
@given(
    case=drawn_cases(epochs=5),
    poison=st.sampled_from([math.nan, math.inf, -math.inf, 1e30, 0.0]),
)
def test_garbage_in_validation_rows_changes_no_training_byte(
    trainer: Trainer, case: Case, poison: float
) -> None:
    data = case.data
    clean = train(trainer, case, data=data)
    dirty = train(
        trainer, case, data=dataclasses.replace(data, validation=poisoned(case, data.validation, poison))
    )
    chosen_by_them = (
        ("best_P", "best_buffers", "best_epoch", "best_loss") if case.job.monitor == "validation" else ()
    )
    assert of_training(clean, *chosen_by_them) == of_training(dirty, *chosen_by_them)


def test_garbage_in_validation_rows_shows_in_their_own_curve(trainer: Trainer) -> None:
    """The witness for the relation above: the poison does reach what it may reach."""
    case = CASES["sgd, classes"]
    data = case.data
    dirty = train(
        trainer,
        case,
        data=dataclasses.replace(data, validation=poisoned(case, data.validation, math.nan)),
    )
    assert np.isnan(dirty.curve_TC[:, CURVES.index("validation_loss")]).all()
    assert dirty.status == "done"


# -- outputs and times ---------------------------------------------------------------------------------------


@RELATIONS
@given(case=drawn_cases(), rows=st.integers(0, 30))
def test_outputs_are_the_oracles(trainer: Trainer, case: Case, rows: int) -> None:
    import torch

    rng = np.random.default_rng(rows)
    x = case.coded(rng.normal(size=(rows, case.inputs)).astype(np.float32), rng)
    start, oracle = case.start(), case.oracle()
    oracle.model.eval()
    outputs = trainer.outputs(case.job.architecture, start.parameters_P, start.buffers, x)
    with torch.no_grad():
        expected = oracle.outputs(torch.tensor(x, dtype=torch.float64)).numpy()
    assert outputs.dtype == np.float32
    assert outputs.shape == (rows, case.width)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


def test_the_predicted_time_of_a_step_is_a_time(trainer: Trainer) -> None:
    case = CASES["the published network"]
    assert 0 < trainer.step_seconds(case.job, case.rows) < math.inf


def test_names_and_versions_tell_trainers_apart(trainer: Trainer) -> None:
    assert all(version.startswith(f"{trainer.name}-") for version in trainer.versions.values())
    table = build_architecture(Network(hidden=(3,)), (2,), 1)
    assert trainer.workers(table) in KINDS
    assert trainer.refuses(table, Training()) is None
