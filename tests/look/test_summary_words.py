"""A network in a few words, at the head of a report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from look_runs import MadeUp, make_run

from shoal.look._run_findings import RunFindings
from shoal.look.page.summary import network_words, summary
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


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"network.hidden": [[]]}, r"A network without hidden layers, [\d,]+ parameters?\. It"),
        (
            {"network.hidden": [[3, 2]]},
            r"A network of 2 hidden layers of 3 and 2 units, [\d,]+ parameters\. It",
        ),
        (
            {"network.hidden[0]": [4], "training.lr": [0.1]},
            r"A network of 2 hidden layers of 4 and 5 units, [\d,]+ parameters, with learning rate 0\.1\. It",
        ),
    ],
)
def test_the_chosen_sizes_are_said_once(space: dict[str, Any], said: str, tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp(names=(), epochs=5, space=space))
    assert re.match(said, summary(RunFindings(results)).chosen)
