"""An architecture as plain JSON values, and back again, from a file that may be foreign.

Only descriptions that Shoal itself would give are believed: the network is rebuilt from the description, laid out
anew, and must describe itself in the same words. So no size in a file is ever trusted on its own.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from shoal.errors import ModelFileError
from shoal.nets._architecture import Architecture, build_architecture
from shoal.study import Network

_LARGEST: Final = 2**31 - 1
_PHRASE: Final = "expected an architecture as Shoal describes it"


def describe(architecture: Architecture) -> dict[str, Any]:
    """Give plain values for a model file: input shape, outputs and every layer with its sizes."""
    return asdict(architecture)


def rebuild(description: object) -> Architecture:
    """Lay out the network that `describe` described. Raises ModelFileError; allocates nothing of its size."""
    match description:
        case {"input_shape": [*shape], "outputs": outputs, "layers": [*layers], **others} if not others:
            if len(shape) in (1, 3) and all(map(_is_size, [*shape, outputs])):
                architecture = _laid_out(layers, tuple(shape), outputs)
                if _text(describe(architecture)) == _text(description):
                    return architecture
    raise ModelFileError(f"{_PHRASE}, got sizes or layers that do not fit together")


def _is_size(value: object) -> bool:
    return type(value) is int and 1 <= value <= _LARGEST


def _laid_out(layers: list[Any], shape: tuple[int, ...], outputs: int) -> Architecture:
    try:
        return build_architecture(Network.model_validate(_network(layers)), shape, outputs)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise ModelFileError(f"{_PHRASE}, got layers that no network of Shoal has") from error


def _network(layers: list[Any]) -> dict[str, Any]:
    """Give the `network` section of a study that these layers would come from."""
    convolutions = [layer for layer in layers if "kernel" in layer]
    hidden = [layer for layer in layers[:-1] if "kernel" not in layer]
    network = {
        "kind": "cnn" if convolutions else "mlp",
        "conv": [_convolution(layer) for layer in convolutions],
        "hidden": [layer["units"] for layer in hidden],
        "dropout": hidden[0]["dropout"] if hidden else 0.0,
        "conv_dropout": convolutions[0]["dropout"] if convolutions else 0.0,
    }
    before_output = {key: layers[0][key] for key in ("activation", "batch_norm") if layers[1:]}
    return network | before_output


def _convolution(layer: dict[str, Any]) -> dict[str, Any]:
    pool = {"kind": layer["pool"], "size": layer["pool_size"], "stride": layer["pool_stride"]}
    kept = {key: layer[key] for key in ("kernel", "stride", "padding", "groups")}
    return {"channels": layer["units"], **kept, "pool": None if layer["pool"] == "none" else pool}


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
