"""The first thing that is said of a run: how good the delivered network is, beside what is simpler.

Whoever reads no further must not take home more than was shown. So a network that is not shown to be better than a
constant or a simple model says so before its score; where classes are rare, their recall stands beside the accuracy;
of several targets, which may have units of their own, R² is said, and the lowest.
Letters: V test rows, K targets or classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shoal.data import weights_said
from shoal.decisions import named_classes
from shoal.look._checks import alarms
from shoal.look._evidence import in_quotes
from shoal.look._measures import score_number, sentence_words
from shoal.look._run_findings import RunFindings
from shoal.look._simple_models import (
    delivered_score,
    evidence_sentences,
    predictions_metric,
)
from shoal.look._threshold import headline_sentences
from shoal.results import (
    BALANCED,
    FEWEST_ROWS_OF_SHARES,
    MODEL_NAMES,
    Beside,
    LevelHeld,
    Results,
    asked_scores,
    rare_tested,
    regression_scores,
    verdict,
    verdict_phrase,
    wilson,
)
from shoal.scores import different
from shoal.wording import counted, first_few, listed, one_number, percent

EACH: Final = 8
"""Targets whose own scores are said, at most."""
ASKED: Final = 6
"""Scores named by the study that are said, at most; the tables have all."""
RARE_SHOWN: Final = 3
"""Rare classes whose recall is said, at most: the lowest."""


@dataclass(frozen=True)
class Headline:
    """The one number that a reader takes home, what it is (`unit`), the `first` sentence, and what goes with it.

    Before that stands what makes it of no use: `alarms`.
    """

    figure: str
    unit: str
    first: str
    more: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it."""
        return (*self.alarms, self.first, *self.more)


def headline(findings: RunFindings) -> Headline:
    """Say how good the delivered network is; before there is one, why there is none."""
    results = findings.results
    if results.delivered_id is None:
        failed = findings.delivered.failed
        return Headline(
            "–",
            "no test score",
            "Every refitted network diverged or failed." if failed else "Not tested yet.",
        )
    metric = results.judged_by
    beside = results.beside_baselines(metric)
    judged = verdict(beside, metric)
    figure, unit, said = _words(results)(results, beside)
    phrase = verdict_phrase(judged)
    weighted = "" if results.truth.test_weights is None else "weighted "
    rows = counted(len(results.truth.y) - results.truth.train_rows, f"{weighted}test row")
    text = f"on the {rows}, {said}"
    first = f"{phrase[0].upper()}{phrase[1:]}: {text}" if phrase else f"{text[0].upper()}{text[1:]}"
    more = [*headline_sentences(results), *_of_distribution(results), *_of_rare(results), *_weights(results)]
    more += evidence_sentences(results, judged)
    if results.truth.task == "regression" and metric in ("r2", "mse") and len(results.truth.target_names) > 1:
        more = [_each_target(results), *more]
    return Headline(figure, unit, f"{first}.", (*more, *_asked(results)), alarms(results))


def _of_distribution(results: Results) -> list[str]:
    """Say what quantiles hold of the test rows, and how good the predictions are by themselves."""
    levels = results.levels_held
    sentences = [_coverage(levels)] if levels else []
    metric = predictions_metric(results)
    if results.judged_by == metric or not metric:
        return sentences
    beside = results.beside_baselines(metric)
    phrase = verdict_phrase(verdict(beside, metric))
    scores = _of_each(one_number(delivered_score(results, metric)), beside, one_number)
    judged = f": {phrase}" if phrase else ""
    sentences.append(f"Of its predictions alone, {sentence_words(metric, results)} is {scores}{judged}.")
    return sentences


def _of_each(figure: str, beside: tuple[Beside, ...], write: Callable[[float], str]) -> str:
    """Give the score of the network and of the simple models that there are: "0.18 for it and 0.28 for a constant"."""
    there = [model for model in beside if model.baseline.answers_VK is not None]
    others = [f"{write(model.score)} for {MODEL_NAMES[model.baseline.name]}" for model in there]
    return listed([f"{figure} for the delivered network", *others])


def _coverage(levels: tuple[LevelHeld, ...]) -> str:
    """Give the share of test rows between the outermost quantiles of each target, or below a single one."""
    by_target: dict[str, list[LevelHeld]] = {}
    for of in levels:
        by_target.setdefault(of.target, []).append(of)
    parts = []
    for name, (first, *others) in list(by_target.items())[:EACH]:
        share = others[-1].share - first.share if others else first.share
        low, high = wilson(share, first.worth)
        span = f"{percent(share)} (95 % interval {percent(low)} to {percent(high)})"
        parts.append(f"{span} of {in_quotes(name)}" if len(by_target) > 1 else span)
    first, last = levels[0], levels[-1]
    if first.level == last.level:
        where, meant = f"Below its {first.level:g} quantile", first.level
    else:
        where, meant = f"Between its {first.level:g} and {last.level:g} quantiles", last.level - first.level
    return f"{where} lie {listed(parts)} of the test rows; {percent(meant)} are meant to."


def _of_rare(results: Results) -> list[str]:
    """Say how many rows of the rare classes are hit, where another score than balanced accuracy heads the run."""
    if results.judged_by == BALANCED or not rare_tested(results.truth):
        return []
    every = percent(delivered_score(results, "accuracy"))
    return [f"It is right on {_recalls(results)}, and on {every} of all rows."]


def _asked(results: Results) -> list[str]:
    """Give the test scores that the study asks for by name, with their intervals where there are any."""
    scores, task = [], results.truth.task
    for name in different((results.judged_by, *asked_scores(results.study)), task)[1 : ASKED + 1]:
        value = score_number(name, delivered_score(results, name))
        span = results.test_interval(name, [str(results.delivered_id)], decided=True)
        ends = f" (95 % interval {score_number(name, span.low)} to {score_number(name, span.high)})"
        scores.append(f"{results.truth.title_of(name)} {value}{ends if span.known else ''}")
    return [f"On the test rows it has: {'; '.join(scores)}."] if scores else []


def _weights(results: Results) -> list[str]:
    """Say how rows are weighed, where they are."""
    truth = results.truth
    return (
        [f"Rows are weighted: {weights_said(truth.weights, truth.train_rows)}."] if len(truth.weights) else []
    )


def _others(beside: tuple[Beside, ...], write: Callable[[float], str], of: str = "") -> str:
    """Give the scores of the simple models that there are: "of a constant 1.60"."""
    there = [model for model in beside if model.baseline.answers_VK is not None]
    return listed([f"{of}{MODEL_NAMES[model.baseline.name]} {write(model.score)}" for model in there])


def _of_error(results: Results, beside: tuple[Beside, ...]) -> tuple[str, str, str]:
    """Of a regression: the root mean squared error; of several targets their mean, where R² is not defined."""
    figure = one_number(delivered_score(results, "rmse"))
    targets = len(results.truth.target_names)
    several = f"mean of the {targets} targets’ " if targets > 1 else ""
    true, weight_V = results.truth.y[results.truth.train_rows :], results.truth.test_weights
    roots = {
        model.baseline.name: regression_scores(true, model.baseline.answers_VK, weight_V)["rmse"]
        for model in beside
        if model.baseline.answers_VK is not None
    }
    others = listed([f"of {MODEL_NAMES[name]} {one_number(root)}" for name, root in roots.items()])
    unit = f", in the unit of {in_quotes(results.truth.target_names[0])}" if targets == 1 else ""
    said = f"the {several}root mean squared error (RMSE{unit}) of the delivered network is {figure}, {others}"
    return figure, "test RMSE", said


def _of_targets(results: Results, beside: tuple[Beside, ...]) -> tuple[str, str, str]:
    """Of several targets: the mean R², and the lowest."""
    figure = one_number(delivered_score(results, "r2"))
    lowest, name = min((r2, name) for name, (_, r2) in _targets(results).items())
    said = (
        "R² of the delivered network, the mean of the"
        f" {counted(len(results.truth.target_names), 'target')}, is {figure}"
        f" (the lowest, of {in_quotes(name)}, {one_number(lowest)}), {_others(beside, one_number, of='of ')}"
    )
    return figure, "test R²", said


def _of_accuracy(results: Results, beside: tuple[Beside, ...]) -> tuple[str, str, str]:
    figure = percent(delivered_score(results, "accuracy"))
    others = _others(beside, lambda share: f"on {percent(share)}")
    return figure, "test accuracy", f"the delivered network is right on {figure}, {others}"


def _of_labels(results: Results, beside: tuple[Beside, ...]) -> tuple[str, str, str]:
    """Of several labels: the binary cross-entropy, which sees how sure each is; and how many are right."""
    figure = one_number(delivered_score(results, "loss"))
    labels = len(results.truth.target_names)
    mean = f", the mean of the {counted(labels, 'label')}," if labels > 1 else ""
    said = (
        f"the binary cross-entropy of the delivered network{mean} is {figure} nats,"
        f" {_others(beside, one_number, of='of ')}; its macro F1 is {one_number(delivered_score(results, 'macro_f1'))},"
        f" and it is right in every label on {percent(delivered_score(results, 'accuracy'))} of the rows"
    )
    return figure, "test binary cross-entropy", said


def _of_recall(results: Results, beside: tuple[Beside, ...]) -> tuple[str, str, str]:
    """Where a class is rare: balanced accuracy, the recall of the rare classes, and the accuracy."""
    figure = percent(delivered_score(results, BALANCED))
    rare = f"{_recalls(results)}, and on " if rare_tested(results.truth) else ""
    said = (
        f"the balanced accuracy (mean recall of the classes) of the delivered network is {figure},"
        f" {_others(beside, percent, of='of ')}; it is right on {rare}"
        f"{percent(delivered_score(results, 'accuracy'))} of all rows"
    )
    return figure, "balanced test accuracy", said


def _of_score(results: Results, beside: tuple[Beside, ...]) -> tuple[str, str, str]:
    """Of any other score: that which the search goes by, or the loss of quantiles and normal distributions."""
    metric = results.judged_by
    words, figure = sentence_words(metric, results), score_number(metric, delivered_score(results, metric))
    scores = _of_each(figure, beside, lambda value: score_number(metric, value))
    return figure, f"test {words}", f"{words} is {scores}"


def _recalls(results: Results) -> str:
    """Give the hits among the test rows of the rare classes, the lowest share first."""
    true_V = results.truth.y[results.truth.train_rows :]
    named_V = named_classes(results.test_predictions(str(results.delivered_id)), results.decision)
    counts = []
    for k in rare_tested(results.truth):
        rows, hits = int((true_V == k).sum()), int(((true_V == k) & (named_V == k)).sum())
        of_class = f"the {counted(rows, 'row')} of the rare class {in_quotes(results.truth.classes[k])}"
        what = f"{hits:,} of {of_class}{_recall_span(hits, rows, results)}"
        counts.append((hits / rows, -rows, what))
    return first_few([what for *_, what in sorted(counts)], RARE_SHOWN, joint=", ", what="more rare classes")


def _recall_span(hits: int, rows: int, results: Results) -> str:
    """Give the 95 % interval of a recall, of enough rows that stand each by itself and count the same."""
    units = results.test_units
    if rows < FEWEST_ROWS_OF_SHARES or units.grouped or units.weight_N is not None:
        return ""
    low, high = wilson(hits / rows, rows)
    return f" ({percent(hits / rows)}; 95 % interval {percent(low)} to {percent(high)})"


def _targets(results: Results) -> dict[str, tuple[float, float]]:
    """Give RMSE and R² of each target by itself."""
    true_VK = results.truth.y[results.truth.train_rows :]
    value_VK = results.test_predictions(str(results.delivered_id))
    scores = {}
    for k, name in enumerate(results.truth.target_names):
        of_target = true_VK[:, k : k + 1], value_VK[:, k : k + 1]
        of = regression_scores(*of_target, results.truth.test_weights)
        scores[name] = of["rmse"], of["r2"]
    return scores


def _each_target(results: Results) -> str:
    """Give RMSE and R² of the targets each by itself, and what each is not better than."""
    scored = []
    for k, (name, (rmse, r2)) in enumerate(list(_targets(results).items())[:EACH]):
        judged = verdict(results.beside_baselines("mse", target=k), "mse")
        phrase = verdict_phrase(judged)
        scored.append(
            f"{in_quotes(name)} RMSE {one_number(rmse)}, R² {one_number(r2)}"
            + (f", {phrase}" if phrase else "")
        )
    more = len(results.truth.target_names) - EACH
    rest = f"; {more:,} more are not shown" if more > 0 else ""
    return f"Each by itself, in its own unit: {'; '.join(scored)}{rest}."


_WORDS: Final[dict[str, Callable[[Results, tuple[Beside, ...]], tuple[str, str, str]]]] = {
    "mse": _of_error,
    "r2": _of_targets,
    "accuracy": _of_accuracy,
    BALANCED: _of_recall,
    "loss": _of_labels,
}


def _words(results: Results) -> Callable[[Results, tuple[Beside, ...]], tuple[str, str, str]]:
    """Give what says the score: a loss is that of labels, or of quantiles and normal distributions."""
    own = results.judged_by == "loss" and results.truth.task == "regression"
    return _of_score if own else _WORDS.get(results.judged_by, _of_score)
