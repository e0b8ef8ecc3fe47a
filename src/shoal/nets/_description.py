"""An architecture as plain JSON values, and back again, from a file that may be foreign.

Only descriptions that Shoal itself would give are believed: the network is rebuilt from the description, laid out
anew, and must describe itself in the same words. So no size in a file is ever trusted on its own.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import MISSING, asdict, fields
from typing import Any, Final

from shoal.errors import ModelFileError
from shoal.kinds import LAYERS
from shoal.nets._architecture import Architecture, build_architecture, own_architecture
from shoal.nets._layer import Layer, layer_class
from shoal.nets._own_module import PYTHON, InputPart, OwnModule, OwnNetwork
from shoal.nets.layers.conv import along, conv_entry
from shoal.study import Network

_LARGEST: Final = 2**31 - 1
_PHRASE: Final = "expected an architecture as Shoal describes it"


def describe(architecture: Architecture) -> dict[str, Any]:
    """Give plain values for a model file: input shape, outputs and every layer with its sizes.

    A field with a default came later, and is left out where it has it: files of networks without it stay as they were.
    """
    if architecture.own is not None:
        module = architecture.own.described
        return {"input_shape": architecture.input_shape, "outputs": architecture.outputs, "module": module}
    layers = [_described(layer) for layer in architecture.layers]
    return {"input_shape": architecture.input_shape, "outputs": architecture.outputs, "layers": layers}


def _described(layer: Layer) -> dict[str, Any]:
    values = asdict(layer)
    return {
        field.name: values[field.name]
        for field in fields(layer)
        if field.default is MISSING or values[field.name] != field.default
    }


def rebuild(description: object, own: OwnModule | None = None) -> Architecture:
    """Lay out the network that `describe` described. Raises ModelFileError; allocates nothing of its size.

    A network that is a person's own module is laid out by `own`, which is asked for nowhere else.
    """
    match description:
        case {"input_shape": [*shape], "outputs": outputs, "module": dict(module), **others} if not others:
            if all(map(is_size, [*shape, outputs])):
                architecture = _of_module(module, tuple(shape), outputs, own)
                again = describe(architecture)
                code = {name: again["module"][name] for name in ("name", "code")}
                as_given = {"input_shape": shape, "outputs": outputs, "module": {**module, **code}}
                if _text(again) == _text(as_given):
                    _warn_of_other_code(architecture, str(module.get("name"))[:80], str(module.get("code")))
                    return architecture
                raise ModelFileError(
                    "module: expected the one that was trained, with its arrays, got another"
                )
        case {"input_shape": [*shape], "outputs": outputs, "layers": [*layers], **others} if not others:
            if len(shape) in (1, 3) and all(map(is_size, [*shape, outputs])):
                architecture = _laid_out(layers, tuple(shape), outputs)
                if _text(describe(architecture)) == _text(description):
                    return architecture
    raise ModelFileError(f"{_PHRASE}, got sizes or layers that do not fit together")


def _of_module(
    described: dict[str, Any], shape: tuple[int, ...], outputs: int, own: OwnModule | None
) -> Architecture:
    title = str(described.get("name"))[:80]
    if own is None:
        what = f"expected what makes {title}, a module of a person's own, which no file holds, got none"
        raise ModelFileError(f"module: {what}; in Python: shoal.load(path, module={title})")
    try:
        parts = tuple(InputPart(name, tuple(size), whole) for name, size, whole in described["inputs"])
        classes, takes = described["classes"], described["takes"]
    except (ValueError, TypeError, KeyError) as error:
        raise ModelFileError(f"{_PHRASE}, got a module that Shoal does not describe so") from error
    return own_architecture(OwnNetwork(own, parts, classes), shape, outputs, takes)


def _warn_of_other_code(architecture: Architecture, saved: str, code: str) -> None:
    """Warn where a module that has the same arrays computes otherwise, or may: it has other code or other keywords."""
    assert architecture.own is not None  # noqa: S101 - only people's own modules come here
    now, title = architecture.own.described["code"], architecture.own.network.own.module.title
    if now and now == code:
        return
    if not now:
        why = architecture.own.network.code(architecture.outputs).unknown
    elif not code:
        why = "its code was not known when it was saved"
    elif code.partition(" ")[0] != PYTHON:
        why = "it was saved by another version of Python, whose code is another"
    else:
        why = ""
    what = f"whether it computes as {saved}, which was saved, is not known: {why}"
    other = (
        f"it computes otherwise than {saved}, which was saved: its code, or a keyword (module__x), is another"
    )
    warnings.warn(
        f"module: {title} has the same arrays, but {what if why else other}", UserWarning, stacklevel=2
    )


def is_size(value: object) -> bool:
    """Whether a value of a foreign description may be the size of something."""
    return type(value) is int and 1 <= value <= _LARGEST


def _laid_out(layers: list[Any], shape: tuple[int, ...], outputs: int) -> Architecture:
    try:
        tables = tuple(table for layer in layers for table in _tables(layer))
        series = [layer["series"] for layer in layers if _kind_of(layer) == "series"]
        others = [layer for layer in layers if _kind_of(layer) not in ("embedding", "series")]
        network = _network(others)
        if series:
            network |= {"series": series[0], "conv": [along(entry) for entry in network["conv"]]}
        return build_architecture(Network.model_validate(network), shape, outputs, tables)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise ModelFileError(f"{_PHRASE}, got layers that no network of Shoal has") from error


def _network(layers: list[Any]) -> dict[str, Any]:
    """Give the `network` section of a study that these layers would come from."""
    kinds = [_kind_of(layer) for layer in layers]
    convolutions = [layer for layer, kind in zip(layers, kinds, strict=True) if kind == "conv"]
    hidden = [layer for layer, kind in zip(layers[:-1], kinds, strict=False) if kind == "dense"]
    network = {
        "kind": "cnn" if convolutions else "mlp",
        "conv": [conv_entry(layer) for layer in convolutions],
        "hidden": [layer["units"] for layer in hidden],
        "dropout": hidden[0]["dropout"] if hidden else 0.0,
        "conv_dropout": convolutions[0]["dropout"] if convolutions else 0.0,
    }
    if layers[1:]:
        norm = "layer" if layers[0].get("layer_norm") else "none"
        network |= {key: layers[0][key] for key in ("activation", "batch_norm")} | {"norm": norm}
    return network


def _tables(layer: dict[str, Any]) -> Iterator[tuple[int, int]]:
    """Give the tables of a described embedding; none of another layer. Raises ValueError for what are no sizes."""
    for rows, size in layer["tables"] if _kind_of(layer) == "embedding" else ():
        if not (is_size(rows) and is_size(size)):
            raise ValueError("tables")
        yield rows, size


def _kind_of(layer: dict[str, Any]) -> str:
    """Tell the kind of a described layer: the one whose sizes it names. Raises KeyError where there is none."""
    for kind in LAYERS:
        named = fields(layer_class(kind))
        needed = {field.name for field in named if field.default is MISSING}
        if needed <= set(layer) <= {field.name for field in named}:
            return kind
    raise KeyError("kind")


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
