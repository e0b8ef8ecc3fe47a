"""The suite that every format of tables passes, and a toy of one that is added from outside of the package."""

from __future__ import annotations

import os
import sys
import tracemalloc
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from table_formats import TOY, WRITERS, Columns

from dots import end_with_the_model
from shoal import data, kinds
from shoal.data import Dialect, Table, TableSource, formats, load_table_dataset, read_columns
from shoal.data._table_format import LESS_TO_READ, TableFile, TableFormat, table_format
from shoal.errors import DataError, EnvironmentFault, ShoalError, StudyError
from shoal.kinds import PACKINGS, TABLE_FORMATS, TableKind, table_format_name
from test_cli import shoal as command

COLUMNS: Final[Columns] = {
    "a": [0.5, -1.25, 3.0, 1e300, 7.0, 0.1],
    "colour": ["red", "blue", "red", "grün", "blue", "red"],
    "n": [1, 2, 3, 4, 5, 6],
    "y": [1.5, 2.5, 0.25, -3.0, 8.0, 9.0],
}
BY_SEMICOLONS: Final = Dialect(delimiter=";")
"""How the suite writes files of endings that say nothing of it."""
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, so that sentences hold bare names; the toy's file in one of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def toy(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more file beside those of the package, and one more row in the table."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "toy_lines.py").write_text(TOY, encoding="utf-8")
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, "shoal.data.formats.toy_lines", raising=False)
    monkeypatch.setitem(
        TABLE_FORMATS, "toy-lines", TableKind("Toy lines", (".toylines", ".toyrows"), is_text=True)
    )


@pytest.fixture(params=WRITERS)
def name(request: pytest.FixtureRequest, toy: None) -> str:
    """Every format in turn."""
    return str(request.param)


def dialect_of(file: str | Path) -> Dialect:
    name = table_format_name(file)
    unsaid = name is not None and TABLE_FORMATS[name].of_any_text and name != "toy-lines"
    return BY_SEMICOLONS if unsaid else Dialect()


def read_table(file: str | Path, *limits: Any, **more: Any) -> Table:
    return data.read_table(file, *limits, **more, dialect=dialect_of(file))


def written(name: str, columns: Columns = COLUMNS, stem: str = "t", ending: str = "") -> str:
    file = stem + (ending or TABLE_FORMATS[name].endings[0])
    WRITERS[name](columns, Path(file))
    return file


def refusal(read: Any, kind: type[ShoalError] = DataError) -> str:
    with pytest.raises(kind) as caught:
        read()
    return str(caught.value)


def test_every_format_is_in_the_suite_and_has_its_file() -> None:
    assert set(WRITERS) == {*TABLE_FORMATS, "toy-lines"}
    room = Path(formats.__path__[0])
    assert {path.stem for path in room.glob("*.py")} - {"__init__", "separated"} == set(TABLE_FORMATS)


def test_no_ending_is_that_of_two_formats() -> None:
    endings = kinds.table_endings()
    assert len(set(endings)) == len(endings)
    plain = [ending for kind in TABLE_FORMATS.values() for ending in kind.endings]
    assert all(ending == ending.lower() and Path(f"t{ending}").suffix == ending for ending in plain)
    texts = [ending for kind in TABLE_FORMATS.values() if kind.is_text for ending in kind.endings]
    assert set(endings) == {*plain, *(ending + packing for ending in texts for packing in PACKINGS)}


def test_the_same_rows_have_the_same_fingerprints(name: str) -> None:
    plain, other = (
        load_table_dataset(
            TableSource(file, "regression", ("y",), categorical=("colour",), seed=1, dialect=dialect_of(file))
        )
        for file in (written("csv", stem="u"), written(name))
    )
    assert (other.train_fingerprint, other.test_fingerprint) == (
        plain.train_fingerprint,
        plain.test_fingerprint,
    )
    assert [column.values.tolist() for column in other.columns] == [
        column.values.tolist() for column in plain.columns
    ]


def test_every_ending_is_read_in_whatever_letters(name: str) -> None:
    for ending in TABLE_FORMATS[name].endings:
        for spelled in (ending, ending.upper(), ending.title()):
            table = read_table(written(name, ending=spelled))
            assert (table.names, table.rows) == (tuple(COLUMNS), 6)


def test_columns_that_are_asked_for_are_those_of_the_whole_table(name: str) -> None:
    file = written(name)
    wanted = ["n", "colour"]
    learned = {"colour": ("red", "blue", "grün")}
    read = (read_columns(read_table(file, names), wanted, learned) for names in (None, wanted))
    whole, few = ([(column.name, column.values.tolist()) for column in columns] for columns in read)
    assert whole == few == [(name, COLUMNS[name]) for name in wanted]
    assert read_table(file, wanted).names == tuple(COLUMNS)


def test_nothing_is_decided_of_a_column_that_nobody_asks_for(name: str) -> None:
    """Neither what plays which part nor what is a number: a mistake in another column is none."""
    file = written(name, {**COLUMNS, "n": [1, 2, 3, 4, 5, 10**400 if TABLE_FORMATS[name].is_text else 6]})
    (column,) = read_columns(read_table(file), ["a"])
    assert column.values.tolist() == COLUMNS["a"]


def test_one_that_would_not_fit_is_refused_before_room_is_made_for_it(name: str) -> None:
    rows = 10_000 if name == "xlsx" else 70_000  # a workbook of as many takes seconds to write
    file = written(name, {"x": [0.5] * rows, "y": [1.5] * rows})
    table_format(name)  # what it imports is no cell
    refusal(lambda: read_table(file, room=1.0), EnvironmentFault)
    tracemalloc.start()
    try:
        sentence = refusal(lambda: read_table(file, room=1e6), EnvironmentFault)
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()
    assert sentence.startswith("memory: expected ")
    assert sentence.endswith(f" MB to read {file}, got 1 MB available; {LESS_TO_READ}")
    assert read_table(file, room=1e9).rows == rows


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(cut=st.floats(0, 1), put=st.binary(max_size=3), kept=st.booleans())
def test_a_damaged_file_is_read_or_refused(name: str, cut: float, put: bytes, kept: bool) -> None:
    file = Path(written(name))
    raw = file.read_bytes()
    place = int(cut * len(raw))
    file.write_bytes(raw[:place] + put + raw[place + len(put) :] * kept)
    said = ""
    try:
        read_table(file)
    except DataError as error:
        said = str(error)
    assert all(line.startswith(str(file)) and line.isprintable() for line in said.splitlines())


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff\xfe", b"\n\n"])
def test_a_file_with_nothing_in_it_is_refused_in_one_line(name: str, content: bytes) -> None:
    file = Path(f"t{TABLE_FORMATS[name].endings[0]}")
    file.write_bytes(content)
    if (name, content) == ("toy-lines", b"\n\n"):  # two lines that are no objects, and so none
        return
    assert "\n" not in refusal(lambda: read_table(file))


def test_what_is_no_file_is_never_opened(name: str) -> None:
    ending = TABLE_FORMATS[name].endings[0]
    os.mkfifo(f"p{ending}")
    Path(f"d{ending}").mkdir()
    for stem, came in (("p", "a pipe"), ("d", "a folder"), ("no", "nothing there")):
        file = stem + ending
        assert refusal(lambda file=file: read_table(file)) == f"{file}: expected a file, got {came}"


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (
            MemoryError(),
            EnvironmentFault,
            "memory: expected enough to read {}, got no more from the system; ",
        ),
        (
            OSError(5, "Input/output error"),
            DataError,
            "{}: expected a readable file, got: Input/output error",
        ),
    ],
)
def test_what_fails_while_reading_is_told(
    name: str,
    error: Exception,
    kind: type[ShoalError],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(file: TableFile) -> None:
        assert file.stream.read(1)
        raise error

    monkeypatch.setattr("shoal.data._tables.table_format", lambda name: TableFormat(fail))
    file = written(name)
    assert refusal(lambda: read_table(file), kind).startswith(sentence.format(file))


def test_names_are_checked_whatever_the_format(name: str) -> None:
    table = read_table(written(name))
    place = f", {table.noun} 1" if table.lines is not None else ""
    file = written(name, {"café": [1, 2], "cafe\u0301": [1, 2]})
    differ = "which differ in Unicode form only (NFC, NFD); rename all but one"
    assert refusal(lambda: read_table(file)) == (
        f'{file}{place}: expected every column name once, got "café" 2 times, {differ}'
    )


def test_an_unknown_format_raises() -> None:
    assert refusal(lambda: table_format("no-such-format"), StudyError) == (
        f"table format: expected one of {', '.join(TABLE_FORMATS)}, got 'no-such-format'"
    )


def test_refusals_name_the_formats_of_the_table(toy: None) -> None:
    Path("t.nosuch").write_text("a,y\n1,2\n")
    usual = ", ".join(kind.endings[0] for kind in kinds.TABLE_FORMATS.values() if kind.title != "Toy lines")
    names = ", ".join(name for name in TABLE_FORMATS if name != "toy-lines")
    known = f"{usual} or .toylines"
    assert refusal(lambda: read_table("t.nosuch")) == f"t.nosuch: expected a table file ending in {known}"
    assert refusal(lambda: table_format("no-such-format"), StudyError) == (
        f"table format: expected one of {names}, toy-lines, got 'no-such-format'"
    )


STUDY: Final = """
[study]
name = "toy"
task = "regression"

[data]
train = "train.toylines"
test = "test.TOYROWS"
target = "y"
categorical = ["colour"]
standardize = "both"

[training]
epochs = 3

[search]
folds = 2

[search.space]
"network.hidden[0]" = [3, 4]
"""


def rows(count: int, seed: int) -> Columns:
    draw = np.random.default_rng(seed)
    x = np.round(draw.normal(size=count), 3)
    return {
        "x": x.tolist(),
        "colour": [("red", "blue", "green")[number % 3] for number in range(count)],
        "y": np.round(np.sin(x), 3).tolist(),
    }


def test_a_format_from_outside_is_checked_trained_and_predicted(
    toy: None, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """A file and a row; the same study of CSV files has the same fits, answers and forecast."""
    end_with_the_model(monkeypatch)
    printed: dict[str, dict[str, str]] = {}
    for format_name, endings in (("toy-lines", (".toylines", ".TOYROWS")), ("csv", (".csv", ".CSV"))):
        folder = Path(format_name)
        folder.mkdir()
        study = STUDY.replace(".toylines", endings[0]).replace(".TOYROWS", endings[1])
        (folder / "study.toml").write_text(study)
        WRITERS[format_name](rows(60, 1), folder / f"train{endings[0]}")
        WRITERS[format_name](rows(30, 2), folder / f"test{endings[1]}")
        new = {"extra": [1, 2], **{name: cells[:2] for name, cells in rows(2, 3).items() if name != "y"}}
        WRITERS[format_name](new, folder / f"new{endings[0]}")
        said = {}
        for words in (
            ("check", folder / "study.toml"),
            ("run", folder / "study.toml", "--out", folder / "run", "--workers", "1"),
            ("show", folder / "run"),
            ("predict", folder / "run", folder / f"new{endings[0]}"),
        ):
            assert command(monkeypatch, *words) == 0
            said[words[0]] = capsys.readouterr().out
        printed[format_name] = said
    toys, plain = printed["toy-lines"], printed["csv"]
    assert toys["predict"] == plain["predict"]
    assert toys["predict"].startswith("row,predicted_y,ensemble_mean_y,ensemble_std_y\n1,")
    digest = [line for line in toys["show"].splitlines() if "digest" in line]
    assert digest
    assert digest == [line for line in plain["show"].splitlines() if "digest" in line]
    assert toys["check"].splitlines()[:3] == plain["check"].splitlines()[:3]


def test_a_table_of_groups_may_be_of_a_format_from_outside(toy: None) -> None:
    from shoal.study._paths import path_keys

    data = {"train": "pictures", "groups": "groups.toylines"}
    assert path_keys(data) == ("train", "test", "groups")
    assert path_keys({**data, "train": "t.toylines"}) == ("train", "test")
    assert path_keys({**data, "groups": "groups.nosuch"}) == ("train", "test")


def test_a_forecast_counts_the_text_of_formats_whose_cells_are_text(name: str) -> None:
    from shoal.engine.forecast.memory import source_of

    file = written(name)
    source = TableSource(file, "regression", ("y",), categorical=("colour",), dialect=dialect_of(file))
    dataset = load_table_dataset(source)
    is_text = all(isinstance(cell, str) for cells in read_table(file).columns for cell in cells)
    size = source_of(dataset)
    assert (size.text_bytes, size.cells) == ((Path(file).stat().st_size, 6 * 4) if is_text else (0, 0))
    assert is_text == TABLE_FORMATS[name].is_text
