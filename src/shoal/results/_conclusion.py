"""The last sentence of a run: what to use, and how good it is expected to be; or that nothing is to be recommended."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shoal.kinds import Task
from shoal.results._intervals import Interval
from shoal.results._mean_recall import BALANCED
from shoal.results._nested import Nested, NestedScore
from shoal.results._scores import higher_is_better
from shoal.results._verdict import Verdict, verdict_phrase
from shoal.scores import score_kind
from shoal.study import Candidate, Study, settings_text
from shoal.wording import counted, listed, one_number, percent

_LEADING: Final[dict[Task, str]] = {"regression": "rmse", "classification": "accuracy", "multilabel": "loss"}
NESTED: Final = "nested cross-validation"
UNTESTED: Final = Interval(math.nan, math.nan, "no network is delivered")


@dataclass(frozen=True)
class OnTestRows:
    """What the test rows say of the delivered network: how it stands beside simple models, and of every score by its
    name what it is called and what it is.
    """

    targets: int
    judged: Verdict
    title: Callable[[str], str]
    score: Callable[[str], NestedScore]

    def word(self, name: str) -> str:
        """Give what a score is called; of several targets that R² is their mean."""
        return f"mean R² of the {self.targets} targets" if name == "r2" else self.title(name)


def conclusion(nested: Nested | None, winner: Candidate | None, study: Study, tested: OnTestRows) -> str:
    """Say which settings to use and how good they are expected to be; empty without a nested search or a winner.

    The expectation is that of the whole search made on these training rows, choice and refit included. A network that
    is worse on the test rows than what is simpler, or no better, is not recommended.
    """
    if nested is None or winner is None:
        return ""
    advice = _advice(settings_text(dict(winner.values)), tested.judged)
    folds = counted(len(nested.folds), "outer fold")
    if nested.why:
        return f"{advice}; how good it is expected to be is not known ({nested.why})."
    names = _concluded_scores(nested, study, tested.targets)
    scores = _listed_scores([(tested.word(name), name, nested.scores[name]) for name in names])
    new_rows = "rows of new groups" if study.data.groups else "new rows of the same kind"
    verb, joint = ("is" if len(names) == 1 else "are"), ("; " if _doubted(tested.judged) else ": ")
    expected = f"{advice}{joint}expected on {new_rows} {verb} {scores} ({NESTED}, {folds})"
    return f"{expected}{_apart(nested, names, tested)}.".replace("\u00a0", " ")


def _doubted(judged: Verdict) -> bool:
    """Whether it is shown to be worse than something simpler, or learned nothing that a constant does not say."""
    return bool(judged.worse or "constant" in judged.no_better)


def _advice(settings: str, judged: Verdict) -> str:
    phrase = verdict_phrase(judged)
    if _doubted(judged):
        return f"No recommendation for {settings}: on the test rows it is {phrase}"
    return f"Use {settings}{f', although it is {phrase} on the test rows' if phrase else ''}"


def _concluded_scores(nested: Nested, study: Study, targets: int) -> tuple[str, ...]:
    """Name the scores that are said: that of the search, and the leading one of the task.

    Where a class is rare, balanced accuracy instead of accuracy; of several targets, which may have units of their own,
    R² alone.
    """
    metric = study.search.metric if study.search else "loss"
    if targets > 1 and "r2" in nested.scores and math.isfinite(nested.scores["r2"].value):
        return ("r2",)
    leading = _LEADING[study.study.task]
    instead = {"accuracy": BALANCED} if BALANCED in nested.scores else {}
    return tuple(dict.fromkeys(instead.get(name, name) for name in (metric, leading)))


def _listed_scores(scores: list[tuple[str, str, NestedScore]]) -> str:
    """Write scores with their intervals; a reason why there is none once, after the last that shares it."""
    parts = []
    for place, (word, name, score) in enumerate(scores):
        why = score.interval.why
        repeated = bool(why) and any(later.interval.why == why for _, _, later in scores[place + 1 :])
        reason = "" if repeated else f" (no interval: {why})"
        span = f" (95 % interval {_ends(name, score.interval)})" if score.interval.known else reason
        parts.append(f"{word} {_number(name, score.value)}{span}")
    return listed(parts)


def _ends(name: str, span: Interval) -> str:
    return f"{_number(name, span.low)} to {_number(name, span.high)}"


def _number(name: str, value: float) -> str:
    return percent(value) if score_kind(name).percent else one_number(value)


def _apart(nested: Nested, names: tuple[str, ...], tested: OnTestRows) -> str:
    """Say that the test score lies elsewhere, and what that may mean, where the two intervals do not overlap."""
    apart, better = [], False
    for name in names:
        expected, seen = nested.scores[name].interval, tested.score(name)
        if not (expected.known and seen.interval.known):
            continue
        above, below = seen.interval.low > expected.high, seen.interval.high < expected.low
        if above or below:
            apart.append((f"test {tested.word(name)}", name, seen))
            better = above if higher_is_better(name) else below
    if not apart:
        return ""
    verb = "lies" if len(apart) == 1 else "lie"
    fewer = (
        (", or the network gains from more training rows, of which outer folds have fewer") if better else ""
    )
    return (
        f"; the delivered network’s {_listed_scores(apart)} {verb} apart from that: test rows may be of another kind"
        f" than the training rows{fewer}"
    )
