"""What `merge` refuses, to the letter; what it says; the folders of shards through every command."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from dots import end_with_the_model
from shoal import cli
from shoal.engine import Silent, StudyFit, _train
from shoal.engine.trainers.native import NativeTrainer
from shoal.results import FitRecord, Results, Store, _union, shard_metric, versions_apart
from shoal.stopping import Stop
from shoal.study import load_study
from test_cli import shoal as command

pytestmark = pytest.mark.usefixtures("dots", "no_report")
Capture = pytest.CaptureFixture[str]
STUDY = """
[study]
name = "small"
task = "regression"
[data]
train = "rows.csv"
target = "y"
[network]
hidden = [3]
[training]
epochs = 2
[[compare]]
name = "base"
[checks]
baselines = false
[inspect]
importance = 0
[search]
folds = 2
[search.space]
"network.hidden[0]" = [3, 4]
"""
ROWS = "\n".join(["x,y", *(f"{number % 7},{number % 5}" for number in range(40))])
NEXT = "`shoal merge` with the folders of all 2 shards makes the run"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, dots: None) -> Path:
    """A table, a study of it, its plain run, and its two shards."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "rows.csv").write_text(ROWS, encoding="utf-8")
    (folder / "small.toml").write_text(STUDY, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        shoal.run(folder / "small.toml", out=folder / "whole", workers=1)
        for number in (1, 2):
            a_shard(folder, number, str(number))
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All of it where the test may change it, in the current folder."""
    shutil.copytree(made, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return made


def a_shard(folder: Path, number: int, out: str, count: int = 2, changes: tuple[str, ...] = ()) -> Results:
    study = load_study(folder / "small.toml", changes)
    return shoal.run(study, shard=f"{number}/{count}", out=folder / out, workers=1)


def refusal(*folders: str, **options: Any) -> str:
    """Give what `merge` says of these folders; nothing is written."""
    with pytest.raises(shoal.InputError) as caught:
        shoal.merge([*folders], **{"out": "merged", **options})
    assert not os.path.exists("merged")
    return str(caught.value)


# -- what is refused -----------------------------------------------------------------------------------------


def test_what_are_no_folders(here: Path) -> None:
    assert refusal() == "folders: expected those of a study's shards, got none"
    for wrong in ("1", Path("1"), 3, {"1"}):
        folders: Any = wrong
        with pytest.raises(
            shoal.InputError, match=r"^expected a list of the folders of all shards, got an? \w+$"
        ):
            shoal.merge(folders)
    parts: Any = [1]
    with pytest.raises(shoal.InputError, match=r"^expected .* of all shards, each a path, got an int$"):
        shoal.merge(parts)


def test_folders_that_are_none_of_a_shard(here: Path) -> None:
    """All of them at once."""
    os.mkdir("empty")
    assert refusal("1", "2", "whole", "empty", "nowhere").splitlines() == [
        "whole: expected the folder of a shard, got one of a whole run; `shoal run` with --shard makes shards",
        "empty: expected a run folder (with results.sqlite in it), found none",
        "nowhere: expected a run folder (with results.sqlite in it), found none",
    ]
    os.symlink("1", "link")
    assert refusal("1", "2", "link") == "link: expected the folder of every shard once, got it twice"
    content = bytearray(Path("2/results.sqlite").read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    Path("2/results.sqlite").write_bytes(content)
    assert refusal("1", "2").startswith("2/results.sqlite: damaged (")


def test_shards_of_several_studies_and_counts(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_shard(Path(), 2, "other", changes=("study.name=other", "training.epochs=3"))
    a_shard(Path(), 2, "setting", changes=("training.epochs=3", "network.hidden=[5]", "report.paths=true"))
    a_shard(Path(), 2, "third", count=3)
    Path("rows.csv").write_text(ROWS.replace("3,1", "3,2"), encoding="utf-8")
    a_shard(Path(), 2, "rows")
    expected = "expected a shard of the study in 1, got one of another"
    assert refusal("1", "other", "setting", "third", "rows").splitlines() == [
        f"other: {expected} (its name is 'other', not 'small', its training.epochs is 3, not 2)",
        f"setting: {expected} (its network.hidden is 5, not 3, its training.epochs is 3, not 2, its report.paths"
        " is True, not False)",
        "third: expected one of 2 shards, as in 1, got 2/3",
        f"rows: {expected} (its training data are others)",
    ]


def test_shards_of_other_versions(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one of them, and where they are merged."""
    versions = {"table": "native-0", "images": "native-2"}
    with monkeypatch.context() as patch:
        patch.setattr(NativeTrainer, "versions", versions)
        a_shard(Path(), 2, "old")
        why = "its trainer native is native-1, native-2, not native-0, native-2"
        assert refusal("1", "2") == (
            f"1: expected fits that are named as they are here, got others ({why}); give the --trainer and --device of"
            " the shards"
        )
    why = "its trainer native is native-0, native-2, not native-1, native-2"
    assert refusal("1", "old") == (
        f"old: expected fits that are named as in 1, got others ({why}); train it again"
    )


def test_missing_and_unfinished_shards(here: Path) -> None:
    class Stopped(Exception):
        pass

    class Stopper(Silent):
        def finished(self, record: FitRecord) -> None:
            raise Stopped

    with pytest.raises(Stopped):
        shoal.run("small.toml", shard="1/2", out="begun", workers=1, watcher=Stopper())
    shoal.Results.open("begun")
    assert refusal("begun").splitlines() == [
        "begun: expected a finished shard, got 1/2 with 1 of its 3 fits; run its command again, which goes on",
        "small: expected all shards, got 1: 2/2 (2 fits) is missing; train what is missing, or let `shoal run` without"
        " --shard do it in the folder of a shard",
    ]
    assert shoal.merge(["begun", "2", "1"], out="merged", workers=1).digest == Results.open("whole").digest


def test_a_shard_that_was_killed_before_its_plan(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("shoal.pipeline.early_fits", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            a_shard(Path(), 2, "begun")
    assert refusal("1", "begun") == (
        "begun: expected a finished shard, got 2/2 with none of its fits; run its command again, which goes on"
    )


def test_two_results_of_one_fit(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In two folders, and in that of the run; equal ones are taken once."""
    train = _train.train_fit

    def other(fit: StudyFit, *rest: Any) -> FitRecord:
        record = train(fit, *rest)
        first = next(iter(record.parameters))
        record.parameters[first] = np.nextafter(record.parameters[first], np.float32(9))
        return record

    with monkeypatch.context() as patch:
        patch.setattr("shoal.engine.workers.threads.train_fit", other)
        spoilt = sorted(a_shard(Path(), 1, "spoilt").summaries)
    lines = refusal("1", "2", "spoilt").splitlines()
    what = "got others; train one of the two again in a new folder"
    assert lines == [f"fit {name}: expected equal results in 1 and spoilt, {what}" for name in spoilt]
    shutil.copytree("spoilt", "into")
    with pytest.raises(shoal.RunFolderError) as caught:
        shoal.merge(["1", "2"], out="into")
    assert str(caught.value) == f"fit {spoilt[0]}: expected equal results in into and 1, {what}"
    a_shard(Path(), 1, "again")
    merged = shoal.merge(["again", "2", "1"], out="2 and 1", workers=1)
    assert merged.digest == Results.open("whole").digest


def test_where_it_is_written(here: Path) -> None:
    what = "expected another run folder than those of the shards, and none in them: they are only read"
    for out in (Path.cwd() / "2", Path("1/figures/merged")):
        with pytest.raises(shoal.RunFolderError) as caught:
            shoal.merge(["1", "2"], out=out)
        assert str(caught.value) == f"{out}: {what}; choose one with --out"
        assert not Path("1/figures").exists()
    assert Results.open("2").shard is not None
    shoal.run("small.toml", out="other", workers=1, name="other", search=None, compare=[])
    with pytest.raises(shoal.RunFolderError, match=r"^other: holds another study \(its name is 'other'"):
        shoal.merge(["1", "2"], out="other")


def test_rows_that_lie_elsewhere(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """A table that moved: where the study says there is nothing, and `--set` says where it is."""
    for number in (1, 2):
        shutil.rmtree(str(number))
        a_shard(Path(), number, str(number))
    os.rename("rows.csv", "moved.csv")
    gone = f"data.train: expected the rows of the shards, got nothing at {Path.cwd() / 'rows.csv'}"
    assert refusal("1", "2") == f"{gone}; say where they are with --set data.train=PATH"
    Path("others.csv").write_text(ROWS.replace("3,1", "3,2"), encoding="utf-8")
    others = "data.train: expected the rows that the shards were trained for, got others"
    assert refusal("1", "2", data={"train": "others.csv"}) == others
    apart = "expected the study of the shards, got another (its training.epochs is 3, not 2)"
    assert refusal("1", "2", training={"epochs": 3}) == f"small: {apart}"
    assert "(its name is 'x', not 'small')" in refusal("1", "2", name="x")
    assert command(monkeypatch, "merge", "1", "2", "--set", "data.train=moved.csv", "--workers", "1") == 0
    assert Results.open("runs/small").digest == Results.open("whole").digest
    capsys.readouterr()
    assert command(monkeypatch, "merge", "1", "2", "--set", "data.train") == 2
    assert capsys.readouterr().err == "shoal: --set: expected KEY=VALUE, got 'data.train'\n"


# -- how they are united -------------------------------------------------------------------------------------


def test_killed_while_fits_are_copied_it_goes_on(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After any number of transactions; what was copied stays."""
    add_all = Store.add_all
    monkeypatch.setattr(_union, "_AT_ONCE", 1)
    for most in range(5):
        added: list[int] = []

        def killed(store: Store, trained: Any, most: int = most, added: list[int] = added) -> None:
            if len(added) == most:
                raise KeyboardInterrupt
            added.append(1)
            add_all(store, trained)

        with monkeypatch.context() as patch:
            patch.setattr(Store, "add_all", killed)
            with pytest.raises(KeyboardInterrupt):
                shoal.merge(["1", "2"], out=f"merged {most}", workers=1)
        with Store.open_readonly(Path(f"merged {most}")) as store:
            assert len(store.known()) == most
        if most in (0, 3):
            merged = shoal.merge(["1", "2"], out=f"merged {most}", workers=1)
            assert merged.digest == Results.open("whole").digest


def test_every_machine_is_named_and_shards_are_only_read(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shoal import pipeline

    here_and_now = pipeline.environment
    monkeypatch.setattr(pipeline, "environment", lambda trainers: here_and_now(trainers) | {"processor": "B"})
    shutil.rmtree("2")
    a_shard(Path(), 2, "2")
    monkeypatch.setattr(pipeline, "environment", lambda trainers: here_and_now(trainers) | {"processor": "C"})
    for number in ("1", "2"):
        for path in (*Path(number).iterdir(), Path(number)):
            path.chmod(0o500 if path.is_dir() else 0o400)
    merged = shoal.merge(["2", "1"], out="merged", workers=1)
    assert merged.digest == Results.open("whole").digest
    counts = {environment["processor"]: count for environment, count in merged.origins}
    assert counts == {processor_of("1"): 3, "B": 2, "C": len(merged.summaries) - 5}
    for number in ("1", "2"):
        Path(number).chmod(0o700)


def processor_of(folder: str) -> str:
    return str(Results.open(folder).environment["processor"])


def test_what_was_tested_before_counts_as_a_look(here: Path) -> None:
    """As in a plain run whose study was edited: networks of the comparison of the first form looked, too."""
    for folder in ("edited", "1"):
        options: dict[str, Any] = {"out": folder, "workers": 1} | ({"shard": "1/2"} if folder == "1" else {})
        shutil.rmtree(folder, ignore_errors=True)
        shoal.run("small.toml", training={"epochs": 1}, search=None, **options)
        shoal.run("small.toml", **options)
    merged = shoal.merge(["1", "2"], out="merged", workers=1)
    assert merged.digest == Results.open("edited").digest
    assert (merged.looks.earlier, Results.open("1").looks.earlier) == (1, 1)


# -- commands ------------------------------------------------------------------------------------------------


def test_shards_on_the_command_line(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert command(monkeypatch, "check", "small.toml", "--shard", "2/2") == 0
    lines = capsys.readouterr().out.splitlines()
    note = "shard 2/2 has 2 fits of 5 that are known before any is trained; `shoal merge` trains the rest"
    assert lines[0] == "small: regression, shard 2/2"
    assert "  run folder  runs/small-shard-2-of-2" in lines
    assert f"  note        {note.removesuffix(' the rest')}"[:90] in "\n".join(lines)
    assert not os.path.exists("runs")
    done = ["shard 2/2 of small, with 2 of its 2 fits", f"next: {NEXT}"]
    assert command(monkeypatch, "run", "small.toml", "--shard", "2/2", "--workers", "1") == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == done
    assert printed.err.splitlines()[:2] == [note, "shard 2/2: 2 fits"]
    assert "best selection score" not in printed.err
    assert sorted(os.listdir("runs/small-shard-2-of-2")) == ["results.sqlite", "study.toml"]
    assert command(monkeypatch, "show", "2") == 0
    assert capsys.readouterr().out.splitlines() == done
    assert command(monkeypatch, "merge", "2", "1", "--workers", "1") == 0
    printed = capsys.readouterr()
    assert printed.err.splitlines()[:2] == [
        "2 folders of shards with 5 fits; to be trained here: the winner's fits",
        "training: 5 fits, 5 known already",
    ]
    assert f"digest of all results: {Results.open('whole').digest}" in printed.out
    assert "  runs/small/model.safetensors" in printed.out.splitlines()


@pytest.mark.parametrize(
    "words", [["report", "2"], ["compare", "2", "whole"], ["draw", "2"], ["animate", "2"]], ids=lambda w: w[0]
)
def test_what_is_for_whole_runs(
    here: Path, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    before = sorted(os.listdir("2"))
    assert command(monkeypatch, *words) == 2
    said = f"2: expected a whole run, got shard 2/2 of small, with 2 of its 2 fits; {NEXT}"
    assert capsys.readouterr() == ("", f"shoal: {said}\n")
    assert sorted(os.listdir("2")) == before


@pytest.mark.parametrize(
    "words", [["predict", "2", "rows.csv"], ["export", "2", "--format", "onnx", "--out", "m"]]
)
def test_what_needs_the_model(
    here: Path, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert command(monkeypatch, *words) == 2
    said = f"expected a model file, got nothing there: it is shard 2/2 of small, with 2 of its 2 fits; {NEXT}"
    assert capsys.readouterr() == ("", f"shoal: 2/model.safetensors: {said}\n")


def test_a_shard_shows_itself_in_a_notebook_and_by_its_name(here: Path) -> None:
    results = shoal.Results.open("2")
    assert repr(results) == "Results('2': shard 2/2 of small, with 2 of its 2 fits)"
    assert "shard 2/2 of small, with 2 of its 2 fits" in results._repr_html_()


def test_a_shard_in_the_folder_of_another(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """`check` and `run` say the same."""
    for folder, got in (("2", "shard 2/2"), ("whole", "a whole run")):
        what = f"expected a new folder or that of shard 1/2, got one of {got}; choose another folder"
        for verb in ("check", "run"):
            assert command(monkeypatch, verb, "small.toml", "--shard", "1/2", "--out", folder) == 2
            assert capsys.readouterr() == ("", f"shoal: {folder}: {what}\n")
    with Store.reopen(Path("2")) as store:
        store.put_fact("shard", {"number": 3, "count": 2})
    damaged = "2: the shard in its results is not what Shoal writes"
    assert refusal("1", "2") == damaged
    for words in (["run", "small.toml", "--shard", "1/2", "--out", "2"], ["show", "2"]):
        assert command(monkeypatch, *words) == 2
        assert capsys.readouterr() == ("", f"shoal: {damaged}\n")
    assert command(monkeypatch, "predict", "2", "rows.csv") == 2
    nothing = "expected a model file, got nothing there: a run makes it at its end"
    assert capsys.readouterr() == ("", f"shoal: 2/model.safetensors: {nothing}\n")


@pytest.mark.parametrize("text", ["0/16", "17/16", "3", "a/b"])
def test_a_wrong_shard_is_one_line(
    here: Path, text: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    for verb in ("check", "run"):
        assert command(monkeypatch, verb, "small.toml", "--shard", text) == 2
        said = f"expected a number and how many there are, such as 3/16, the first from 1 to the second, got '{text}'"
        assert capsys.readouterr() == ("", f"shoal: --shard: {said}\n")


def test_who_follows_merge_knows_the_score_of_the_search(here: Path) -> None:
    a_shard(Path(), 1, "by mae", changes=("search.metric=mae",))
    shoal.run("small.toml", shard="1/2", out="no search", search=None, workers=1)
    folders = [Path("by mae"), Path("1"), Path("no search"), Path("nowhere")]
    assert [shard_metric(folder) for folder in folders] == ["mae", "loss", "loss", "loss"]


def test_merge_that_was_stopped_says_how_to_go_on(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def stopped(_: object) -> None:
        raise Stop(signal.SIGTERM)

    monkeypatch.setattr("shoal.merging.read_shards", stopped)
    monkeypatch.setattr(cli, "_leave", sys.exit)
    assert command(monkeypatch, "merge", "1", "2") == 143
    said = "shoal: stopped; what is finished is kept, and the same command goes on from here\n"
    assert capsys.readouterr() == ("", said)


def test_merge_without_folders(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert command(monkeypatch, "merge") == 2
    assert capsys.readouterr().err.startswith("shoal: DIR...: expected a value, got nothing; see ")


def test_versions_apart_say_which_has_what() -> None:
    mine = {"trainers": {"native": "native-2", "torch": "torch-1"}, "versions": {"numpy": "2.3"}}
    other = {"trainers": {"native": "native-1"}, "versions": {"numpy": "2.3", "torch": "2.9"}}
    assert list(versions_apart(mine, other)) == [
        "its trainer native is native-2, not native-1",
        "it alone has trainer torch",
        "it has no torch",
    ]
