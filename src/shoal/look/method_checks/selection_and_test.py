"""Whether the search and the test rows disagree on how good the chosen candidate is."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._trust import disagreement_sentence

CHECK: Final = MethodCheck(
    code="SH032",
    severity="warning",
    title="Selection and test disagree",
    find=disagreement_sentence,
    why="Both estimate what new rows will show, so the test rows are of another kind than the training rows, the folds"
    " leak (rows that belong together, no groups named), or training rows are among the test rows.",
    remedy="Look at how the test rows were drawn and what they have that training rows lack; name groups (data.groups);"
    " where the test rows are later or from elsewhere, believe them.",
    reference="Recht, B., Roelofs, R., Schmidt, L., Shankar, V. (2019). Do ImageNet classifiers generalize to ImageNet?"
    " Proceedings of Machine Learning Research 97, 5389–5400.",
    about_test=True,
)
