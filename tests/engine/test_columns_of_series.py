"""Columns of a table that are no values of a series, for a network with convolutions of them."""

from __future__ import annotations

from pathlib import Path

import pytest

import shoal
from shoal.errors import StudyError
from shoal.study import Study

SENTENCES = (
    '"cnn" takes the columns of a table, in their order, as series: expected numbers, got categories in "nm400"',
    '"cnn" takes the columns of a table, in their order, as series: expected no missing cells, got some in "nm400"',
)


@pytest.mark.parametrize(
    ("cells", "sentence"), list(zip((("red", "blue"), ("0.5", "")), SENTENCES, strict=True))
)
def test_what_is_no_number_is_refused(tmp_path: Path, cells: tuple[str, str], sentence: str) -> None:
    rows = [f"{cells[number % 2]},{number},{number % 7},{number % 5}" for number in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["nm400,nm410,nm420,y", *rows]) + "\n")
    tree = {
        "study": {"task": "regression"},
        "data": {"train": str(tmp_path / "t.csv"), "target": "y"},
        "network": {"kind": "cnn", "conv": [{"channels": 2}]},
    }
    with pytest.raises(StudyError) as caught:
        shoal.plan(Study.model_validate(tree), out=tmp_path / "run")
    assert str(caught.value) == f"network.kind: {sentence}"
