"""exp and log in double, many at a time: the same bits as one number at a time, at every width."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from core_cases import LONG, every_width, needs_core
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HERE = Path(__file__).parent
NATIVE = HERE.parent.parent / "src" / "native"
FLAGS = {
    "portable": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": ["-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"],
    "neon": [],
}
MAGIC = 1.5 * 2.0**52
pytestmark = [
    needs_core,
    pytest.mark.skipif(sys.platform != "linux" or not shutil.which("g++"), reason="built by g++ on Linux"),
]
numbers = st.lists(
    st.floats()
    | st.floats(-800, 800)
    | st.sampled_from([0.0, -0.0, 1.0, 2.0, math.sqrt(2), 709.0, 709.1, -708.0, -708.1, 1.7e308]),
    min_size=1,
    max_size=40,
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ctypes.CDLL]:
    """Hold each width's functions, built when they are first asked for."""
    folder = tmp_path_factory.mktemp("lanes")

    class Built(dict[str, ctypes.CDLL]):
        def __missing__(self, target: str) -> ctypes.CDLL:
            path = folder / f"{target}.so"
            flags = ["-std=c++17", "-O3", "-ffp-contract=off", "-fno-math-errno", "-shared", "-fPIC"]
            width = [f'-DSHOAL_WIDTH="vec_{target}.h"', f"-I{NATIVE}", *FLAGS[target]]
            subprocess.run(["g++", *flags, *width, HERE / "lanes.cpp", "-o", path, "-lm"], check=True)
            self[target] = ctypes.CDLL(str(path))
            return self[target]

    return Built()


def in_lanes(library: ctypes.CDLL, name: str, x: Floats) -> Floats:
    y = np.empty_like(x)
    pointer = ctypes.c_void_p
    getattr(library, name)(ctypes.c_int64(len(x)), pointer(x.ctypes.data), pointer(y.ctypes.data))
    return y


def exp_of(x: float) -> float:
    """The series to 13 terms behind a power of two, operation by operation."""
    if not -708 <= x <= 709:
        return 0.0 if x < -708 else math.inf if x > 709 else x
    n = (x * 1.4426950408889634 + MAGIC) - MAGIC
    r = (x - n * 0.693147180369123816) - n * 1.90821492927058770e-10
    series = 0.0
    for k in range(13, -1, -1):
        series = series * r + 1 / math.factorial(k)
    return 2.0**n * series


def log_of(x: float) -> float:
    """2 atanh((m - 1) / (m + 1)) beside the exponent, operation by operation."""
    if not x <= 1.7e308:
        return x
    fraction, exponent = math.frexp(x)
    m, exponent = 2 * fraction, exponent - 1
    if m > math.sqrt(2):
        m, exponent = m / 2, exponent + 1
    s = (m - 1) / (m + 1)
    series = 0.0
    for k in range(23, 0, -2):
        series = series * (s * s) + 2 / k
    return exponent * 0.6931471805599453 + s * series


def same(mine: Floats, true: list[float]) -> bool:
    """Whether bits are equal; of what is not a number no more than that it is none."""
    expected = np.array(true)
    nan = np.isnan(expected)
    return np.array_equal(nan, np.isnan(mine)) and mine[~nan].tobytes() == expected[~nan].tobytes()


@every_width
@settings(max_examples=3000 if LONG else 100)
@given(x=numbers)
def test_each_lane_is_the_exp_of_its_number_whatever_the_others_are(
    built: dict[str, ctypes.CDLL], target: str, x: list[float]
) -> None:
    assert same(in_lanes(built[target], "exp_of", np.array(x)), [exp_of(number) for number in x])


@every_width
@settings(max_examples=3000 if LONG else 100)
@given(x=numbers)
def test_each_lane_is_the_log_of_its_number_whatever_the_others_are(
    built: dict[str, ctypes.CDLL], target: str, x: list[float]
) -> None:
    # Of normal numbers above 0: no loss asks for others.
    x = [abs(number) if abs(number) >= sys.float_info.min else 1.0 for number in x] + [math.nan]
    assert same(in_lanes(built[target], "log_of", np.array(x)), [log_of(number) for number in x])


@every_width
def test_both_agree_with_numpy(built: dict[str, ctypes.CDLL], target: str) -> None:
    x = np.linspace(-700, 700, 20_001)
    np.testing.assert_allclose(in_lanes(built[target], "exp_of", x), np.exp(x), rtol=1e-15)
    x = np.geomspace(1e-300, 1e300, 20_001)
    np.testing.assert_allclose(in_lanes(built[target], "log_of", x), np.log(x), rtol=1e-15, atol=1e-16)
