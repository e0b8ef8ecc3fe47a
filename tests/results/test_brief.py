"""What holds arrays is written in a few words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shoal.results._brief import Brief


@dataclass(frozen=True, eq=False, repr=False)
class _Sheet(Brief):
    name: str
    x_ND: Any
    rows: dict[str, Any]
    names: tuple[str, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)


def test_arrays_are_written_by_kind_and_shape() -> None:
    sheet = _Sheet(
        "a", np.zeros((900, 3)), {"first": np.zeros(9), "second": np.ones(2)}, ("p",), {"loss": 0.5}
    )
    assert repr(sheet) == (
        "_Sheet(name='a', x_ND=<float64 (900, 3)>, rows=<2 arrays>, names=('p',), scores={'loss': 0.5})"
    )


def test_of_a_long_tuple_the_first_are_written() -> None:
    sheet = _Sheet("a", np.zeros(0, np.int64), {}, tuple("abcdef"))
    assert repr(sheet) == (
        "_Sheet(name='a', x_ND=<int64 (0,)>, rows={}, names=('a', 'b', 'c', 'd', <2 more>), scores={})"
    )
