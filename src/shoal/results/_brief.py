"""What is written of a thing that holds arrays: their kinds and shapes, not the thousands of numbers in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from shoal.wording import counted

_MOST: Final = 4
"""Members of a tuple that are written out."""


class Brief:
    """A dataclass (with `repr=False`) of which every field is written in a few words."""

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]  # whoever inherits is a dataclass
        parts = (f"{field.name}={_written(getattr(self, field.name))}" for field in fields)
        return f"{type(self).__name__}({', '.join(parts)})"


def _written(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} {value.shape}>"
    if isinstance(value, Mapping) and any(isinstance(item, np.ndarray) for item in value.values()):
        return f"<{counted(len(value), 'array')}>"
    if isinstance(value, tuple):
        rest = (f"<{len(value) - _MOST:,} more>",) * (len(value) > _MOST)
        return f"({', '.join((*map(_written, value[:_MOST]), *rest))}{',' * (len(value) == 1)})"
    return repr(value)
