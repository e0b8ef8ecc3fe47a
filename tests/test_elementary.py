"""Exponentials and logarithms: beside decimals of many digits, and to the same bytes however numpy computes."""

from __future__ import annotations

import decimal
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.elementary import exp, expm1, log, log1p

MANY = decimal.Context(prec=60, Emin=-9999, Emax=9999)
FUNCTIONS = {"exp": exp, "expm1": expm1, "log": log, "log1p": log1p}
TRUE: dict[str, Callable[[Decimal], Decimal]] = {
    "exp": lambda x: x.exp(MANY),
    "expm1": lambda x: MANY.subtract(x.exp(decimal.Context(prec=400, Emin=-9999, Emax=9999)), Decimal(1)),
    "log": lambda x: x.ln(MANY),
    "log1p": lambda x: _whole(x).ln(decimal.Context(prec=400, Emin=-9999, Emax=9999)),
}
POWERS = st.floats(-745, 709) | st.floats(-1, 1) | st.floats(-1e-3, 1e-3)
ABOVE_0 = st.floats(5e-324, 1.7e308) | st.floats(0.5, 2) | st.floats(1 - 1e-6, 1 + 1e-6)
BEYOND_1 = st.floats(-0.9999999999999999, 1e300) | st.floats(-0.5, 2) | st.floats(-1e-9, 1e-9)
DRAWN = {"exp": POWERS, "expm1": POWERS, "log": ABOVE_0, "log1p": BEYOND_1}


def _whole(x: Decimal) -> Decimal:
    return decimal.Context(prec=800, Emin=-9999, Emax=9999).add(x, Decimal(1))


@pytest.mark.parametrize("name", FUNCTIONS)
@given(data=st.data())
def test_each_is_within_two_units_in_the_last_place_of_the_truth(name: str, data: st.DataObject) -> None:
    x = data.draw(DRAWN[name])
    true, computed = TRUE[name](Decimal(x)), float(FUNCTIONS[name](x))
    unit = Decimal(float(np.spacing(abs(float(true)))))
    assert abs(Decimal(computed) - true) <= 2 * unit, (x, computed, true)


def test_edges_are_those_of_numpy() -> None:
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e4, -1e4, -1.0, 1.0])
    with np.errstate(all="ignore"):
        for name, function in FUNCTIONS.items():
            np.testing.assert_allclose(function(x), getattr(np, name)(x), rtol=1e-15)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        log(0.0)


def test_many_numbers_are_those_of_each_alone() -> None:
    x = np.linspace(-700, 700, 9_001).reshape(-1, 1)
    many = exp(x)
    assert many.shape == x.shape
    assert all(many[place, 0] == exp(x[place, 0]) for place in range(0, len(x), 97))


def test_bytes_hang_on_no_feature_of_the_processor() -> None:
    """numpy's own exponentials differ so where the processor has AVX-512."""
    source = (
        "import hashlib, numpy as np; from shoal.elementary import exp, expm1, log, log1p;"
        " x = np.linspace(1e-3, 700, 20_001);"
        " print(hashlib.sha256(b''.join(of(part).tobytes() for of in (exp, expm1, log, log1p)"
        " for part in (x, 1 / x))).hexdigest())"
    )
    listing = "import numpy as np; print(*np._core._multiarray_umath.__cpu_dispatch__)"

    def said(program: str, without: str = "") -> str:
        environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": without}
        command = [sys.executable, "-W", "ignore", "-c", program]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert said(source) == said(source, said(listing))
