"""Whether groups are divided between the two sides of a fold."""

from __future__ import annotations

from typing import Final

import numpy as np

from shoal.data import divided_sentence
from shoal.look._check import MethodCheck
from shoal.results import Results


def groups_on_both_sides(results: Results) -> str:
    """Count the groups of the training rows that a fold both learns from and holds out."""
    truth, search = results.truth, results.study.search
    if search is None or not len(truth.groups):
        return ""
    rows_of = {number: rows for (stage, number), rows in truth.validation_rows.items() if stage == "search"}
    unused = [truth.unused_rows.get(number, np.arange(0)) for number in rows_of]
    kind = results.study.folds_kind(search.splitter)
    groups = truth.groups[: truth.train_rows]
    sentence = divided_sentence(groups, list(rows_of.values()), kind, unused=unused)
    return f"{sentence}." if sentence else ""


CHECK: Final = MethodCheck(
    code="SH021",
    severity="warning",
    title="Rows of one group are on both sides of a fold",
    find=groups_on_both_sides,
    why="Rows of one group are alike, so networks are scored on what they have nearly seen: they do worse on new"
    " groups, and another candidate may be the best there.",
    remedy="Take folds that keep groups (search.folds.kind): grouped, or stratified-grouped, repeated-grouped,"
    " repeated-stratified-grouped or, in order of time, group-time; or give every group one fold in the column of given"
    " folds.",
    reference="Saeb, S., Lonini, L., Jayaraman, A., Mohr, D. C., Kording, K. P. (2017). The need to approximate the"
    " use-case in clinical machine learning. GigaScience 6(5), 1–9.",
    about_test=True,
)
