"""`shoal new --data`: studies of tables that nobody described; they are laid out as they are, and some are run."""

from __future__ import annotations

import csv
import io
import os
import random
import re
import sys
import tempfile
import unicodedata
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dots import end_with_the_model
from shoal import cli
from shoal.data import given_rows
from shoal.draft import draft_of, draft_study
from shoal.errors import DataError, InputError
from shoal.pipeline import run
from shoal.planning import plan
from shoal.results import Plan
from shoal.study import Study, load_study

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
Cells = list[str]

STRANGE = (
    '"quoted"', "it's", "a#b", "[data]", "x = 1", "inputs", "target", "y", "true", "nan", "ä", "x.y", "\\", ",", "日",
    "id",
)  # fmt: skip
NAMES = st.sampled_from(STRANGE) | st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=8
)
WORDS = ("red", "green", "blue", "1", "NA", "", "#x", '"')
MANNERS: dict[str, st.SearchStrategy[str]] = {
    "numbers": st.floats(-1e6, 1e6).map(lambda value: f"{value:.2f}") | st.just(""),
    "truth": st.sampled_from(("0", "1")),
    "whole": st.integers(0, 1000).map(str),
    "few": st.integers(0, 3).map(str),
    "words": st.sampled_from(WORDS),
    "days": st.dates().map(str) | st.just(""),
    "other days": st.dates().map(lambda day: f"{day.day:02}/{day.month:02}/{day.year:04}"),
    "marked": st.integers(0, 9).map(str) | st.sampled_from(("?", "-")),
    "mixed": st.sampled_from(("1", "2", "3", "4+")),
    "anything": st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=4),
}
CONSTANT = ("x", "7", "2020-01-01", "", "NA")


@st.composite
def cells(draw: st.DrawFn, rows: int) -> Cells:
    """Draw a column: of one manner, one cell throughout, or another in each row."""
    manner = draw(st.sampled_from((*MANNERS, "constant", "names", "ids")))
    if manner == "constant":
        return [draw(st.sampled_from(CONSTANT))] * rows
    if manner in ("names", "ids"):
        return [f"row {row}" if manner == "names" else str(row) for row in range(1, rows + 1)]
    return draw(st.lists(MANNERS[manner], min_size=rows, max_size=rows))


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Cells]:
    rows = draw(st.integers(12, 40))
    names = draw(st.lists(
        NAMES, min_size=2, max_size=6, unique_by=lambda name: unicodedata.normalize("NFC", name)
    ))  # fmt: skip
    return {name: draw(cells(rows)) for name in names}


def text_of(table: dict[str, Cells]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    writer.writerows([list(table), *zip(*table.values(), strict=True)])
    return written.getvalue()


def drafted(folder: Path, table: str, **said: Any) -> Study:
    """Write the study of a table beside it, and read it."""
    (folder / "t.csv").write_text(table, encoding="utf-8", newline="")
    (folder / "t.toml").write_text(draft_study(folder / "t.csv", **said), encoding="utf-8")
    return load_study(folder / "t.toml")


@settings(max_examples=2000 if LONG else 25, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_a_study_of_any_table_is_laid_out_or_nothing_can_be_learned(table: dict[str, Cells]) -> None:
    with tempfile.TemporaryDirectory() as place, suppress(DataError):  # of the table alone
        study = drafted(Path(place), text_of(table))
        _laid_out(study, Path(place) / "run")


def _laid_out(study: Study, folder: Path) -> Plan:
    """Lay a study out, in which there is no mistake."""
    try:
        return plan(study, out=folder)
    except InputError as error:
        raise AssertionError(str(error)) from error


def lines_of(text: str) -> dict[str, str]:
    """Give the comment of every line of a drafted study that has one, by what stands before it."""
    lines = (re.fullmatch(r"(.*?\S)  +# (.*)", line) for line in text.splitlines())
    return {line[1].strip(): line[2] for line in lines if line}


DRAW = random.Random(0)  # noqa: S311
ROWS = 60
PASSENGERS = {
    "PassengerId": [str(row) for row in range(1, ROWS + 1)],
    "deck": [DRAW.choice("123") for _ in range(ROWS)],
    "sex": [DRAW.choice(("male", "female")) for _ in range(ROWS)],
    "age": [DRAW.choice(("", f"{DRAW.uniform(1, 80):.1f}")) for _ in range(ROWS)],
    "name": [f"Person {row}" for row in range(ROWS)],
    "size": [("small", "large", "medium")[row % 3] for row in range(ROWS)],
    "ship": ["Titanic"] * ROWS,
    "nothing": [""] * ROWS,
    "fare": ["?", *(f"{DRAW.uniform(5, 500):.2f}" for _ in range(ROWS - 1))],
    "people": [DRAW.choice(("1", "2", "3", "4+")) for _ in range(ROWS)],
    "boarded": [f"{DRAW.randint(1, 28):02}/{DRAW.randint(1, 12):02}/1912" for _ in range(ROWS)],
    "survived": [DRAW.choice("01") for _ in range(ROWS)],
}


def test_every_thing_stands_on_the_line_of_its_column_or_key(tmp_path: Path) -> None:
    study = drafted(tmp_path, text_of(PASSENGERS))
    said = lines_of((tmp_path / "t.toml").read_text(encoding="utf-8"))
    assert said['task = "classification"'] == (
        "a guess: the target has 2 different whole numbers in 60 rows; --task regression takes them as measured"
    )
    survivors = PASSENGERS["survived"].count("1")
    first, second = sorted((("0", ROWS - survivors), ("1", survivors)), key=lambda pair: -pair[1])
    assert said['target = "survived"'] == (
        "a guess: the last column that can be learned; --target names another; rows of its 2 classes: "
        f'"{first[0]}" {first[1]}, "{second[0]}" {second[1]}'
    )
    assert said['missing_marks = ["?"]'] == 'among numbers: "?" in "fare"'
    assert said['people = { kind = "category" }'] == 'numbers, and text such as "4+"'
    assert said['boarded = { kind = "date", format = "%d/%m/%Y" }'].startswith('dates such as "')
    assert said['# size = { kind = "ordered", order = ["small", "medium", "large"] }'] == (
        "their names have an order; take the # away if what is learned goes along with it"
    )
    assert said['# deck = { kind = "category" }'] == (
        "only 3 different whole numbers; take the # away if they are names of kinds"
    )
    assert said['"deck",'] == "numbers"
    assert said['"sex",'].startswith("text, read as one of 2 categories (")
    assert re.fullmatch(
        r"numbers; \d+ of 48 training cells and \d+ of 12 test cells missing; each fit puts the median of its training "
        r"rows there, and an input says where",
        said['"age",'],
    )
    left_out = {name: comment for name, comment in said.items() if comment.startswith("left out: ")}
    assert left_out == {
        '# "PassengerId",': "left out: being an id",
        '# "name",': "left out: having 48 different texts in 48 training rows, most of one row alone",
        '# "ship",': 'left out: being "Titanic" in every training row',
        '# "nothing",': "left out: no training row has a value",
    }
    laid_out = _laid_out(study, tmp_path / "run")
    assert [column.name for column in laid_out.columns if column.part == "input"] == list(
        study.data.inputs or ()
    )


def test_lines_with_a_mark_before_them_can_be_switched_on(tmp_path: Path) -> None:
    """Each by itself, but for groups, which are no input any more."""
    drafted(tmp_path, text_of(PASSENGERS))
    text = (tmp_path / "t.toml").read_text(encoding="utf-8")
    (tmp_path / "test.csv").write_text(text_of(PASSENGERS), encoding="utf-8")
    lines = text.splitlines()
    switched = [number for number, line in enumerate(lines) if re.match(r'\s*# ("[^"]+",|[\w.]+ = )', line)]
    assert len(switched) > 8
    for number in switched:
        changed = [line.replace("# ", "", 1) if place == number else line for place, line in enumerate(lines)]
        (tmp_path / "t.toml").write_text("\n".join(changed), encoding="utf-8")
        study = load_study(tmp_path / "t.toml")
        assert study.data.target == "survived", lines[number]


RARE = {
    "x": [f"{DRAW.gauss(0, 1):.3f}" for _ in range(24)],
    "kind": ["a"] * 11 + ["b"] * 12 + ["c"],
}
FEW = {
    "t": [f"2024-0{month}-15" for month in range(1, 10)] + ["", "", ""],
    "y": [f"{number**2 / 7:.2f}" for number in range(12)],
}
MANY = {f"x{number}": [f"{DRAW.random():.3f}" for _ in range(30)] for number in range(60)} | {
    "gone": [""] * 30,
    "y": [f"{DRAW.random():.3f}" for _ in range(30)],
}


def test_a_number_that_never_varies_is_no_input_of_a_draft_and_said_of_any_study(tmp_path: Path) -> None:
    table = {"x": RARE["x"], "same": ["2.50"] * 24, "y": MANY["y"][:24]}
    study = drafted(tmp_path, text_of(table), target="y")
    said = lines_of((tmp_path / "t.toml").read_text(encoding="utf-8"))
    assert said['# "same",'] == "left out: 2.5 in every training row, which says nothing"
    assert study.data.inputs == ("x",)
    given = study.model_copy(update={"data": study.data.model_copy(update={"inputs": ("x", "same")})})
    assert 'column "same": 2.5 in every training row, which says nothing' in plan(given).data_notes


def test_a_column_that_some_fit_could_not_scale_is_left_out(tmp_path: Path) -> None:
    """What `shoal check` would refuse is no study to hand out."""
    small = [f"{DRAW.gauss(0, 1):.3f}e-310" for _ in range(30)]
    large = [*("1" * 29), "1e39"]
    table = {"x": RARE["x"] + RARE["x"][:6], "small": small, "large": large, "y": MANY["y"]}
    study = drafted(tmp_path, text_of(table), target="y")
    said = lines_of((tmp_path / "t.toml").read_text(encoding="utf-8"))
    assert said['# "small",'].startswith("left out: cannot be scaled: values from -")
    assert said['# "large",'] == "left out: cannot be scaled: 1e+39"
    assert study.data.inputs == ("x",)
    _laid_out(study, tmp_path / "run")
    for wrong, sentence in (
        ({"x": small}, 'column "x": expected numbers that can be standardised, got values from -'),
        ({"y": small}, 'column "y": expected numbers that can be standardised, got values from -'),
        (
            {"y": [f"w{row}" for row in range(30)]},
            'column "y": expected classes that rows have in common, got 30',
        ),
    ):
        with pytest.raises(DataError) as refused:
            drafted(tmp_path, text_of({"x": table["x"], "y": table["y"], **wrong}), target="y")
        assert str(refused.value).startswith(f"{tmp_path / 't.csv'}, {sentence}")


@pytest.mark.parametrize(
    "table", [RARE, FEW, MANY], ids=["a class of one row", "dates, 12 rows", "62 columns"]
)
def test_a_drafted_study_is_run(
    table: dict[str, Cells], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with_the_model(monkeypatch)
    drafted(tmp_path, text_of(table))
    short = ["training.epochs=2", 'search.space."network.hidden"=[[], [4]]', "checks.baselines=false"]
    results = run(load_study(tmp_path / "t.toml", short), out=tmp_path / "run", workers=1)
    assert results.missing == ()
    assert results.choice is not None
    assert {column.name for column in results.columns} == set(table)


def test_many_columns_share_lines_and_rare_classes_have_other_folds(tmp_path: Path) -> None:
    study = drafted(tmp_path, text_of(MANY))
    text = (tmp_path / "t.toml").read_text(encoding="utf-8")
    assert '#   "x0" to "x59" (60): input, number' in text.splitlines()
    assert study.data.ignore == ("gone",)
    assert study.data.inputs is None
    rare = drafted(tmp_path, text_of(RARE))
    assert rare.search is not None
    assert rare.search.splitter.kind == "k-fold"
    said = lines_of((tmp_path / "t.toml").read_text(encoding="utf-8"))
    assert said['folds = { kind = "k-fold", n = 5 }'] == (
        "drawn without regard to classes, of which the rarest has 1 training row: folds may lack it"
    )


def test_groups_and_orders_that_are_suspected_are_said(tmp_path: Path) -> None:
    draw = random.Random(1)  # noqa: S311
    level = {patient: draw.gauss(0, 3) for patient in range(15)}
    patients = [draw.randrange(15) for _ in range(150)]
    table = {
        "patient": [str(patient) for patient in patients],
        "day": [str(date(2020, 1, 1) + timedelta(days=row)) for row in range(150)],
        "x": [f"{draw.gauss(0, 1):.3f}" for _ in range(150)],
        "y": [f"{level[patient] + draw.gauss(0, 1):.3f}" for patient in patients],
    }
    study = drafted(tmp_path, text_of(table))
    text = (tmp_path / "t.toml").read_text(encoding="utf-8")
    said = lines_of(text)
    assert re.fullmatch(
        r"rows of one value are alike \(15 values, which explain \d+ %\), as if they belonged together; take the # "
        r"away if so, and put one before it among the inputs: no group is then divided",
        said['# groups = "patient"'],
    )
    assert said['# time = "day"'] == (
        "take the # away to predict later rows: all that judges is then later than what is trained on (rows are in the"
        ' order of "day"); put one before it among the inputs, too, unless its trend counts'
    )
    assert study.data.groups is None
    grouped = text.replace('# groups = "patient"', 'groups = "patient"').replace(
        '  "patient",', '  # "patient",'
    )
    (tmp_path / "t.toml").write_text(grouped, encoding="utf-8")
    assert _laid_out(load_study(tmp_path / "t.toml"), tmp_path / "run").columns[1].part == "groups"


SLIP = [*(f"{row}.5" for row in range(19)), "12.3*"]
SLIPS = {"x": [f"{row % 7}.25" for row in range(20)], "z": [f"{row % 6}.5" for row in range(20)]}


def test_a_target_with_a_slip_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        drafted(tmp_path, text_of({**SLIPS, "y": SLIP}))
    assert str(caught.value) == (
        f'{tmp_path / "t.csv"}, column "y": expected a target, got "12.3*" on line 21; mend it, or name another column '
        "by --target"
    )
    drafted(tmp_path, text_of({**SLIPS, "price": SLIP}))
    said = lines_of((tmp_path / "t.toml").read_text(encoding="utf-8"))
    assert said['target = "z"'] == (
        'a guess: the last column that can be learned ("price" cannot as it stands: "12.3*" on line 21); '
        "--target names another"
    )
    assert said['# "price",'] == (
        'left out: cannot be read: "12.3*" on line 21; mend it, or name in missing_marks what stands for nothing'
    )


def test_a_target_that_most_rows_lack_is_the_last_choice(tmp_path: Path) -> None:
    notes = ["", "wet", "dry"] * 7 + [""] * 20
    table = {"x": [f"{row % 7}.25" for row in range(41)], "note": notes}
    assert drafted(tmp_path, text_of(table)).data.target == "x"
    table["x"] = [str(row) for row in range(41)]
    assert drafted(tmp_path, text_of(table)).data.target == "note"


def test_cells_that_may_be_missing_ones_are_proposed(tmp_path: Path) -> None:
    sorts = {"sort": ["?", "a", "b", "unknown"] * 5, "far": ["-999", "-999", *map(str, range(18))]}
    drafted(tmp_path, text_of({**SLIPS, **sorts}), target="x")
    said = lines_of((tmp_path / "t.toml").read_text(encoding="utf-8"))
    where = '"?" in "sort", "unknown" in "sort", "-999" in "far"'
    assert said['# missing_marks = ["?", "unknown", "-999"]'] == (
        f"{where}; take the # away if such cells are missing ones"
    )
    assert said["batch_size = 12"] == "rows of a step; fits the number of rows"
    marked = {"x": ["-", *SLIPS["x"][1:]], "z": SLIPS["z"]}
    study = drafted(tmp_path, text_of({**marked, **sorts}), target="z")
    said = lines_of((tmp_path / "t.toml").read_text(encoding="utf-8"))
    assert said['missing_marks = ["-"]'] == f'among numbers: "-" in "x"; perhaps {where}, too'
    assert study.data.missing_marks == ("-",)


def test_ids_that_repeat_are_proposed_as_groups(tmp_path: Path) -> None:
    drafted(tmp_path, text_of({"Patient ID": [f"P{row // 4}" for row in range(20)], **SLIPS}), target="z")
    said = lines_of((tmp_path / "t.toml").read_text(encoding="utf-8"))
    assert said['# groups = "Patient ID"'].startswith(
        "called an id, with 5 values in 20 rows, which may belong together; take the # away if so, "
    )


def test_columns_that_the_list_of_inputs_lacks_are_in_the_plan(tmp_path: Path) -> None:
    study = drafted(tmp_path, text_of({**SLIPS, "price": SLIP}))
    left_out = [column for column in _laid_out(study, tmp_path / "run").columns if column.part == "left out"]
    assert [(column.name, column.done) for column in left_out] == [("price", "not among data.inputs")]


def shoal(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["shoal", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return int(caught.value.code or 0)


def test_what_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(text_of(PASSENGERS), encoding="utf-8")
    Path("few.csv").write_text("a,y\n1,2\n3,4\n", encoding="utf-8")
    Path("same.csv").write_text("a,y\n" + "1,2\n" * 20, encoding="utf-8")
    Path("words.csv").write_text("a,y\n" + "".join(f"{n},w{n % 3}\n" for n in range(20)), encoding="utf-8")
    Path("pictures").mkdir()
    Path("a.xyz").touch()
    usage = "KIND: expected regression, classification or multilabel, or --data TABLE, got"
    images = "`shoal new classification` prints one to fill in"
    for arguments, sentence in (
        ((), f"{usage} neither"),
        (("regression", "--data", "t.csv"), f"{usage} both"),
        (("regression", "--target", "y"), "--target: expected it with --data TABLE, got it with KIND"),
        (
            ("--data", "t.csv", "--task", "regresion"),
            "--task: expected one of regression, classification, multilabel",
        ),
        (
            ("--data", "t.csv", "--target", "survive"),
            '--target: expected a column of t.csv ("PassengerId", "deck", "sex", "age", "name", "size", "ship",'
            ' "nothing", "fare", "people" and 2 more), got "survive"; did you mean "survived"?',
        ),
        (
            ("--data", "few.csv"),
            'few.csv, column "y": expected at least 10 rows with a target, to train, choose and',
        ),
        (
            ("--data", "same.csv"),
            "same.csv: expected a column to learn, of numbers that differ or of classes that",
        ),
        (
            ("--data", "words.csv", "--task", "regression"),
            'words.csv, column "y": expected numbers, got text such as "w0"; --task classification takes it as classes',
        ),
        (
            ("--data", "pictures"),
            "pictures: expected a table, got a folder; a study of images needs no more than data",
        ),
        (("--data", "pictures"), images),
        (("--data", "no.csv"), "no.csv: expected a file, got nothing there"),
        (("--data", "a.xyz"), "a.xyz: expected a table file ending in "),
    ):
        assert shoal(monkeypatch, "new", *arguments) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert sentence in printed.err
        assert printed.err.count("\n") == 1


def test_the_command_prints_a_study_of_paths_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a folder").mkdir()
    Path("a folder/my table.csv").write_text(text_of(PASSENGERS), encoding="utf-8")
    said = ("--target", "fare", "--task", "regression")
    assert shoal(monkeypatch, "new", "--data", "a folder/my table.csv", *said) == 0
    Path("s.toml").write_text(capsys.readouterr().out, encoding="utf-8")
    study = load_study("s.toml")
    assert study.data.train == str(tmp_path / "a folder" / "my table.csv")
    assert (study.study.name, study.study.task, study.data.target) == ("my-table", "regression", "fare")
    comments = lines_of(Path("s.toml").read_text(encoding="utf-8"))
    assert comments['missing_targets = "drop"'] == "1 row of 60 without a target"
    assert comments['task = "regression"'] == comments['target = "fare"'] == "as you said"


def test_a_name_that_no_study_can_state_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name, rows = "n" * 201, "".join(f"{row},{row % 3},2020/1/{1 + row % 9}\n" for row in range(20))
    for names in (f"a,{name},b", f"a,y,{name}"):
        Path("t.csv").write_text(f"{names}\n{rows}", encoding="utf-8")
        sentence = "expected names of at most 200 letters in a study, got one of 201; rename it"
        with pytest.raises(DataError, match=sentence):
            draft_study(Path("t.csv"), names.split(",")[1])
    rows_in_memory = {"\ud800": list(range(20)), "y": [row % 3 for row in range(20)]}
    with pytest.raises(
        DataError, match=re.escape(r'train: expected names in UTF-8, got the column "\ud800"')
    ):
        draft_of(given_rows("train", rows_in_memory))
