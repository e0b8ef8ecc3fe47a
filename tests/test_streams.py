"""Streams: the known answers of Philox, and what each kind of draw promises."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.streams import (
    Role,
    StreamKey,
    draw,
    dropout_draws,
    dropout_scale,
    dropout_threshold,
    permutation,
    philox,
    uniform,
)

KEY = StreamKey(seed=7, split=2, repeat=1)
WORDS = KEY.words(Role.ORDER)
keys = st.builds(StreamKey, st.integers(0, 2**63 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
ONES = 0xFFFFFFFF


# Random123's kat_vectors: philox 4x32, 10 rounds.
@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_known_answers(
    counter: tuple[int, ...], key: tuple[int, int], answer: tuple[int, ...]
) -> None:
    assert tuple(philox(key, counter)) == answer


def test_philox_of_many_counters_is_philox_of_each() -> None:
    blocks = np.arange(5, dtype=np.uint32)
    many = philox(WORDS, (blocks, 1, 2, 3))
    assert many.dtype == np.uint32
    for block in range(5):
        assert np.array_equal(many[:, block], philox(WORDS, (block, 1, 2, 3)))


@given(key=keys)
def test_key_words_are_the_head_of_a_sha256_over_the_name(key: StreamKey) -> None:
    for role in Role:
        name = b"shoal/1\0" + b"".join(
            number.to_bytes(size, "little")
            for number, size in ((key.seed, 8), (key.split, 4), (key.repeat, 4), (int(role), 4))
        )
        digest = hashlib.sha256(name).digest()
        assert key.words(role) == (
            int.from_bytes(digest[:4], "little"),
            int.from_bytes(digest[4:8], "little"),
        )


def test_roles_and_places_never_share_a_stream() -> None:
    words = {
        StreamKey(seed, split, repeat).words(role)
        for seed, split, repeat, role in itertools.product(range(3), range(3), range(3), Role)
    }
    assert len(words) == 3 * 3 * 3 * len(Role)


def test_every_coordinate_of_a_place_changes_the_draws() -> None:
    places = itertools.product(range(2), range(2), range(2))
    seen = {draw(WORDS, 8, layer=layer, step=step, epoch=epoch).tobytes() for layer, step, epoch in places}
    assert len(seen) == 8


@given(count=st.integers(1, 40), layer=st.integers(0, 9), step=st.integers(0, 9), epoch=st.integers(0, 2**31))
def test_draw_lays_the_words_of_a_block_a_quarter_apart(
    count: int, layer: int, step: int, epoch: int
) -> None:
    blocks = -(-count // 4)
    draws = draw(WORDS, count, layer=layer, step=step, epoch=epoch)
    assert draws.shape == (count,)
    for number in range(count):
        word, block = divmod(number, blocks)
        assert draws[number] == philox(WORDS, (block, layer, step, epoch))[word]


@given(count=st.integers(0, 30), layer=st.integers(0, 9))
def test_many_places_at_once_are_each_place_alone(count: int, layer: int) -> None:
    steps_S, epochs_E = np.arange(3)[None, :], np.array([4, 2**31])[:, None]
    for drawn in (draw, dropout_draws):
        many = drawn(WORDS, count, layer=layer, step=steps_S, epoch=epochs_E)
        assert many.shape == (2, 3, count)
        for row, epoch in enumerate((4, 2**31)):
            for step in range(3):
                alone = drawn(WORDS, count, layer=layer, step=step, epoch=epoch)
                assert np.array_equal(many[row, step], alone)


def test_uniform_keeps_the_24_upper_bits() -> None:
    assert np.array_equal(uniform(WORDS, 9, layer=3) * 2**24, draw(WORDS, 9, layer=3) // 256)


def test_uniform_is_uniform() -> None:
    """Kolmogorov and Smirnov's test with a fixed key, and the two moments within five standard errors."""
    from scipy.stats import kstest

    sample = uniform(WORDS, 100_000)
    assert sample.min() >= 0
    assert sample.max() < 1
    assert kstest(sample, "uniform").pvalue > 1e-3
    assert abs(sample.mean() - 1 / 2) < 5 * np.sqrt(1 / 12 / 100_000)
    assert abs(np.corrcoef(sample[:-1], sample[1:])[0, 1]) < 5 / np.sqrt(100_000)


@given(key=keys, count=st.integers(0, 300), epoch=st.integers(0, 2**31))
def test_permutation_is_a_permutation(key: StreamKey, count: int, epoch: int) -> None:
    order = permutation(key.words(Role.ORDER), count, epoch=epoch)
    assert order.dtype == np.int64
    assert np.array_equal(np.sort(order), np.arange(count))


def test_permutation_sorts_rows_by_their_draws() -> None:
    draws = draw(WORDS, 50, epoch=4)
    assert np.array_equal(permutation(WORDS, 50, epoch=4), np.argsort(draws, kind="stable"))


def test_each_place_of_a_row_is_equally_likely() -> None:
    """600 epochs of 6 rows: each row stands in each place about 100 times (chi-squared, fixed key)."""
    from scipy.stats import chi2

    orders = np.array([permutation(WORDS, 6, epoch=epoch) for epoch in range(600)])
    counts = np.array([np.bincount(orders[:, place], minlength=6) for place in range(6)])
    assert ((counts - 100) ** 2 / 100).sum() < chi2.ppf(0.999, 25)


@pytest.mark.parametrize(
    ("rate", "threshold"), [(0.0, 0), (0.25, 16384), (0.5, 32768), (0.1, 6554), (1e-6, 0)]
)
def test_dropout_threshold_is_the_rate_in_65536ths(rate: float, threshold: int) -> None:
    assert dropout_threshold(rate) == threshold
    assert dropout_scale(rate) == np.float32(65536 / (65536 - threshold))


@given(
    count=st.integers(1, 50), layer=st.integers(0, 5), step=st.integers(0, 99), epoch=st.integers(0, 2**31)
)
def test_dropout_draws_are_low_halves_then_high_halves(count: int, layer: int, step: int, epoch: int) -> None:
    half = (count + 1) // 2
    words = draw(WORDS, half, layer=layer, step=step, epoch=epoch)
    draws = dropout_draws(WORDS, count, layer=layer, step=step, epoch=epoch)
    assert draws.dtype == np.uint16
    for number in range(count):
        expected = words[number] & 0xFFFF if number < half else words[number - half] >> 16
        assert draws[number] == expected


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(rate: float) -> None:
    kept = dropout_draws(WORDS, 200_000, layer=0, step=0, epoch=0) >= dropout_threshold(rate)
    assert abs(kept.mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / 200_000)
    assert (1 - dropout_threshold(rate) / 65536) * float(dropout_scale(rate)) == pytest.approx(1, rel=1e-7)


def test_a_lower_rate_drops_a_part_of_what_a_higher_one_drops() -> None:
    """Common random numbers: candidates that differ in the rate alone share their draws."""
    draws = dropout_draws(WORDS, 1_000, layer=1, step=2, epoch=3)
    assert ((draws < dropout_threshold(0.5)) | (draws >= dropout_threshold(0.25))).all()
