"""What is known of a network before any weight of it: its inputs, its layers step by step, its outputs, its loss.

Letters: C channels, H, W height and width, U units.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shoal.distributions import Distribution
from shoal.kinds import NORMS, Task, task_kind
from shoal.look._escape import seen
from shoal.look._losses import loss_words
from shoal.nets import Sides, both, loss_of
from shoal.study import TASK_LOSS, Training
from shoal.wording import counted, first_few

if TYPE_CHECKING:
    from shoal.nets import Architecture, Layer, LayerStep
    from shoal.results import InputRecord

MOST_UNITS: Final = 10
"""Units of a layer that are all drawn, and outputs that are all named."""
_NAMED: Final = 6
"""Outputs that are named of more."""


@dataclass(frozen=True)
class ColumnFacts:
    """One input column: its kind, how many inputs it becomes (0: not known), and its table of vectors, (rows, size)."""

    name: str
    kind: str = "number"
    inputs: int = 1
    table: tuple[int, ...] = ()


@dataclass(frozen=True)
class StepFacts:
    """One step of a layer: what it is, the shape (U,) or (C, H, W) of what it gives, and what follows within it.

    A step over feature maps has a `window`. `activation` is empty where there is none; parameters and
    multiply-adds of a layer are those of its first step. `norm` is in words. What entered the layer `added` is added
    before the activation, `through` a convolution of 1 x 1 of this stride, or as it is, where that is 0.
    """

    layer: str
    words: str
    shape: tuple[int, ...]
    window: Sides
    stride: Sides
    padding: Sides
    dilation: Sides
    groups: int
    activation: str
    norm: str
    added: str
    through: Sides
    dropout: float
    parameters: int
    multiply_adds: int

    @property
    def shape_text(self) -> str:
        """Write the shape: 32 × 28 × 28."""
        return "\u00a0×\u00a0".join(f"{side:,}" for side in self.shape)

    @property
    def geometry(self) -> tuple[str, ...]:
        """Write the window and how it goes over the maps, as far as that is not the usual way; nothing without one."""
        if not self.window:
            return ()
        usual = 1 if self.parameters else self.window  # a pool's windows lie side by side
        parts = [_sides_text(both(self.window))]
        parts += [f"stride {_sides_text(self.stride)}"] * (self.stride != usual)
        parts += [f"padding {_sides_text(self.padding)}"] * (self.padding != 0)
        parts += [f"dilation {_sides_text(self.dilation)}"] * (self.dilation != 1)
        parts += [counted(self.groups, "group")] * (self.groups > 1)
        return tuple(parts)

    @property
    def entered_text(self) -> str:
        """Say what is added; nothing where nothing is."""
        if not self.added:
            return ""
        strided = f" stride {_sides_text(self.through)}" if self.through not in (0, 1) else ""
        return f"what entered {self.added}" + (f" through 1 × 1{strided}" if self.through else "")

    @property
    def span(self) -> tuple[int, int]:
        """Pixels down and across from the first one of its window to the last."""
        window, dilation = both(self.window), both(self.dilation)
        return (dilation[0] * (window[0] - 1) + 1, dilation[1] * (window[1] - 1) + 1)


def _sides_text(sides: Sides) -> str:
    return f"{sides[0]} × {sides[1]}" if isinstance(sides, tuple) else str(sides)


@dataclass(frozen=True)
class NetworkFacts:
    """A network as it is drawn: `name` is that of its study or model; of images there are no columns.

    `link` makes answers of its outputs, which are `answers`; `loss` names what it is trained by, empty where that is
    not known.
    """

    name: str
    input_shape: tuple[int, ...]
    columns: tuple[ColumnFacts, ...]
    steps: tuple[StepFacts, ...]
    outputs: tuple[str, ...]
    link: str
    answers: str
    loss: str
    parameters: int
    multiply_adds: int

    @property
    def embedding(self) -> StepFacts | None:
        """The step that looks vectors up, which is drawn with the inputs."""
        return self.steps[0] if any(column.table for column in self.columns) else None


@dataclass(frozen=True)
class Asked:
    """What a network is for: its name, what it learns, and how; `training` is None where that is not known."""

    name: str
    task: Task
    targets: tuple[str, ...]
    classes: tuple[str, ...]
    training: Training | None
    distribution: Distribution | None = None


def network_facts(architecture: Architecture, inputs: Sequence[InputRecord], asked: Asked) -> NetworkFacts:
    """Gather what is drawn of a network; `inputs` are its columns in order, none of images."""
    link, answers = _answers(asked)
    return NetworkFacts(
        name=asked.name,
        input_shape=architecture.input_shape,
        columns=tuple(_columns(architecture, inputs)),
        steps=tuple(step for layer in architecture.layers for step in _steps(layer)),
        outputs=tuple(_outputs(asked)) or ("",) * architecture.outputs,
        link=link,
        answers=answers,
        loss="" if asked.training is None else loss_words(asked.task, asked.training, asked.classes),
        parameters=architecture.parameter_count,
        multiply_adds=architecture.flops_per_row // 2,
    )


def _columns(architecture: Architecture, inputs: Sequence[InputRecord]) -> Iterator[ColumnFacts]:
    """Give the columns; the last of them are embedded, one a table."""
    tables = architecture.tables
    plain = len(inputs) - len(tables)
    for place, column in enumerate(inputs):
        table = tables[place - plain] if place >= plain else ()
        yield ColumnFacts(column.name, column.kind, column.inputs, table)


def _steps(layer: Layer) -> Iterator[StepFacts]:
    """Give the steps of a layer: the first has norm and activation, the last dropout."""
    last = len(layer.steps) - 1
    for place, step in enumerate(layer.steps):
        yield _step(layer, step, first=place == 0, last=place == last)


def _step(layer: Layer, step: LayerStep, *, first: bool, last: bool) -> StepFacts:
    return StepFacts(
        layer=layer.name,
        words=step.words,
        shape=step.shape,
        window=step.window,
        stride=step.stride,
        padding=step.padding,
        dilation=step.dilation,
        groups=step.groups,
        activation=layer.activation if first and layer.activation != "identity" else "",
        norm=_norm_words(layer) if first else "",
        added=step.added,
        through=step.through,
        dropout=layer.dropout if last else 0.0,
        parameters=sum(math.prod(part.shape) for part in layer.parts) if first else 0,
        multiply_adds=layer.multiply_adds if first else 0,
    )


def _norm_words(layer: Layer) -> str:
    asked = {"batch": layer.batch_norm, "layer": layer.layer_norm}
    return next((norm.words for name, norm in NORMS.items() if asked[name]), "")


def _outputs(asked: Asked) -> Iterator[str]:
    """Name every output: a class, a label, a target, or what is said of a target."""
    if asked.distribution is None:
        yield from asked.classes or asked.targets
        return
    said = asked.distribution.output_words
    for target in asked.targets:
        yield from (f"{words} of {target}" if len(asked.targets) > 1 and target else words for words in said)


def _answers(asked: Asked) -> tuple[str, str]:
    """Say what makes answers of the outputs, and what these are."""
    if asked.distribution is not None:
        return asked.distribution.link_words, asked.distribution.answer_words
    loss = (asked.training.loss if asked.training else None) or TASK_LOSS[asked.task]
    target = task_kind(asked.task).target
    answers = {"class": "probabilities", "labels": "probabilities", "numbers": "predictions"}[target]
    return loss_of(loss).link, answers


def title_of(fact: NetworkFacts) -> str:
    """Name the picture of a network."""
    return f"The network of {seen(fact.name)}" if fact.name else "The network"


def words_of(fact: NetworkFacts) -> str:
    """Say a network in a few sentences, from its inputs to its loss."""
    if len(fact.input_shape) == 3:
        inputs = f"Images of {' × '.join(map(str, fact.input_shape))} (channels, height, width)"
    else:
        columns = len(fact.columns) or fact.input_shape[0]
        inputs = f"{counted(columns, 'input column')}, {counted(fact.input_shape[0], 'input')}"
    steps = "; ".join(", ".join(_step_words(step)) for step in fact.steps)
    few = len(fact.outputs) if len(fact.outputs) <= MOST_UNITS else _NAMED
    named = first_few([*map(seen, fact.outputs)], few) if any(fact.outputs) else f"{len(fact.outputs):,}"
    loss = f", trained by {fact.loss}" if fact.loss else ""
    sizes = f"{counted(fact.parameters, 'parameter')}, {counted(fact.multiply_adds, 'multiply-add')} a row"
    return f"{inputs}; then {steps}. Outputs: {named}; {fact.link} gives {fact.answers}{loss}. {sizes}."


def _step_words(step: StepFacts) -> Iterator[str]:
    size = counted(step.shape[0], "unit") if len(step.shape) == 1 else f"maps of {step.shape_text}"
    yield f"{step.words} {', '.join(step.geometry)}".strip() + f" to {size}"
    if step.norm:
        yield step.norm
    if step.added:
        yield f"plus {step.entered_text}"
    if step.activation:
        yield step.activation
    if step.dropout:
        yield f"dropout {step.dropout:g}"
