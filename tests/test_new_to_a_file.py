"""`shoal new --out`: a study in a file, whose path of the table leads there from where the file stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shoal.study import load_study, template
from test_cli import shoal

ROWS = "a,b,y\n" + "".join(f"{row % 7},{row * row % 11},{row % 5}.5\n" for row in range(20))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("tables", "studies", "far/away"):
        Path(folder).mkdir(parents=True)
    Path("tables/t.csv").write_text(ROWS, encoding="utf-8")


@pytest.mark.parametrize(
    ("table", "out", "train"),
    [
        ("tables/t.csv", "s.toml", "tables/t.csv"),
        ("tables/t.csv", "tables/s.toml", "t.csv"),
        ("tables/t.csv", "studies/s.toml", "../tables/t.csv"),
        ("./tables/../tables/t.csv", "far/away/s.toml", "../../tables/t.csv"),
        ("{here}/tables/t.csv", "studies/s.toml", "{here}/tables/t.csv"),
        ("tables/t.csv", "link/s.toml", "{here}/tables/t.csv"),  # .. of it leads to far
    ],
)
def test_the_path_leads_to_the_table(
    table: str, out: str, train: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("link").symlink_to("far/away")
    assert shoal(monkeypatch, "new", "--data", table.format(here=tmp_path), "--out", out) == 0
    assert f'train = "{train.format(here=tmp_path)}" ' in Path(out).read_text(encoding="utf-8")
    there = load_study(out).data.train
    assert there is not None
    assert os.path.samefile(there, "tables/t.csv")
    assert load_study(out).study.name == "t"


def test_a_file_of_other_content_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = "expected no file of that name, got one that is not what would be written; --force replaces it"
    own = "expected another file than the one that is read; choose another with --out"
    for arguments in (("--data", "tables/t.csv"), ("regression",)):
        Path("s.toml").write_text("mine", encoding="utf-8")
        assert shoal(monkeypatch, "new", *arguments, "--out", "s.toml") == 2
        assert capsys.readouterr().err == f"shoal: s.toml: {taken}\n"
        assert Path("s.toml").read_text(encoding="utf-8") == "mine"
        for force in (("--force",), ()):  # the same content again is no other
            assert shoal(monkeypatch, "new", *arguments, "--out", "s.toml", *force) == 0
        assert capsys.readouterr() == ("", "")
    assert Path("s.toml").read_text(encoding="utf-8") == template("regression")
    assert shoal(monkeypatch, "new", "--data", "tables/t.csv", "--out", "tables/t.csv", "--force") == 2
    assert capsys.readouterr().err == f"shoal: tables/t.csv: {own}\n"
    assert shoal(monkeypatch, "new", "--data", "tables/t.csv", "--out", "no/s.toml") == 2
    assert capsys.readouterr().err == "shoal: no/s.toml: expected a folder that exists, got none\n"
