"""What regressors share: predictions of targets, what is said of them beside, one more epoch at a time.

Letters: N rows, K targets, A answers of a target, L levels.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.base import MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.utils.metaestimators import available_if

from shoal.distributions import Distribution, Normal
from shoal.engine import not_finite
from shoal.errors import InputError
from shoal.estimators._course import Course
from shoal.estimators._estimator import NetworkEstimator, without_calibration
from shoal.estimators._inputs import Prepared, checked_targets
from shoal.estimators._parameters import levels_of, loss_named
from shoal.estimators._training_tasks import Task, TaskResult
from shoal.kinds import LOSSES
from shoal.links import link_of
from shoal.results import cv_plus
from shoal.wording import counted, listed, quoted


class NetworkRegressor(RegressorMixin, MultiOutputMixin, NetworkEstimator):  # type: ignore[misc]
    """A network with one output for each target, or several where its loss says more of a target than one number."""

    _kind = "regression"
    _distribution: Distribution | None
    """What is said of each target beyond one number, as it was fitted."""

    def _targets(self, y: Any, prepared: Prepared, known: Any) -> Prepared:
        y_NK, flat = checked_targets(y, prepared.x, self.dtype)
        outputs = y_NK.shape[1]
        if known is not None and known != outputs:
            raise ValueError(f"y: expected {counted(known, 'target')} as before, got {outputs}")
        return replace(prepared, y=y_NK, outputs=outputs, fitted={"n_outputs_": outputs, "_flat": flat})

    def _known(self) -> Any:
        return self.n_outputs_

    def _task(self, prepared: Prepared, *, key: str = "fit", seed: int | None = None) -> Task:
        task = super()._task(prepared, key=key, seed=seed)
        if refused := task.refused(prepared.y[prepared.rows]):
            raise ValueError(f"y: {refused}")
        return task

    def _fitted(self, task: Task, prepared: Prepared, trained: TaskResult, before: Course) -> dict[str, Any]:
        said = task.job.distribution
        if isinstance(said, Normal):
            said = replace(said, levels=levels_of(vars(self)["quantiles"]))
        return {**super()._fitted(task, prepared, trained, before), "_distribution": said}

    def __sklearn_tags__(self) -> Any:
        """Say where targets are counts."""
        tags = super().__sklearn_tags__()
        kind = LOSSES.get(loss_named(self._settings.get("loss", "mse")))
        tags.target_tags.positive_only = kind is not None and kind.least is not None
        return tags

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> NDArray[np.float64]: ...
    @overload
    def predict(
        self, X: Any, return_std: Literal[True]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict targets: their mean, the median or the quantile nearest to it, as the loss has it.

        Parameters
        ----------
        X : array-like of shape (N, D)
        return_std : bool, default=False
            Give standard deviations too, of loss="gaussian" alone.

        Returns
        -------
        y : ndarray of shape (N,) or (N, K)
            float64, in the shape that y had in `fit`; with a UserWarning where a prediction is not finite.
        std : ndarray of the same shape
            How far targets lie from that; only with `return_std`, as in scikit-learn's GaussianProcessRegressor.

        Raises
        ------
        ValueError
            With `return_std`, where it was fitted with another loss.
        """
        said_NKA = self._answered(self._outputs(X))
        said = self._distribution
        if return_std and not isinstance(said, Normal):
            raise InputError(f"return_std: {self._expected('normal')}")
        if overflow := not_finite(said_NKA.reshape(len(said_NKA), -1)):
            warnings.warn(overflow, UserWarning, stacklevel=2)
        predicted = self._in_shape(said_NKA[:, :, 0])
        if said is None or not return_std:
            return predicted
        return predicted, self._in_shape(said.shown(said_NKA)[:, :, 0])

    def predict_quantiles(self, X: Any) -> NDArray[np.float64]:
        """Give the quantiles of every target, none above a later one: with loss="quantile" they are learned, with
        "gaussian" those of a normal distribution.

        Parameters
        ----------
        X : array-like of shape (N, D)

        Returns
        -------
        quantile : ndarray of shape (N, L) or (N, K, L)
            At the levels `quantiles`, in their order, in the shape that y had in `fit`.

        Raises
        ------
        ValueError
            Where it was fitted with another loss.
        """
        said_NKA = self._answered(self._outputs(X))
        if self._distribution is None:
            kinds = [kind.distribution for kind in LOSSES.values() if kind.distribution]
            raise InputError(f"predict_quantiles: {self._expected(*kinds)}")
        return self._in_shape(self._distribution.quantiles(said_NKA))

    def predict_interval(self, X: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Give the interval of every target; of rows like those of `fit`, about the share `coverage` lies in theirs.

        CV+ (Barber, Candès, Ramdas, Tibshirani 2021, Annals of Statistics 49), from what the networks of the folds
        predict, each target by itself. At least 1 - 2 (1 - coverage) of the rows, less at most sqrt(2 / rows), is
        guaranteed. With `sample_weight` it is a share of the weight of such rows, and none is guaranteed.

        Parameters
        ----------
        X : array-like of shape (N, D)
        coverage : float, default=0.9
            A share from 0.5 on, below 1.

        Returns
        -------
        interval : ndarray of shape (N, 2) or (N, K, 2)
            Lower and upper ends, in the shape that y had in `fit`.

        Raises
        ------
        ValueError
            Where it was fitted without `calibration`, or so few rows cannot tell so much.
        """
        folds = self._fold_networks("predict_interval", "cv+")
        answers = [self._predicted(outputs_NA) for outputs_NA in folds.outputs(self._checked(X, reset=False))]
        return self._in_shape(cv_plus(answers, folds.held_out, coverage))

    @available_if(without_calibration)  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one more epoch on X and y, going on from where the network and its optimiser stand.

        Parameters
        ----------
        X : array-like of shape (N, D)
        y : array-like of shape (N,) or (N, K)
        sample_weight : array-like of shape (N,), default=None

        Returns
        -------
        self : estimator
        """
        return self._fit_further(X, y, sample_weight)

    def _predicted(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._answered(outputs)[:, :, 0]

    def _answered(self, outputs_NA: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn outputs into the answers of each target, (N, K, A), the prediction first."""
        said = self._distribution
        if said is None:
            return link_of(self.out_activation_).numpy(outputs_NA)[:, :, None]
        outputs_NKA = outputs_NA.reshape(len(outputs_NA), self.n_outputs_, said.outputs)
        return said.answers(outputs_NKA, lambda values: values, 1.0)

    def _in_shape(self, answers_NK: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give answers, (N, K) or (N, K, more), in the shape that y had."""
        return answers_NK[:, 0] if self._flat else answers_NK

    def _expected(self, *distributions: str) -> str:
        losses = [quoted(name) for name, kind in LOSSES.items() if kind.distribution in distributions]
        return (
            f"expected {type(self).__name__}(loss={listed(losses, 'or')}) as it was fitted, got another loss"
        )
