"""What dense networks for tables share: their parameters, and tables in.

Letters: D inputs.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from shoal.estimators._estimator import NetworkEstimator
from shoal.estimators._layers import LayeredNetwork
from shoal.estimators._parameters import dense_network
from shoal.estimators._table_inputs import CheckedTable, checked_table
from shoal.study import Network


class DenseEstimator(LayeredNetwork, NetworkEstimator):
    """Tables in, a dense network."""

    _auto_batch = 200
    _prepared_by = ("dtype", "categorical_features", "embedding", "embedding_from")

    def __init__(  # noqa: PLR0913 - scikit-learn's way
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        optimizer: str = "adam",
        learning_rate_init: float = 0.001,
        schedule: str = "constant",
        batch_size: int | str = "auto",
        max_iter: int = 200,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        weight_decay: float = 0.0,
        dropout: float = 0.0,
        norm: str | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = None,
        verbose: bool | int = False,
        warm_start: bool = False,
        n_jobs: int | None = None,
        device: str = "auto",
        dtype: str = "float32",
        calibration: str | None = None,
        calibration_folds: int = 5,
        categorical_features: Any = "from_dtype",
        embedding: Any = None,
        embedding_from: int = 10,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate_init = learning_rate_init
        self.schedule = schedule
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.norm = norm
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.device = device
        self.dtype = dtype
        self.calibration = calibration
        self.calibration_folds = calibration_folds
        self.categorical_features = categorical_features
        self.embedding = embedding
        self.embedding_from = embedding_from

    def _checked(self, x: Any, *, reset: bool) -> CheckedTable:
        return checked_table(self, x, reset=reset)

    @property
    def input_names_(self) -> tuple[str, ...]:
        """Names of what the first dense layer is given, no two alike: of a category one each, of columns that say what
        is missing, and of each number of a vector.
        """
        check_is_fitted(self, "parameters_")
        if self._encoding is None:
            return ()
        encoding, tables = self._encoding, self._architecture.tables
        inputs = [(name, name == column.name) for column in encoding.in_order for name in column.names]
        vectors = zip(encoding.code_names, tables, strict=True)
        numbers = [(f"{name}[{number}]", False) for name, (_, size) in vectors for number in range(size)]
        return _distinct([*inputs[: len(inputs) - len(tables)], *numbers])

    @property
    def embeddings_(self) -> dict[str, dict[str | None, NDArray[Any]]]:
        """The vector of every category, by column and category, and of missing cells by None; the network's own."""
        check_is_fitted(self, "parameters_")
        codes = () if self._encoding is None else self._encoding.codes
        return {
            name: {
                text or None: self.parameters_[f"embedding.{number}.weight"][code]
                for code, text in enumerate(texts, start=1)
            }
            for number, (name, texts) in enumerate(codes)
        }

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        return tags

    def _network(self, input_shape: tuple[int, ...]) -> Network:  # noqa: ARG002
        return dense_network(vars(self))


def _distinct(names: list[tuple[str, bool]]) -> tuple[str, ...]:
    """Tell inputs apart by name: one that is called like its column (true) keeps its name, others get a number."""
    taken = {name for name, own in names if own}
    distinct = []
    for name, own in names:
        label, number = name, 1
        while not own and label in taken:
            number += 1
            label = f"{name} ({number})"
        taken.add(label)
        distinct.append(label)
    return tuple(distinct)
