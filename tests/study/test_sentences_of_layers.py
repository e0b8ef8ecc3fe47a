"""Every sentence in which an entry of `network.conv` is refused, word for word."""

from __future__ import annotations

from typing import Any

import pytest
from drawn_studies import BASE

from shoal.errors import StudyError
from shoal.study import parse_study

SIDES = "a whole number of at least 1 or a list of 2 whole numbers"
BORDER = "a whole number of at least 0 and at most 10000"
WINDOW = 'needs kind = "max" or "average", got kind = "global-average", whose window is the whole map'


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"kernel": [3, 1, 1]}, f"kernel: expected {SIDES}, got [3, 1, 1]"),
        ({"kernel": [0, 1]}, "kernel[0]: expected a whole number of at least 1, got 0"),
        ({"kernel": "same"}, f"kernel: expected {SIDES}, got 'same'"),
        ({"stride": 1.5}, f"stride: expected {SIDES}, got 1.5"),
        ({"stride": [2]}, "stride[1]: expected a whole number of at least 1, got nothing"),
        ({"padding": [1, -1]}, f"padding[1]: expected {BORDER}, got -1"),
        ({"padding": -1}, f"padding: expected {BORDER} or a list of 2 whole numbers, got -1"),
        ({"dilation": 0}, f"dilation: expected {SIDES}, got 0"),
        ({"dilatation": 2}, "dilatation: unknown key; did you mean dilation?"),
        (
            {"pool": {"kind": "global"}},
            "pool.kind: expected one of max, average, global-average, got 'global'; did you mean 'global-average'?",
        ),
        ({"pool": {"kind": "global-average", "stride": 2}}, f"pool.stride: `stride` {WINDOW}"),
        ({"pool": {"kind": "global-average", "size": [2, 2]}}, f"pool.size: `size` {WINDOW}"),
        ({"pool": {"size": True}}, f"pool.size: expected {SIDES}, got true"),
    ],
)
def test_sentence(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StudyError) as caught:
        parse_study({**BASE, "network": {"kind": "cnn", "conv": [{"channels": 2, **asked}]}})
    assert str(caught.value) == f"network.conv[0].{sentence}"


def test_a_searched_kind_of_pool_that_takes_no_size_is_refused_where_it_is_asked_for() -> None:
    network = {"kind": "cnn", "conv": [{"channels": 2, "pool": {}}]}
    space = {"network.conv[0].pool.kind": ["max", "global-average"]}
    with pytest.raises(StudyError) as caught:
        parse_study({**BASE, "network": network, "search": {"space": space}})
    assert str(caught.value) == f'search.space."network.conv[0].pool.kind"[1]: `size` {WINDOW}'
