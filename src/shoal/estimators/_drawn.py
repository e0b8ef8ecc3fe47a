"""The network of a fitted estimator, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from shoal.engine import input_records
from shoal.estimators._parameters import training_of
from shoal.kinds import has_classes
from shoal.results import InputRecord

if TYPE_CHECKING:
    from shoal.look import NetworkPicture


class DrawnNetwork:
    """The side of an estimator that is drawn; its subclasses are fitted."""

    def draw(self) -> NetworkPicture:
        """Draw the network, from its inputs to its loss: a notebook shows it, `save` writes SVG, PDF or PNG.

        Raises NotFittedError before there is one.
        """
        from shoal.look import Asked, NetworkPicture, network_facts

        check_is_fitted(self, "parameters_")
        fitted: Any = self
        architecture, task = fitted._architecture, fitted._task_kind or fitted._kind
        training = training_of(vars(self), 1, task)
        distribution = training.distribution
        targets = architecture.outputs // (1 if distribution is None else distribution.outputs)
        classes = tuple(map(str, fitted.classes_)) if has_classes(task) else ()
        asked = Asked("", task, ("",) * targets, classes, training, distribution)
        return NetworkPicture(network_facts(architecture, self._columns(), asked))

    def _columns(self) -> tuple[InputRecord, ...]:
        """Give the columns, as far as their names are known."""
        fitted: Any = self
        if fitted._encoding is not None:
            return input_records(fitted._encoding)
        return tuple(InputRecord(str(name), "number", 1) for name in vars(self).get("feature_names_in_", ()))
