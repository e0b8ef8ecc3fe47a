"""Model files that were drawn, damaged, forged and mutated: one exception type, little memory, nothing runs."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hostile_models import (
    KEPT,
    REAL,
    attempt,
    measured,
    most,
    mutated,
    nothing_runs,
    opened,
    packed,
    resealed,
    taken,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nets.test_files import convolutional, dense, drawn_parameters
from shoal.data import Preprocessing
from shoal.data._scale import Scale
from shoal.data.encoders.category import CategoryEncoder
from shoal.data.encoders.number import NumberEncoder
from shoal.errors import StudyError
from shoal.model import Model, load
from shoal.nets import build_architecture, model_bytes
from shoal.study import Network

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
MUTATIONS = 1_000_000 if LONG else 300


@pytest.fixture(autouse=True, scope="module")
def everything_is_imported() -> None:
    for content in REAL.values():
        assert attempt(content)


# -- drawn models --------------------------------------------------------------------------------------------

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
finite = st.floats(allow_nan=False, allow_infinity=False)
scales = st.floats(0, exclude_min=True, allow_infinity=False)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def models(draw: st.DrawFn) -> bytes:
    """A whole model file: any network, any names, any numbers that a run might have stored."""
    images = draw(st.booleans())
    task = "classification" if images else draw(st.sampled_from(["classification", "regression"]))
    outputs = draw(st.integers(1 + (task == "classification"), 3))
    channels, columns = (), ()
    if images:
        shape: tuple[int, ...] = (
            draw(st.sampled_from([1, 3])),
            draw(st.integers(5, 9)),
            draw(st.integers(5, 9)),
        )
        channels = tuple(Scale(draw(names), draw(finite), draw(scales)) for _ in range(shape[0]))
    else:
        columns = tuple(draw(st.lists(_columns(), min_size=1, max_size=4, unique_by=lambda one: one.name)))
        inputs = Preprocessing(columns, ()).input_names
        assume(len(set(inputs)) == len(inputs))  # "a" with the category "b=c", and "a=b" with "c"
        shape = (len(inputs),)
    try:
        architecture = build_architecture(draw(convolutional if images else dense), shape, outputs)
    except StudyError:  # pooled away
        architecture = build_architecture(draw(dense), shape, outputs)
    labels = draw(st.lists(names, min_size=outputs, max_size=outputs, unique=True))
    regression = task == "regression"
    targets = tuple(Scale(label, draw(finite), draw(scales)) for label in labels) if regression else ()
    facts = {
        "task": task,
        "classes": [] if regression else labels,
        "targets": labels if regression else [draw(names)],
        "preprocessing": Preprocessing(columns, targets, channels).to_json(),
        "training": draw(st.dictionaries(names, jsons, max_size=3)),
        "fit": {"id": draw(names), "trainer": draw(names), "epochs": draw(st.integers(0, 2**31)), "repeat": 0},
        "scores": draw(st.dictionaries(names, st.dictionaries(names, st.none() | finite, max_size=2), max_size=2)),
    }  # fmt: skip
    return model_bytes(architecture, drawn_parameters(architecture, draw(st.integers(0, 99))), facts)


def _columns() -> st.SearchStrategy[NumberEncoder | CategoryEncoder]:
    categories = st.lists(names, min_size=1, max_size=3, unique=True).map(tuple)
    scaled = st.builds(Scale, names, finite, scales)
    learned = st.builds(NumberEncoder, scaled, finite, st.booleans())
    lacking = st.builds(CategoryEncoder, names, categories, st.booleans()).filter(
        lambda encoder: "" not in encoder.categories
    )
    pooled = lacking.map(lambda encoder: replace(encoder, pooled=encoder.categories[1:]))
    return (
        scaled.map(NumberEncoder) | learned | st.builds(CategoryEncoder, names, categories) | lacking | pooled
    )


@settings(max_examples=10_000 if LONG else 60, suppress_health_check=list(HealthCheck))
@given(content=models())
def test_a_drawn_model_saved_loaded_and_saved_is_the_same_file(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first, second = (tmp_path_factory.getbasetemp() / name for name in ("first", "second"))
    model = Model.from_bytes(content)
    first.write_bytes(content)
    loaded = load(first)
    assert repr(loaded).isprintable()
    loaded.save(second)
    assert second.read_bytes() == content == model.to_bytes()
    assert loaded.facts == model.facts
    assert loaded.preprocessing == model.preprocessing
    for name, array in loaded.parameters.items():
        assert array.tobytes() == model.parameters[name].tobytes()


# -- three real files, damaged -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REAL)
def test_every_truncation_is_refused(name: str) -> None:
    content = REAL[name]
    with nothing_runs():
        assert not any(attempt(content[:length]) for length in range(len(content)))


@pytest.mark.parametrize("name", REAL)
def test_every_flipped_bit_is_refused(name: str) -> None:
    """Every bit in the campaign, else every eleventh, which reaches every byte but a few."""
    content = REAL[name]
    believed = []
    with nothing_runs():
        for bit in range(0, 8 * len(content), 1 if LONG else 11):
            changed = bytearray(content)
            changed[bit // 8] ^= 1 << bit % 8
            if attempt(bytes(changed)):
                believed.append(bit)
    assert believed == []


# -- mutations -----------------------------------------------------------------------------------------------


def test_mutations_that_are_sealed_again_run_nothing_and_need_little_memory() -> None:
    draw = random.Random(2026)  # noqa: S311
    files = list(REAL.values())
    believed = sum(measured(mutated(draw.choice(files), draw)) for _ in range(5_000 if LONG else 250))
    assert believed > 0  # some changes are harmless: another score, another name of a class


def test_coverage_guided_mutations(tmp_path: Path) -> None:
    """A million in the campaign; each is read as it is and sealed again."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install atheris")
    corpus = tmp_path / "corpus"
    shutil.copytree(
        KEPT, corpus, ignore=lambda _, names: [n for n in names if not n.endswith(".safetensors")]
    )
    script = Path(__file__).with_name("fuzz_models.py")
    # One change a mutation: of several in a row, one breaks the JSON, and nothing behind it is reached.
    options = [
        f"-runs={MUTATIONS}",
        "-seed=1",
        "-max_len=6000",
        "-rss_limit_mb=1024",
        "-timeout=60",
        "-mutate_depth=1",
    ]
    command = [sys.executable, str(script), *options, str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {MUTATIONS} runs" in done.stderr


# -- much in little ------------------------------------------------------------------------------------------


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _metadata(**changes: str) -> bytes:
    header, data = opened(REAL["regression"]) or ({}, b"")
    header["__metadata__"].update(changes)
    return packed(header, data)


def _architecture(**changes: Any) -> bytes:
    header, _ = opened(REAL["regression"]) or ({}, b"")
    described = json.loads(header["__metadata__"]["architecture"])
    return _metadata(architecture=_json(described | changes))


def _raw(text: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text


def _columns_named(names: list[str]) -> str:
    inputs = [{"name": name, "categories": []} for name in names]
    return _json({"inputs": inputs, "targets": [], "channels": []})


NOT_FACTS = ("format", "sha256", "architecture")
SIZE = 3_000_000 if LONG else 60_000
NAMES = [f"{number:x}" for number in range(SIZE // 12)]
BOMBS = {
    "deep": _raw(b"[" * SIZE),
    "deep objects": _raw(b'{"a":' * (SIZE // 5)),
    "empty lists": _raw(b"[" + b"[]," * (SIZE // 3) + b"[]]"),
    "empty objects": _raw(b"[" + b"{}," * (SIZE // 3) + b"{}]"),
    "a long number": _raw(b"1" * SIZE),
    "many keys": _raw(b'{"__metadata__":{' + b",".join(b'"%06x":""' % n for n in range(SIZE // 12)) + b"}}"),
    "lists in a value": _metadata(training='{"a": [' + "[], " * (SIZE // 4) + "[]]}"),
    "objects in a value": _metadata(training='{"a": [' + "{}, " * (SIZE // 4) + "{}]}"),
    "deep in a value": _metadata(training='{"a": ' * 900 + "1" + "}" * 900),
    "many classes": _metadata(classes=_json(NAMES)),
    "many columns": _metadata(preprocessing=_columns_named(NAMES[: SIZE // 40])),
    "many scores": _metadata(scores=_json({name: {} for name in NAMES})),
    "many wrong scores": _metadata(scores=_json(dict.fromkeys(NAMES, 1))),
    "a long name": _metadata(preprocessing=_columns_named(["x" * SIZE])),
    "many layers": _architecture(layers=[1] * (SIZE // 3)),
    "many sides": _architecture(input_shape=[1] * (SIZE // 3)),
    "giant layers": _architecture(input_shape=[2**31 - 1]),
    "a giant number": _architecture(outputs=10**4000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_much_that_is_declared_makes_no_room_for_it(name: str) -> None:
    assert len(BOMBS[name]) < 1 << 22
    assert measured(BOMBS[name]) == (name in ("many scores", "lists in a value", "objects in a value"))


LIMITED = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from hostile_models import REAL, attempt
for content in REAL.values():
    attempt(content)
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (most, most))
try:
    bytes(2 * int(sys.argv[2]))
except MemoryError:
    print([attempt(path.read_bytes()) for path in map(Path, sys.argv[3:])])
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is counted as Linux counts it")
def test_the_operating_system_grants_no_more_than_reading_may_need(tmp_path: Path) -> None:
    """The limit itself is shown to bite before the files are read under it."""
    paths = []
    for number, content in enumerate(BOMBS.values()):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(content)
    granted = max(map(most, BOMBS.values())) + (16 << 20)
    folder = str(Path(__file__).parent)
    command = [sys.executable, "-c", LIMITED, folder, str(granted), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("False") == len(BOMBS) - 3
    assert done.stdout.count("True") == 3


# -- the tools themselves ------------------------------------------------------------------------------------


def test_the_forger_writes_what_shoal_writes() -> None:
    for content in REAL.values():
        assert resealed(content) == content
        longer = (7).to_bytes(8, "little") + content[8:]
        assert resealed(longer) == content


def test_the_hook_sees_what_runs() -> None:
    with pytest.raises(BaseException, match="open"), nothing_runs():
        Path(__file__).read_text(encoding="utf-8")
    assert Path(__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", REAL)
def test_what_is_kept_is_what_it_is_meant_to_be(name: str) -> None:
    model = Model.read(BytesIO(REAL[name]), len(REAL[name]))
    assert bool(model.categorical) == (name != "images")
    assert bool(model.classes) == (name != "regression")
    assert (name == "regression") == any(scale.scale != 1 for scale in model.preprocessing.target_scales)


@pytest.mark.parametrize("name", REAL)
def test_a_header_as_shoal_writes_it_takes_about_15_times_its_bytes(name: str) -> None:
    content = REAL[name]
    header = int.from_bytes(content[:8], "little")
    taken(content)  # what is made once in a process is not the header's
    assert taken(content)[1] < 16 * header + len(content)


def test_a_large_model_takes_its_bytes_once() -> None:
    """Of the arrays nothing is copied, also not to see that they are finite."""
    architecture = build_architecture(Network(hidden=(1000, 500)), (64,), 3)
    header, _ = opened(REAL["regression"]) or ({}, b"")
    facts = {name: json.loads(text) for name, text in header["__metadata__"].items() if name not in NOT_FACTS}
    scales = tuple(NumberEncoder(Scale(f"x{number}", 0.0, 1.0)) for number in range(64))
    targets = tuple(Scale(name, 0.0, 1.0) for name in "abc")
    facts |= {"targets": list("abc"), "preprocessing": Preprocessing(scales, targets).to_json()}
    content = model_bytes(architecture, drawn_parameters(architecture, 1), facts)
    assert len(content) > 2_000_000
    assert measured(content)
