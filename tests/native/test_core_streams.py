"""The core draws the bits of shoal.streams, at every width and for every count."""

from __future__ import annotations

import ctypes

import numpy as np
from core_cases import core, every_width, needs_core
from hypothesis import given
from hypothesis import strategies as st

from shoal.engine.trainers.native_core import TARGETS
from shoal.streams import dropout_draws, permutation

pytestmark = needs_core

WORDS = st.integers(0, 2**32 - 1)
KEYS = st.tuples(WORDS, WORDS)
COUNTS = st.one_of(st.integers(1, 300), st.integers(1, 20_000))
PLACES = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))


def words(key: tuple[int, int]) -> ctypes.Array[ctypes.c_uint32]:
    return (ctypes.c_uint32 * 2)(*key)


def core_draws(target: str, key: tuple[int, int], count: int, place: tuple[int, int, int]) -> np.ndarray:
    draws = np.zeros(count, np.uint16)
    assert (
        core().shoal_dropout_draws(TARGETS.index(target), words(key), count, *place, draws.ctypes.data) == 0
    )
    return draws


def core_order(target: str, key: tuple[int, int], count: int, epoch: int) -> np.ndarray:
    order = np.zeros(count, np.uint32)
    assert core().shoal_permutation(TARGETS.index(target), words(key), count, epoch, order.ctypes.data) == 0
    return order


@every_width
def test_every_small_count_has_the_same_dropout_draws_and_order(target: str) -> None:
    """The ends of runs are where whole vectors spill over."""
    key = (0x12345678, 0x9ABCDEF0)
    for count in range(1, 130):
        expected = dropout_draws(key, count, layer=3, step=5, epoch=7)
        np.testing.assert_array_equal(core_draws(target, key, count, (3, 5, 7)), expected)
        np.testing.assert_array_equal(core_order(target, key, count, 9), permutation(key, count, epoch=9))


@every_width
@given(key=KEYS, count=COUNTS, place=PLACES)
def test_drawn_places_have_the_same_draws(
    target: str, key: tuple[int, int], count: int, place: tuple[int, int, int]
) -> None:
    layer, step, epoch = place
    np.testing.assert_array_equal(
        core_draws(target, key, count, place),
        dropout_draws(key, count, layer=layer, step=step, epoch=epoch),
    )
    np.testing.assert_array_equal(core_order(target, key, count, epoch), permutation(key, count, epoch=epoch))


@every_width
def test_rows_with_equal_draws_keep_their_order(target: str) -> None:
    """Among 300,000 draws of 32 bits about ten are equal to another; the row number decides."""
    count, key = 300_000, (1, 2)
    np.testing.assert_array_equal(core_order(target, key, count, 0), permutation(key, count, epoch=0))
