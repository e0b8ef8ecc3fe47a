"""Texts that are steps of a ladder: small, medium, large; 18-24, 25-34, 35+; 1 - low, 2 - high."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_FEWEST: Final = 3
"""Steps from which their order says more than their names."""
_MOST: Final = 12
"""Steps up to which numbers before texts are those of a ladder, and not of houses."""
_LADDERS: Final = (
    "none, very low, low, medium low, medium|moderate|mid|middle|average|normal, medium high, high, very high",
    "xxs, xs|extra small|very small|tiny, s|small, m|medium, l|large, xl|extra large|very large|huge, xxl, xxxl",
    "none, very mild, mild, moderate, severe, very severe",
    "very bad|very poor, bad|poor, fair|average|ok|okay|medium, good, very good, excellent",
    "never, rarely|seldom, sometimes|occasionally, often|frequently|usually, always",
    "strongly disagree, disagree, neutral|undecided|neither, agree, strongly agree",
    "very dissatisfied, dissatisfied, neutral, satisfied, very satisfied",
    "very unlikely, unlikely, neutral|possible, likely, very likely",
    "beginner|novice, intermediate, advanced, expert",
    "infant, child, teenager|adolescent, adult, senior|elderly",
    "mon|monday, tue|tuesday, wed|wednesday, thu|thursday, fri|friday, sat|saturday, sun|sunday",
)
"""The lowest first; another name of a step stands after a bar."""
_STEPS: Final = tuple(
    {name: place for place, names in enumerate(ladder.split(", ")) for name in names.split("|")}
    for ladder in _LADDERS
)
_NUMBERED: Final = re.compile(
    r"(?P<sign>[<>\u2264\u2265]?)=? ?(?P<number>\d+(?:\.\d+)?)(?!\d)(?P<rest>.*)", re.ASCII | re.DOTALL
)
_SIDE: Final = {"<": -1, "\u2264": -1, "": 0, ">": 1, "\u2265": 1}


def order_of(texts: Collection[str]) -> tuple[str, ...]:
    """Order texts that are all steps of one ladder, or begin with different numbers and go on; else nothing."""
    if not _FEWEST <= len(texts) <= _MOST:
        return ()
    plain = {text: re.sub(r"[\s_-]+", " ", text).strip().casefold() for text in texts}
    for steps in _STEPS:
        places = {text: steps[name] for text, name in plain.items() if name in steps}
        if len(places) == len(texts) == len(set(places.values())):
            return tuple(sorted(texts, key=lambda text: places[text]))
    keys = {text: key for text in texts if (key := _number_key(text)) is not None}
    if len(keys) == len(texts) == len(set(keys.values())):
        return tuple(sorted(texts, key=lambda text: keys[text]))
    return ()


def _number_key(text: str) -> tuple[float, int] | None:
    """Give the number that a text begins with, and whether it means what is below or above; None for a bare number."""
    match = _NUMBERED.fullmatch(text.strip())
    if match is None or not (match["sign"] or match["rest"].strip()):
        return None
    return float(match["number"]), _SIDE[match["sign"]]
