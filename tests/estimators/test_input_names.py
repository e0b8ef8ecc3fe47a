"""What the inputs of a network are called: no two alike."""

from __future__ import annotations

import pandas as pd

from shoal.estimators import MLPClassifier


def test_no_two_inputs_have_the_same_name() -> None:
    """A column keeps its name; what was made of another one and would be called so gets a number."""
    x = pd.DataFrame({
        "a": [1.5, None, 2.0, 3.0],
        "kind": pd.Categorical(["u", "v", "u", "v"]),
        "a is missing": [0.0, 1.0, 0.5, 0.0],
        "kind=u": [1.0, 2.0, 3.0, None],
        "a is missing (2)": [5.0, 1.0, 0.5, 0.0],
    })  # fmt: skip
    names = (
        "a",
        "a is missing (3)",
        "kind=u (2)",
        "kind=v",
        "a is missing",
        "kind=u",
        "kind=u is missing",
        "a is missing (2)",
    )
    model = MLPClassifier((4,), max_iter=3, random_state=0).fit(x, [0, 1, 0, 1])
    assert model.input_names_ == names
    assert len(set(names)) == len(names) == len(model.coefs_[0])
    town = pd.DataFrame({"town[1]": [1.0, 2.0, 3.0, 4.0], "town": pd.Categorical(["u", "v", "u", "v"])})
    coded = MLPClassifier((4,), max_iter=3, random_state=0, embedding=2, embedding_from=2).fit(
        town, [0, 1, 0, 1]
    )
    assert coded.input_names_ == ("town[1]", "town[0]", "town[1] (2)")
