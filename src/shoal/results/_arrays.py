"""Named arrays as one blob: safetensors bytes, in which nothing can run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def packed(arrays: Arrays) -> bytes:
    """Write arrays; what is equal is equal bytes."""
    from safetensors.numpy import save

    # `save` writes memory order as if it were C order: other layouts would come back scrambled.
    return save({name: np.asarray(array, order="C") for name, array in arrays.items()})


def unpacked(data: bytes) -> Arrays:
    """Read arrays back. Raises ValueError for anything else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(data)
    except SafetensorError as error:
        raise ValueError(error) from error
