"""Study files: found, read, anchored, overridden; whatever cannot be one is refused in one line."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from drawn_studies import BASE

from shoal.errors import StudyError
from shoal.study import Study, builtin_studies, load_study, parse_study, study_schema, to_toml

TEXT = """[study]
name = "a study"
task = "regression"

[data]
train = "../rows/train.csv"   # beside
test = "test.csv"

[training]
lr = 0.01

[[compare]]
name = "one"

[search.space]
"network.dropout" = [0, 0.5]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "studies"
    folder.mkdir()
    path = folder / "s.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def refusal_of(source: Any, *overrides: str) -> list[str]:
    with pytest.raises(StudyError) as refusal:
        load_study(source, overrides)
    return str(refusal.value).replace(str(source), "FILE").split("\n")


# -- reading -------------------------------------------------------------------------------------------------


def test_paths_are_relative_to_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = (str(file.parent.parent / "rows" / "train.csv"), str(file.parent / "test.csv"))
    for source in (file, str(file)):
        study = load_study(source)
        assert (study.data.train, study.data.test) == expected
    monkeypatch.chdir(file.parent)
    assert load_study("s.toml").data.train == expected[0]
    assert load_study(Path("s.toml")) == study
    absolute = file.with_name("absolute.toml")
    absolute.write_text(to_toml(study), encoding="utf-8")
    assert load_study(absolute) == study


def test_paths_of_values_given_in_python_stay_as_they_are() -> None:
    tree = {**BASE, "data": {"train": "rows/train.csv"}, "training": {"lr": 1}}
    assert parse_study(tree).data.train == "rows/train.csv"
    assert parse_study(tree, ["training.lr=2"]).training.lr == 2
    assert tree["training"] == {"lr": 1}


def test_a_mark_of_byte_order_and_carriage_returns_do_no_harm(file: Path) -> None:
    study = load_study(file)
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert load_study(file) == study
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("lr = 0.01", "lr = 0").replace("\n", "\r\n").encode())
    assert refusal_of(file) == ["FILE:10: training.lr: expected a number above 0, got 0"]


def test_defaults_are_those_of_the_model(file: Path) -> None:
    study = load_study(file)
    minimal = Study.model_validate(BASE)
    assert study.network == minimal.network
    assert study.training == minimal.training.model_copy(update={"lr": 0.01})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a = 1\nb = \xff", "FILE:2: expected UTF-8 text, got byte 0xff; save it as UTF-8"),
        (b"a = 1\nb = ", "FILE:2:5: not valid TOML: invalid value"),
        (
            b"a = 1\nb = 3 4\n",
            "FILE:2:7: not valid TOML: expected newline or end of document after a statement",
        ),
        (b"a = 1\na = 2\n", "FILE:2:6: not valid TOML: cannot overwrite a value"),
        (b'a = "x\x1b"', "FILE:1:7: not valid TOML: illegal character '\\x1b'"),
        (b'a = """x\n\n', "FILE:3:1: not valid TOML: unterminated string"),
        (b"a = " + b"9" * 5000, "FILE:1: not valid TOML: a number has thousands of digits"),
        (
            b"a = " + b"[" * 500 + b"]" * 500,
            "FILE:1: expected tables and lists nested a few levels deep, got too many levels",
        ),
        (
            b".".join([b"a"] * 40_000),
            "FILE:1: expected tables and lists nested a few levels deep, got too many levels",
        ),
        (b"#" * 100_001, "FILE: expected a study file of at most 100 kB, got 101 kB"),
        (b"x" * 10_000_000, "FILE: expected a study file of at most 100 kB, got 10,000 kB"),
        (b"\x00" * 50, "FILE:1:1: not valid TOML: invalid statement"),
    ],
    ids=range(12),
)
def test_what_is_no_study_file_gets_one_line(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    assert refusal_of(path) == [sentence]


def test_what_is_no_file_gets_one_line(tmp_path: Path) -> None:
    neither = f"expected a study file or a built-in study ({', '.join(builtin_studies())}), got neither"
    assert refusal_of(tmp_path) == ["FILE: expected a study file, got a folder"]
    assert refusal_of(tmp_path / "missing.toml") == [f"FILE: {neither}"]
    with pytest.raises(StudyError) as refusal:
        load_study("two-peak")
    assert str(refusal.value) == f"two-peak: {neither}; did you mean two-peaks?"
    assert refusal_of("a\0b") == [f"a\\u0000b: {neither}"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert refusal_of(tmp_path / "pipe") == ["FILE: expected a study file, got a pipe"]


def test_a_file_that_cannot_be_opened_gets_one_line(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, flags: int) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shoal.files.os.open", refuse)
    assert refusal_of(file) == ["FILE: expected a readable file, got: Permission denied"]


def test_very_many_mistakes_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(TEXT + "".join(f"[x{number}]\n" for number in range(1500)), encoding="utf-8")
    lines = refusal_of(path)
    assert lines[0].startswith("FILE:17: x0: unknown key")
    assert lines[-1] == "FILE: and 1,400 more mistakes"
    assert len(lines) == 101


# -- overrides -----------------------------------------------------------------------------------------------


def test_overrides(file: Path) -> None:
    study = load_study(
        file,
        [
            "training.lr=0.1",
            "training.optimizer=sgd",
            'training . "momentum" = 0.9',
            "network.hidden=[5, 6]",
            "network.hidden[1]=7",
            "compare[0].training.epochs=3",
            'search.space."network.dropout"=[0, 0.25]',
            "search.space.'training.epochs'=[5]",
            "study.name=other name",
            "study.seed=3 # comment",
            'data.target="a=b"',
        ],
    )
    assert (study.training.lr, study.training.optimizer, study.training.momentum) == (0.1, "sgd", 0.9)
    assert study.network.hidden == (5, 7)
    assert study.compare[0].training == {"epochs": 3}
    assert study.search is not None
    assert study.search.space == {"network.dropout": [0, 0.25], "training.epochs": [5]}
    assert (study.study.name, study.study.seed, study.data.target) == ("other name", 3, "a=b")


def test_an_element_of_a_default_list_can_be_overridden(file: Path) -> None:
    assert load_study(file, ["network.hidden[0]=9"]).network.hidden == (9,)


def test_paths_in_overrides_are_relative_to_the_current_folder(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent.parent)
    study = load_study(file, ["data.train=mine.csv"])
    assert study.data.train == str(file.parent.parent / "mine.csv")
    assert study.data.test == str(file.parent / "test.csv")


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("training.lr", "--set: expected KEY=VALUE, got 'training.lr'"),
        ("=3", "--set : expected a key path such as network.hidden[0], got ''"),
        ("a b=3", "--set a b: expected a key path such as network.hidden[0], got 'a b'"),
        ("training.lr=-1", "--set training.lr: expected a number above 0, got -1"),
        ("training.lr=fast", "--set training.lr: expected a number above 0, got 'fast'"),
        ("training.lr=", "--set training.lr: expected a number above 0, got ''"),
        ("training.lrr=1", "--set training.lrr: unknown key; did you mean lr?"),
        ("trainng.lr=1", "--set trainng: unknown key; did you mean training?"),
        ("training.lr.x=1", "--set training.lr.x: expected a table at training.lr, got 0.01"),
        (
            "study.name=1\ntask = 2",
            "--set study.name: expected a name of letters, digits, dashes, underscores, with dots or spaces inside "
            "(1 to 60 characters), got '1\\ntask = 2'",
        ),
        ("network.hidden=[1", "--set network.hidden: expected a TOML value, got '[1'"),
        (
            "network.hidden[1]=5",
            "--set network.hidden[1]: expected an index below 1, the length of network.hidden, got 1",
        ),
        (
            "compare[1].name=x",
            "--set compare[1].name: expected an index below 1, the length of compare, got 1",
        ),
        ("compare[0].training.lr=0", "--set compare[0].training.lr: expected a number above 0, got 0"),
        (
            'search.space."network.dropout"=[0,1]',
            '--set search.space."network.dropout"[1]: expected a number of at least 0 and below 1, got 1',
        ),
        (
            "search.space.training.lr=[0.1]",
            '--set search.space.training.lr: expected "training.lr" with its quotes, got none; as a shell takes it:'
            " --set 'search.space.\"training.lr\"=[0.1]'",
        ),
        (
            "search.space.network.hidden[0]=[1, 2]",
            '--set search.space.network.hidden[0]: expected "network.hidden[0]" with its quotes, got none;'
            " as a shell takes it: --set 'search.space.\"network.hidden[0]\"=[1, 2]'",
        ),
        (
            "search.space.training.lr.low=1",
            '--set search.space.training.lr.low: expected "training.lr" with its quotes, got none;'
            " as a shell takes it: --set 'search.space.\"training.lr\".low=1'",
        ),
        (
            "search.space.network.activation=['relu']",
            '--set search.space.network.activation: expected "network.activation" with its quotes, got none',
        ),
        (
            'search.space."network.activation"=[relu, leaky-relu, 1, true]',
            "--set search.space.\"network.activation\": expected a TOML value, got '[relu, leaky-relu, 1, true]';"
            " text inside it is quoted; as a shell takes it:"
            ' --set \'search.space."network.activation"=["relu", "leaky-relu", 1, true]\'',
        ),
        (
            "compare=[{name=My first, training={optimizer=adam}}]",
            "--set compare: expected a TOML value, got '[{name=My first, training={optimizer=adam}}]';"
            " text inside it is quoted; as a shell takes it:"
            ' --set \'compare=[{name="My first", training={optimizer="adam"}}]\'',
        ),
        (
            "data.inputs=['a', b]",
            "--set data.inputs: expected a TOML value, got \"['a', b]\"; text inside it is quoted",
        ),
        (
            "search.space={training.lr=[1]}",
            '--set search.space.training: expected whole keys in quotes, such as "training.lr", got parts of them',
        ),
        (
            "network.hidden=" + "[" * 500 + "]" * 500,
            "FILE: expected tables and lists nested a few levels deep, got too many levels",
        ),
    ],
)
def test_overrides_are_refused(override: str, sentence: str, file: Path) -> None:
    assert refusal_of(file, override) == [sentence]


@pytest.mark.parametrize(
    "override",
    [
        "search.space.training.lr=[0.1]",
        "search.space.network.hidden[0]=[1, 2]",
        "search.space.network.activation=[relu, leaky-relu]",
        'search.space."network.activation"=[ relu,tanh ]',
        "compare=[{name=My first, training={optimizer=adam, lr=1e-3}}]",
        'compare=[{name=My first, network={activation="relu"}}]',
    ],
)
def test_what_a_refused_override_is_shown_as_is_taken(override: str, file: Path) -> None:
    (sentence,) = refusal_of(file, override)
    _, shown = shlex.split(sentence.partition("as a shell takes it: ")[2])
    load_study(file, [shown])


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("[search.space]\ntraining.lr = [1]", 'FILE:16: search.space.training: expected {}"training.lr"'),
        (
            "[search.space]\nnetwork.conv.x = [1]",
            'FILE:16: search.space.network: expected {}"network.conv.x"',
        ),
        ("[search.space.training]\nlr = [1]", 'FILE:15: search.space.training: expected {}"training.lr"'),
        (
            "[search.space.training.lr]\nlow = 1\nhigh = 2",
            'FILE:15: search.space.training: expected {}"training.lr"',
        ),
        (
            "[search.space]\nnetwork.'a b' = [1]",
            'FILE:16: search.space.network: expected {}"network.\\"a b\\""',
        ),
    ],
)
def test_a_key_of_the_space_without_quotes_is_one_mistake(lines: str, sentence: str, file: Path) -> None:
    file.write_text(TEXT.partition("[search.space]")[0] + lines + "\n", encoding="utf-8")
    expected = sentence.format("whole keys in quotes, such as ") + ", got parts of them"
    assert refusal_of(file) == [expected]


def test_mistakes_of_overrides_and_of_the_file_come_together(file: Path) -> None:
    file.write_text(TEXT.replace("0.01", "0"), encoding="utf-8")
    assert refusal_of(file, "study.seed=-1", "nothing") == [
        "--set: expected KEY=VALUE, got 'nothing'",
        "--set study.seed: expected a whole number of at least 0, got -1",
        "FILE:10: training.lr: expected a number above 0, got 0",
    ]


# -- schema, import ------------------------------------------------------------------------------------------


def test_the_schema_names_every_key() -> None:
    schema = study_schema()
    assert list(schema["properties"]) == list(Study.model_fields)
    assert schema["$defs"]["Training"]["properties"]["lr"] == {
        "default": 0.001,
        "exclusiveMinimum": 0,
        "title": "Lr",
        "type": "number",
    }
    schema.clear()
    assert study_schema()


def test_reading_a_study_loads_nothing_heavy() -> None:
    code = "import sys, shoal.study as s; s.candidates(s.load_study('two-peaks')); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "sklearn", "pandas", "scipy", "matplotlib", "numpy"} & set(loaded)


def test_a_study_without_a_name_has_that_of_its_file(tmp_path: Path) -> None:
    text = '[study]\ntask = "regression"\n[data]\ndataset = "two-peaks"\n'
    for stem, name in (("my-study", "my-study"), (".hidden", "study"), ("x" * 61, "study")):
        (tmp_path / f"{stem}.toml").write_text(text, encoding="utf-8")
        assert load_study(tmp_path / f"{stem}.toml").study.name == name
