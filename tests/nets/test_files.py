"""Model files: equal models are equal bytes, and nothing but such bytes is believed."""

from __future__ import annotations

import hashlib
import json
import os
import tracemalloc
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load as load_safetensors

from shoal.errors import ModelFileError, StudyError
from shoal.nets import (
    Architecture,
    StoredModel,
    build_architecture,
    model_bytes,
    read_model,
)
from shoal.nets._description import describe
from shoal.study import Conv, Network, Pool

FACTS: dict[str, Any] = {"classes": ["a", "ö\n"], "scores": {"test": {"r2": None, "mse": 0.1}}}
LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky-relu", "elu", "gelu", "silu", "softplus", "identity")

dense = st.builds(
    Network,
    hidden=st.lists(st.integers(1, 6), max_size=3).map(tuple),
    activation=st.sampled_from(ACTIVATIONS),
    dropout=st.sampled_from([0.0, 0.25]),
    norm=st.sampled_from(["none", "batch", "layer"]),
)
convolutions = st.builds(
    Conv,
    channels=st.sampled_from([2, 4]),
    kernel=st.integers(1, 3) | st.just((1, 3)),
    stride=st.integers(1, 2) | st.just((2, 1)),
    padding=st.integers(0, 2) | st.just((0, 1)),
    dilation=st.sampled_from([1, 2, (1, 2)]),
    groups=st.just(1),
    pool=st.sampled_from([None, Pool(kind="global-average")])
    | st.builds(Pool, kind=st.sampled_from(["max", "average"]), size=st.integers(1, 2) | st.just((2, 1))),
)
convolutional = st.builds(
    Network,
    kind=st.just("cnn"),
    conv=st.lists(convolutions, min_size=1, max_size=2).map(tuple),
    hidden=st.lists(st.integers(1, 5), max_size=2).map(tuple),
    activation=st.sampled_from(ACTIVATIONS),
    dropout=st.sampled_from([0.0, 0.5]),
    conv_dropout=st.sampled_from([0.0, 0.1]),
    norm=st.sampled_from(["none", "batch", "layer"]),
)


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    if draw(st.booleans()):
        return build_architecture(draw(dense), (draw(st.integers(1, 5)),), draw(st.integers(1, 3)))
    shape = (draw(st.sampled_from([1, 3])), draw(st.integers(7, 9)), draw(st.integers(7, 9)))
    try:
        return build_architecture(draw(convolutional), shape, 2)
    except StudyError:  # pooled away
        return build_architecture(Network(batch_norm=True), shape, 2)


def drawn_parameters(architecture: Architecture, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    slots = (*architecture.slots, *architecture.buffer_slots)
    named = {slot.name: random.normal(size=slot.shape).astype(np.float32) for slot in slots}
    return {name: np.abs(array) if name.endswith("var") else array for name, array in named.items()}


def read(content: bytes) -> StoredModel:
    return read_model(BytesIO(content), len(content))


def refusal(content: bytes) -> str:
    with pytest.raises(ModelFileError) as caught:
        read(content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


SMALL = build_architecture(Network(hidden=(2,), batch_norm=True), (3,), 1)
CONTENT = model_bytes(SMALL, drawn_parameters(SMALL), FACTS)
HEADER_END = 8 + int.from_bytes(CONTENT[:8], "little")


def forged(change: Any = None, metadata: dict[str, str] | None = None, data: bytes | None = None) -> bytes:
    """A file of another content that is sealed as well as Shoal would: `change` gets the parsed header."""
    header = json.loads(CONTENT[8:HEADER_END])
    header["__metadata__"].update(metadata or {})
    if change is not None:
        change(header)
    data = CONTENT[HEADER_END:] if data is None else data

    def packed() -> bytes:
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + data

    header["__metadata__"].pop("sha256")
    header["__metadata__"]["sha256"] = hashlib.sha256(packed()).hexdigest()
    return packed()


def test_the_forger_forges_what_shoal_writes() -> None:
    assert forged() == CONTENT


@settings(max_examples=10_000 if LONG else 60)
@given(architectures(), st.integers(0, 9))
def test_save_load_save_gives_the_same_bytes(architecture: Architecture, seed: int) -> None:
    parameters = drawn_parameters(architecture, seed)
    content = model_bytes(architecture, parameters, FACTS)
    stored = read(content)
    assert stored.architecture == architecture
    assert stored.facts == FACTS
    assert stored.parameters.keys() == parameters.keys()
    assert all(stored.parameters[name].tobytes() == parameters[name].tobytes() for name in parameters)
    assert model_bytes(stored.architecture, stored.parameters, stored.facts) == content


def test_what_a_file_says_of_a_layer_is_what_it_said_before_there_were_other_layers() -> None:
    """Files of old stay readable, and networks of old are the same bytes."""
    conv = Conv(channels=2, pool=Pool())
    network = build_architecture(Network(kind="cnn", conv=(conv,), hidden=()), (1, 6, 6), 2)
    content = model_bytes(network, drawn_parameters(network), {})
    described = json.loads(
        json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]["architecture"]
    )
    assert described["layers"] == [
        {
            "activation": "relu", "batch_norm": False, "dropout": 0.0, "groups": 1, "inputs": 1, "kernel": 3,
            "name": "conv1", "padding": 0, "pool": "max", "pool_size": 2, "pool_stride": 2, "pooled": [2, 2],
            "size": [4, 4], "stride": 1, "units": 2,
        },
        {
            "activation": "identity", "batch_norm": False, "dropout": 0.0, "inputs": 8, "name": "output", "units": 2,
        },
    ]  # fmt: skip


def test_the_safetensors_library_reads_it() -> None:
    arrays = load_safetensors(CONTENT)
    expected = drawn_parameters(SMALL)
    assert arrays.keys() == expected.keys()
    assert all(np.array_equal(arrays[name], expected[name]) for name in expected)


def test_the_order_of_facts_and_parameters_changes_no_byte() -> None:
    parameters = drawn_parameters(SMALL)
    turned = {name: np.asfortranarray(parameters[name]) for name in reversed(parameters)}
    assert model_bytes(SMALL, turned, dict(reversed(FACTS.items()))) == CONTENT


def test_every_truncation_and_every_added_byte_is_refused() -> None:
    for length in range(len(CONTENT)):
        refusal(CONTENT[:length])
    assert (
        refusal(CONTENT + b"\0")
        == f"expected a file of {len(CONTENT)} bytes by its architecture, got {len(CONTENT) + 1}"
    )


def test_flipped_bits_are_refused() -> None:
    """Every bit in a long campaign, else every seventh, which reaches every byte."""
    for bit in range(0, 8 * len(CONTENT), 1 if LONG else 7):
        changed = bytearray(CONTENT)
        changed[bit // 8] ^= 1 << bit % 8
        refusal(bytes(changed))


@settings(max_examples=200)
@given(
    st.binary(max_size=300) | st.binary(max_size=200).map(lambda raw: len(raw).to_bytes(8, "little") + raw)
)
def test_foreign_bytes_are_refused(content: bytes) -> None:
    refusal(content)


def edit(path: str, value: object) -> bytes:
    """A sealed file whose architecture has another value at `path`, such as "layers.0.units"."""
    described = json.loads(json.loads(CONTENT[8:HEADER_END])["__metadata__"]["architecture"])
    *way, last = path.split(".")
    place = described
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    return forged(metadata={"architecture": json.dumps(described, sort_keys=True)})


FORMATS = "expected the format shoal-model/1, shoal-model/2 or shoal-model/3"
UNFIT = "expected an architecture as Shoal describes it, got sizes or layers that do not fit together"
NO_JSON = "metadata '{}': expected JSON as Shoal writes it, got something else"
UNKNOWN = "expected an architecture as Shoal describes it, got layers that no network of Shoal has"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "expected a model file, got 0 bytes that are none or only a part of one"),
        (b"\xff" * 40, "expected a model file, got 40 bytes that are none or only a part of one"),
        (b"\2\0\0\0\0\0\0\0{}", "expected a model of Shoal, got a file without its description"),
        (b"\2\0\0\0\0\0\0\0[[", "expected a header in JSON, got something else"),
        ((100_000).to_bytes(8, "little") + b"[" * 100_000, "expected a header in JSON, got something else"),
        (
            ((1 << 22) + 1).to_bytes(8, "little") + bytes((1 << 22) + 1),
            "expected a header of at most 4194304 bytes, got 4194305",
        ),
        (
            forged(metadata={"format": "shoal-model/4"}),
            f"{FORMATS}, got 'shoal-model/4': it was written by a newer Shoal; update this one",
        ),
        (forged(metadata={"format": "pt\x1b"}), f"{FORMATS}, got 'pt\\x1b'"),
        (forged(lambda h: h["__metadata__"].pop("format")), f"{FORMATS}, got 'none'"),
        (forged(metadata={"format": "shoal-model/2"}), "folds: expected 1 to 1000 networks, got something else"),
        (forged(metadata={"format": "shoal-model/3"}), "folds: expected 1 to 1000 networks, got something else"),
        (forged(metadata={"classes": "[NaN]"}), NO_JSON.format("classes")),
        (forged(metadata={"classes": '["\\ud800"]'}), NO_JSON.format("classes")),
        (forged(metadata={"x": '{"a": 1, "a": 1}'}), NO_JSON.format("x")),
        (forged(lambda h: h["__metadata__"].pop("architecture")), UNFIT),
        (edit("layers.0.units", 2**31), UNKNOWN),
        (edit("layers.0.units", 3), UNFIT),
        (edit("layers.0.activation", "exec"), UNKNOWN),
        (edit("layers.0.dropout", 0), UNFIT),
        (edit("layers", 7), UNFIT),
        (edit("layers", [7]), UNKNOWN),
        (edit("layers", []), UNFIT),
        (edit("input_shape", [True]), UNFIT),
        (edit("input_shape", [2**31]), UNFIT),
        (edit("outputs", 2), UNFIT),
        (
            forged(lambda h: h["output.bias"].update(dtype="F16")),
            "expected the arrays of its architecture in a header as Shoal writes it, got another",
        ),
        (
            forged(lambda h: h.pop("output.bias")),
            "expected the arrays of its architecture in a header as Shoal writes it, got another",
        ),
        (
            forged(lambda h: h["output.bias"].update(data_offsets=[0, 4])),
            "expected the arrays of its architecture in a header as Shoal writes it, got another",
        ),
        (
            CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]),
            "its checksum (SHA-256) does not fit its content: the file is damaged",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_in_one_sentence(content: bytes, sentence: str) -> None:
    assert refusal(content) == sentence


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("output.bias", np.nan, "array output.bias: expected finite numbers, got others"),
        ("hidden1.weight", -np.inf, "array hidden1.weight: expected finite numbers, got others"),
        (
            "hidden1_norm.running_var",
            -1,
            "array hidden1_norm.running_var: expected variances of at least 0, got others",
        ),
    ],
)
def test_numbers_must_be_finite_and_variances_not_negative(name: str, value: float, sentence: str) -> None:
    parameters = drawn_parameters(SMALL)
    parameters[name].flat[0] = value
    assert refusal(model_bytes(SMALL, parameters, FACTS)) == sentence


def test_a_file_that_declares_much_makes_no_room_for_it() -> None:
    """A consistent description of a network of 16 GB, in a file of 4 kB."""
    giant = build_architecture(Network(hidden=(65_536,)), (65_536,), 1)
    metadata = {"architecture": json.dumps(describe(giant), sort_keys=True)}
    content = forged(metadata=metadata)
    tracemalloc.start()
    try:
        sentence = refusal(content)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert sentence.endswith(f"bytes by its architecture, got {len(content)}")


def test_a_description_that_could_not_be_read_is_not_written() -> None:
    with pytest.raises(ModelFileError, match=r"^expected a description of at most 4194304 bytes, got \d+$"):
        model_bytes(SMALL, drawn_parameters(SMALL), {"classes": ["x" * (1 << 22)]})


@pytest.mark.parametrize("number", [0, 1])
def test_what_was_not_learned_has_a_vector_of_zeros(number: int) -> None:
    """Row 0 of each table, also where the seal of the file is right."""
    architecture = build_architecture(Network(hidden=(4,), embedding=3), (5,), 2, ((7, 3), (2, 3)))
    parameters = {slot.name: np.ones(slot.shape, np.float32) for slot in architecture.slots}
    for table in (0, 1):
        parameters[f"embedding.{table}.weight"][0] = 0
    content = model_bytes(architecture, parameters, FACTS)
    assert read_model(BytesIO(content), len(content)).architecture == architecture
    parameters[f"embedding.{number}.weight"][0, 2] = 0.5
    sentence = (
        f"array embedding.{number}.weight: expected zeros in row 0, of what was not learned, got others"
    )
    with pytest.raises(ModelFileError) as caught:
        read_model(BytesIO(content := model_bytes(architecture, parameters, FACTS)), len(content))
    assert str(caught.value).endswith(sentence)
