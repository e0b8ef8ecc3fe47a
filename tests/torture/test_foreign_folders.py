"""A project folder with 200 files of a person's: no command changes or deletes one that it did not make."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoal.cli import main

pytestmark = pytest.mark.usefixtures("dots")
LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
OURS = (
    "study.toml", "report.html", "model.safetensors", "run.lock", "figures/01-intro.png", "figures/99-photo.png",
    "figures/10-test-scores.png", "results.txt", ".DS_Store", "m.safetensors", "m.py", "m.onnx", "p.csv", "only.py",
)  # fmt: skip
"""Names that Shoal's own files have too, or might."""
STUDY = (
    '# written by hand\n[study]\ntask = "regression"\n[data]\ntrain = "table.csv"\ntarget = "y"\n'
    "[network]\nhidden = [2]\n[training]\nepochs = 2\n"
)


def fill(project: Path) -> None:
    """Lay 200 files of a person's there, a study and its table among them, and one run folder of ours."""
    drawn = np.random.default_rng(0)
    rows = ["a,y", *(f"{a},{2 * a}" for a in drawn.normal(size=30))]
    for name in (*OURS, *(f"notes/{number}.txt" for number in range(100)), *(f"{n}.dat" for n in range(84))):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_bytes(name.encode() * 10)
    (project / "table.csv").write_text("\n".join(rows))
    (project / "study.toml").write_text(STUDY)
    (project / "link").symlink_to("notes", target_is_directory=True)


def shoal(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["shoal", *arguments])
        patch.setattr("signal.signal", lambda *_: None)
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("projects") / "mine"
    project.mkdir()
    fill(project)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        assert shoal("run", "study.toml", "--out", "runs/good", "--workers", "1") == 0
    return project


def theirs(project: Path) -> dict[str, tuple[bytes, int]]:
    """Every file but those in run folders of ours: content and permissions."""
    paths = (path for path in project.rglob("*") if path.is_file() and "runs" not in path.parts)
    return {str(path.relative_to(project)): (path.read_bytes(), path.stat().st_mode) for path in paths}


NAMES = (
    *OURS,
    *(f"notes/{number}.txt" for number in range(0, 100, 9)),
    "7.dat",
    "study.toml",
    "table.csv",
    "link/1.txt",
)
FOLDERS = (".", "", "notes", "figures", "link", "runs", "runs/good/figures", "notes/..")
NEW = (
    "new",
    "new.csv",
    "only.safetensors",
    "new.safetensors",
    "new.onnx",
    "runs/new",
    "notes/new.safetensors",
    "no/such/new",
)
SPELLED = (
    "{}",
    "./{}",
    "notes/../{}",
    "../mine/{}",
    "link/../{}",
    "{}/",
    "runs/good/../../{}",
    "//{}",
    "{}/.",
)
COMMANDS = (
    ["run", "study.toml", "--workers", "1"],
    ["check", "study.toml"],
    ["predict", "runs/good", "table.csv"],
    ["predict", "runs/good/model.safetensors", "table.csv"],
    ["export", "runs/good", "--format", "torch"],
    ["export", "runs/good", "--format", "onnx"],
)


@settings(
    max_examples=1000 if LONG else 25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    command=st.sampled_from(COMMANDS),
    name=st.one_of(st.sampled_from(NAMES), st.sampled_from(FOLDERS), st.sampled_from(NEW)),
    spelled=st.sampled_from(SPELLED),
    absolute=st.booleans(),
    force=st.booleans(),
)
def test_no_command_with_any_out_changes_what_is_theirs(
    project: Path, command: list[str], name: str, spelled: str, absolute: bool, force: bool
) -> None:
    """With --force the one file that is named, and the module beside torch's weights."""
    before, made = theirs(project), everything(project)
    place = spelled.format(name) if name else ""
    out = f"{project}/{place}" if absolute and place else place.removeprefix("//")
    forced = force and command[0] in ("predict", "export")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        code = shoal(*command, "--out", out, *["--force"] * forced)
    after, new = theirs(project), everything(project) - made
    for path in sorted(new, reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    changed = {one for one, what in before.items() if after.get(one) != what}
    for one in changed:
        (project / one).write_bytes(before[one][0])
        (project / one).chmod(before[one][1])
    named = name.replace("link/", "notes/")
    assert changed <= ({named, named.replace(".safetensors", ".py")} if forced else set())
    assert code in ((0, 2) if forced or name in NEW else (2,))
    assert code == 0 or not (changed or new)


def everything(project: Path) -> set[Path]:
    return set(project.rglob("*"))


@pytest.mark.parametrize("command", [["show"], ["report"], ["predict"], ["check"]])
def test_looking_at_a_folder_that_is_none_of_ours(project: Path, command: list[str]) -> None:
    before = theirs(project)
    more = {"predict": ["table.csv"], "check": ["--out", "notes"]}.get(command[0], [])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        assert shoal(*command, "." if command != ["check"] else "study.toml", *more) == 2
    assert theirs(project) == before


def test_files_laid_into_a_run_folder_of_ours_stay(project: Path) -> None:
    run = project / "runs" / "good"
    for name in ("notes.txt", ".DS_Store", "figures/holiday.png", "figures/99-photo.png"):
        (run / name).write_bytes(b"theirs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        for command in (
            ["run", "study.toml", "--out", "runs/good", "--workers", "1"],
            ["report", "runs/good"],
        ):
            assert shoal(*command) == 0
    for name in ("notes.txt", ".DS_Store", "figures/holiday.png", "figures/99-photo.png"):
        assert (run / name).read_bytes() == b"theirs"
    (run / "study.toml").write_text(STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        assert shoal("run", "study.toml", "--out", "runs/good", "--workers", "1") == 2
    assert (run / "study.toml").read_text() == STUDY
