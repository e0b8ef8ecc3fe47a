"""Whether the model predicts the same for every row.

Letters: V test rows, K outputs or classes.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from shoal.decisions import named_classes
from shoal.look._check import MethodCheck
from shoal.look._evidence import delivered_answers, in_quotes, phrases
from shoal.results import Results
from shoal.wording import counted, rounded

CONSTANT: Final = 0.01
"""Spread of the answers over that of the targets below which they are said to be the same."""


def same_answer(results: Results) -> str:
    """Find a delivered model that answers the same to every test row."""
    truth, answer_VK = results.truth, delivered_answers(results)
    if answer_VK is None:
        return ""
    true_V = truth.y[truth.train_rows :]
    if truth.classes:
        named = np.unique(named_classes(answer_VK, results.decision))
        if len(named) > 1 or len(np.unique(true_V)) < 2:
            return ""
        return (
            f"Of {counted(len(true_V), 'test row')}, every one is predicted as"
            f" {in_quotes(truth.classes[int(named[0])])}."
        )
    targets = []
    for name, true, answer in zip(truth.target_names, true_V.T, answer_VK.T, strict=True):
        spread, true_spread = float(answer.std()), float(true.std())
        if true_spread > 0 and spread < CONSTANT * true_spread:
            targets.append(
                f"{in_quotes(name)} by {rounded(spread, 2)}, where the test rows vary by {rounded(true_spread, 2)}"
            )
    return f"The predictions vary (standard deviation) in {phrases(targets)}." if targets else ""


CHECK: Final = MethodCheck(
    code="SH014",
    severity="warning",
    title="The model predicts the same for every row",
    find=same_answer,
    why="It does not look at its inputs: units that are dead or saturated, or inputs or targets far from 0 and 1.",
    remedy="Standardise the inputs (data.standardize), lower the learning rate, or take another activation; the inside"
    " of the network shows which units are dead.",
    reference="Glorot, X., Bengio, Y. (2010). Understanding the difficulty of training deep feedforward neural"
    " networks. Proceedings of Machine Learning Research 9, 249–256.",
    alarming=True,
)
