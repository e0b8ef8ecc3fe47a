"""What is passed on - report, pictures, model, exports, predictions - says nothing of its maker and their folders."""

from __future__ import annotations

import base64
import getpass
import platform
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest

import shoal
from dots import dot
from shoal.cli import main

MAKER = "zz-anna-secret"
DATA_URI = re.compile(rb"data:[\w/+.-]+(?:;[\w=-]+)*(;base64)?,([^\"'\s)]+)")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder under the maker's name, with a study that has been run there."""
    home = tmp_path_factory.mktemp("homes") / MAKER
    home.mkdir()
    drawn = np.random.default_rng(1)
    rows = ["a,b,y", *(f"{a},{b},{a + b}" for a, b in drawn.normal(size=(40, 2)))]
    (home / "table.csv").write_text("\n".join(rows))
    (home / "mine.toml").write_text(
        '[study]\ntask = "regression"\n[data]\ntrain = "table.csv"\ntarget = "y"\n'
        '[network]\nhidden = [3]\n[training]\nepochs = 2\n[[compare]]\nname = "wild"\n'
        'training = { lr = 1e30, optimizer = "sgd" }\n[search]\nfolds = 2\n'
    )
    shoal.run(home / "mine.toml", out=home / "run", workers=1)
    return home


def names_of_the_maker(home: Path) -> list[bytes]:
    """The folder, and the names of user and machine where they are telling ones."""
    names = [MAKER, str(home), platform.node(), getpass.getuser()]
    return [name.encode() for name in names if len(name) > 4]


def said(content: bytes) -> bytes:
    """A file, and after it what stands in it as text of another form."""
    inner = [
        base64.b64decode(data) if coded else unquote_to_bytes(data)
        for coded, data in DATA_URI.findall(content)
    ]
    return b"\n".join([content, *inner])


def test_nothing_in_the_run_folder_that_is_passed_on_names_its_maker(home: Path) -> None:
    files = [
        home / "run" / "report.html",
        home / "run" / "model.safetensors",
        *(home / "run/figures").iterdir(),
    ]
    assert len(files) > 10
    for file in files:
        content = said(file.read_bytes())
        assert [name for name in names_of_the_maker(home) if name in content] == [], file.name


def test_exports_and_predictions_do_not_either(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    asked = [
        ["export", "run", "--format", "onnx", "--out", "m.onnx"],
        ["export", "run", "--format", "torch", "--out", "m.safetensors"],
        ["predict", "run", str(home / "table.csv"), "--out", "p.csv"],
    ]
    monkeypatch.chdir(home)
    for arguments in asked:
        monkeypatch.setattr("sys.argv", ["shoal", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
    for name in ("m.onnx", "m.safetensors", "m.py", "p.csv"):
        content = (home / name).read_bytes()
        assert [word for word in names_of_the_maker(home) if word in content] == [], name


def test_the_report_names_folders_where_that_is_asked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.look._gallery.png", dot)
    shoal.run(shoal.load_study(home / "mine.toml", ["report.paths=true"]), out=home / "told", workers=1)
    page = (home / "told" / "report.html").read_text(encoding="utf-8")
    assert str(home / "table.csv") in page
    assert "beside its data" not in page


def test_the_study_in_the_report_runs_beside_its_data(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.look._gallery.png", dot)
    page = (home / "run" / "report.html").read_text(encoding="utf-8")
    text = page.partition("<summary>The study file</summary>")[2].partition("<pre>")[2].partition("</pre>")[0]
    text = (
        text.replace("&#34;", '"')
        .replace("&quot;", '"')
        .replace("&gt;", ">")
        .replace("&lt;", "<")
        .replace("&amp;", "&")
    )
    (tmp_path / "study.toml").write_text(text)
    (tmp_path / "table.csv").write_bytes((home / "table.csv").read_bytes())
    again = shoal.run(tmp_path / "study.toml", out=tmp_path / "again", workers=1)
    assert again.digest == shoal.Results.open(home / "run").digest
