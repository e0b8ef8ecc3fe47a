"""Whether classes have no test rows."""

from __future__ import annotations

from typing import Final

from shoal.data import untested
from shoal.look._check import MethodCheck
from shoal.look._evidence import in_quotes, phrases
from shoal.results import Results


def untested_classes(results: Results) -> str:
    """Name the classes of the training rows that no test row has."""
    truth = results.truth
    if not truth.classes or len(truth.y) == truth.train_rows:
        return ""
    classes = untested(truth.classes, truth.y, truth.train_rows, in_quotes)
    return f"No test row is of class {phrases(classes)}." if classes else ""


CHECK: Final = MethodCheck(
    code="SH019",
    severity="warning",
    title="Some classes have no test rows",
    find=untested_classes,
    why="Whether the model knows these classes was never tested: its accuracy is that on the others.",
    remedy="Add rows of these classes to the test rows; where test rows are drawn, more rows of the class, or a larger"
    " data.test_share, bring some.",
    reference="Forman, G., Scholz, M. (2010). Apples-to-apples in cross-validation studies: pitfalls in classifier"
    " performance measurement. ACM SIGKDD Explorations 12(1), 49–57.",
)
