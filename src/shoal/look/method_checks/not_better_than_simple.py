"""Whether the delivered network is not shown to be better than a constant or a simple model."""

from __future__ import annotations

from typing import Final

from shoal.look._chance import drawn_by_chance
from shoal.look._check import MethodCheck
from shoal.look._measures import sentence_words
from shoal.look._simple_models import judging_metrics, worse_by_more
from shoal.results import Results, in_words, verdict


def not_better_than_simple(results: Results) -> str:
    """Name the simple models that the network is neither better nor worse than, as far as the test rows tell."""
    return " ".join(filter(None, (_open(results, metric) for metric in judging_metrics(results))))


def _open(results: Results, metric: str) -> str:
    beside = results.beside_baselines(metric)
    judged = verdict(beside, metric)
    far = [model.baseline.name for model in worse_by_more(beside, metric)]
    near = [name for name in judged.worse if name not in far]
    open_ones = (*near, *judged.no_better, *judged.ahead)
    if not open_ones:
        return ""
    over = drawn_by_chance(results)
    holds = "holds 0, or what does not matter" if near else "holds 0"
    without = " or cannot be had" if judged.whys else ""
    return (
        f"By test {sentence_words(metric, results)}, the delivered network is not shown to be better than"
        f" {in_words(open_ones, 'or')}: the 95 % interval of the difference, for {over}, {holds}{without}."
    )


CHECK: Final = MethodCheck(
    code="SH031",
    severity="note",
    title="The network is not shown to be better than a simple model",
    find=not_better_than_simple,
    why="On other test rows the simple model may be the better one, and it is quicker and easier to explain.",
    remedy="Use the simple model, or test on more rows; a search over sizes, learning rates and regularisation may find"
    " a better network.",
    reference="Christodoulou, E., et al. (2019). A systematic review shows no performance benefit of machine learning"
    " over logistic regression for clinical prediction models. Journal of Clinical Epidemiology 110, 12–22.",
)
