"""Networks of all kinds as they are drawn, made by hand or by Hypothesis."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from shoal.errors import StudyError
from shoal.look import Asked, NetworkFacts, network_facts
from shoal.nets import Architecture, build_architecture
from shoal.results import InputRecord
from shoal.study import Network, Training

HOSTILE: Final = (
    "<b>&\"'", "\u202eلا مرحبا", "漢字" * 40, "x" * 300, "W" * 300, "a\x00\x1b[31m\ud800\uffff", "e" + "\u0301" * 50,
    "😀 " * 20, " ", "\n", "क्षि",
)  # fmt: skip
TEN: Final[list[dict[str, Any]]] = [
    {
        "channels": 16 * (1 + number // 3),
        "kernel": 3,
        "padding": 1,
        **({"pool": {}} if number % 3 == 2 else {}),
    }
    for number in range(10)
]
GROUPS: Final[list[dict[str, Any]]] = [
    {"channels": 32, "kernel": 5, "stride": 2, "padding": 2},
    {
        "channels": 64,
        "kernel": 3,
        "groups": 32,
        "padding": 1,
        "pool": {"kind": "average", "size": 3, "stride": 2},
    },
]


def case(
    network: dict[str, Any],
    shape: tuple[int, ...],
    asked: dict[str, Any] | None = None,
    tables: tuple[tuple[int, int], ...] = (),
    names: tuple[str, ...] = (),
) -> tuple[Architecture, NetworkFacts]:
    """Give a network and its facts; `asked` are task, targets, classes and training, the last columns are tables."""
    told: dict[str, Any] = {
        "task": "regression",
        "targets": ("price",),
        "classes": (),
        "training": {},
        **(asked or {}),
    }
    training = Training.model_validate(told["training"])
    distribution = training.distribution
    said = 1 if distribution is None else distribution.outputs
    outputs = len(told["classes"]) or said * len(told["targets"])
    architecture = build_architecture(Network.model_validate(network), shape, outputs, tables)
    inputs = tuple(InputRecord(name, "number", 1) for name in names)
    facts = network_facts(
        architecture,
        inputs,
        Asked("a study", told["task"], told["targets"], told["classes"], training, distribution),
    )
    return architecture, facts


def classes(count: int) -> dict[str, Any]:
    """Ask for a classification of so many classes."""
    return {"task": "classification", "classes": tuple(f"class {number}" for number in range(count))}


CASES: Final = {
    "linear": lambda: case({"hidden": []}, (1,), names=("x",)),
    "two-peaks": lambda: case({"hidden": [100, 80], "activation": "sigmoid"}, (1,), names=("input",)),
    "mnist": lambda: case({"hidden": [256, 128]}, (784,), classes(10)),
    "quantiles": lambda: case(
        {"hidden": [32], "dropout": 0.25}, (2,),
        {"targets": ("height", "weight"), "training": {"loss": "quantile"}}, names=("a", "b"),
    ),
    "normal": lambda: case({"hidden": [8], "batch_norm": True}, (1,), {"training": {"loss": "gaussian"}}),
    "labels": lambda: case({"hidden": [8]}, (2,), {"task": "multilabel", "targets": HOSTILE[:3]}),
    "tables": lambda: case(
        {"hidden": [16], "embedding": 8}, (9,), None, ((17, 8), (1235, 12), (40, 600)),
        ("a", "b", "c", "d", "e", "f", "city", "street", "y" * 300),
    ),
    "flat": lambda: case({"hidden": [16]}, (1, 28, 28), classes(300)),
    "ten": lambda: case({"kind": "cnn", "conv": TEN, "hidden": [128]}, (3, 32, 32), classes(2)),
    "groups": lambda: case(
        {"kind": "cnn", "conv": GROUPS, "hidden": [100], "batch_norm": True, "dropout": 0.5, "conv_dropout": 0.1},
        (3, 64, 48), classes(30),
    ),
    "hostile": lambda: case({"hidden": [3]}, (11,), {"targets": HOSTILE}, names=HOSTILE),
}  # fmt: skip


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Architecture, NetworkFacts]:
    """Draw a network of 1 to 8 dense layers, or of up to 8 convolutions and some dense ones."""
    units = st.integers(1, 4096)
    network: dict[str, Any] = {
        "hidden": draw(st.lists(units, max_size=8)),
        "activation": draw(st.sampled_from(("relu", "leaky-relu", "softplus"))),
        "norm": draw(st.sampled_from(("none", "batch", "layer"))),
        "dropout": draw(st.sampled_from((0.0, 0.5, 0.123))),
    }
    count = draw(st.integers(1, 30))
    asked = draw(
        st.sampled_from((
            classes(count + 1),
            {"targets": tuple(HOSTILE[number % len(HOSTILE)] for number in range(count))},
            {"training": {"loss": "quantile"}},
            {"training": {"loss": "gaussian"}, "targets": ("a", "b" * 50)},
        ))
    )  # fmt: skip
    if draw(st.booleans()):
        names = tuple(
            draw(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=40), min_size=1, max_size=20))
        )
        tables = tuple(
            draw(st.lists(st.tuples(st.integers(2, 10**6), st.integers(1, 600)), max_size=len(names)))
        )
        return case({**network, "embedding": 3} if tables else network, (len(names),), asked, tables, names)
    return _convolutional(draw, network, asked)


def _convolutional(
    draw: st.DrawFn, network: dict[str, Any], asked: dict[str, Any]
) -> tuple[Architecture, NetworkFacts]:
    pool = st.none() | st.just({"kind": "global-average"}) | st.fixed_dictionaries({
        "kind": st.sampled_from(("max", "average")), "size": st.integers(1, 3), "stride": st.integers(1, 3),
    })  # fmt: skip
    conv = st.fixed_dictionaries({
        "channels": st.integers(1, 512), "kernel": st.integers(1, 7) | st.just((1, 5)), "stride": st.integers(1, 3),
        "padding": st.integers(0, 3), "dilation": st.sampled_from((1, 1, 2)), "pool": pool,
    })  # fmt: skip
    layers = draw(st.lists(conv, min_size=1, max_size=8))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 300)), draw(st.integers(1, 300)))
    while layers:
        try:
            return case({**network, "kind": "cnn", "conv": layers}, shape, asked)
        except StudyError:  # the maps have become smaller than the window
            layers = layers[:-1]
    return case(network, shape, asked)
