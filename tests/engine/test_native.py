"""The native trainer as the engine sees it: what it refuses, how it stops and goes on, that fits do not meet."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal.engine._trainer import FitData, Job, Rows, State, initial_state
from shoal.engine.trainers import native_core
from shoal.engine.trainers.native import NativeTrainer
from shoal.engine.trainers.native_core import native_available, native_missing_reason, runnable_targets
from shoal.errors import ShoalError
from shoal.nets import build_architecture
from shoal.streams import StreamKey
from shoal.study import Conv, Network, Training

built = pytest.mark.skipif(not native_available(), reason="the native core is not built on this machine")


def make_job(repeat: int = 0, loss: Any = "mse", **training: Any) -> Job:
    network = Network(hidden=(12, 7), activation="sigmoid", dropout=0.2)
    settings = {"batch_size": 8, "epochs": 40, "lr": 0.01, **training}
    return Job(build_architecture(network, (2,), 2), Training(**settings), loss, StreamKey(4, 1, repeat))


def make_data(loss: str = "mse", scale: float = 1.0) -> FitData:
    rng = np.random.default_rng(0)

    def rows(count: int) -> Rows:
        x = (scale * rng.standard_normal((count, 2))).astype(np.float32)
        return Rows(x, (x[:, 0] > 0).astype(np.int64) if loss == "cross-entropy" else np.sin(x))

    return FitData(rows(29), rows(11), rows(10))


def trained(job: Job, data: FitData, *stops: int) -> State:
    state = initial_state(job)
    for stop in stops or (job.training.epochs,):
        NativeTrainer().advance(job, data, state, stop)
    return state


def bytes_of(state: State) -> tuple[Any, ...]:
    arrays = (state.parameters_P, state.first_P, state.second_P, state.best_P, state.curve_TC)
    facts = (
        state.epoch,
        state.points,
        state.best_epoch,
        state.best_loss,
        state.status,
        state.diverged_epoch,
        state.diverged_batch,
    )
    return *(array.tobytes() for array in arrays), *facts


def test_importing_the_module_needs_neither_torch_nor_the_core() -> None:
    script = "import sys, shoal.engine.trainers.native; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (None, "was not built; install GCC or Clang (g++, clang++) and reinstall shoal"),
        (Path("_core.so"), "was built for another version of Shoal, or another system; reinstall shoal"),
    ],
)
def test_without_the_library_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, file: Path | None, sentence: str
) -> None:
    monkeypatch.delenv("SHOAL_NATIVE", raising=False)
    monkeypatch.setattr(native_core, "load_library", lambda path=None: None)
    monkeypatch.setattr(native_core, "core_file", lambda: file)
    sentence = f"the native trainer {sentence}"
    assert not native_available()
    assert native_missing_reason() == sentence
    job = make_job()
    assert NativeTrainer().refuses(job.architecture, job.training) == sentence
    with pytest.raises(ShoalError) as caught:
        NativeTrainer().advance(job, make_data(), initial_state(job), 1)
    assert str(caught.value) == sentence


def test_a_missing_or_foreign_file_is_no_library(tmp_path: Any) -> None:
    assert native_core.load_library(tmp_path / "absent.so") is None
    (tmp_path / "foreign.so").write_bytes(b"not a library")
    assert native_core.load_library(tmp_path / "foreign.so") is None


@built
def test_another_build_of_the_core_trains_to_the_same_bytes(tmp_path: Any) -> None:
    library = native_core.load_library()
    assert library is not None
    other = tmp_path / "other.so"
    other.write_bytes(Path(library._name).read_bytes())
    job, data, states = make_job(), make_data(), []
    for trainer in (NativeTrainer(), NativeTrainer(core=other)):
        states.append(initial_state(job))
        trainer.advance(job, data, states[-1], 2)
    assert states[0].parameters_P.tobytes() == states[1].parameters_P.tobytes()
    (tmp_path / "foreign.so").write_bytes(b"not a library")
    with pytest.raises(ShoalError):
        NativeTrainer(core=tmp_path / "foreign.so").advance(job, data, initial_state(job), 1)


def test_an_old_processor_is_named_as_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOAL_NATIVE", raising=False)
    monkeypatch.setattr(native_core, "runnable_targets", lambda: ("portable",))
    monkeypatch.setattr(native_core, "load_library", lambda path=None: object())
    assert (
        native_missing_reason()
        == "the native trainer needs a processor with AVX2 and FMA (x86-64), or 64-bit Arm"
    )


@built
def test_the_environment_chooses_the_width_or_switches_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_NATIVE", "portable")
    assert native_available()
    monkeypatch.setenv("SHOAL_NATIVE", "off")
    assert not native_available()
    assert (
        native_missing_reason()
        == f"SHOAL_NATIVE is 'off', which is not one of {', '.join(runnable_targets())}"
    )
    monkeypatch.delenv("SHOAL_NATIVE")
    assert native_missing_reason() == ""


@built
def test_it_takes_batch_norm_and_groups_and_so_many_convolutions() -> None:
    trainer, training = NativeTrainer(), Training()
    normed = build_architecture(Network(batch_norm=True), (3,), 1)
    grouped, deep, deeper = (
        build_architecture(
            Network(kind="cnn", conv=(Conv(channels=2, padding=1, groups=groups),) * count, batch_norm=True),
            (2, 8, 8),
            2,
        )
        for groups, count in ((2, 1), (1, 32), (1, 33))
    )
    assert trainer.refuses(normed, training) is None
    assert trainer.refuses(grouped, training) is None
    assert trainer.refuses(deep, training) is None
    assert trainer.refuses(deeper, training) == "the native trainer takes up to 32 convolutions"


@built
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
def test_where_a_slice_ends_changes_no_byte(optimizer: str, loss: str) -> None:
    job, data = make_job(loss=loss, optimizer=optimizer, keep="best", schedule="cosine"), make_data(loss)
    whole = trained(job, data)
    assert whole.status == "done"
    assert bytes_of(trained(job, data, 1, 2, 13, 13, 39, 1000)) == bytes_of(whole)


@built
def test_in_the_main_thread_python_has_its_turn_between_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wish to stop is heard there: in another thread, where none arrives, the core works on."""
    monkeypatch.setattr("shoal.engine.trainers.native.BREATH_SECONDS", 0.0)
    monkeypatch.setattr("shoal.engine.trainers.native.PAUSE_INTERVAL", 1)
    calls: list[str] = []
    real = native_core.call

    def counted(*given: Any) -> None:
        calls.append(threading.current_thread().name)
        real(*given)

    monkeypatch.setattr("shoal.engine.trainers.native.call", counted)
    job, states = make_job(epochs=5), list[State]()
    other = threading.Thread(target=lambda: states.append(trained(job, make_data())), name="other")
    other.start()
    other.join()
    states.append(trained(job, make_data()))
    assert calls.count("other") == 1
    assert len(calls) == 1 + 5 * 4  # batches of 8 of 29 rows
    assert bytes_of(states[0]) == bytes_of(states[1])


@built
def test_fits_in_two_threads_give_the_bytes_that_they_give_alone() -> None:
    data = make_data()
    jobs = [make_job(repeat, optimizer=("adam", "sgd")[repeat % 2]) for repeat in range(12)]
    alone = [bytes_of(trained(job, data)) for job in jobs]
    among: dict[int, tuple[Any, ...]] = {}

    def work(numbers: list[int]) -> None:
        for number in numbers:
            among[number] = bytes_of(trained(jobs[number], data, 5, 40))

    threads = [threading.Thread(target=work, args=(list(range(12))[start::2],)) for start in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [among[number] for number in range(12)] == alone


@built
def test_a_fit_that_diverges_says_where_and_stays_there() -> None:
    job, data = make_job(optimizer="sgd", lr=1e20), make_data(scale=10)
    state = trained(job, data)
    assert (state.status, state.epoch) == ("diverged", 0)
    assert state.diverged_epoch == 1
    assert 2 <= state.diverged_batch <= 4
    before = bytes_of(state)
    NativeTrainer().advance(job, data, state, 40)
    assert bytes_of(state) == before


@built
def test_an_infinite_input_is_found_in_its_batch() -> None:
    job, data = make_job(), make_data()
    data.train.y[:] = np.inf
    state = trained(job, data)
    assert (state.status, state.diverged_epoch, state.diverged_batch) == ("diverged", 1, 1)
    np.testing.assert_array_equal(state.parameters_P, initial_state(job).parameters_P)


@built
def test_early_stopping_keeps_the_best_epoch_and_ends_after_patience() -> None:
    job = make_job(epochs=400, early_stopping="inner", patience=5, keep="best", lr=0.3)
    data = make_data()
    state = trained(job, data)
    judged = state.curve_TC[: state.points, 2]
    assert state.status == "done"
    assert state.epoch < 400
    assert state.best_epoch == state.epoch_T[int(np.argmin(judged))]
    assert state.best_loss == judged.min()
    assert state.epoch == state.best_epoch + 5
    at_best = trained(job, data, state.best_epoch)
    np.testing.assert_array_equal(state.best_P, at_best.parameters_P)


@built
def test_accuracy_and_loss_of_the_curve_are_those_of_the_outputs() -> None:
    job, data = make_job(loss="cross-entropy"), make_data("cross-entropy")
    state = trained(job, data)
    for rows, loss, accuracy in ((data.train, 0, 3), (data.validation, 1, 4)):
        logits = (
            NativeTrainer()
            .outputs(job.architecture, state.parameters_P, state.buffers, rows.x)
            .astype(np.float64)
        )
        losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(rows)), rows.y]
        np.testing.assert_allclose(state.curve_TC[-1, loss], losses.mean(), rtol=1e-6)
        assert state.curve_TC[-1, accuracy] == np.mean(logits.argmax(1) == rows.y)
    assert np.isnan(make_curve := trained(make_job(), make_data()).curve_TC[:, 3:]).all(), make_curve


@built
def test_a_state_that_came_from_a_file_is_taken() -> None:
    """Arrays may be read-only or of another layout."""
    job, data = make_job(), make_data()
    half = trained(job, data, 20)
    for name in ("parameters_P", "first_P", "second_P", "best_P", "curve_TC"):
        frozen = getattr(half, name).copy()
        frozen.flags.writeable = False
        setattr(half, name, frozen)
    NativeTrainer().advance(job, data, half, 40)
    assert bytes_of(half) == bytes_of(trained(job, data))


@built
def test_no_rows_give_no_outputs() -> None:
    job = make_job()
    empty = NativeTrainer().outputs(
        job.architecture, initial_state(job).parameters_P, np.zeros(0), np.zeros((0, 2))
    )
    assert empty.shape == (0, 2)


@built
def test_a_step_is_timed_once_a_shape() -> None:
    trainer = NativeTrainer()
    seconds = trainer.step_seconds(make_job(), 29)
    assert 0 < seconds < 1
    assert trainer.step_seconds(make_job(repeat=3, lr=0.5), 29) == seconds
