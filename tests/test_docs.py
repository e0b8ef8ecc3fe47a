"""The pages as tests: keys and defaults are the models', links lead somewhere; `test_pages_run.py` runs what they show.

Pages say what the code does, so each table of a page is compared with the code it speaks of.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import sqlite3
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic.fields import FieldInfo

import test_architecture
from dots import end_with_the_model
from shoal import Results
from shoal.cli import app
from shoal.data import TableSource, load_table_dataset
from shoal.errors import ShoalError, TrainingError
from shoal.kinds import IMAGE_FORMATS, SPLITTERS, TABLE_FORMATS
from shoal.pipeline import run
from shoal.scores import SCORES
from shoal.study import Checks, Comparison, Conv, Costs, Data, Study, load_study, template
from shoal.study._shown import Inspect, Reference, Report
from shoal.study._study import (
    About,
    ColumnKind,
    Folds,
    Nested,
    Network,
    Pool,
    Range,
    Search,
)
from shoal.study._training import Augment, Training

ROOT: Final = Path(__file__).parent.parent
OURS: Final = (
    "study-file.md",
    "statistics.md",
    "data.md",
    "results.md",
    "architecture.md",
    "scikit-learn.md",
)
PAGES: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
SECTIONS: Final[dict[str, type[BaseModel]]] = {
    "`[study]`": About,
    "`[data]`": Data,
    "Entries of `data.columns`": ColumnKind,
    "`[network]`": Network,
    "Entries of `network.conv`": Conv,
    "`pool` of an entry": Pool,
    "`[training]`": Training,
    "`training.augment`": Augment,
    "`[[compare]]`": Comparison,
    "`[search]`": Search,
    "`search.folds` as a table": Folds,
    "`search.threshold` as a table": Costs,
    "Ranges of a random search": Range,
    "`[nested]`": Nested,
    "`[[reference]]`": Reference,
    "`[inspect]`": Inspect,
    "`[checks]`": Checks,
    "`[report]`": Report,
}
DEMO: Final = {
    "study": {"name": "demo", "task": "regression", "repeats": 2},
    "data": {"dataset": "two-peaks"},
    "training": {"epochs": 5, "lr": 0.01},
    "compare": [{"name": "sgd", "training": {"optimizer": "sgd"}}],
    "search": {"space": {"network.hidden[0]": [50, 100], "training.lr": [0.01, 0.02]}},
}


# -- reading a page ------------------------------------------------------------------------------------------


@cache
def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[tuple[int, str]]:
    """Line and text of every fenced block of a language."""
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, match.start()) + 1, match[1]) for match in found]


def samples(language: str) -> list[Any]:
    """Every fenced block of a language on every page, named by page and line."""
    return [
        pytest.param(text, id=f"{path.name}:{line}")
        for path in PAGES
        for line, text in blocks(path.read_text(encoding="utf-8"), language)
    ]


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next one."""
    match = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert match, f"no heading {title!r}"
    return match[1]


def tables(text: str, header: str) -> list[list[str]]:
    """The cells of every row of the tables whose first column is called `header`."""
    rows: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        if not line.startswith("|"):
            inside = False
        elif line.startswith(f"| {header} |"):
            inside = True
        elif inside and not line.startswith("|---"):
            rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# -- the study file ------------------------------------------------------------------------------------------


def test_every_section_of_a_study_stands_in_the_page() -> None:
    rows = tables(section(page("study-file.md"), "Sections"), "key")
    needed = {codes(key)[0]: cell == "yes" for key, cell, _ in rows}
    assert needed == {name: field.is_required() for name, field in Study.model_fields.items()}


@pytest.mark.parametrize("title", SECTIONS)
def test_keys_and_defaults_are_those_of_the_model(title: str) -> None:
    rows = tables(section(page("study-file.md"), title), "key")
    shown = {codes(row[0])[0]: row[2] for row in rows}
    fields = SECTIONS[title].model_fields
    assert list(shown) == list(fields)
    for name, field in fields.items():
        default = field.get_default(call_default_factory=True)
        if field.is_required():
            assert shown[name] == "required", name
        elif default is None:
            assert shown[name] == "unset", name
        else:
            assert tomllib.loads(f"v = {codes(shown[name])[0]}")["v"] == plain(default), name


@pytest.mark.parametrize("title", SECTIONS)
def test_types_name_every_choice_and_examples_are_taken(title: str) -> None:
    for key, kind, _, meaning, example in tables(section(page("study-file.md"), title), "key"):
        name = codes(key)[0]
        field = SECTIONS[title].model_fields[name]
        assert set(choices(field.annotation)) <= set(codes(kind)), name
        assert meaning.endswith("."), name
        ((given, value),) = tomllib.loads(codes(example)[0]).items()
        assert given == name
        accept(field, value)


def test_the_models_are_all_in_the_table() -> None:
    definitions = Study.model_json_schema()["$defs"]
    assert {model.__name__ for model in SECTIONS.values()} == set(definitions)


def choices(annotation: Any) -> Iterator[str]:
    """The texts that a type names; scores, which are too many for a cell, stand on a page of their own."""
    if get_origin(annotation) is Literal:
        yield from () if get_args(annotation) == tuple(SCORES) else get_args(annotation)
        return
    for inner in get_args(annotation):
        yield from choices(inner)


def accept(field: FieldInfo, value: Any) -> None:
    """Validate one value as the model would."""
    kind: Any = field.annotation
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        kind.model_validate(value)
        return
    kind = Annotated[kind, *field.metadata] if field.metadata else kind
    TypeAdapter(kind, config=ConfigDict(strict=True)).validate_python(value)


def plain(value: Any) -> Any:
    return json.loads(TypeAdapter(Any).dump_json(value))


def test_kinds_of_folds_are_those_of_the_table() -> None:
    rows = tables(section(page("study-file.md"), "`search.folds` as a table"), "kind")[-len(SPLITTERS) :]
    assert [codes(row[0])[0] for row in rows] == list(SPLITTERS)
    for (name, peer, groups, classes), row in zip(rows, SPLITTERS.values(), strict=True):
        assert codes(peer)[0] == row.peer, name
        if row.draws != "column":
            assert (groups != "no", classes != "no") == (row.by_group, row.by_class), name


# -- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transcript", samples("console"))
def test_every_refusal_on_a_page_is_the_answer(transcript: str) -> None:
    said = [part.partition("\n") for part in transcript.split("$ ")[1:]]
    assert said
    for command, _, answer in said:
        program, verb, study, *options = shlex.split(command)
        assert (program, verb, set(options[::2])) == ("shoal", "check", {"--set"})
        with pytest.raises(ShoalError) as caught:
            load_study(study, options[1::2])
        assert "".join(f"shoal: {problem}\n" for problem in caught.value.problems) == answer, command


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Results:
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch, simple_models=True)
        return run(
            Study.model_validate(DEMO), out=tmp_path_factory.mktemp("docs") / "runs" / "demo", workers=1
        )


# -- data and results ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1])
def test_the_mistakes_of_a_table_are_those_shown(
    place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(blocks(page("data.md"), "csv")[place][1], encoding="utf-8")
    with pytest.raises(ShoalError) as caught:
        load_table_dataset(TableSource("t.csv", "regression", ("y",), impute=True))
    assert f"{caught.value}\n" == blocks(page("data.md"), "text")[place][1]


def test_formats_of_tables_are_those_that_are_read() -> None:
    shown = [tuple(codes(row[0])) for row in tables(section(page("data.md"), "Tables"), "ending")]
    assert shown == [kind.endings for kind in TABLE_FORMATS.values()]
    titles = [kind.title for kind in TABLE_FORMATS.values()]
    either = f"{', '.join(titles[:-1])} or {titles[-1]}"
    assert either in (ROOT / "README.md").read_text(encoding="utf-8")
    assert either in template("regression")
    assert f"({', '.join(titles)})" in page("study-file.md")
    assert f" {', '.join(titles)} (never with pickle)" in page("architecture.md")


def test_formats_of_images_are_those_that_are_read() -> None:
    called = [kind.called for kind in IMAGE_FORMATS.values()]
    assert f"a folder, {' or '.join(called)} file." in page("study-file.md")
    forms = [row[0] for row in tables(section(page("data.md"), "Images"), "form")]
    assert [form for form in forms if "folder" not in form] == [f"{name} file" for name in called]


def test_every_refusal_of_data_is_asserted_word_for_word_by_a_test() -> None:
    known = [
        text for folder in ("tests/data", "tests/engine", "tests/study") for text in texts_of(ROOT / folder)
    ]
    sentences = [codes(row[0])[0] for row in tables(page("data.md"), "sentence")]
    assert len(sentences) > 30
    assert [said for said in sentences if not any(text.endswith(said) for text in known)] == []


def texts_of(folder: Path) -> Iterator[str]:
    """Every text in the sources of a folder."""
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_the_frames_have_the_columns_shown(demo: Results) -> None:
    rows = tables(section(page("results.md"), "Frames"), "frame")
    shown = {row[0].replace("`", ""): codes(row[2]) for row in rows}
    assert shown.pop("refit") == ["fits"]
    classes, labels = (shown.pop(f"predictions ({task})") for task in ("classification", "multilabel"))
    shown["predictions"] = shown.pop("predictions (regression)")
    assert list(demo.refit.columns) == list(demo.fits.columns)
    assert set(classes) ^ set(shown["predictions"]) == {"target", "probability_*"}
    assert set(labels) ^ set(shown["predictions"]) == {"probability"}
    shown["curves"].remove("*_accuracy")  # of classifiers
    for name in ("fits", "candidates", "comparisons", "curves", "predictions"):
        columns = list(getattr(demo, name).columns)
        assert [c for c in columns if not any(fnmatchcase(c, p) for p in shown[name])] == [], name
        assert [p for p in shown[name] if not any(fnmatchcase(c, p) for c in columns)] == [], name


def test_what_results_promise_is_shown_and_is_there(demo: Results) -> None:
    rows = tables(section(page("results.md"), "Reading results in Python"), "attribute")
    shown = {code.partition("(")[0] for row in rows for code in codes(row[0])}
    there = {name for name in dir(Results) if not name.startswith("_")} | set(Results.__dataclass_fields__)
    assert shown == there - {"open"}


def test_the_store_has_the_tables_shown(demo: Results) -> None:
    rows = tables(section(page("results.md"), "The store"), "table")
    shown = {codes(row[0])[0]: codes(row[1]) for row in rows}
    connection = sqlite3.connect(demo.folder / "results.sqlite")
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    there = {name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")] for name in names}
    connection.close()
    assert shown == there


def test_the_facts_are_those_shown(demo: Results) -> None:
    cells = {row[0]: row[2] for row in tables(section(page("results.md"), "The store"), "table")}
    with sqlite3.connect(demo.folder / "results.sqlite") as connection:
        keys = {key for (key,) in connection.execute("SELECT key FROM facts")}
    connection.close()
    assert set(codes(cells["`facts`"])) == keys


def test_the_commands_are_those_shown() -> None:
    from typer.main import get_command

    there: set[str] = set()
    for name, command in get_command(app).commands.items():
        there |= {f"{name} {inner}" for inner in getattr(command, "commands", [])} or {name}
    rows = tables(section(page("results.md"), "Commands"), "command")
    shown = [re.sub(r" [A-Z-].*", "", code).removeprefix("shoal ") for row in rows for code in codes(row[0])]
    assert {re.sub(r"^new .*", "new", name) for name in shown} == there


def test_the_run_folder_and_the_model_hold_what_is_shown(demo: Results) -> None:
    from safetensors import safe_open

    files = {codes(row[0])[0] for row in tables(section(page("results.md"), "The run folder"), "file")}
    assert {path.name for path in demo.folder.iterdir()} <= files
    shown = {
        key for row in tables(section(page("results.md"), "The model file"), "key") for key in codes(row[0])
    }
    with safe_open(demo.folder / "model.safetensors", "numpy") as model:
        assert set(model.metadata()) == shown


def test_the_environment_is_the_one_shown(demo: Results) -> None:
    rows = tables(section(page("results.md"), "Environment"), "key")
    assert {key for row in rows for key in codes(row[0])} == set(demo.environment)


def test_exit_codes_are_those_of_the_errors() -> None:
    rows = tables(section(page("results.md"), "Exit codes"), "code")
    shown = {name: int(row[0]) for row in rows for name in codes(row[2]) if row[0] != "143"}
    errors = [ShoalError]
    for error in errors:
        errors += error.__subclasses__()
    assert shown == {error.__name__: error.exit_code for error in errors[1:]}
    assert shown[TrainingError.__name__] == 2


# -- the house -----------------------------------------------------------------------------------------------


def test_the_list_of_files_is_the_house() -> None:
    house, shown = ROOT / "src" / "shoal", list[str]()
    folder = {2: "", 4: "", 6: ""}  # by the indent of what stands in it
    for line in section(page("architecture.md"), "The house").splitlines():
        name, indent = line.strip().partition(" ")[0], len(line) - len(line.lstrip())
        if indent in folder and name.endswith("/"):
            folder[indent + 2] = folder[indent] + name
        if indent in folder and name.endswith((".py", ".toml")):
            shown.append(folder[indent] + name)
    there = {path.relative_to(house).as_posix() for kind in ("*.py", "*.toml") for path in house.rglob(kind)}
    assert sorted(shown) == sorted(name for name in there if not name.endswith("/__init__.py"))


@pytest.mark.parametrize(("header", "rules"), [("stage", "ARROWS"), ("library", "OWNERS")])
def test_arrows_and_owners_are_those_that_are_tested(header: str, rules: str) -> None:
    shown = {codes(row[0])[0]: set(codes(row[1])) for row in tables(page("architecture.md"), header)}
    wanted = {name: set(places) for name, places in getattr(test_architecture, rules).items()}
    assert shown == {
        name: wanted[name]
        for name in wanted
        if name not in (*test_architecture.GROUND, "__init__", "__main__")
    }


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"""(?:\]\(|\bsrc="|\bsrcset=")([^)"\s]+)[)"]""", text):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file) if file else path
        assert there.exists(), target
        if anchor:
            assert anchor in headings(there.read_text(encoding="utf-8")), target


def headings(text: str) -> set[str]:
    """Anchors of a page as they are made from its headings."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", OURS)
def test_every_source_named_on_a_page_is_there(name: str) -> None:
    stages = "|".join(test_architecture.STAGES)
    named = re.findall(rf"`((?:src|tests|docs|benchmarks|{stages})/[\w./-]+)`", page(name))
    homes = (ROOT, ROOT / "src" / "shoal")
    assert [path for path in named if not any((home / path).exists() for home in homes)] == []
