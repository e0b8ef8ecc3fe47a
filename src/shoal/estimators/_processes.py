"""Processes that do parts of a search beside this one: joblib's own, which scikit-learn's searches use too."""

from __future__ import annotations

import copy
import sys
import threading
import warnings
from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from joblib import parallel_config, wrap_non_picklable_objects
from joblib.parallel import LokyBackend
from threadpoolctl import ThreadpoolController

from shoal.engine import give_back_memory
from shoal.estimators._answers import warn_again


class _Made(NamedTuple):
    result: Any
    warned: list[warnings.WarningMessage]


class Back(NamedTuple):
    """What some work gave, told apart by its name; None where it failed, and is to be done here."""

    name: Any
    result: Any


class Processes:
    """Has work done by processes that are there already: nobody waits for one to start.

    They are the processes that joblib would have used for `jobs` jobs; where it would have used none (another backend,
    a thread within a thread, one job), there are none. This process counts as one of them.
    """

    def __init__(self, backend: Any, jobs: int) -> None:
        self._backend = copy.copy(backend) if jobs > 1 and isinstance(backend, LokyBackend) else None
        self.jobs, self.away = jobs, 0
        self._ready = threading.Event()
        self._back: SimpleQueue[tuple[Any, _Made | None]] = SimpleQueue()

    def begin(self, parallel: Any, **options: Any) -> None:
        """Ask for the processes, as scikit-learn's own search does."""
        if self._backend is None:
            return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that none are to be had here is no matter
                self._backend.configure(n_jobs=self.jobs, parallel=parallel, **options)
            for _ in range(self.jobs):  # whichever are free take one each
                self._submit(_import_all, lambda _: self._ready.set())
        except Exception:
            self._backend = None

    @cached_property
    def _threads(self) -> list[dict[str, Any]]:
        """How many threads linear algebra takes here: what it gives depends on it, in the last bits."""
        return list(_libraries(len(sys.modules)).info())

    @property
    def idle(self) -> bool:
        """Whether one would begin at once."""
        busy = self.away - self._back.qsize()
        return self._backend is not None and self._ready.is_set() and busy < self.jobs - 1

    def send(self, name: Any, work: Callable[[], Any]) -> bool:
        """Have work done; `back` gives what it gave. False where it cannot be sent."""
        # Sent as bytes: large arrays would be files that only a `joblib.Parallel` of its own takes away again.
        sent = wrap_non_picklable_objects(work, keep_wrapper=False)
        try:
            self._submit(partial(_make, sent, self._threads), partial(self._returned, name))
        except Exception:  # a process was killed, say
            self._backend = None
            return False
        self.away += 1
        return True

    def back(self, *, wait: bool) -> Back | None:
        """Give what some work gave; None where nothing is back yet."""
        try:
            name, made = self._back.get(block=wait)
        except Empty:
            return None
        self.away -= 1
        for warned in made.warned if made else ():
            warn_again(warned)
        return Back(name, made.result if made else None)

    def end(self) -> None:
        """Let the processes go, for whoever needs them next."""
        if self._backend is not None:
            self._backend.terminate()
            self._backend = None

    def _submit(self, call: Callable[[], Any], callback: Callable[[Any], None]) -> None:
        backend: Any = self._backend
        submit = getattr(backend, "submit", None) or backend.apply_async  # before joblib 1.5
        submit(call, callback)

    def _returned(self, name: Any, future: Any) -> None:
        try:
            self._back.put((name, future.result()))
        except BaseException:
            self._back.put((name, None))


def _import_all() -> None:
    import shoal.estimators  # noqa: F401 - what takes longest


@lru_cache(1)
def _libraries(_modules: int) -> ThreadpoolController:
    """Find the libraries that take threads: it takes milliseconds, and is done again once more modules are there."""
    return ThreadpoolController()


def _make(work: Callable[[], Any], threads: list[dict[str, Any]]) -> _Made:
    backend, jobs = LokyBackend(nesting_level=0).get_nested_backend()
    with (
        parallel_config(backend=backend, n_jobs=jobs),
        _libraries(len(sys.modules)).limit(limits=threads),
        warnings.catch_warnings(record=True) as warned,
    ):
        made = _Made(work(), warned)
        give_back_memory()
        return made
