"""The network of a fitted estimator, drawn; in a notebook below scikit-learn's diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from shoal.engine import input_records
from shoal.estimators._parameters import training_of
from shoal.kinds import has_classes
from shoal.results import InputRecord

if TYPE_CHECKING:
    from shoal.look import NetworkFacts, NetworkPicture


class ShownBelow:
    """The notebook's side of an estimator: scikit-learn's diagram, and below it what a fitted one has to show."""

    def _shown(self) -> str:
        """Give that as HTML; nothing before there is any."""
        raise NotImplementedError

    def _repr_html_inner(self) -> str:
        return f"{super()._repr_html_inner()}{self._shown()}"  # type: ignore[misc]

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        if "text/html" in bundle:
            bundle["text/html"] += self._shown()
        return bundle


class DrawnNetwork(ShownBelow):
    """The side of an estimator that is drawn; its subclasses are fitted."""

    def draw(self) -> NetworkPicture:
        """Draw the network, from its inputs to its loss: a notebook shows it, `save` writes SVG, PDF or PNG.

        Raises NotFittedError before there is one.
        """
        from shoal.look import NetworkPicture

        check_is_fitted(self, "parameters_")
        return NetworkPicture(self._network_facts())

    def drawn_html(self) -> str:
        """Give the drawing for a notebook; empty before there is a network."""
        from shoal.look import network_html

        return network_html(self._network_facts()) if "parameters_" in vars(self) else ""

    def _shown(self) -> str:
        from shoal.look import pieces_html

        return pieces_html({"the network": self.drawn_html}, "`draw()`")

    def _network_facts(self) -> NetworkFacts:
        from shoal.look import Asked, network_facts

        fitted: Any = self
        architecture, task = fitted._architecture, fitted._task_kind or fitted._kind
        training = training_of(fitted._settings, 1, task)
        distribution = training.distribution
        targets = architecture.outputs // (1 if distribution is None else distribution.outputs)
        classes = tuple(map(str, fitted.classes_)) if has_classes(task) else ()
        asked = Asked("", task, ("",) * targets, classes, training, distribution)
        return network_facts(architecture, self._columns(), asked)

    def _columns(self) -> tuple[InputRecord, ...]:
        """Give the columns, as far as their names are known."""
        fitted: Any = self
        if fitted._encoding is not None:
            return input_records(fitted._encoding)
        return tuple(InputRecord(str(name), "number", 1) for name in vars(self).get("feature_names_in_", ()))
