"""Whether the quantiles of a network hold the share of test rows that their levels say."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import in_quotes, phrases
from shoal.results import LevelHeld, Results
from shoal.wording import counted, percent


def uncovered(results: Results) -> str:
    """Name the quantiles below which another share of the test rows lies than their level, the farthest first."""
    every = results.levels_held
    off = sorted((of for of in every if of.is_off(len(every))), key=lambda of: -abs(of.share - of.level))
    if not off:
        return ""
    what = f"Of {counted(off[0].rows, 'test row')} the share below a quantile is not its level"
    return f"{what} (95 % intervals): {phrases([_phrase(of) for of in off])}."


def _phrase(of: LevelHeld) -> str:
    between = f"{percent(of.interval.low)} to {percent(of.interval.high)}"
    return f"{percent(of.share)} ({between}) below the {of.level:g} quantile of {in_quotes(of.target)}"


CHECK: Final = MethodCheck(
    code="SH035",
    severity="warning",
    title="A quantile does not cover",
    find=uncovered,
    why="Where another share of rows lies below a quantile than its level says, intervals between quantiles hold more"
    " or fewer rows than they promise.",
    remedy="Stop earlier, or regularise, where intervals hold too few rows, and train longer where they hold too many;"
    " of a normal distribution look at whether the target is one, or learn quantiles. Intervals of the folds"
    " (predict_interval) hold what they promise whatever was learned.",
    reference="Gneiting, T., Balabdaoui, F., Raftery, A. E. (2007). Probabilistic forecasts, calibration and sharpness."
    " Journal of the Royal Statistical Society B 69, 243–268.",
    alarming=True,
)
