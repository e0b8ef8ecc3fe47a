"""`shoal draw` and `shoal.draw`: studies, runs and models drawn, shown and written; what is refused, to the letter."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal.look import NetworkPicture
from shoal.model import Model
from test_cli import shoal as command
from test_model import hand_made, linear

Capture = pytest.CaptureFixture[str]
HOSTILE = "<script>alert(1)</script>"
STUDY = """\
[study]
task = "regression"

[data]
train = "t.csv"
target = "y"

[network]
hidden = [4, 3]
embedding = 2
embedding_from = 3

[training]
epochs = 2

[checks]
baselines = false
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{number},{'pqrs'[number % 4]},{'ab'[number % 2]},{number % 5}" for number in range(40)]
    Path("t.csv").write_text("\n".join(["x,town,kind,y", *rows]))
    Path("s.toml").write_text(STUDY)
    Path("m.safetensors").write_bytes(hand_made(linear()))


def texts(svg: str) -> list[str]:
    return [text.replace("\u00a0", " ") for text in re.findall(r">([^<>]+)</text>", svg)]


def test_a_study_is_drawn_without_training(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert command(monkeypatch, "draw", "s.toml") == 0
    assert capsys.readouterr().out == "s-network.svg: 4 layers, 53 parameters\n"
    drawn = texts(Path("s-network.svg").read_text())
    for text in (
        "x",
        "town 5 × 2",
        "kind (2)",
        "3 columns",
        "5 numbers",
        "hidden1",
        "4 units",
        "relu",
        "identity",
    ):
        assert text in drawn, text
    assert not Path("runs").exists()
    assert command(monkeypatch, "draw", "s.toml") == 0  # the same again is no other file


@pytest.mark.parametrize(
    ("ending", "head"), [("svg", b"<svg"), ("pdf", b"%PDF"), ("png", b"\x89PNG"), ("PNG", b"\x89PNG")]
)
def test_the_ending_says_what_is_written(
    ending: str, head: bytes, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    arguments = ("two-peaks", "--set", "network.hidden=[2]", "--out", f"n.{ending}")
    assert command(monkeypatch, "draw", *arguments) == 0
    assert capsys.readouterr().out == f"n.{ending}: 2 layers, 7 parameters\n"
    assert Path(f"n.{ending}").read_bytes().startswith(head)


def test_a_model_file_is_enough_for_itself(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert command(monkeypatch, "draw", "m.safetensors") == 0
    assert capsys.readouterr().out == "m-network.svg: 1 layer, 3 parameters\n"
    Path("m").write_bytes(Path("m.safetensors").read_bytes())
    Path("t.csv").unlink()
    assert command(monkeypatch, "draw", "m") == 0
    assert {"x0", "x1", "y0", "2 inputs", "identity"} <= set(texts(Path("m-network.svg").read_text()))


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "another ending": (
        ("s.toml", "--out", "x.jpg"),
        "x.jpg: expected a name that ends in .svg, .pdf or .png",
    ),
    "no ending": (("s.toml", "--out", "x"), "x: expected a name that ends in .svg, .pdf or .png"),
    "a folder": (("s.toml", "--out", "sub/"), "--out: expected the name of a file to write, got 'sub/'"),
    "no such folder": (("s.toml", "--out", "no/x.svg"), "no/x.svg: expected a folder that exists, got none"),
    "no such source": (
        ("nosuch",),
        "nosuch: expected a study file or a built-in study (digits, fashion-mnist, two-peaks), got neither",
    ),
    "none of these": (
        ("notes.txt",),
        "notes.txt: expected a study file (.toml), a run folder or a model file (.safetensors), got another file",
    ),
    "no run folder": (("empty",), "empty: expected a run folder (with results.sqlite in it), found none"),
    "no name": (("",), "SOURCE: expected a study, a run folder or a model file, got an empty name"),
    "no model": (
        ("bad.safetensors",),
        "bad.safetensors: expected a model file, got 100 bytes that are none or only a part of one",
    ),
    "taken": (
        ("s.toml", "--out", "taken.svg"),
        "taken.svg: expected no file of that name, got one that is not what would be written; --force replaces it",
    ),
    "keys of a study": (
        ("m.safetensors", "--set", "network.hidden=[3]"),
        "--set: expected it with a study, got it with m.safetensors",
    ),
    "what is read": (
        ("s.svg", "--out", "s.svg"),
        "s.svg: expected another file than the one that is read; choose another with --out",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_drawn_is_refused_in_a_line(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    Path("notes.txt").write_text("to do: all\n")
    Path("empty").mkdir()
    Path("bad.safetensors").write_bytes(b"x" * 100)
    Path("taken.svg").write_text("mine")
    Path("s.svg").write_text(STUDY)
    arguments, sentence = REFUSED[kind]
    assert command(monkeypatch, "draw", *arguments) == 2
    assert capsys.readouterr().err == f"shoal: {sentence}\n"
    assert Path("taken.svg").read_text() == "mine"


@pytest.mark.parametrize(
    "changes",
    [
        ("network.hiddn=[3]",),
        ("data.target=z",),
        ("data.train=none.csv",),
        ("network.kind=cnn", "network.conv=[{channels=2}]"),
        ("network.hidden=[0]", "training.epochs=0"),
    ],
)
def test_mistakes_of_a_study_are_those_that_check_says(
    changes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    set_ = [part for change in changes for part in ("--set", change)]
    assert command(monkeypatch, "check", "s.toml", *set_) == 2
    said = capsys.readouterr().err
    assert command(monkeypatch, "draw", "s.toml", *set_) == 2
    assert capsys.readouterr().err == said
    assert not Path("s-network.svg").exists()


def test_force_replaces_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("taken.svg").write_text("mine")
    assert command(monkeypatch, "draw", "s.toml", "--out", "taken.svg", "--force") == 0
    assert Path("taken.svg").read_text().startswith("<svg")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc takes no files, whoever writes")
def test_a_folder_that_is_not_writable(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert command(monkeypatch, "draw", "s.toml", "--out", "/proc/x.svg") == 3
    assert capsys.readouterr().err == "shoal: /proc/x.svg: cannot be written: No such file or directory\n"


def test_a_run_is_drawn_as_its_report_draws_it(
    dots: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    results = shoal.run("s.toml", out="run", workers=1)
    assert [(record.name, record.kind, record.inputs) for record in results.inputs] == [
        ("x", "number", 1), ("kind", "category", 2), ("town", "code", 1),
    ]  # fmt: skip
    assert command(monkeypatch, "draw", "run", "--out", "n.svg") == 0
    assert capsys.readouterr().out.endswith("n.svg: 4 layers, 53 parameters\n")
    figure = (tmp_path / "run" / "figures" / "01-network.svg").read_text()
    assert texts(figure) == texts(Path("n.svg").read_text()) == texts(shoal.draw("s.toml").svg)
    page = (tmp_path / "run" / "report.html").read_text()
    start = page.index('<section id="network">')
    chapter = page[start : page.index("</section>", start)]
    assert chapter.count("<svg ") == 2
    assert [text for text in texts(chapter) if "×" in text] == ["town 5 × 2"] * 2
    assert "<td>embedding</td>" in chapter
    assert texts(shoal.draw(results).svg) == texts(figure)
    assert texts(shoal.draw(shoal.load("run")).svg) == texts(figure)
    assert '<svg style="max-width' in results._repr_html_()
    assert command(monkeypatch, "draw", "run", "--out", "run/figures/01-network.svg", "--force") == 2
    assert capsys.readouterr().err == (
        "shoal: run/figures/01-network.svg: expected a file outside a run folder, got one of its own; choose another"
        " with --out\n"
    )


def test_inputs_of_a_store_are_looked_at(dots: None) -> None:
    from shoal.results import Store

    results = shoal.run("s.toml", out="run", workers=1)
    drawn = texts(shoal.draw("run").svg)

    def stored(inputs: list[dict[str, Any]]) -> None:
        with Store.reopen(results.folder) as store:
            store.put_fact("inputs", inputs)

    stored([{"name": "x", "kind": "number", "inputs": "1"}])
    what = "^run: a column of the data in its results is not what Shoal writes$"
    with pytest.raises(shoal.RunFolderError, match=what):
        shoal.draw("run")
    stored([])  # as in results of old: columns of categories are not known by their inputs
    assert "x" not in texts(shoal.draw("run").svg)
    stored([{"name": "x", "kind": "number", "inputs": 7}])  # of another network
    assert "x" not in texts(shoal.draw("run").svg)
    assert "x" in drawn


def test_a_run_that_is_not_that_far_is_refused(tmp_path: Path) -> None:
    from shoal.results import Identity, Store, Truth
    from shoal.study import load_study
    from shoal.study._toml import to_toml

    study = load_study("s.toml")
    with Store.create_or_open(Path("half"), Identity("s", "regression", "0" * 64)) as store:
        store.put_fact("study", to_toml(study))
        store.put_truth(Truth(("x",), ("y",), (), np.zeros((3, 1)), np.zeros((3, 1)), 2))
        store.set_plan([], [])
    expected = "^half: expected a run that has a delivered network, got one without; draw its study$"
    with pytest.raises(shoal.InputError, match=expected):
        shoal.draw("half")


def test_rows_in_memory_and_keywords_are_drawn_as_plan_takes_them() -> None:
    frame = pd.DataFrame({HOSTILE: np.arange(30.0), "b": np.arange(30.0) ** 2, "y": np.arange(30) % 3 / 3})
    keywords: dict[str, Any] = {"target": "y", "task": "regression", "network": {"hidden": [5]}}
    picture = shoal.draw(frame, **keywords)
    assert isinstance(picture, NetworkPicture)
    plan = shoal.plan(frame, **keywords)
    assert HOSTILE not in picture.svg
    assert "&lt;script&gt;" in picture.svg
    shown = plan._repr_html_()
    assert shown.startswith("<pre")
    assert "<svg " in shown
    assert HOSTILE not in shown
    assert shoal.draw(plan).svg == picture.svg


def test_what_can_be_drawn_is_said() -> None:
    sources = (
        "a Study, the path of a study file, a run folder or a model file, the name of a built-in study, rows in memory,"
        " Results, a Model or a Plan (a fitted estimator has draw() of its own)"
    )
    for source, kind in ((3, "an int"), (None, "None"), (shoal.MLPClassifier(), "a MLPClassifier")):
        with pytest.raises(shoal.InputError, match=f"^{re.escape(f'expected {sources}, got {kind}')}$"):
            shoal.draw(source)  # type: ignore[arg-type]


def test_a_picture_shows_itself_and_is_saved() -> None:
    picture = shoal.draw(shoal.load("m.safetensors"))
    assert repr(picture) == "NetworkPicture(: 1 layer, 3 parameters)"
    assert picture._repr_svg_().startswith("<svg ")
    assert "<table" in picture._repr_html_()
    assert 'fill="#fff"' in picture.svg  # a file stands on its own ground
    assert 'fill="#fff"' not in picture._repr_svg_()
    picture.save("a.svg")
    picture.save(Path("a.svg"))  # as a model file is
    assert Path("a.svg").read_text() == picture.svg + "\n"
    with pytest.raises(
        shoal.InputError, match=r"^a\.txt: expected a name that ends in \.svg, \.pdf or \.png$"
    ):
        picture.save("a.txt")
    with pytest.raises(shoal.InputError, match=r"^expected the path of a picture, got an int$"):
        picture.save(3)  # type: ignore[arg-type]


def test_a_picture_replaces_nothing_else_unless_asked_to(dots: None) -> None:
    picture, other = shoal.draw("m.safetensors"), shoal.draw("two-peaks")
    other.save("a.svg")
    with pytest.raises(
        shoal.InputError, match=r"^a\.svg: expected no file of that name, got one that is not"
    ):
        picture.save("a.svg")
    assert Path("a.svg").read_text() == other.svg + "\n"
    picture.save("a.svg", force=True)
    assert Path("a.svg").read_text() == picture.svg + "\n"
    results = shoal.run("s.toml", out="run", workers=1)
    own = results.folder / "figures" / "01-network.svg"
    before = own.read_text()
    with pytest.raises(shoal.InputError, match="expected a file outside a run folder, got one of its own"):
        picture.save(own, force=True)
    assert own.read_text() == before


def test_a_model_shows_itself_in_a_notebook() -> None:
    model = Model.from_bytes(hand_made(linear()))
    shown = model._repr_html_()
    assert shown.startswith("<p>Model(regression: 2 inputs, 3 parameters, trained by torch)</p><svg ")
    other = hand_made(linear(), training={"training": {"loss": "of another version"}})
    assert "loss:" not in Model.from_bytes(other)._repr_html_()


def test_a_fitted_estimator_draws_its_network() -> None:
    from sklearn.exceptions import NotFittedError

    x = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0) % 3})
    network = shoal.MLPClassifier(hidden_layer_sizes=(3,), max_iter=1, random_state=0)
    with pytest.raises(NotFittedError):
        network.draw()
    drawn = texts(network.fit(x, np.arange(20) % 2).draw().svg)
    for text in ("a", "b", "0", "1", "3 units", "relu", "softmax", "probabilities"):
        assert text in drawn, text
    two = shoal.MLPRegressor(hidden_layer_sizes=(3,), max_iter=1, loss="quantile", quantiles=(0.1, 0.9))
    assert {"quantile 0.1", "quantile 0.9", "sorted"} <= set(texts(two.fit(x, x["a"]).draw().svg))
