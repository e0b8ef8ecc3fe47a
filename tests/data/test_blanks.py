"""Cells that may stand for missing ones, though no key says so."""

from __future__ import annotations

import numpy as np
import pytest

from shoal.data._blanks import blanks_in_numbers, blanks_in_text


@pytest.mark.parametrize(
    ("cells", "blanks"),
    [
        (["a", "?", "Unknown", "k.A."], ["?", "Unknown", "k.A."]),
        (["+", "-", "++"], []),
        (["unknown", "n.a."], []),
        (["a", "b"], []),
        ([], []),
    ],
)
def test_words_and_signs_among_text(cells: list[str], blanks: list[str]) -> None:
    assert blanks_in_text(cells) == blanks


@pytest.mark.parametrize(
    ("numbers", "blanks"),
    [
        ([1, 5, -999, -999, 9], ["-999"]),
        ([1, 5, 9999, 9999, -1, np.nan], ["9999"]),
        ([1, 5, -999, 9], []),
        ([97, 98, 99, 99], []),
        ([-9, -9, 0, 1], ["-9"]),
        ([-8, 9, 9, 0], []),
        ([-999.5, -999.5, 1, 2], []),
        ([np.nan], []),
        ([], []),
        ([-999, -999], []),
    ],
)
def test_numbers_of_nines_far_from_all_others(numbers: list[float], blanks: list[str]) -> None:
    assert blanks_in_numbers(np.array(numbers, float)) == blanks
