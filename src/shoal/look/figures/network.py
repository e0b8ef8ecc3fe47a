"""The delivered network, from its inputs to its loss: its layers with their sizes, before any of its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shoal.look._extent import Extent
from shoal.look._figure import Chapter, Figure, single
from shoal.look._network import Asked, NetworkFacts, network_facts, words_of
from shoal.look._paper import Sheet, on_paper
from shoal.look._run_findings import RunFindings
from shoal.nets import Architecture
from shoal.results import InputRecord

if TYPE_CHECKING:
    from shoal.look._scene import Scene
    from shoal.results import Results

_SECONDS: Final = 0.04
"""Of the picture, its marks drawn by matplotlib; layers and units that are drawn are few."""
_PART: Final = 0.024
"""Of one part of it."""


def delivered_network(findings: RunFindings) -> NetworkFacts | None:
    """The network that is delivered; None before there is one."""
    if findings.network is None:
        return None
    results, (architecture, _) = findings.results, findings.network
    training = results.delivered_training
    asked = Asked(
        name=results.study.study.name,
        task=results.truth.task,
        targets=results.truth.target_names,
        classes=results.truth.classes,
        training=training,
        distribution=training.distribution,
    )
    return network_facts(architecture, _inputs(results, architecture), asked)


def _inputs(results: Results, architecture: Architecture) -> tuple[InputRecord, ...]:
    """Give the columns that the network reads; of results of old they are known where each is a number."""
    count = architecture.input_shape[0]
    known = sum(column.inputs for column in results.inputs) == count
    if known and len(results.inputs) >= len(architecture.tables):
        return results.inputs
    names = results.truth.input_names
    plain = len(names) == count and not results.categorical and not results.dates
    return tuple(InputRecord(name, "number", 1) for name in names) if plain else ()


def draw_network(fact: NetworkFacts) -> Sheet:
    """Its parts in rows, as wide as a page."""
    from shoal.look._network_scene import network_scene  # of no use before there is something to draw

    return on_paper(network_scene(fact))


def lay_out(fact: NetworkFacts, width: float) -> Scene:
    """Its parts in rows of a width."""
    from shoal.look._network_scene import network_scene

    return network_scene(fact, width)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return _SECONDS + _PART * len(extent.network.layers)


FIGURE: Final = Figure(
    chapters=(Chapter.NETWORK,),
    order=10,
    name="01-network",
    title="The network",
    caption=(
        "What flows through it, from the inputs to the answers. Of many units and maps some are drawn; the"
        " numbers below say how many there are."
    ),
    gather=single(delivered_network),
    draw=draw_network,
    scene=lay_out,
    words=words_of,
    seconds=seconds,
)
