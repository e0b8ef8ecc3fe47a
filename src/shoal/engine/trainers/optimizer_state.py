"""What an optimiser of torch keeps between two steps, as plain arrays and back: all of its state, by place and name.

Its `state_dict` is a tree of tensors, numbers, texts, lists and dicts; the tree is kept as JSON beside the tensors.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch.optim import Optimizer

Arrays = dict[str, NDArray[Any]]
_TREE: Final = "tree"
_PLAIN: Final = (bool, int, float, str, type(None))


def arrays_of_optimizer(optimizer: Optimizer) -> Arrays:
    """Give all that it keeps; on a CPU, arrays share its memory. Raises ValueError for what is no number or text."""
    arrays: Arrays = {}
    tree = _written(optimizer.state_dict(), arrays)
    return arrays | {_TREE: np.frombuffer(json.dumps(tree).encode(), np.uint8)}


def restore_optimizer(optimizer: Optimizer, arrays: Arrays) -> None:
    """Have an optimiser of the same parameters go on from there."""
    optimizer.load_state_dict(_read(json.loads(arrays[_TREE].tobytes()), arrays))


def _written(value: Any, arrays: Arrays) -> Any:
    import torch

    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, torch.Tensor):
        arrays[name := str(len(arrays))] = value.detach().cpu().numpy()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _written(own, arrays)] for key, own in value.items()]}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_written(own, arrays) for own in value]}
    raise ValueError(
        f"optimizer: expected tensors, numbers and texts in what it keeps between steps, got a {type(value).__name__}"
    )


def _read(tree: Any, arrays: Arrays) -> Any:
    import torch

    match tree:
        case {"tensor": name}:
            return torch.from_numpy(arrays[name].copy())
        case {"dict": pairs}:
            return {key: _read(own, arrays) for key, own in pairs}
        case {"list": values}:
            return [_read(own, arrays) for own in values]
        case {"tuple": values}:
            return tuple(_read(own, arrays) for own in values)
        case _:
            return tree
