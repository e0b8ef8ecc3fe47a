"""Targets of a regression to what a network learns, and its outputs to targets in their own units.

They may be transformed (`_target_transforms.py`), then centred and scaled. Letters: N rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.activations import Graph
from shoal.data._encoder import DOUBLE, INT64
from shoal.data._scale import Scale, fit_scale
from shoal.data._target_transforms import TRANSFORMS, TargetTransform
from shoal.distributions import Distribution, distribution_from_json
from shoal.kinds import TARGET_TRANSFORMS, has_classes, row_of, task_kind
from shoal.links import LINKS, link_of

_MOST: Final = float(np.finfo(np.float64).max)
_IDENTITY: Final = "identity"
RANGES_BEYOND: Final = 10
"""How far beyond the targets of the training rows the way back of a transform may lead, in lengths of their range."""


_PLAIN: Final = '''def {name}(outputs):
    """Give each of TARGETS in its own units, float64 (N, K)."""
    scale = torch.tensor(TARGET_SCALE, dtype=torch.float64)
    return outputs.double() * scale + torch.tensor(TARGET_MEAN, dtype=torch.float64)'''

_LINKED: Final = '''def answers(outputs):
    """Give {what}, float64 (N, K)."""
    outputs = outputs.double()
    return {answer}'''

_TRANSFORMED: Final = '''{back}


def {name}(outputs):
    """Give each of TARGETS in its own units, no further than TARGET_WITHIN, float64 (N, K)."""
    scale = torch.tensor(TARGET_SCALE, dtype=torch.float64)
    values = outputs.double() * scale + torch.tensor(TARGET_MEAN, dtype=torch.float64)
    columns = zip(values.T, TARGET_TRANSFORM, TARGET_WITHIN)
    return torch.stack([{transform}(column, *learned).clamp(*ends) for column, learned, ends in columns], dim=1)'''


@dataclass(frozen=True)
class TargetScale:
    """One target. Of a transformed one, answers are not beyond `within`, its own units: they never overflow.

    `link` is what makes answers of outputs; where answers are not in the units of learned targets, these are neither
    scaled nor transformed. `distribution` is what is said of it, where that is more than one number.
    """

    scale: Scale
    transform: TargetTransform | None = None
    within: tuple[float, float] = (-math.inf, math.inf)
    link: str = "identity"
    distribution: Distribution | None = None

    @property
    def name(self) -> str:
        """Name of the target."""
        return self.scale.name

    @property
    def kind(self) -> str:
        """The kind of its transform."""
        return "none" if self.transform is None else self.transform.kind

    def applied(self, values_N: NDArray[np.float64]) -> NDArray[np.float32]:
        """Make targets ready. Raises DataError for what 32 bits do not hold."""
        return self.scale.applied(self.transformed(values_N), "target")

    def transformed(self, values_N: NDArray[np.float64]) -> NDArray[np.float64]:
        """Transform targets, neither centred nor scaled."""
        return values_N if self.transform is None else self.transform.forward(values_N)

    def restored(self, outputs_NA: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn the outputs of one target into its answers, in its own units, the prediction first."""
        if self.link != _IDENTITY:
            return link_of(self.link).numpy(outputs_NA)
        if self.distribution is not None:
            return self.distribution.answers(outputs_NA, self._in_units, self.scale.scale)
        return self._in_units(outputs_NA)

    def _in_units(self, learned: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(over="ignore"):
            values = learned * self.scale.scale + self.scale.mean
        if self.transform is None:
            return np.asarray(values)
        return np.asarray(np.clip(self.transform.backward(values), *self.within))

    def slopes(self, outputs_NA: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the derivative of the target's prediction, in its own units, by each of its outputs, (N, A)."""
        if self.link != _IDENTITY:
            return link_of(self.link).slopes(outputs_NA)
        places_N = np.zeros(len(outputs_NA), np.int64)
        if self.distribution is not None:
            places_N = self.distribution.predicted_outputs(outputs_NA)
        rows_N = np.arange(len(outputs_NA))
        slope_NA = np.zeros_like(outputs_NA)
        slope_NA[rows_N, places_N] = self._slopes_in_units(outputs_NA[rows_N, places_N])
        return slope_NA

    def _slopes_in_units(self, learned_N: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.transform is None:
            return np.full(len(learned_N), self.scale.scale)
        with np.errstate(over="ignore"):
            value_N = self.transform.backward(learned_N * self.scale.scale + self.scale.mean)
        low, high = self.within
        slope_N = self.transform.slope(np.clip(value_N, low, high)) * self.scale.scale
        return np.where((value_N > low) & (value_N < high), slope_N, 0.0)

    def to_json(self) -> dict[str, Any]:
        """Give plain values for a model file; floats travel exactly."""
        if self.distribution is not None:
            said = {"distribution": self.distribution.to_json()}
            return {**replace(self, distribution=None).to_json(), **said}
        if self.link != _IDENTITY:
            return {**self.scale.to_json(), "link": self.link}
        if self.transform is None:
            return self.scale.to_json()
        own = {"transform": self.transform.to_json(), "within": list(self.within)}
        return {**self.scale.to_json(), **own}

    @classmethod
    def from_json(cls, entry: object) -> TargetScale | None:
        """Read what `to_json` gave, from a file that may be foreign; None for anything else."""
        match entry:
            case {"distribution": dict(described), **others}:
                target, said = cls.from_json(others), distribution_from_json(described)
                if target is None or said is None or target.link != _IDENTITY or target.distribution:
                    return None
                return replace(target, distribution=said) if said.transforms or not target.transform else None
            case {"transform": dict(described), "within": [float(low), float(high)], **others}:
                scale, transform = Scale.from_json(others), _transform(described)
                if scale is not None and transform is not None and -math.inf < low <= high < math.inf:
                    return cls(scale, transform, (low, high))
                return None
            case {"link": str(link), **others}:
                return cls._linked_from_json(link, others)
        scale = Scale.from_json(entry)
        return None if scale is None else cls(scale)

    @classmethod
    def _linked_from_json(cls, link: str, others: object) -> TargetScale | None:
        """Read a target that is not scaled, since a link makes its answers; None for another link than such a one."""
        kind, scale = LINKS.get(link), Scale.from_json(others)
        if kind is None or kind.scaled or has_classes(kind.task):
            return None
        return None if scale is None or scale != Scale(scale.name) else cls(scale, link=link)


def _transform(described: Mapping[str, object]) -> TargetTransform | None:
    match described:
        case {"kind": str(kind), **others} if kind in TRANSFORMS:
            return TRANSFORMS[kind].from_json(others)
    return None


def fit_target(
    name: str, values_N: NDArray[np.float64], transform: str, *, standardize: bool = False
) -> TargetScale:
    """Fit to the targets of chosen rows. Raises DataError where their mean or standard deviation overflows."""
    row_of("data.target_transform", TARGET_TRANSFORMS, transform)
    if transform not in TRANSFORMS:
        return TargetScale(fit_scale(name, values_N) if standardize else Scale(name))
    fitted = TRANSFORMS[transform].fit(values_N)
    scale = fit_scale(name, fitted.forward(values_N)) if standardize else Scale(name)
    low, high = float(values_N.min()), float(values_N.max())
    beyond = RANGES_BEYOND * (high - low)
    return TargetScale(scale, fitted, (max(low - beyond, -_MOST), min(high + beyond, _MOST)))


def add_targets(graph: Graph, targets: Sequence[TargetScale], outputs: str) -> None:
    """Add to a graph the way from outputs, float64 (N, K A), to `predictions` in the targets' units.

    Where more is said of a target than one number, that is another output of the graph; see `Distribution`.
    """
    link, distribution = targets[0].link, targets[0].distribution
    if link != _IDENTITY:
        link_of(link).onnx(graph, outputs, "predictions")
    elif distribution is None:
        _add_units(graph, targets, outputs, "predictions")
    else:
        scales = [target.scale.scale for target in targets]
        distribution.nodes(
            graph,
            outputs,
            scales,
            lambda values, of_each, name: _add_units(
                graph, [target for target in targets for _ in range(of_each)], values, name
            ),
        )


def add_labels(graph: Graph, outputs: str) -> tuple[tuple[str, int], ...]:
    """Add to a graph the way from outputs, float64 (N, K), to `probabilities` of labels, and to `labels`, int64, 1
    where a probability is above a half. Gives these names, with ONNX's numbers of their types.
    """
    link_of("sigmoid").onnx(graph, outputs, "probabilities")
    above = graph.node("Greater", ["probabilities", graph.array("half", np.array(0.5))], "above")
    graph.node("Cast", [above], "labels", {"to": INT64})
    return ("probabilities", DOUBLE), ("labels", INT64)


def _add_units(graph: Graph, targets: Sequence[TargetScale], values: str, result: str) -> str:
    """Add the way from learned values, float64, one column a target, to its units."""
    scale = graph.array("target_scale", np.array([target.scale.scale for target in targets]))
    mean = graph.array("target_mean", np.array([target.scale.mean for target in targets]))
    scaled = graph.node("Mul", [values, scale], "restored")
    if all(target.transform is None for target in targets):
        return graph.node("Add", [scaled, mean], result)
    whole, columns = graph.node("Add", [scaled, mean], "transformed"), []
    for k, target in enumerate(targets):
        name = f"target{k}"
        place = graph.array(f"{name}_place", np.array([k]))
        column = graph.node("Gather", [whole, place], name, {"axis": 1})
        if target.transform is not None:
            low, high = (graph.array(f"{name}_{n}", np.array([end])) for n, end in enumerate(target.within))
            column = target.transform.nodes(graph, column, name)
            column = graph.node(
                "Min", [graph.node("Max", [column, low], f"{name}_above"), high], f"{name}_within"
            )
        columns.append(column)
    return graph.node("Concat", columns, result, {"axis": 1})


def target_constants(targets: Sequence[TargetScale]) -> dict[str, Any]:
    """Give the constants of the exported Python file that `target_source` needs."""
    if targets[0].link != _IDENTITY:
        return {}
    transforms, distribution = _transforms(targets), targets[0].distribution
    own = {
        "TARGET_TRANSFORM": [transform.torch_arguments for transform in transforms],
        "TARGET_WITHIN": [target.within for target in targets],
    }
    return {
        "TARGET_MEAN": [target.scale.mean for target in targets],
        "TARGET_SCALE": [target.scale.scale for target in targets],
        **(own if transforms else {}),
        **({} if distribution is None else distribution.constants),
    }


def _transforms(targets: Sequence[TargetScale]) -> list[TargetTransform]:
    return [target.transform for target in targets if target.transform is not None]


def target_source(targets: Sequence[TargetScale]) -> str:
    """Give the function of the exported Python file that turns outputs into targets, and what it calls."""
    link, distribution = targets[0].link, targets[0].distribution
    if link != _IDENTITY:
        labels = task_kind(link_of(link).task).target == "labels"
        what = "the probability of each of TARGETS" if labels else "each of TARGETS in its own units"
        return _LINKED.format(what=what, answer=link_of(link).torch)
    if distribution is None:
        return _units_source(targets[0], "answers")
    return f"{_units_source(targets[0], 'in_units')}\n\n\n{distribution.torch_source}"


def _units_source(target: TargetScale, name: str) -> str:
    """Write the function that brings learned values, float64 (N, K), to the targets' units."""
    transform = target.transform
    if transform is None:
        return _PLAIN.format(name=name)
    return _TRANSFORMED.format(
        back=transform.torch_source, name=name, transform=transform.kind.replace("-", "_")
    )
