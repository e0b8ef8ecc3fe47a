"""What classifiers share: labels of any type, probabilities, one more epoch at a time.

Letters: N rows, K classes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils.metaestimators import available_if

from shoal.estimators._estimator import NetworkEstimator, without_calibration
from shoal.estimators._inputs import Prepared, checked_indicators, checked_labels, numbers_of
from shoal.links import link_of
from shoal.results import class_sets, tempered


class NetworkClassifier(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]
    """A network with one output for each class, trained on their cross-entropy; or for each of several labels."""

    _kind = "classification"

    def _targets(self, y: Any, prepared: Prepared, known: Any) -> Prepared:
        indicators_NK = checked_indicators(y, prepared.x, self.dtype)
        self._refuse_other_kind(indicators_NK is not None, known)
        if indicators_NK is not None:
            return self._several(indicators_NK, prepared, known)
        labels = checked_labels(y, prepared.x)
        seen = np.unique(labels[prepared.rows])
        classes = seen if known is None else known
        strange = seen[numbers_of(seen, classes) < 0]
        if len(strange):
            raise ValueError(f"y: expected labels among {classes.tolist()}, got {strange.tolist()[0]!r}")
        fitted = {"classes_": classes, "n_outputs_": len(classes)}
        return replace(prepared, y=numbers_of(labels, classes), outputs=len(classes), fitted=fitted)

    def _several(self, y_NK: NDArray[Any], prepared: Prepared, known: Any) -> Prepared:
        """Add several labels, which are numbered as scikit-learn numbers them."""
        if self.calibration is not None:
            what = "expected None for several labels, which have neither a temperature nor sets"
            raise ValueError(f"calibration: {what}, got {self.calibration!r}")
        if smoothing := vars(self).get("label_smoothing"):
            raise ValueError(f"label_smoothing: expected 0 for several labels, got {smoothing!r}")
        outputs = y_NK.shape[1]
        classes = np.arange(outputs)
        if known is not None and not np.array_equal(known, classes):
            raise ValueError(
                f"y: expected labels {np.asarray(known).tolist()}, got {outputs} columns of 0 and 1"
            )
        fitted = {"classes_": classes, "n_outputs_": outputs}
        return replace(prepared, y=y_NK, outputs=outputs, task="multilabel", fitted=fitted)

    def _refuse_other_kind(self, several: bool, known: Any) -> None:
        """Refuse to train classes further on several labels, or the other way round."""
        if known is None or "parameters_" not in vars(self) or several == (self._task_kind == "multilabel"):
            return
        kinds = ("one class a row", "several labels, a column each")
        raise ValueError(f"y: expected {kinds[not several]}, as before, got {kinds[several]}")

    def _known(self) -> Any:
        return self.classes_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        smooths = bool(vars(self).get("label_smoothing"))
        tags.classifier_tags.multi_label = self.calibration is None and not smooths
        return tags

    def predict(self, X: Any) -> NDArray[Any]:
        """Give the likeliest class of every row.

        Parameters
        ----------
        X : array-like of shape (N, D), or images in the form of `fit`

        Returns
        -------
        labels : ndarray of shape (N,)
            Labels as they came in y. Of several labels an array of ints of shape (N, K), 1 where a label is more
            likely than not.
        """
        outputs = self._outputs(X)
        if self._task_kind == "multilabel":
            return (outputs > 0).astype(np.int64)
        place_N = self._predicted(outputs).argmax(axis=1)  # no temperature changes the order of classes
        return np.asarray(self.classes_[place_N])

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Give the probability of every class: the softmax of its outputs, at `temperature_` with calibration.

        Of several labels that of each by itself, the sigmoid of its output.

        Parameters
        ----------
        X : array-like of shape (N, D), or images in the form of `fit`

        Returns
        -------
        probability : ndarray of shape (N, K)
            Columns in the order of `classes_`; each row sums to 1, but of several labels.
        """
        probability_NK = self._predicted(self._outputs(X))
        return tempered(probability_NK, self.temperature_) if "temperature_" in vars(self) else probability_NK

    def predict_set(self, X: Any, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Give which classes are in the set of each row; of rows like those of `fit`, about the share `coverage` has
        its own class in its set.

        CV+ for classes (Romano, Sesia, Candès 2020, NeurIPS 33), from the networks of the folds, by the probability of
        a class (Sadinle, Lei, Wasserman 2019, JASA 114): a set is empty where no class is as likely as true ones are.
        At least 1 - 2 (1 - coverage) of the rows, less at most sqrt(2 / rows), is guaranteed. With `sample_weight` it
        is a share of the weight of such rows, and none is guaranteed.

        Parameters
        ----------
        X : array-like of shape (N, D), or images in the form of `fit`
        coverage : float, default=0.9
            A share from 0.5 on, below 1.

        Returns
        -------
        within : ndarray of bool of shape (N, K)
            Columns in the order of `classes_`.

        Raises
        ------
        ValueError
            Where it was fitted without `calibration`, or so few rows cannot tell so much.
        """
        folds = self._fold_networks("predict_set", "temperature")
        outputs = folds.outputs(self._checked(X, reset=False))
        return class_sets(map(self._predicted, outputs), folds.held_out, coverage)

    def _predicted(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        return link_of("sigmoid" if self._task_kind == "multilabel" else "softmax").numpy(outputs)

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Give the logarithm of every probability; see `predict_proba`.

        Parameters
        ----------
        X : array-like of shape (N, D), or images in the form of `fit`

        Returns
        -------
        log_probability : ndarray of shape (N, K)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    @available_if(without_calibration)  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: Any = None,
    ) -> Self:
        """Train one more epoch on X and y, going on from where the network and its optimiser stand.

        Parameters
        ----------
        X : array-like of shape (N, D), or images
        y : array-like of shape (N,), or of several labels (N, K)
        sample_weight : array-like of shape (N,), default=None
        classes : array-like of shape (K,), default=None
            Every label there will ever be; needed in the first call. Of several labels their numbers, from 0.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            Where `classes` is missing in the first call, or says otherwise later, and as `fit` does.
        """
        first = "parameters_" not in vars(self)
        if first and classes is None:
            raise ValueError("classes: expected every label there will be in the first call, got None")
        weight = getattr(self, "class_weight", None)
        if isinstance(weight, str) or (isinstance(weight, list) and "balanced" in weight):
            what = "expected None, a dict or a list of both in partial_fit, which sees a part of the rows at a time"
            raise ValueError(f"class_weight: {what}, got {self.class_weight!r}")
        known = None if classes is None else np.unique(classes)
        if not first and known is not None and not np.array_equal(known, self.classes_):
            raise ValueError(f"classes: expected {self.classes_.tolist()} as before, got {known.tolist()}")
        return self._fit_further(X, y, sample_weight, known)
