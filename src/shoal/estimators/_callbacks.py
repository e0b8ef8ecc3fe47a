"""FitCallbacks of one fit: scikit-learn's callbacks (since its version 1.9) and the lines of `verbose`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator

from shoal.engine import State

__all__ = ["CallbackSupport", "FitCallbacks", "is_followed", "muted", "say"]

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
except ImportError:  # scikit-learn before 1.9

    class CallbackSupport:  # type: ignore[no-redef]
        """Stands in where scikit-learn has no callbacks."""


def is_followed(search: Any, estimator: Any) -> bool:
    """Whether a callback would be told of the fits of an estimator within a search: its own, or one handed down."""
    depths = [getattr(part, "max_propagation_depth", 0) for part in getattr(search, "_skl_callbacks", ())]
    return any(depth != 0 for depth in depths) or any(
        vars(part).get("_skl_callbacks") for part in _parts(estimator)
    )


def muted(estimator: Any) -> Any:
    """Take the callbacks out of an estimator: its fit is only tried, and told of where it counts."""
    for part in _parts(estimator):
        part.__dict__.pop("_skl_callbacks", None)
    return estimator


def _parts(estimator: Any) -> list[Any]:
    parts = [estimator, *estimator.get_params().values()]
    return [part for part in parts if isinstance(part, BaseEstimator | CallbackSupport)]


class FitCallbacks:
    """Follows the fit of one estimator, epoch by epoch where somebody listens."""

    def __init__(self, estimator: Any, x: Any, y: Any, sample_weight: Any) -> None:
        """Begin: callbacks are set up, and told what is fitted to what."""
        self._estimator = estimator
        self._context: Any = None
        self._epoch: Any = None
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._arguments = {"estimator": estimator, "X": x, "y": y, "metadata": metadata}
        begin = getattr(estimator, "_init_callback_context", None)
        if begin is not None:
            self._context = begin(max_subtasks=estimator.max_iter)
            self._context.call_on_fit_task_begin(**self._arguments)

    def on_epoch(self, fitted: Callable[[State], dict[str, Any]]) -> Callable[[State], bool] | None:
        """Give what is to be called after every epoch, or None where nobody listens.

        `fitted` turns a state into the attributes of the estimator as if fitting had stopped there.
        """
        listened = self._context is not None and bool(getattr(self._estimator, "_skl_callbacks", ()))
        if not (listened or self._estimator.verbose):
            return None

        def after(state: State) -> bool:
            if self._estimator.verbose:
                say(state)
            return listened and self._epoch_ended(state, lambda: fitted(state))

        if listened:
            self._epoch_begins()
        return after

    def end(self) -> None:
        """Say that the fit is done; the estimator is fitted now."""
        if self._context is not None:
            self._context.call_on_fit_task_end(**self._arguments, reconstruction_attributes=dict)

    def _epoch_begins(self) -> None:
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._arguments)

    def _epoch_ended(self, state: State, fitted: Callable[[], dict[str, Any]]) -> bool:
        stop = bool(self._epoch.call_on_fit_task_end(**self._arguments, reconstruction_attributes=fitted))
        if state.status == "training" and not stop:
            self._epoch_begins()
        return stop


def say(state: State) -> bool:
    """Print the losses after an epoch, if it was evaluated; False: go on."""
    place = state.points - 1
    if place >= 0 and state.epoch_T[place] == state.epoch:
        train, _, inner = state.curve_TC[place, :3]
        validation = "" if math.isnan(inner) else f", validation loss = {inner:.8f}"
        print(f"Iteration {state.epoch}, loss = {train:.8f}{validation}")
    return False
