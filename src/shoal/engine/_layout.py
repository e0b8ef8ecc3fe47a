"""Networks laid out for the rows of a split, each once; which columns they embed, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from shoal.data import Dataset, Preprocessing, series_shape
from shoal.errors import ModelFileError, StudyError
from shoal.kinds import has_classes
from shoal.nets import (
    Architecture,
    InputPart,
    OwnModule,
    OwnNetwork,
    build_architecture,
    own_architecture,
    tables_of,
)
from shoal.results import InputRecord
from shoal.study import Candidate, Network
from shoal.wording import counted, first_few, listed, quoted

_MOST: Final = 6
"""Embedded columns that one sentence names."""


@dataclass(frozen=True)
class InputLayout:
    """The shape of a row made ready, and of its last numbers, which are codes, how many different ones there are."""

    shape: tuple[int, ...]
    codes: tuple[int, ...] = ()


class Layouts:
    """Lays out what networks of one data set are given, and the networks; what is asked for again is the same object.

    Rows are named by their digest; `prepared` gives the preprocessing that they taught, where it is needed.
    """

    def __init__(self, dataset: Dataset, own: OwnModule | None = None) -> None:
        self._dataset, self._own = dataset, own
        self._inputs: dict[tuple[str, int | None], InputLayout] = {}
        self._architectures: dict[tuple[int, InputLayout, int], tuple[Network, Architecture]] = {}

    def inputs(self, rows: str, codes_from: int | None, prepared: Callable[[], Preprocessing]) -> InputLayout:
        """Give the layout of a row where columns of so many categories become codes; None: none does."""
        if (shape := self._dataset.image_shape) is not None:
            return InputLayout(shape)
        key = rows, codes_from
        if key not in self._inputs:
            preprocessing = prepared().coded(codes_from)
            names = preprocessing.input_names
            self._inputs[key] = InputLayout(series_shape(names) or (len(names),), preprocessing.code_rows)
        return self._inputs[key]

    def architecture(
        self, candidate: Candidate, rows: str, prepared: Callable[[], Preprocessing]
    ) -> Architecture:
        """Lay out the network of a candidate."""
        distribution, network = candidate.training.distribution, candidate.network
        if self._own is not None and (
            keys := [key for key, _ in candidate.values if key.startswith("network")]
        ):
            what = "expected no keys of network to differ beside a module, which takes its place"
            raise StudyError(f"module: {what}, got {listed(keys)}")
        outputs = self._dataset.outputs * (1 if distribution is None else distribution.outputs)
        inputs = self.inputs(rows, network.codes_from, prepared)
        key = id(network), inputs, outputs
        if key not in self._architectures:  # what is kept here keeps its id
            self._architectures[key] = network, self._built(network, inputs, outputs)
        return self._architectures[key][1]

    def _built(self, network: Network, inputs: InputLayout, outputs: int) -> Architecture:
        if self._own is None:
            return build_architecture(network, inputs.shape, outputs, tables_of(network, inputs.codes))
        classes = has_classes(self._dataset.task)
        own = OwnNetwork(self._own, (InputPart("", inputs.shape),), classes)
        if self._dataset.columns:
            return own_architecture(own, (own.size,), outputs)
        return own_architecture(own, inputs.shape, outputs, "images")


def naming_module(architecture: Architecture) -> dict[str, Any]:
    """Give what a fit's name says of a person's own module; nothing of a network of Shoal's layers."""
    own = architecture.own
    return {} if own is None else {"module": own.network.identity(architecture.outputs)}


def laid_out(
    architecture: Architecture, content: Mapping[str, Any], preprocessing: Preprocessing
) -> tuple[Preprocessing, Architecture]:
    """Give another fold's preprocessing and network of a candidate; `architecture` is one of its, `content` names it.

    Raises ModelFileError where the content, which may be foreign, has no network.
    """
    if preprocessing.channels:
        return preprocessing, architecture
    try:
        network = Network.model_validate(content.get("network"))
    except ValidationError as error:
        raise ModelFileError("training: expected the network of a study, got something else") from error
    own = preprocessing.coded(network.codes_from)
    return own, architecture.with_inputs(len(own.input_names), tables_of(network, own.code_rows))


def input_records(preprocessing: Preprocessing) -> tuple[InputRecord, ...]:
    """Give the columns that a network reads, in the order of its inputs; none of images."""
    return tuple(
        InputRecord(column.name, column.kind, len(column.names)) for column in preprocessing.in_order
    )


def embedded(network: Network, preprocessing: Preprocessing) -> str:
    """Say which columns a network embeds, and in vectors of which length; empty where it embeds none."""
    coded = preprocessing.coded(network.codes_from)
    sizes = zip(coded.code_names, tables_of(network, coded.code_rows), strict=True)
    said = [
        f"{quoted(name)} ({counted(rows - 1, 'value')}) as a vector of {size}" for name, (rows, size) in sizes
    ]
    return first_few(said, _MOST)


def embedding_notes(networks: Sequence[Network], preprocessing: Preprocessing) -> Iterator[str]:
    """Say of each setting of embeddings that is asked for what becomes of the columns, a sentence each."""
    asked = {
        (network.embedding, network.embedding_from): network
        for network in networks
        if network.codes_from is not None
    }
    for (size, least), network in asked.items():
        setting = f"network.embedding = {quoted(size) if isinstance(size, str) else size}"
        none = (
            f"no column has {counted(least, 'category')} or more (network.embedding_from), so that each"
            " keeps its column"
        )
        yield f"{setting}: {embedded(network, preprocessing) or none}"
