"""What an estimator refuses in its own words: columns of text, and words that are no choice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from shoal import MLPClassifier

ENCODE = "; if it is a category: categorical_features="


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        ([["a"], ["b"]], f"X, column 0: expected numbers, got 'a'{ENCODE}[0]"),
        (
            np.array([["1", "2"], ["3", "b"]], object),
            f"X, column 1: expected numbers, got 'b'{ENCODE}[1]",
        ),
        (
            pd.DataFrame({"size": [1.0, 2.0], "kind": ["red", "blue"]}),
            f'X, column "kind": expected numbers, got text such as "red"{ENCODE}["kind"], '
            'or a column whose type is "category"',
        ),
    ],
)
def test_a_column_of_text_is_named(x: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match="expected numbers") as caught:
        MLPClassifier().fit(x, [0, 1])
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("parameter", "word", "end"),
    [
        (
            "activation",
            "rely",
            "{'sigmoid', 'tanh', 'relu', 'leaky-relu', 'elu', 'gelu', 'silu', 'softplus', 'identity', 'logistic'}."
            " Got 'rely' instead; did you mean 'relu'?",
        ),
        (
            "optimizer",
            "adma",
            "{'sgd', 'adam', 'adamw', 'rmsprop'}. Got 'adma' instead; did you mean 'adam'?",
        ),
        ("schedule", "zzz", "{'constant', 'cosine', 'step', 'one-cycle'}. Got 'zzz' instead."),
    ],
)
def test_a_word_that_is_no_choice(parameter: str, word: str, end: str) -> None:
    begin = f"The '{parameter}' parameter of MLPClassifier must be a str among "
    with pytest.raises(ValueError, match=parameter) as caught:
        MLPClassifier(**{parameter: word}).fit([[1.0], [2.0]], [0, 1])
    assert str(caught.value) == begin + end
