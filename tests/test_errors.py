"""The tree of errors: what is a ValueError too, what travels, and what no `except ValueError` may swallow."""

from __future__ import annotations

import pickle
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import shoal
from shoal import errors
from shoal.engine import Fit, FitRows, TableInMemory, TableRows, _study_rows, _train, trainer_for
from shoal.errors import DataError, Problem, ShoalError
from shoal.estimators._training_tasks import Task
from shoal.study import Network, Training


def tree(kind: type[ShoalError]) -> list[type[ShoalError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]


@pytest.mark.parametrize("kind", tree(ShoalError))
def test_the_tree_that_is_drawn_is_the_tree(kind: type[ShoalError]) -> None:
    """Its line holds the exit code, and says of a branch that it is a ValueError."""
    line = re.search(rf"^[ │├└─]*{kind.__name__} +(ValueError +)?(\d+|exit code)", errors.__doc__ or "", re.M)
    assert line, kind
    if kind is not ShoalError:
        assert kind.exit_code == int(line[2])
    branch = next(
        (name for name in (errors.InputError, errors.TrainingError) if issubclass(kind, name)), None
    )
    assert (
        issubclass(kind, ValueError)
        == (branch is not None)
        == (kind.exit_code == 2 and kind is not ShoalError)
    )
    assert bool(line[1]) == (kind is branch)
    said = kind([Problem("here", "this"), Problem("", "that")])
    again = pickle.loads(pickle.dumps(said))  # noqa: S301 - its own bytes
    assert (type(again), again.problems, str(again)) == (kind, said.problems, "here: this\nthat")


def test_except_value_error_sees_what_is_refused() -> None:
    for refused in (
        lambda: shoal.load_study("two-peaks", ["training.lr=0"]),
        lambda: shoal.load("no-such-folder"),
        lambda: shoal.MLPRegressor(
            (3,), "identity", optimizer="sgd", learning_rate_init=1e9, max_iter=30
        ).fit(np.eye(4), np.arange(4)),
    ):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - any sentence
            refused()
        assert isinstance(caught.value, ShoalError)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("odd"), "ValueError: odd"),
        (IndexError("index 3 is out of bounds\nfor axis 0"), "IndexError: index 3 is out of bounds"),
        (KeyError("bias"), "KeyError: 'bias'"),
        (TypeError("no len()"), "TypeError: no len()"),
        (AssertionError(), "AssertionError: "),
        (StopIteration(), "StopIteration: "),
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
        (type("Own", (Exception,), {})("of a library"), "Own: of a library"),
    ],
)
def test_any_other_error_within_a_fit_is_a_failed_fit(error: Exception, message: str) -> None:
    assert _train.failure(error, "") == message


@pytest.mark.parametrize(
    "error", [DataError("no"), errors.EnvironmentFault("no"), OSError("disk"), TimeoutError()]
)
def test_refusals_and_a_failing_machine_are_raised(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        _train.failure(error, "")
    assert caught.value is error


def test_a_lack_of_memory_is_the_machines() -> None:
    with pytest.raises(
        errors.EnvironmentFault, match=r"^out of memory while training; fewer jobs need less$"
    ):
        _train.failure(MemoryError(), "fewer jobs need less")


def test_what_is_refused_within_a_fit_is_no_failed_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DataError ends the run with its own sentence; another error is a fit with the status "failed"."""
    rows = np.arange(6)
    x, y = np.eye(6, dtype=np.float32), np.ones((6, 1), np.float32)
    task = Task("a", Network(hidden=(2,)), Training(epochs=1, validation=0.0), "regression", x, y, 1, rows)
    table = TableInMemory(x, y)
    trainer = trainer_for(task.job, "cpu", "float32")
    fit = Fit("a", task.job, FitRows(rows, rows[:0], rows[:0]), trainer.versions["table"])

    def fails(error: Exception) -> Any:
        def prepared(*_: object) -> None:
            raise error

        monkeypatch.setattr(TableRows, "prepared", prepared)
        return _train.train_fit(fit, TableRows((table,)), trainer, None, lambda _: None)

    for odd in (ValueError("odd"), LookupError("odd")):
        record = fails(odd)
        assert (record.status, record.message) == ("failed", f"{type(odd).__name__}: odd")
    with pytest.raises(KeyboardInterrupt):
        fails(KeyboardInterrupt())  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"^column: refused$"):
        fails(DataError(Problem("column", "refused")))


def test_what_is_refused_within_a_fit_of_a_study_is_no_failed_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(*_: object) -> None:
        raise DataError(Problem("column", "refused"))

    monkeypatch.setattr(_study_rows, "prepare", prepare)
    asked: Any = SimpleNamespace(dataset=None, split=None, standardize="none", permuted=False)
    rows = _study_rows.StudyRows(asked, "none")
    with pytest.raises(DataError, match=r"^column: refused$"):
        _train.train_fit(asked, rows, asked, None, lambda _: None)
