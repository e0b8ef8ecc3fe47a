"""A run in half a minute: what was asked, what was chosen, how good, how sure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shoal.look._chance import drawn_by_chance, groups_unknown
from shoal.look._headline import headline
from shoal.look._line_notes import NAMES
from shoal.look._measures import IN_FULL, leading_metric, score_words, sentence_words
from shoal.look._own_module import module_title
from shoal.look._reasons import level_of, verdict_of, verdict_sentence
from shoal.look._run_findings import RunFindings
from shoal.look._simple_models import tested_score
from shoal.look._text_layout import duration
from shoal.look._trust import looks_sentence, permutation_sentence
from shoal.results import Results, higher_is_better
from shoal.scores import score_kind
from shoal.study import Network, settings_text
from shoal.wording import counted, interval, is_or_are, listed, one_number, percent, shorten

ADDED_UP: Final = "added up over all networks"
_CLASSES_NAMED: Final = 5
"""Classes whose names the first sentence gives, at most."""
_SIZES: Final = re.compile(r"network\.(hidden(\[\d+\])?|conv\[\d+\]\.channels)")
"""Searched settings that `network_words` says."""


@dataclass(frozen=True)
class Summary:
    """Five answers as sentences; many of them stand by themselves, since a page cuts a text that is very long.

    `figure` is the one number that a reader takes home, `unit` says what it is.
    """

    asked: str
    chosen: str
    figure: str
    unit: str
    good: tuple[str, ...]
    sure: tuple[str, ...]


def summary(findings: RunFindings) -> Summary:
    """Answer a busy reader's questions from the results."""
    results = findings.results
    head = headline(findings)
    asked, sure = _asked(results), tuple(_sure(findings))
    return Summary(asked, _chosen(results), head.figure, head.unit, head.sentences, sure)


def _asked(results: Results) -> str:
    truth, study = results.truth, results.study
    many = "s" * (len(truth.target_names) > 1)
    targets = listed([_name(name) for name in truth.target_names], most=NAMES)
    noun = "number" if truth.task == "regression" else "label"
    what = _class_of(results) if truth.classes else f"the {noun}{many} {targets}"
    rows = f"{counted(truth.train_rows, 'row')} to learn from, {len(truth.y) - truth.train_rows:,} to be tested on"
    tried, compared = len(results.candidates), len(study.compare)
    done = [f"{counted(tried, 'candidate')} searched"] if study.search else []
    done += [f"{counted(compared, 'variant')} compared with the winner"] if compared else []
    seconds = sum(fit.seconds for fit in results.summaries.values())
    wall = f"{duration(seconds)} of wall time, {ADDED_UP}"
    done.append(f"{counted(len(results.summaries), 'network')} trained in {wall}")
    return f"Predict {what} from {_source(results)}: {rows}. {', '.join(done).capitalize()}."


def _class_of(results: Results) -> str:
    """Name the target of a classification and, where they are few, its classes."""
    names, classes = results.truth.target_names, results.truth.classes
    what = f"one of {counted(len(classes), 'class')}"
    if len(classes) <= _CLASSES_NAMED:
        what += f" ({listed([_name(name, 20) for name in classes], last='or')})"
    return f"{_name(names[0])}, {what}," if names else what


def _source(results: Results) -> str:
    truth = results.truth
    if truth.images.ndim == 4 and truth.images.shape[1:] != (0, 0, 0):
        channels, height, width = truth.images.shape[1:]
        return f"images of {width} × {height} pixels" + (f" in {channels} channels" if channels > 1 else "")
    count = len(truth.input_names) + len(results.categorical)
    return (
        f"the input {_name(truth.input_names[0])}" if count == 1 and truth.input_names else f"{count} inputs"
    )


def _chosen(results: Results) -> str:
    choice, search = results.choice, results.study.search
    if search is None:
        return (
            f"Nothing was searched: the study’s own network, {_network_said(results, results.study.network)}."
        )
    if choice is None:
        fits = f"{counted(results.unfinished, 'fit')} {is_or_are(results.unfinished)}"
        return f"Nothing yet: {fits} not trained."
    row = next(row for row in results.candidate_rows if row.candidate_id == choice.candidate_id)
    others = {key: value for key, value in row.values.items() if not _SIZES.fullmatch(key)}
    settings = f", with {settings_text(others)}" if others else ""
    standing = next(
        candidate for candidate in results.standings if candidate.candidate_id == choice.candidate_id
    )
    words = score_words(choice.metric, results.truth, results.tried[choice.candidate_id].training)
    metric = f"loss ({words})" if choice.metric == "loss" else words
    score = f"{metric} {one_number(standing.selection_score)}"
    if not math.isnan(standing.standard_error):
        score += f", standard error {one_number(standing.standard_error, 2)}"
    if words in (IN_FULL["mse"], results.truth.title_of("mse")) and _shown_metric(results) == "rmse":
        score += "; the RMSE below is the root of such an error"
    rule = f"has the best selection score of {counted(len(choice.standings), 'candidate')}"
    if choice.rule != "best":
        rule = "has the fewest parameters within one standard error of the best selection score"
    if len(choice.standings) == 1:
        rule = "is the only candidate"
    kind = _network_said(results, results.tried[choice.candidate_id].network)
    size = counted(row.parameter_count, "parameter")
    embedded = "".join(f" {said[0].upper()}{said[1:]}." for said in results.embedded)
    return (
        f"{kind[0].upper()}{kind[1:]}, {size}{settings}. It {rule}. Its selection score, which is optimistic:"
        f" {score}.{embedded}"
    )


def _network_said(results: Results, network: Network) -> str:
    """Say what was trained: a study's network, or the module that took its place."""
    title = module_title(results)
    return f"a module of your own, {title}" if title else network_words(network)


def network_words(network: Network) -> str:
    """Say in a few words how large a study's network is: its convolutions, if any, and its hidden layers."""
    channels, hidden = [layer.channels for layer in network.conv], network.hidden
    parts = [f"{_layers('convolution', channels)} to {_sizes(channels, 'channel')}"] if channels else []
    parts += [f"{_layers('hidden layer', hidden)} of {_sizes(hidden, 'unit')}"] if hidden else []
    of_parts = f" of {' and '.join(parts)}" if parts else ""
    return f"a network{of_parts}{'' if hidden else ' without hidden layers'}"


def _layers(noun: str, sizes: Sequence[int]) -> str:
    return f"a {noun}" if len(sizes) == 1 else counted(len(sizes), noun)


def _sizes(sizes: Sequence[int], noun: str) -> str:
    return f"{listed([f'{size:,}' for size in sizes], most=6)} {noun}{'s' * (max(sizes) != 1)}"


def _sure(findings: RunFindings) -> list[str]:
    """Say how far chance could move the score: the test rows, the initialisation, the choice."""
    results = findings.results
    sentences: list[str] = []
    if findings.delivered.healthy:
        sentences.append(_over_rows(findings))
    repeats = [entry.fit_id for entry in findings.delivered.healthy]
    failed = findings.delivered.failed
    lost = f" ({failed} diverged or failed)" if failed else ""
    if len(repeats) > 1:
        metric = _shown_metric(results)
        scores = [tested_score(results, fit_id, metric) for fit_id in repeats]
        span = _range(results, metric, min(scores), max(scores))
        sentences.append(
            f"Refitted {len(repeats) + failed} times, each with another initialisation and order of rows{lost}:"
            f" test {span}."
        )
    elif repeats:
        times = "once" if not failed else f"{1 + failed} times{lost}"
        sentences.append(f"Refitted {times}: how much the score varies with the initialisation is not known.")
    sentences += [text for text in (looks_sentence(results), permutation_sentence(results)) if text]
    choice = results.choice
    if choice and len(choice.standings) > 1:
        others = [verdict_of(row) for row in results.standings[1:] if not row.failed]
        sentences.append(f"{verdict_sentence(others)}{level_of(others)}.")
    if worse := _worse_than_first(results):
        sentences.append(worse)
    return sentences


def _worse_than_first(results: Results) -> str:
    """Say that the winner is significantly worse on the test rows than the first comparison, where it is."""
    metric = leading_metric(results)
    difference = results.differences.get("winner", {}).get(metric)
    if difference is None or difference.why:
        return ""
    if not (difference.high < 0 if higher_is_better(metric) else difference.low > 0):
        return ""
    first = _name(str(results.comparisons["label"].iloc[0]), 40)
    name, way = sentence_words(metric, results), "lower" if higher_is_better(metric) else "higher"
    near, far = sorted((abs(difference.low), abs(difference.high)))
    over = drawn_by_chance(results, difference.repeats)
    return (
        f"Trained as the comparisons are{_as_compared(results, difference.repeats)}, which the delivered network is"
        f" not, the winner of the search is significantly worse than the comparison {first}: with {over}, its test"
        f" {name} is {one_number(abs(difference.mean))} {way} ({interval(near, far)}, 95 % interval)."
    )


def _as_compared(results: Results, repeats: int) -> str:
    """Say from how many rows the comparisons learn, and of how many networks a score is the mean."""
    train_rows = results.truth.train_rows
    rows = {train_rows - entry.validation_rows for entry in results.plan if entry.stage == "compare"}
    said = [f"on {min(rows):,} of {counted(train_rows, 'row')}"] if rows and min(rows) < train_rows else []
    said += [f"the mean of {repeats} networks"] if repeats > 1 else []
    return f" ({', '.join(said)})" if said else ""


def _over_rows(findings: RunFindings) -> str:
    """Say where the leading score would lie on other rows; the unit of chance is a row, or a group."""
    results, metric = findings.results, _shown_metric(findings.results)
    span = results.test_interval(metric, [findings.delivered.healthy[0].fit_id], decided=True)
    over = drawn_by_chance(results)
    if not span.known:
        return f"How far {over} would move it is not known: {span.why}."
    text = (
        f"With {over} of the same kind: test {_range(results, metric, span.low, span.high)} (95 % interval)."
    )
    if results.groups_trained_on == 1:
        text += " It says nothing of new groups: those of the test rows were all trained on."
    if groups_unknown(results):
        text += " The groups of the test rows are not known: rows are taken for independent, which may be too sure."
    return text


def _shown_metric(results: Results) -> str:
    """Name the score that the large number of the summary is."""
    metric = results.judged_by
    return "rmse" if metric == "mse" else metric


def _range(results: Results, metric: str, low: float, high: float) -> str:
    """Write from where to where the score of the large number goes."""
    title = sentence_words(metric, results) if metric == "loss" else results.truth.title_of(metric)
    if score_kind(metric).percent:
        return f"{title} {percent(low)}" + (f" to {percent(high)}" if high > low else " each time")
    return f"{title} {interval(low, high)}"


def _name(text: str, longest: int = 60) -> str:
    """Quote a name that comes with the data, cut where it is long."""
    return f"“{shorten(text, longest)}”"
