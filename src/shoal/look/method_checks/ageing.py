"""Whether the network does worse on later rows than on earlier ones."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._time_folds import ageing_sentence

CHECK: Final = MethodCheck(
    code="SH036",
    severity="warning",
    title="The network gets worse with time",
    find=ageing_sentence,
    why="What it learned of earlier rows holds less of later ones, although later folds learn from more rows: on rows"
    " to come it may be worse than any score here says.",
    remedy="Learn from late rows alone (window of search.folds), add what has changed as an input, train again when"
    " new rows come, and trust the latest folds and the test rows more than the mean of all folds.",
    reference="Gama, J., Žliobaitė, I., Bifet, A., Pechenizkiy, M., Bouchachia, A. (2014). A survey on concept drift"
    " adaptation. ACM Computing Surveys 46(4), 44.",
    alarming=True,
)
