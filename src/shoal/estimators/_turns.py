"""joblib's seam: scikit-learn's search hands its fits to a backend; this one runs them here, in an order of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import Any

from joblib import parallel_config
from joblib.parallel import ParallelBackendBase, get_active_backend

Turn = tuple[int, AbstractContextManager[None]]
"""The number of a fit, and what surrounds it."""


class Turns(ParallelBackendBase):  # type: ignore[misc]
    """Runs what is submitted in the caller's thread, in the turns that `order` gives.

    A fit is numbered as it was submitted, from 0 in every call. A fault of `order` ends the call.
    """

    supports_sharedmem = True
    uses_threads = True

    def __init__(self, order: Callable[[], Generator[Turn, None, None]]) -> None:
        super().__init__()
        self._order = order
        self._outer = get_active_backend()
        self._turns: Generator[Turn, None, None]
        self._submitted: list[_Submitted] = []

    def in_use(self) -> AbstractContextManager[Any]:
        """Within, a new `joblib.Parallel` takes its turns here."""
        return parallel_config(backend=self)  # type: ignore[no-any-return]

    def effective_n_jobs(self, _n_jobs: int | None) -> int:
        """Any number above 1 will do: with 1, joblib would ask no backend."""
        return 2

    def get_nested_backend(self) -> Any:
        """Give transformers that are parallel themselves what they would have without a search around."""
        return self._outer

    def start_call(self) -> None:
        """Begin a call of `joblib.Parallel`."""
        self._submitted, self._turns = [], self._order()

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], None]) -> _Submitted:
        """Note a fit."""
        self._submitted.append(_Submitted(self, func, callback))
        return self._submitted[-1]

    apply_async = submit  # its name before joblib 1.5

    def stop_call(self) -> None:
        """End the call, and whatever is still under way."""
        self._turns.close()

    def next_turn(self) -> None:
        """Run the fit whose turn it is."""
        number, around = next(self._turns)
        with around:
            self._submitted[number].run()


class _Submitted:
    """One fit; what came of it is asked for by `get`."""

    def __init__(self, turns: Turns, func: Callable[[], Any], callback: Callable[[Any], None]) -> None:
        self._turns, self._callback = turns, callback
        self._func: Callable[[], Any] | None = func
        self._result: Any = None

    def run(self) -> None:
        func, self._func = self._func, None  # it holds the estimator
        assert func is not None  # noqa: S101 - every fit has one turn
        self._result = func()
        self._callback(self._result)

    def get(self, timeout: float | None = None) -> Any:
        """Wait for the result: others may come before it."""
        del timeout
        while self._func is not None:
            self._turns.next_turn()
        return self._result
