"""Numbers too large for a square, as a stranger's store may hold them, in what is made of it."""

from __future__ import annotations

import numpy as np
import pytest

from shoal.parts import SHOW, Parts


@pytest.mark.filterwarnings("error")
def test_numbers_too_large_for_a_square_are_inf_without_a_word() -> None:
    """A stranger's store may hold 1e300: the part is made, and shows what came of it."""
    huge, came = np.array([1e300, -1e300]), []
    parts = Parts(came.append)
    with parts.attempt("table", SHOW):
        came += [
            float((huge**2).mean()),
            float((huge**2 - huge**2).sum()),
            float(np.float64(1.0) / np.zeros(1)[0]),
        ]
    assert came[0] == came[2] == float("inf")
    assert np.isnan(came[1])
    assert not parts.missing
