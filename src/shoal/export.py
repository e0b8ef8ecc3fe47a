"""A model for use without Shoal: an ONNX file with all preprocessing inside, or torch's state_dict and a module.

Letters: N rows, D inputs, K targets or classes, C channels, H, W height and width.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.answering import Inputs
from shoal.data import (
    RESIZING,
    Column,
    Preprocessing,
    add_labels,
    add_targets,
    encoder_class,
    takes,
    target_constants,
    target_source,
    two_levels,
)
from shoal.decisions import add_named, class_source, described, unlike
from shoal.distributions import by_target
from shoal.errors import InputError, Problem, ShoalError, lacks_memory
from shoal.extras import needed
from shoal.files import write, write_together
from shoal.kinds import ENCODERS
from shoal.links import link_of
from shoal.model import Model, load
from shoal.nets import GraphParts, add_network, module_classes, module_source

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET: Final = 20
ML_OPSET: Final = 3
IR_VERSION: Final = 9
"""The oldest versions that have every operator used, so that old runtimes read the file too."""

TOLERANCE: Final = 1e-6
CHECKED_ROWS: Final = 256
_CELLS: Final = ("numbers", "categories", "dates")
_IMAGES: Final = "images"


def export_onnx(source: Path, out: Path, *, force: bool = False) -> str:
    """Write the model of a file or run folder as ONNX, once onnxruntime gives what Shoal gives; say how near.

    Inputs: `numbers` float64 (N, D), `categories` text (N, D) and `dates` float64 (N, D), seconds since 1970-01-01 in
    UTC, in the orders that the metadata of these names give, or `images` uint8 (N, C, H, W). Outputs: `predictions`
    float64 (N, K) in the targets' units, and, where more is said of a target, `quantiles` float64 (N, K, L) at the
    metadata's `levels`, or `deviations` float64 (N, K). Of classes or labels `probabilities` float64 (N, K); `class`
    int64 (N,), the place among the metadata's `classes`, or `labels` int64 (N, K), 0 or 1. Raises InputError where onnx
    or onnxruntime is missing, and where `out` has other content, unless `force`; ShoalError where the two disagree.
    """
    try:
        import onnx
        import onnxruntime  # noqa: F401 - asked for now, so that nothing is built in vain
    except ImportError as error:
        if lacks_memory(error):
            raise
        raise InputError(Problem("--format onnx", needed("onnx"))) from error
    model = load(source)
    graph = onnx_model(model)
    onnx.checker.check_model(graph)
    content = graph.SerializeToString(deterministic=True)
    difference = _checked(model, content)
    write(out, content, new=not force)
    agrees = f"onnxruntime agrees within {difference:.1e} on {CHECKED_ROWS} drawn rows"
    return f"{out}: ONNX, opset {OPSET}; {agrees}"


def onnx_model(model: Model) -> ModelProto:
    """Build the graph from rows as read to answers."""
    from onnx import TensorProto, helper

    parts = GraphParts()
    rows = _rows_of(model)
    y = add_network(parts, model.architecture, model.parameters, rows.add(parts))
    y = parts.node("Cast", [y], "outputs", {"to": TensorProto.DOUBLE})
    outputs = _add_answers(parts, model, y)
    graph = helper.make_graph(parts.nodes, "shoal", rows.graph_inputs(), outputs, parts.arrays)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    whole = helper.make_model(graph, producer_name="shoal", opset_imports=opsets, ir_version=IR_VERSION)
    helper.set_model_props(whole, _properties(model))
    return whole


def _properties(model: Model) -> dict[str, str]:
    """Say what the numbers mean: names as JSON lists."""
    columns = model.preprocessing.columns
    distribution = model.preprocessing.distribution
    names: dict[str, object] = {
        "decision": described(model.decision, model.classes),
        "classes": model.classes,
        "targets": model.targets,
        "levels": distribution.constants.get("LEVELS", ()) if distribution else (),
        **{cells: [column.name for column in columns if takes(column) == cells] for cells in _CELLS},
    }
    size = model.preprocessing.resize
    sides = {"resize": json.dumps({"size": size, "method": RESIZING})} if size else {}
    levels = {"white": json.dumps(white)} if (white := model.preprocessing.white) else {}
    return {
        "task": model.facts.task,
        **sides,
        **levels,
        **{key: json.dumps(value) for key, value in names.items() if value},
    }


def _add_answers(parts: GraphParts, model: Model, y: str) -> list[Any]:
    """Add what turns outputs into answers, in float64; give the graph's outputs."""
    from onnx import TensorProto, helper

    shape: list[str | int | None] = ["N", len(model.classes or model.targets)]
    if model.classes:
        link_of("softmax").onnx(parts, y, "probabilities")
        add_named(parts, model.decision)
        probabilities = helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, shape)
        return [probabilities, helper.make_tensor_value_info("class", TensorProto.INT64, ["N"])]
    if model.labelled:
        return [helper.make_tensor_value_info(name, kind, shape) for name, kind in add_labels(parts, y)]
    add_targets(parts, model.preprocessing.target_scales, y)
    predictions = helper.make_tensor_value_info("predictions", TensorProto.DOUBLE, shape)
    distribution = model.preprocessing.distribution
    if distribution is None:
        return [predictions]
    values = [*shape, *([len(distribution.names)] if len(distribution.names) > 1 else [])]
    return [predictions, helper.make_tensor_value_info(distribution.output, TensorProto.DOUBLE, values)]


def _checked(model: Model, content: bytes) -> float:
    """Give the largest difference between onnxruntime and Shoal on drawn rows.

    Raises ShoalError above `TOLERANCE` (see `_allowed`), or where a class differs.
    """
    inputs, feed = _rows_of(model).drawn(np.random.default_rng(0))
    expected_NA = model.answer(inputs)
    expected_NK = expected_NA[:, : len(model.classes or model.targets)]
    outputs = run_onnx(content, feed)
    difference = float(np.abs(outputs[0] - expected_NK).max())
    allowed = _allowed(model, expected_NA)
    if (distribution := model.preprocessing.distribution) is not None:
        shown_NKA = distribution.shown(by_target(expected_NA, len(model.targets)))
        difference = max(difference, float(np.abs(outputs[1].reshape(shown_NKA.shape) - shown_NKA).max()))
    if not difference <= allowed:
        raise ShoalError(
            f"the ONNX file is not written: onnxruntime differs by {difference:.1e}, above {allowed:.1e}"
        )
    if model.classes and unlike(outputs[1], expected_NK, model.decision, TOLERANCE):
        raise ShoalError("the ONNX file is not written: onnxruntime gives another class for some rows")
    return difference


def _allowed(model: Model, answer_NK: NDArray[np.float64]) -> float:
    """Give `TOLERANCE`, absolute, or its share of the largest number that float32 had to hold where that is above 1.

    That is a prediction, or how far two classes' outputs lie apart before they become probabilities.
    """
    if model.classes:
        largest = -math.log(max(float(answer_NK.min()), np.finfo(np.float64).tiny))
        return TOLERANCE * max(1.0, largest)
    return TOLERANCE * link_of(model.preprocessing.link).slack(float(np.abs(answer_NK).max()))


def run_onnx(content: bytes, feed: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Give every output of an ONNX file, computed by onnxruntime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return list(session.run(None, feed))


def graph_feed(columns: list[Column]) -> dict[str, NDArray[Any]]:
    """Arrange columns as the graph's inputs."""
    feed: dict[str, list[NDArray[Any]]] = {cells: [] for cells in _CELLS}
    for column in columns:
        feed[column.takes].append(column.values.astype(object) if column.categorical else column.values)
    return {name: np.stack(values, axis=1) for name, values in feed.items() if values}


_SOURCE: Final = '''"""A network trained by Shoal, as plain PyTorch: answers(build()(prepare({given})))."""

import hashlib
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load
from torch import nn

{constants}


{classes}def build():
    """Build the network with its trained weights, ready to predict."""
    module = {container}(
        OrderedDict(
            [
{layers}
            ]
        )
    )
    weights = Path(__file__).with_name(WEIGHTS).read_bytes()
    if hashlib.sha256(weights).hexdigest() != WEIGHTS_SHA256:
        raise ValueError(WEIGHTS + ": expected the weights that this file was written for, got others")
    module.load_state_dict(load(weights))
    return module.eval()


{prepare}


{answers}
'''

_PREPARE_COLUMNS: Final = '''{encoders}


def prepare(columns):
    """Turn columns by name (a dict or a frame) into the network's inputs, float32 (N, D)."""
    encode = {{{names}}}
    parts = [part for name, kind, *learned in COLUMNS for part in encode[kind](columns[name], *learned)]
    return torch.stack(parts, dim=1).float()'''

_PREPARE_IMAGES: Final = '''def prepare(images):
    """Turn images, unsigned bytes {shape}, into the network's inputs, float32.{said}"""
    scale, offset = torch.tensor(PIXEL_SCALE), torch.tensor(PIXEL_OFFSET)
    return (torch.as_tensor(images).float() * scale[:, None, None] + offset[:, None, None]){flat}'''


def export_torch(source: Path, out: Path, *, force: bool = False) -> str:
    """Write the model of a file or run folder as torch's state_dict, and a Python file beside it that builds it.

    `out` names either. The Python file needs torch and safetensors alone, and loads no other weights. Raises InputError
    for another ending, and, unless `force`, where a file of other content stands in the place of either.
    """
    from safetensors.numpy import save

    out, code = torch_files(out)
    model = load(source)
    state = {name: np.ascontiguousarray(array) for name, array in model.parameters.items()}
    counters = [name for name in state if name.endswith("running_mean")]
    state |= {name.replace("running_mean", "num_batches_tracked"): np.array(0) for name in counters}
    weights = save(state)
    text = torch_source(model, out.name, hashlib.sha256(weights).hexdigest())
    write_together({out: weights, code: text.encode("utf-8")}, new=() if force else (out, code))
    return f"{out}: torch's state_dict; {code}: the module, its preprocessing and its answers"


def torch_files(out: Path) -> tuple[Path, Path]:
    """Name both files of a torch export by one of them: the weights, and the Python file. Raises InputError."""
    if out.suffix not in (".safetensors", ".py"):
        raise InputError(Problem(str(out), "expected a name that ends in .safetensors or .py"))
    return out.with_suffix(".safetensors"), out.with_suffix(".py")


def torch_source(model: Model, weights: str, sha256: str) -> str:
    """Write the Python file for weights of a name and checksum.

    Names that come from data stand in it as literals only, never as code.
    """
    rows, (container, layers) = _rows_of(model), module_source(model.architecture)
    constants = {
        "WEIGHTS": weights, "WEIGHTS_SHA256": sha256, **rows.constants(), **_answer_constants(model),
    }  # fmt: skip
    return _SOURCE.format(
        given=rows.noun,
        constants="\n".join(f"{name} = {value!r}" for name, value in constants.items()),
        container=container,
        layers="\n".join(f'{" " * 16}("{name}", {call}),' for name, call in layers),
        classes="".join(f"{text}\n\n\n" for text in module_classes(model.architecture)),
        prepare=rows.prepare(),
        answers=class_source(model.decision)
        if model.classes
        else target_source(model.preprocessing.target_scales),
    )


def _answer_constants(model: Model) -> dict[str, Any]:
    if model.classes:
        decided = described(model.decision, model.classes)
        return {"CLASSES": list(model.classes), **{key.upper(): value for key, value in decided.items()}}
    return {"TARGETS": list(model.targets), **target_constants(model.preprocessing.target_scales)}


class _Rows(Protocol):
    """What a model is given, and how it is made ready: in a graph, in a Python file."""

    noun: str

    def graph_inputs(self) -> list[Any]:
        """Give the inputs of the graph."""
        ...

    def add(self, parts: GraphParts) -> str:
        """Add what makes them ready; give its name."""
        ...

    def drawn(self, draw: np.random.Generator) -> tuple[Inputs, dict[str, NDArray[Any]]]:
        """Draw rows like the training rows: as Shoal reads them, and as the graph does."""
        ...

    def constants(self) -> dict[str, Any]:
        """Give what the Python file makes them ready with."""
        ...

    def prepare(self) -> str:
        """Give the function of the Python file that does."""
        ...


def _rows_of(model: Model) -> _Rows:
    if model.image_shape is None:
        return _Columns(model.preprocessing)
    flat = "" if model.architecture.convolutions else ".flatten(1)"
    return _Images(model.preprocessing, model.image_shape, flat)


@dataclass(frozen=True)
class _Columns:
    """Columns of a table."""

    preprocessing: Preprocessing
    noun = "columns"

    def graph_inputs(self) -> list[Any]:
        from onnx import TensorProto, helper

        taken = [takes(column) for column in self.preprocessing.columns]
        types = zip(_CELLS, (TensorProto.DOUBLE, TensorProto.STRING, TensorProto.DOUBLE), strict=True)
        return [
            helper.make_tensor_value_info(cells, kind, ["N", taken.count(cells)])
            for cells, kind in types
            if cells in taken
        ]

    def add(self, parts: GraphParts) -> str:
        """Have each kind of encoder make its columns ready, and bring these into the model's order."""
        columns, in_order = self.preprocessing.columns, self.preprocessing.in_order
        ends = np.cumsum([0, *(len(column.names) for column in in_order)]).tolist()
        starts = {column.name: start for column, start in zip(in_order, ends, strict=False)}
        pieces: list[str] = []
        places: list[int] = []
        for kind, numbers in self._by_kind().items():
            encoders = [columns[number] for number in numbers]
            cells = self._add_cells(parts, kind, numbers)
            for piece, slots in encoder_class(kind).nodes(parts, encoders, cells):
                pieces.append(piece)
                places += [starts[encoders[number].name] + slot for number, slot in slots]
        joined = parts.node("Concat", pieces, "joined", {"axis": 1})
        order = parts.array("order", np.argsort(places).astype(np.int64))
        return parts.node("Gather", [joined, order], "prepared", {"axis": 1})

    def _by_kind(self) -> dict[str, list[int]]:
        """Give the places of the columns of each kind of encoder, in the order of the table of kinds."""
        places: dict[str, list[int]] = {kind: [] for kind in ENCODERS}
        for number, column in enumerate(self.preprocessing.columns):
            places[column.kind].append(number)
        return {kind: numbers for kind, numbers in places.items() if numbers}

    def _add_cells(self, parts: GraphParts, kind: str, numbers: list[int]) -> str:
        """Take the cells of some columns out of the graph's input, where it has others too."""
        columns = self.preprocessing.columns
        cells = takes(columns[numbers[0]])
        same = [number for number, column in enumerate(columns) if takes(column) == cells]
        if numbers == same:
            return cells
        own = parts.array(f"{kind}_places", np.array([same.index(number) for number in numbers]))
        return parts.node("Gather", [cells, own], f"{kind}_cells", {"axis": 1})

    def drawn(self, draw: np.random.Generator) -> tuple[Inputs, dict[str, NDArray[Any]]]:
        columns = [
            Column(column.name, column.drawn(draw, CHECKED_ROWS), column.kind)
            for column in self.preprocessing.columns
        ]
        return tuple(columns), graph_feed(columns)

    def constants(self) -> dict[str, Any]:
        return {
            "COLUMNS": [
                (column.name, column.kind, *column.torch_arguments) for column in self.preprocessing.in_order
            ]
        }

    def prepare(self) -> str:
        kinds = [encoder_class(kind) for kind in self._by_kind()]
        names = ", ".join(f'"{encoder.kind}": {encoder.kind.replace("-", "_")}' for encoder in kinds)
        sources = "\n\n\n".join(encoder.torch_source for encoder in kinds)
        return _PREPARE_COLUMNS.format(encoders=sources, names=names)


@dataclass(frozen=True)
class _Images:
    """Images of bytes; `flat` is how the Python file lays them out for a network without convolutions."""

    preprocessing: Preprocessing
    shape: tuple[int, ...]
    flat: str
    noun = "images"

    def graph_inputs(self) -> list[Any]:
        from onnx import TensorProto, helper

        return [helper.make_tensor_value_info(_IMAGES, TensorProto.UINT8, ["N", *self.shape])]

    def add(self, parts: GraphParts) -> str:
        """Scale the bytes of each channel, with the same two roundings as everywhere."""
        from onnx import TensorProto

        x = parts.node("Cast", [_IMAGES], "pixels", {"to": TensorProto.FLOAT})
        scale = parts.array("pixel_scale", self.preprocessing.pixel_scale_C[:, None, None])
        offset = parts.array("pixel_offset", self.preprocessing.pixel_offset_C[:, None, None])
        return parts.node("Add", [parts.node("Mul", [x, scale], "pixels_scaled"), offset], "prepared")

    def drawn(self, draw: np.random.Generator) -> tuple[Inputs, dict[str, NDArray[Any]]]:
        images = draw.integers(0, 256, (CHECKED_ROWS, *self.shape), dtype=np.uint8)
        return images, {_IMAGES: images}

    def constants(self) -> dict[str, Any]:
        preprocessing = self.preprocessing
        return {
            "PIXEL_SCALE": preprocessing.pixel_scale_C.tolist(),
            "PIXEL_OFFSET": preprocessing.pixel_offset_C.tolist(),
        }

    def prepare(self) -> str:
        return _PREPARE_IMAGES.format(shape=("N", *self.shape), flat=self.flat, said=self._said())

    def _said(self) -> str:
        """Say in the docstring of `prepare` what images are to be before they are handed to it."""
        said = []
        if self.preprocessing.resize is not None:
            said.append(
                "Those of another size are brought to it before: Pillow's resize((width, height), Resampling.BILINEAR)."
            )
        if self.preprocessing.white is not None:
            said.append(
                f"Pixels are {two_levels(self.preprocessing.white)}, as those of the training images were."
            )
        return "".join(f"\n\n    {sentence}" for sentence in said) + "\n    " * bool(said)
