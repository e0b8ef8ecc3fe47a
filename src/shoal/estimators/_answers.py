"""Who fits a network: its own `fit` asks, and a search around it answers, which has it trained with others."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from shoal.errors import TrainingError
from shoal.estimators._training_tasks import Task, TaskResult


class FitArguments(NamedTuple):
    """What a network is fitted to."""

    x: Any
    y: Any
    sample_weight: Any


class FitCall(Protocol):
    """Fits the network that asks, in this thread."""

    def __call__(
        self, task: Task | None = None, note: Callable[[TaskResult, Task], None] | None = None
    ) -> None:
        """Train its own task, or the one that is given; `note` hears what came of it, failed or not."""
        ...


Answer = Callable[[Any, FitArguments, FitCall], None]
"""Is asked by a network (an estimator) to fit it."""


def at_once(_network: Any, _arguments: FitArguments, fit: FitCall) -> None:
    """Let a network be fitted here and now."""
    fit()


_answering: ContextVar[Answer] = ContextVar("answering", default=at_once)


@contextmanager
def answered(answer: Answer) -> Iterator[None]:
    """Within, `answer` fits networks."""
    before = _answering.set(answer)
    try:
        yield
    finally:
        _answering.reset(before)


def first_asked(network: Callable[[], Any], answer: Answer) -> Answer:
    """Answer a certain network the first time that it asks; whatever else asks is fitted at once.

    A network's `fit` may be a subclass's, which trains others on the way, or itself once more; a score may train some.
    """
    waited_for = True

    def once(asking: Any, arguments: FitArguments, fit: FitCall) -> None:
        nonlocal waited_for
        if waited_for and asking is network():
            waited_for = False
            answer(asking, arguments, fit)
        else:
            fit()

    return once


def ask(network: Any, arguments: FitArguments, fit: FitCall) -> None:
    """Have a network fitted by whoever answers."""
    _answering.get()(network, arguments, fit)


@dataclass(frozen=True, eq=False)
class Known:
    """What came of a network that was trained elsewhere: what fitting sets, or how it failed; what it warned of."""

    attributes: dict[str, Any]
    failure: str | None
    warned: list[warnings.WarningMessage]

    def __call__(self, network: Any, _arguments: FitArguments, _fit: FitCall) -> None:
        """Answer a network of the same parameters and rows."""
        with warnings.catch_warnings():
            pass  # as where rows are checked: what was said once is said again
        for warned in self.warned:
            warn_again(warned)
        if self.failure is not None:
            raise TrainingError(self.failure)
        vars(network).update(self.attributes)


def warn_again(warned: warnings.WarningMessage) -> None:
    """Issue a warning as it was issued before, from the same place of the same module.

    What no module's file holds comes from a notebook, a command line or another process's script: from `__main__`.
    """
    modules = list(sys.modules.values())
    origin = next((module for module in modules if _file(module) == warned.filename), sys.modules["__main__"])
    warnings.warn_explicit(
        warned.message,
        warned.category,
        warned.filename,
        warned.lineno,
        module=origin.__name__,
        registry=vars(origin).setdefault("__warningregistry__", {}),
        source=warned.source,
    )


def _file(module: Any) -> str | None:
    # Asked for by itself, a lazy module may import more.
    return getattr(module, "__dict__", {}).get("__file__")
