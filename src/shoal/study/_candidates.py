"""Candidates: every hyperparameter set. A candidate is named by its content, never by its position."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal, cast

from pydantic import BaseModel

from shoal.kinds import SEARCHES, row_of
from shoal.study._key_paths import KeyPath, key_path_text, overlap, parse_key_path
from shoal.study._sentences import Mistake, refusal
from shoal.study._space import Axis, Token, read_space, settings
from shoal.study._study import Network, Study
from shoal.study._training import Training
from shoal.study._values import TASK_LOSS
from shoal.study._vary import SECTIONS, plain, rehomed, vary, vary_section

_LATER_KEYS: Final = (
    "huber_delta", "label_smoothing", "class_weight", "quantiles", "monitor", "embedding", "embedding_from",
    "dilation", "norm", "skip", "series",
)  # fmt: skip
"""Keys of a network, its convolutions and a training that there were none of when the first fits were named."""


@dataclass(frozen=True)
class Candidate:
    """One setting of every hyperparameter; `values` are the searched (or overlaid) ones, by key path.

    `training.loss` is filled in.
    """

    values: tuple[tuple[str, Any], ...]
    network: Network
    training: Training

    @cached_property
    def content(self) -> dict[str, Any]:
        """Network and training as plain JSON values: all that names the candidate.

        `training.validation` is left out: it says which rows a comparison holds out, not how a network
        learns; the rows themselves are part of a fit's id. So the winner is the same candidate in the
        search, in the comparisons and in the refit.
        """
        training = naming_values(self.training)
        del training["validation"]
        content = {"network": naming_values(self.network), "training": training}
        return cast("dict[str, Any]", _canonical(content))

    @cached_property
    def canonical(self) -> str:
        """`content` as canonical JSON."""
        return json.dumps(self.content, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @cached_property
    def id(self) -> str:
        """The first 16 hex digits of the SHA-256 of `canonical`."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()[:16]

    def with_training(
        self, *, epochs: int, keep: Literal["last", "best"], early_stopping: Literal["none", "inner"]
    ) -> Candidate:
        """Give the same candidate with a settled end of training, such as the epochs of a refit."""
        changes: dict[str, Any] = {"epochs": epochs, "keep": keep, "early_stopping": early_stopping}
        if keep == "last" and early_stopping == "none":
            changes["monitor"] = "loss"
        return replace(self, training=self.training.model_copy(update=changes))


def naming_values(section: Network | Training) -> dict[str, Any]:
    """Give a network or a training as plain JSON values, as fits are named by it.

    A key that came later is left out at its default, so that no fit from before it is renamed.
    """
    if isinstance(section, Network) and section.normed == "batch":
        section = section.model_copy(update={"batch_norm": True, "norm": "none"})  # as it was always named
    if isinstance(section, Network):
        series = section.series if section.several_series else None
        conv = tuple(conv.short for conv in section.conv)
        section = section.model_copy(update={"conv": conv, "series": series})
    values = section.model_dump(mode="json")
    _leave_out(section, values)
    for conv, entry in zip(getattr(section, "conv", ()), values.get("conv", ()), strict=True):
        _leave_out(conv, entry)
    return values


def _leave_out(part: BaseModel, values: dict[str, Any]) -> None:
    fields = type(part).model_fields
    for key in _LATER_KEYS:
        if key in values and getattr(part, key) == fields[key].default:
            del values[key]


def apply(study: Study, path: str, value: Any) -> Study:
    """Give the study with one value changed: `apply(study, "network.hidden[0]", 80)`.

    Raises StudyError for an unknown key (with what may be meant), an index out of range and a value that
    the key does not take.
    """
    varied = vary(study, (), [(parse_key_path(path), value)])
    if isinstance(varied, Study):
        return varied
    raise refusal(varied)


def base_candidate(study: Study) -> Candidate:
    """Give the study's own network and training as a candidate."""
    return _candidate(study, [], study.network, study.training)


def candidate_with(study: Study, values: Mapping[str, Any]) -> Candidate:
    """Give the study's own network and training with these values, by key path, as a candidate.

    Raises StudyError for what the keys do not take.
    """
    changes = [(parse_key_path(key), value) for key, value in values.items()]
    parts: list[Any] = []
    for section in SECTIONS:
        here = [(path, value) for path, value in changes if path[0] == section]
        parts.append(vary_section(study, section, here))
    if mistakes := [mistake for part in parts if isinstance(part, list) for mistake in part]:
        raise refusal(mistakes)
    return _candidate(study, [path for path, _ in changes], parts[0], parts[1])


def candidates(study: Study) -> tuple[Candidate, ...]:
    """Give every candidate in the space, each validated; without a search the base study is the only one.

    All combinations, in the order of the space, the last key changing fastest; or, where the method draws them,
    `samples` different ones, from the streams of the study's seed: more samples keep the earlier ones.
    Raises StudyError with every problem of the space.
    """
    all_candidates, mistakes = expand(study)
    if mistakes:
        raise refusal(mistakes)
    return tuple(all_candidates)


def comparison_candidates(study: Study) -> tuple[Candidate, ...]:
    """Give one candidate for each `[[compare]]` entry: its tables laid over the base study.

    Raises StudyError with every problem of the entries.
    """
    all_candidates, mistakes = overlay(study)
    if mistakes:
        raise refusal(mistakes)
    return tuple(all_candidates)


def overlay(study: Study) -> tuple[list[Candidate], list[Mistake]]:
    """Lay every comparison over the base study; also give every mistake in them."""
    all_candidates: list[Candidate] = []
    mistakes: list[Mistake] = []
    for number, entry in enumerate(study.compare):
        here: KeyPath = ("compare", number)
        homes: dict[KeyPath, KeyPath] = {}
        parts: list[Any] = []
        for section in SECTIONS:
            changes = {(section, key): value for key, value in getattr(entry, section).items()}
            homes |= {path: (*here, *path) for path in changes}
            parts.append(vary_section(study, section, changes.items()))
        mistakes += [rehomed(mistake, homes) for part in parts if isinstance(part, list) for mistake in part]
        if "validation" in entry.training:
            what = (
                "expected no share here, since all comparisons hold out the same rows (training.validation)"
            )
            mistakes.append(Mistake((*here, "training", "validation"), what))
        if not any(isinstance(part, list) for part in parts):
            all_candidates.append(_candidate(study, list(homes), parts[0], parts[1]))
    return all_candidates, mistakes


def expand(study: Study) -> tuple[list[Candidate], list[Mistake]]:
    """Build every candidate of the search; also give every mistake of the space."""
    search = study.search
    if search is None or not search.space:
        return [base_candidate(study)], []
    space = read_space(study, search)
    builder = _Builder(study, space.axes)
    all_candidates: list[Candidate] = []
    drawn = list(settings(study, search, space.axes)) if space.axes else []
    for setting in drawn:
        network, training = (builder.part(section, setting) for section in SECTIONS)
        if network is not None and training is not None:
            all_candidates.append(_candidate(study, [axis.path for axis in space.axes], network, training))
    joint_mistakes = [
        mistake
        for mistake in dict.fromkeys(builder.mistakes)
        if not any(overlap(touched, path) for touched in mistake.touches for path in space.doubtful)
    ]
    if (
        row_of("search.method", SEARCHES, search.method).drawn
        and not space.mistakes
        and len(drawn) < search.samples
    ):
        what = f"expected at most {len(drawn):,}, all that many draws gave, got {search.samples:,}"
        joint_mistakes.append(Mistake(("search", "samples"), what))
    return all_candidates, [*space.mistakes, *joint_mistakes]


class _Builder:
    """Builds networks and trainings from settings; what was built once is kept."""

    def __init__(self, study: Study, axes: tuple[Axis, ...]) -> None:
        self.study = study
        self.axes = axes
        self.parsed: dict[tuple[str | Token, ...], Any] = {}
        self.mistakes: list[Mistake] = []

    def part(self, section: str, setting: tuple[Token, ...]) -> Any:
        """Give the network or the training of a setting; None, and a note of the mistakes, if it is refused."""
        chosen = [
            (axis, token) for axis, token in zip(self.axes, setting, strict=True) if axis.path[0] == section
        ]
        key = (section, *(token for _, token in chosen))
        if key not in self.parsed:
            part = vary_section(
                self.study, section, [(axis.path, axis.value(token)) for axis, token in chosen]
            )
            if isinstance(part, list):
                homes = {axis.path: axis.home(token) for axis, token in chosen}
                self.mistakes += [rehomed(mistake, homes) for mistake in part]
            self.parsed[key] = None if isinstance(part, list) else part
        return self.parsed[key]


def _candidate(study: Study, paths: list[KeyPath], network: Network, training: Training) -> Candidate:
    trees = {"network": plain(network), "training": plain(training)}
    values = tuple((key_path_text(path), _value(trees, path)) for path in paths)
    loss = training.loss or TASK_LOSS[study.study.task]
    return Candidate(values, network, training.model_copy(update={"loss": loss}))


def _value(tree: Any, path: KeyPath) -> Any:
    for part in path:
        tree = tree[part]
    return tuple(tree) if isinstance(tree, list) else tree


def _canonical(value: Any) -> Any:
    """Give equal numbers one spelling: -0.0 is 0.0."""
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return value + 0.0 if isinstance(value, float) else value
