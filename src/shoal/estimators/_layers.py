"""Weights and biases as scikit-learn's MLPs hand them out: what is put in place of one is the network's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from shoal.errors import InputError
from shoal.estimators._inputs import in_precision
from shoal.nets import Architecture, trained_module


class LayerArrays(list[NDArray[Any]]):
    """The arrays of all dense layers, the network's own. `name` is what an estimator calls them."""

    def __init__(self, name: str, arrays: Iterable[NDArray[Any]]) -> None:
        super().__init__(arrays)
        self.name = name

    def __setitem__(self, place: Any, value: Any) -> None:
        """Write one array, or those of a slice, into the network."""
        whole = list(self)
        whole[place] = value
        self.write(whole)

    def write(self, values: Sequence[Any]) -> None:
        """Write an array for each layer into the network; all or none.

        Raises
        ------
        ValueError
            Where number or shapes are not the network's, or a number is not finite or too large for its precision.
        """
        arrays = [np.asarray(value, dtype=np.float64) for value in values]
        shapes, new_shapes = [array.shape for array in self], [array.shape for array in arrays]
        if shapes != new_shapes:
            raise ValueError(f"{self.name}: expected arrays of shapes {shapes}, got {new_shapes}")
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError(f"{self.name}: expected finite numbers, got others")
        ready = [in_precision(new, str(own.dtype), self.name) for new, own in zip(arrays, self, strict=True)]
        for own, new in zip(self, ready, strict=True):
            own[...] = new


def module_of(architecture: Architecture, parameters: Mapping[str, NDArray[Any]]) -> Any:
    """Give the network as a module; AttributeError without torch, as `dir` and `hasattr` expect it."""
    try:
        return trained_module(architecture, parameters)
    except InputError as missing:
        raise AttributeError(str(missing)) from None


class LayeredNetwork:
    """What an estimator of layers of Shoal has of them; its subclasses are fitted."""

    parameters_: dict[str, NDArray[Any]]
    _architecture: Architecture

    @property
    def coefs_(self) -> LayerArrays:
        """Weights of the dense layers, each (inputs, units), as scikit-learn's MLP has them: the network's own.

        Others can be put in their place, one or all; ValueError for other shapes, or numbers that are not finite.
        """
        return LayerArrays("coefs_", (array.T for array in self._dense("weight")))

    @coefs_.setter
    def coefs_(self, arrays: Any) -> None:
        self.coefs_.write(arrays)

    @property
    def intercepts_(self) -> LayerArrays:
        """Biases of the dense layers, each (units,): the network's own, as `coefs_`."""
        return LayerArrays("intercepts_", self._dense("bias"))

    @intercepts_.setter
    def intercepts_(self, arrays: Any) -> None:
        self.intercepts_.write(arrays)

    @property
    def n_layers_(self) -> int:
        """Layers with units, the inputs counted as one, as scikit-learn's MLP counts."""
        check_is_fitted(self, "parameters_")
        return 1 + len(self._architecture.convolutions) + len(self._architecture.dense)

    def _dense(self, part: str) -> list[NDArray[Any]]:
        check_is_fitted(self, "parameters_")
        return [self.parameters_[f"{layer.name}.{part}"] for layer in self._architecture.dense]
