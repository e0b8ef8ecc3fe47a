"""joblib's seam: scikit-learn's search hands its fits to a backend; this one runs them in an order of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from joblib import parallel_config
from joblib.parallel import ParallelBackendBase, get_active_backend

from shoal.estimators._processes import Processes

Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
"""A function to call, with which arguments."""


@dataclass(frozen=True, eq=False)
class Turn:
    """The number of a fit, and what surrounds it; or its result, where it was fitted elsewhere already."""

    number: int
    around: AbstractContextManager[None] = field(default_factory=nullcontext)
    result: list[Any] | None = None


class Turns(ParallelBackendBase):  # type: ignore[misc]
    """Runs what is submitted in the caller's thread, in the turns that `order` gives; it is asked with this.

    A fit is numbered as it was submitted, from 0 in every call. A fault of `order` ends the call. `order` may
    have work done by `processes`, up to `jobs` with this one.
    """

    supports_sharedmem = True
    uses_threads = True

    def __init__(self, order: Callable[[Turns], Generator[Turn, None, None]], jobs: int = 1) -> None:
        super().__init__()
        self._order = order
        self._outer = get_active_backend()
        self.processes = Processes(self._outer[0], jobs)
        self._turns: Generator[Turn, None, None]
        self._submitted: list[_Submitted] = []

    def in_use(self) -> AbstractContextManager[Any]:
        """Within, a new `joblib.Parallel` takes its turns here."""
        return parallel_config(backend=self)  # type: ignore[no-any-return]

    def call(self, number: int) -> Call:
        """Give what a fit that was submitted calls."""
        (call,) = self._submitted[number].func.items
        return call  # type: ignore[no-any-return]

    def estimator(self, number: int) -> Any:
        """Give what a fit that was submitted fits: the first that scikit-learn's search hands to it."""
        _, arguments, _ = self.call(number)
        return arguments[0]

    def effective_n_jobs(self, _n_jobs: int | None) -> int:
        """Any number above 1 will do: with 1, joblib would ask no backend."""
        return 2

    def get_nested_backend(self) -> Any:
        """Give transformers that are parallel themselves what they would have without a search around."""
        return self._outer

    def configure(
        self, n_jobs: int = 1, parallel: Any = None, prefer: Any = None, require: Any = None, **options: Any
    ) -> int:
        """Begin to be used by a `joblib.Parallel`."""
        self.processes.begin(parallel, **options)
        return int(super().configure(n_jobs, parallel, prefer, require, **options))

    def start_call(self) -> None:
        """Begin a call of `joblib.Parallel`."""
        self._submitted, self._turns = [], self._order(self)

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], None]) -> _Submitted:
        """Note a fit."""
        self._submitted.append(_Submitted(self, func, callback))
        return self._submitted[-1]

    apply_async = submit  # its name before joblib 1.5

    def stop_call(self) -> None:
        """End the call, and whatever is still under way."""
        self._turns.close()

    def terminate(self) -> None:
        """Be used no more, and hold nothing of a search: nobody is to wait for the garbage collector."""
        self.processes.end()
        self._submitted, self._order, self.parallel = [], _nothing, None

    def next_turn(self) -> None:
        """Run the fit whose turn it is."""
        turn = next(self._turns)
        with turn.around:
            self._submitted[turn.number].run(turn.result)


def _nothing(_turns: Turns) -> Generator[Turn, None, None]:
    yield from ()


class _Submitted:
    """One fit; what came of it is asked for by `get`."""

    def __init__(self, turns: Turns, func: Any, callback: Callable[[Any], None]) -> None:
        self._turns, self._callback, self.func = turns, callback, func
        self._result: Any = None

    def run(self, result: list[Any] | None) -> None:
        """Run it, unless its `result` is there already."""
        func, self.func = self.func, None  # it holds the estimator
        assert func is not None  # noqa: S101 - every fit has one turn
        self._result = func() if result is None else result
        self._callback(self._result)

    def get(self, timeout: float | None = None) -> Any:
        """Wait for the result: others may come before it."""
        del timeout
        while self.func is not None:
            self._turns.next_turn()
        return self._result
