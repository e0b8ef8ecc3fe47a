"""What all estimators share: from checked rows to a task, from what came of it to a fitted estimator.

Letters: N rows, D inputs, K outputs or classes, P parameters.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils.validation import check_is_fitted

from shoal.data import Preprocessing, draw_share
from shoal.engine import CURVES, State, flat_arrays, initial_state, network_outputs
from shoal.errors import InputError, TrainingError
from shoal.estimators._answers import FitArguments, ask
from shoal.estimators._callbacks import CallbackSupport, FitCallbacks, say
from shoal.estimators._course import Course
from shoal.estimators._drawn import DrawnNetwork
from shoal.estimators._fold_networks import FoldNetworks, train_folds
from shoal.estimators._inputs import (
    CheckedRows,
    Prepared,
    checked_weight,
    training_rows,
    with_class_weight,
    without_idle_rows,
)
from shoal.estimators._layers import module_of
from shoal.estimators._names import NO_SCORES, KnownNames
from shoal.estimators._parameters import batch_rows, refuse_lone_row, seed_of, training_of, with_suggestion
from shoal.estimators._training_tasks import (
    Task,
    TaskResult,
    likely_causes,
    refuse_other_layers,
    refuse_other_loss,
    result_so_far,
    train_one,
)
from shoal.kinds import Task as TaskName
from shoal.kinds import has_classes
from shoal.nets import OwnNetwork, loss_of
from shoal.streams import StreamKey
from shoal.study import Network
from shoal.wording import counted

INNER_STREAM = 2**31
"""The split number whose stream draws the rows that early stopping holds out."""


class NetworkEstimator(KnownNames, DrawnNetwork, CallbackSupport, BaseEstimator):  # type: ignore[misc]
    """A network behind scikit-learn's interface; kinds of task and of network are its subclasses'.

    A search takes the steps of `fit` apart: `_prepared` once for the rows of a fold, `_task` for each candidate,
    and `_adopt` of what the engine made of it.
    """

    _kind: ClassVar[Any]
    _auto_batch: ClassVar[int]
    _prepared_by: ClassVar[tuple[str, ...]] = ("dtype",)
    """The parameters on which `_prepared` rests: where these are equal, so is what it gives for the same rows."""
    _task_kind: TaskName | None = None
    """What was learned, where the targets said so."""
    _encoding: Preprocessing | None = None
    """What the rows of the fit taught of columns of a table."""

    # Set by fitting
    parameters_: dict[str, NDArray[Any]]
    best_loss_: float | None
    _loss: str
    _folds: FoldNetworks
    _seed: int
    _optimizer: _Optimizer | Task | None
    """Where the optimiser stands, or the task that says so once it is trained again; None where that is lost."""

    def _validate_params(self) -> None:
        with with_suggestion(self):
            super()._validate_params()

    # -- what subclasses say ---------------------------------------------------------------------------------

    def _checked(self, x: Any, *, reset: bool) -> CheckedRows:
        """Check inputs; `reset` notes what they look like."""
        raise NotImplementedError

    def _targets(self, y: Any, prepared: Prepared, known: Any) -> Prepared:
        """Check targets and add them; `known` is what they must fit, None where nothing is known yet."""
        raise NotImplementedError

    def _known(self) -> Any:
        """What targets must fit, once they are known: classes, or the number of targets."""
        raise NotImplementedError

    def _network(self, input_shape: tuple[int, ...]) -> Network | OwnNetwork:
        """Give the network that the parameters ask for."""
        raise NotImplementedError

    @property
    def _settings(self) -> Mapping[str, Any]:
        """Give the parameters by name, as training is asked for."""
        return vars(self)

    def _predicted(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn outputs into what they predict of each target, or of each class, float64 (N, K)."""
        raise NotImplementedError

    # -- the public face -------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the network on X and y, anew unless `warm_start`.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (N, D)
            Inputs; cells of a table may be missing, NaN or None. An estimator of images also takes images.
        y : array-like of shape (N,) or (N, K)
            Targets. A classifier takes several columns, or a sparse matrix, as labels: 1 where a row has it, else 0.
        sample_weight : array-like of shape (N,), default=None
            What each row's loss counts; of a batch, the weighted mean is minimised.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            Where a parameter, X, y or sample_weight is refused.
        shoal.TrainingError
            Where the fit diverges: its loss or a parameter is not finite any more.
        """
        if self.warm_start and self.calibration is not None:
            what = "expected False with calibration, since networks of folds begin anew"
            raise ValueError(f"warm_start: {what}, got {self.warm_start!r}")
        callbacks = FitCallbacks(self, X, y, sample_weight)
        with self._kept_as_it_was():
            self._fit(FitArguments(X, y, sample_weight), callbacks)
            self._calibrate(FitArguments(X, y, sample_weight))
        callbacks.end()
        return self

    @property
    def module_(self) -> Any:
        """The trained network as a torch.nn.Module, in evaluation mode: a new one each time, free to be changed."""
        check_is_fitted(self, "parameters_")
        return module_of(self._architecture, self.parameters_)

    @property
    def out_activation_(self) -> str:
        """What follows the output layer: in regression "identity" or, of counts, "exp"; "softmax" for classes, two of
        them too; "sigmoid" for several labels.
        """
        check_is_fitted(self, "parameters_")
        return loss_of(self._loss).link

    @property
    def validation_scores_(self) -> None:
        """None, as scikit-learn has it without early stopping; AttributeError with it."""
        return self._no_scores("validation_scores_")

    @property
    def best_validation_score_(self) -> None:
        """None, as scikit-learn has it without early stopping; AttributeError with it."""
        return self._no_scores("best_validation_score_")

    # -- the steps of a fit ----------------------------------------------------------------------------------

    @contextmanager
    def _kept_as_it_was(self) -> Iterator[None]:
        """Where a fit within fails, a fitted estimator stays as it was: it never mixes two fits."""
        was = dict(vars(self))
        try:
            yield
        except BaseException:
            if "parameters_" in was:
                self.__dict__ = was
            raise

    def _fit(self, arguments: FitArguments, callbacks: FitCallbacks) -> None:
        def fit(task: Task | None = None, note: Callable[[TaskResult, Task], None] | None = None) -> None:
            self._fit_here(arguments, callbacks, task, note)

        ask(self, arguments, fit)

    def _fit_here(
        self,
        arguments: FitArguments,
        callbacks: FitCallbacks,
        task: Task | None,
        note: Callable[[TaskResult, Task], None] | None,
    ) -> None:
        again = self.warm_start and "parameters_" in vars(self)
        before = Course.of(self) if again else Course()
        prepared = self._prepared(*arguments, again=again)
        task = task or self._task(prepared)
        if again:
            task = replace(task, start=self._from_here(task))

        def fitted(state: State) -> dict[str, Any]:
            return self._fitted(task, prepared, result_so_far(state, task), before)

        trained = train_one(task, device=self.device, on_epoch=callbacks.on_epoch(fitted))
        if note is not None:
            note(trained, task)
        self._adopt(trained, task, prepared, before)

    def _prepared(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        rows: NDArray[np.int64] | None = None,
        again: bool = False,
        known: Any = None,
    ) -> Prepared:
        """Check what is fitted to; `rows` (all by default) are those to learn from; see `_targets` for `known`."""
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        prepared = Prepared.of(self._checked(x, reset=not again), rows)
        weight_N = checked_weight(sample_weight, len(prepared.x))
        if weight_N is not None:
            prepared = replace(prepared, sample_weight=weight_N.astype(self.dtype))
        prepared = without_idle_rows(self._targets(y, prepared, self._known() if again else known))
        return prepared.encoded(self.dtype, self._encoding if again else None)

    @property
    def _preparation(self) -> tuple[str, ...]:
        """What `_prepared` rests on, to be compared."""
        return tuple(repr(np.asarray(getattr(self, name)).tolist()) for name in self._prepared_by)

    def _task(self, prepared: Prepared, *, key: str = "fit", seed: int | None = None) -> Task:
        """Give the task of fitting to prepared rows, with the seed of another task, or one of its own."""
        parameters, seed = vars(self), seed_of(self.random_state) if seed is None else seed
        inner = self._inner_rows(prepared, seed)
        prepared = with_class_weight(prepared, inner, parameters.get("class_weight"))
        most = batch_rows(self.batch_size, self._auto_batch)
        learned = training_rows(prepared, inner, most)
        network = self._network(prepared.x.shape[1:])
        training = training_of(self._settings, min(most, len(learned.rows)), prepared.task or self._kind)
        refuse_lone_row(network, training, len(learned.rows))
        return Task(
            key=key,
            network=network,
            training=training,
            task=prepared.task or self._kind,
            x=prepared.x,
            y=prepared.y,
            outputs=prepared.outputs,
            train_rows=learned.rows,
            inner_rows=inner,
            sample_weight=learned.sample_weight,
            share=prepared.share,
            seed=seed,
            dtype=self.dtype,
            code_rows=() if prepared.encoding is None else prepared.encoding.code_rows,
        )

    def _inner_rows(self, prepared: Prepared, seed: int) -> NDArray[np.int64]:
        """Draw the rows that decide early stopping, the same share of every class; none without it."""
        rows = prepared.rows
        if not self.early_stopping:
            return rows[:0]
        labels = prepared.y[rows] if has_classes(prepared.task or self._kind) else None
        share = self.validation_fraction
        held_N = draw_share(len(rows), share, StreamKey(seed, INNER_STREAM, 0), labels, None)
        if not held_N.any() or held_N.all():
            what = "validation_fraction: expected a share that leaves rows on both sides"
            raise ValueError(f"{what}, got {share} of {counted(len(rows), 'row')}")
        return rows[held_N]

    def _adopt(self, trained: TaskResult, task: Task, prepared: Prepared, before: Course) -> Self:
        """Be fitted, by what came of a task. Raises TrainingError for a failed fit."""
        if trained.status != "ok":
            raise TrainingError(self._failure(trained, task))
        for name, value in self._fitted(task, prepared, trained, before).items():
            setattr(self, name, value)
        self._optimizer = None if trained.state is None else _Optimizer.after(trained.state, task)
        return self

    def _fitted(self, task: Task, prepared: Prepared, trained: TaskResult, before: Course) -> dict[str, Any]:
        """Give the attributes of the estimator that is fitted so, after what went `before`."""
        inner_rows = len(task.inner_rows)
        return {
            **prepared.fitted,
            **before.then(trained, len(prepared.rows) - inner_rows, early_stopping=inner_rows > 0),
            "parameters_": trained.parameters,
            "_architecture": task.job.architecture,
            "_loss": task.job.loss,
            "_encoding": prepared.encoding,
            "_task_kind": prepared.task,
            **({} if self.calibration is None else {"_seed": task.seed}),
        }

    def _failure(self, trained: TaskResult, task: Task) -> str:
        causes = likely_causes(task, self.learning_rate_init)
        return f"{type(self).__name__}: the fit {trained.message}; likely causes are {causes}"

    # -- how sure predictions are ----------------------------------------------------------------------------

    def _calibrate(self, arguments: FitArguments) -> None:
        """Train the networks of the folds where `calibration` asks for them, and let go of earlier ones."""
        for name in ("_folds", "temperature_"):
            self.__dict__.pop(name, None)
        if self.calibration is None:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of these rows all was said where they were fitted
            prepared = self._prepared(*arguments, again=True)
        self._folds = train_folds(self, prepared, self._seed)
        if self._folds.temperature is not None:
            self.temperature_ = self._folds.temperature

    def _fold_networks(self, where: str, calibration: str) -> FoldNetworks:
        """Give the networks of the folds. Raises InputError, a ValueError, where there are none."""
        check_is_fitted(self, "parameters_")
        if "_folds" not in vars(self):
            raise InputError(
                f'{where}: expected {type(self).__name__}(calibration="{calibration}") as it was fitted, got none'
            )
        return self._folds

    # -- training further ------------------------------------------------------------------------------------

    def _from_here(self, task: Task) -> State:
        """Give the state to begin `task` with: the parameters so far, the optimiser as new."""
        refuse_other_loss(task, self._loss, vars(self).get("_distribution"))
        state, new, old = initial_state(task.job), task.job.architecture, self._architecture
        refuse_other_layers(type(self).__name__, new, old)
        state.parameters_P, state.buffers = flat_arrays(old, self.parameters_)
        return state

    def _fit_further(self, x: Any, y: Any, sample_weight: Any, known: Any = None) -> Self:
        """Train one more epoch on these rows, the optimiser going on where it stood."""
        first = "parameters_" not in vars(self)
        for name, required in (("early_stopping", False), ("schedule", "constant")):
            if getattr(self, name) != required:
                raise ValueError(f"{name}: expected {required!r} in partial_fit, got {getattr(self, name)!r}")
        with self._kept_as_it_was():
            prepared = self._prepared(x, y, sample_weight, again=not first, known=known)
            task = self._one_more_epoch(self._task(prepared), first=first)
            trained = train_one(task, device=self.device, on_epoch=say if self.verbose else None)
            # The engine counts the epochs of the optimiser; here it is one more.
            curves = trained.curves | {"epoch": np.ones(len(trained.curves["epoch"]))}
            epoch = replace(trained, epochs=1, kept_epoch=1, curves=curves)
            return self._adopt(epoch, task, prepared, Course() if first else Course.of(self))

    def _one_more_epoch(self, task: Task, *, first: bool) -> Task:
        """Give the task of the next epoch.

        The optimiser's count of steps is rounded up to whole epochs of this size.
        """
        state = initial_state(task.job) if first else self._from_here(task)
        optimizer = None if first else self._optimizer_so_far()
        if optimizer is not None:
            if optimizer.maker not in (None, _maker(task)):
                raise ValueError("optimizer: expected that of the epochs before, which goes on, got another")
            state.first_P, state.second_P = optimizer.first_P, optimizer.second_P
            state.optimizer = optimizer.own
            state.epoch = -(-optimizer.steps // _steps(task))
        state.epoch_T = np.array([state.epoch + 1], dtype=np.int64)
        state.curve_TC = np.full((1, len(CURVES)), np.nan)
        training = task.training.model_copy(update={"epochs": state.epoch + 1})
        return replace(task, training=training, start=state)

    def _optimizer_so_far(self) -> _Optimizer | None:
        """Say where the optimiser stands; a network that was trained beside others is trained again for that."""
        if isinstance(self._optimizer, Task):
            task = self._optimizer
            state = train_one(task, device=self.device).state
            self._optimizer = None if state is None else _Optimizer.after(state, task)
        return self._optimizer

    # -- predicting ------------------------------------------------------------------------------------------

    def _outputs(self, x: Any) -> NDArray[np.float64]:
        """Outputs of the network, float64 (N, outputs)."""
        check_is_fitted(self, "parameters_")
        parts = (part.inputs(self._encoding) for part in self._checked(x, reset=False).parts())
        return np.concatenate([network_outputs(self._architecture, self.parameters_, x_ND) for x_ND in parts])

    def _no_scores(self, name: str) -> None:
        check_is_fitted(self, "parameters_")
        if self.best_loss_ is None:
            raise AttributeError(f"{type(self).__name__} has no {name}: {NO_SCORES}")


def without_calibration(network: NetworkEstimator) -> bool:
    """Whether `partial_fit` is there: no epoch more of the networks of the folds is trained on other rows."""
    return network.calibration is None


@dataclass(frozen=True, eq=False)
class _Optimizer:
    """Where an optimiser stands: its moments, (P,) each, and the steps it has made; what one's own keeps, by name,
    and what makes it.
    """

    first_P: NDArray[Any]
    second_P: NDArray[Any]
    steps: int
    own: dict[str, NDArray[Any]]
    maker: Any = None

    @classmethod
    def after(cls, state: State, task: Task) -> _Optimizer:
        return cls(state.first_P, state.second_P, state.epoch * _steps(task), state.optimizer, _maker(task))


def _maker(task: Task) -> Any:
    """Give what makes an optimiser of one's own; None where there is none."""
    own = task.network.own.optimizer if isinstance(task.network, OwnNetwork) else None
    return own and own.make


def _steps(task: Task) -> int:
    """Steps of one epoch."""
    return -(-len(task.train_rows) // task.training.batch_size)
