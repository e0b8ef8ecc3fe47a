"""The core's own exp, tanh, erf and so on: accurate to a few units in the last place, the same at every width."""

from __future__ import annotations

import numpy as np
import pytest
from core_cases import core, every_width, needs_core
from numpy.typing import NDArray
from scipy import special

from shoal.activations import ACTIVATIONS
from shoal.engine.trainers.native_core import TARGETS

Floats = NDArray[np.float64]

pytestmark = needs_core

EPS = 2.0**-24  # half a unit in the last place of 1, float32


def both(target: str, name: str, x: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    value, slope = np.empty_like(x), np.empty_like(x)
    arrays = (array.ctypes.data for array in (x, value, slope))
    assert core().shoal_activation(TARGETS.index(target), ACTIVATIONS[name].core, len(x), *arrays) == 0
    return value, slope


def truth(name: str, x: Floats) -> tuple[Floats, Floats]:  # noqa: PLR0911
    """Value and slope in float64, in forms that do not cancel."""
    s, rest = special.expit(x), special.expit(-x)
    match name:
        case "sigmoid":
            return s, s * rest
        case "tanh":
            return np.tanh(x), 1 / np.cosh(np.clip(x, -300, 300)) ** 2
        case "relu":
            return np.maximum(x, 0), np.where(x > 0, 1.0, 0.0)
        case "leaky-relu":
            return np.where(x > 0, x, 0.01 * x), np.where(x > 0, 1.0, 0.01)
        case "elu":
            return np.where(x > 0, x, np.expm1(np.minimum(x, 0))), np.where(
                x > 0, 1.0, np.exp(np.minimum(x, 0))
            )
        case "gelu":
            phi = special.ndtr(x)
            return x * phi, phi + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
        case "silu":
            return x * s, s * (1 + x * rest)
        case "softplus":
            return np.logaddexp(0, x), s
    return x, np.ones_like(x)


@every_width
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_slopes_agree_with_float64(target: str, name: str) -> None:
    """Within 4 units in the last place of the value.

    Where the formula itself adds 1 to a number near -1 (gelu's tail, slopes that are differences) within
    4 units of what it adds: x for gelu's value, 1 for slopes. torch computes the same differences.
    """
    x = np.concatenate(
        [np.linspace(-30, 30, 40_001), np.linspace(-1e-3, 1e-3, 2001), np.geomspace(1e-30, 1e4, 500)]
    )
    x = x.astype(np.float32)
    value, slope = both(target, name, x)
    true_value, true_slope = truth(name, x.astype(np.float64))
    added = np.abs(x) if name == "gelu" else 0
    assert np.max(np.abs(value - true_value) / (np.maximum(np.abs(true_value), added) + 1e-37)) < 8 * EPS
    assert np.max(np.abs(slope - true_slope) / np.maximum(np.abs(true_slope), 1)) < 8 * EPS


@every_width
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_is_not_a_number_stays_so(target: str, name: str) -> None:
    value, _ = both(target, name, np.array([np.nan, 1, np.nan], np.float32))
    np.testing.assert_array_equal(np.isnan(value), [True, False, True])


@every_width
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_far_out_nothing_overflows(target: str, name: str) -> None:
    x = np.array([-1e30, -1e4, -100, -88, 88, 100, 1e4, 1e30], np.float32)
    value, slope = both(target, name, x)
    with np.errstate(over="ignore"):
        true_value, _ = truth(name, x.astype(np.float64))
    assert np.all(np.isfinite(slope))
    np.testing.assert_allclose(value, true_value, rtol=1e-6, atol=1e-30)


@every_width
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_all_widths_give_the_same_bytes(target: str, name: str) -> None:
    # No denormal numbers: in a fit they are flushed before an activation sees them.
    x = np.concatenate([np.linspace(-100, 100, 5001), np.geomspace(1e-37, 1e38, 500)]).astype(np.float32)
    for mine, reference in zip(both(target, name, x), both("portable", name, x), strict=True):
        assert mine.tobytes() == reference.tobytes()
