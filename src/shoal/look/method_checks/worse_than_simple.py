"""Whether the delivered network is worse than a constant or a simple model."""

from __future__ import annotations

from typing import Final

from shoal.look._chance import drawn_by_chance
from shoal.look._check import MethodCheck
from shoal.look._measures import sentence_words
from shoal.look._simple_models import judging_metrics, worse_by_more
from shoal.results import MODEL_NAMES, Results
from shoal.scores import score_kind
from shoal.wording import interval, listed, one_number, percent


def worse_than_simple(results: Results) -> str:
    """Find simple models whose test score is better, by more than what does not matter (`search.margin`)."""
    return " ".join(filter(None, (_worse(results, metric) for metric in judging_metrics(results))))


def _worse(results: Results, metric: str) -> str:
    beside = results.beside_baselines(metric)
    share = score_kind(metric).percent
    write = percent if share else one_number
    parts = []
    for model in worse_by_more(beside, metric):
        own = model.score + model.difference.mean
        ends = sorted((abs(model.difference.low), abs(model.difference.high)))
        span = f"{percent(ends[0])} to {percent(ends[1])}" if share else interval(*ends)
        name = MODEL_NAMES[model.baseline.name]
        parts.append(f"{name} has {write(model.score)}, the delivered network {write(own)}, worse by {span}")
    over = drawn_by_chance(results)
    if not parts:
        return ""
    return f"By test {sentence_words(metric, results)}, {listed(parts)} (95 % interval, for {over})."


CHECK: Final = MethodCheck(
    code="SH030",
    severity="warning",
    title="The network is worse than a simple model",
    find=worse_than_simple,
    why="What is simpler, quicker and easier to explain predicts these rows better: the network is not what the rows"
    " ask for, or has not learned what it can.",
    remedy="Use the simple model, or find what the network misses: standardise (data.standardize), train for longer,"
    " try other sizes, learning rates and regularisation in a search.",
    reference="Grinsztajn, L., Oyallon, E., Varoquaux, G. (2022). Why do tree-based models still outperform deep"
    " learning on typical tabular data? Advances in Neural Information Processing Systems 35, 507–520.",
    about_test=True,
)
