"""A network in a few words, at the head of a report."""

from __future__ import annotations

from typing import Any

import pytest

from shoal.look.page.summary import network_words
from shoal.study import Network


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"hidden": (100, 80)}, "a network of 2 hidden layers of 100 and 80 units"),
        ({"hidden": (1,)}, "a network of a hidden layer of 1 unit"),
        ({"hidden": ()}, "a network without hidden layers"),
        (
            {"kind": "cnn", "conv": ({"channels": 8}, {"channels": 16}), "hidden": (32,)},
            "a network of 2 convolutions to 8 and 16 channels and a hidden layer of 32 units",
        ),
        (
            {"kind": "cnn", "conv": ({"channels": 8},), "hidden": ()},
            "a network of a convolution to 8 channels without hidden layers",
        ),
    ],
)
def test_a_network_in_words(keys: dict[str, Any], words: str) -> None:
    assert network_words(Network(**keys)) == words
