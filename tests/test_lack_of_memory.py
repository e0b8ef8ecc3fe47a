"""Lack of memory is called so by whatever name it comes, and a limit in which nothing can work is refused at once."""

from __future__ import annotations

import ast
import errno
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

import shoal
from shoal import cli, space
from shoal.errors import EnvironmentFault
from shoal.parts import REPORT, Parts
from test_cli_ends import ended

NOT_LOADED = (
    ImportError("/usr/lib/x.so: failed to map segment from shared object"),
    ImportError("/usr/lib/x.so: cannot map zero-fill pages: Cannot allocate memory"),
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory, dots: None) -> Path:
    """A run with a search and comparisons, as short as may be."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    short = ["training.epochs=2", "compare[0].training.epochs=2", "compare[1].training.epochs=2"]
    shoal.run(shoal.load_study("two-peaks", (*short, "study.repeats=2", "search.folds=2")), out=folder)
    return folder


@pytest.mark.parametrize("fault", NOT_LOADED)
@pytest.mark.parametrize("wrapped", [False, True])
def test_lack_of_memory_by_any_name_ends_the_command(fault: Exception, wrapped: bool) -> None:
    """Packages wrap what their library says: "C extension: ... not built"."""
    parts, raised = Parts(), ImportError("C extension: x not built") if wrapped else fault
    with pytest.raises(EnvironmentFault) as caught, parts.attempt("figure x", REPORT):
        raise raised from (fault if wrapped else None)
    assert str(caught.value) == "figure x: out of memory; what is finished is kept"
    assert not parts.missing


@pytest.mark.parametrize("reason", ["Operation not permitted", "Permission denied"])
def test_a_library_that_may_not_be_run_is_no_lack_of_memory(reason: str) -> None:
    parts = Parts([].append)
    with parts.attempt("figure x", REPORT):
        raise ImportError(f"x.so: failed to map segment from shared object: {reason}")
    assert len(parts.missing) == 1


NARROW = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are kept as Linux keeps them")


def limited(name: str, most: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command within a limit of so many MiB."""
    return ended(f"""
import resource, sys
resource.setrlimit(resource.{name}, ({most} << 20, resource.RLIM_INFINITY))
from shoal import cli
sys.argv = ["shoal", *{arguments!r}]
cli.main()""")


@NARROW
@pytest.mark.parametrize(("name", "option"), [("RLIMIT_AS", "v"), ("RLIMIT_DATA", "d")])
@pytest.mark.parametrize(("least", "command"), [("256", ("show", "here")), ("1,024", ("run", "two-peaks"))])
def test_a_limit_that_the_libraries_do_not_fit_into_is_refused(
    name: str, option: str, least: str, command: tuple[str, ...]
) -> None:
    """Below it, loading them was seen to crash, and to wait for ever."""
    done = limited(name, 200, *command)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"shoal: memory: expected a limit of at least {least} MiB (ulimit -{option}), got 200 MiB;"
        " the libraries need that much to be loaded\n"
    )


@NARROW
@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("new", "regression")])
def test_what_a_command_does_can_be_read_in_little_space(arguments: tuple[str, ...]) -> None:
    done = limited("RLIMIT_AS", 100, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@NARROW
@pytest.mark.parametrize(("name", "most"), [("RLIMIT_AS", 256), ("RLIMIT_AS", 400), ("RLIMIT_DATA", 256)])
def test_reading_in_little_space_works_or_is_refused_in_one_line(
    name: str, most: int, run_folder: Path, tmp_path: Path
) -> None:
    """It never waits, and never crashes; predictions of a small network need little."""
    (tmp_path / "rows.csv").write_text("input\n0.5\n", encoding="utf-8")
    for command in (
        ("check", "two-peaks"),
        ("show", str(run_folder)),
        ("predict", str(run_folder), str(tmp_path / "rows.csv")),
    ):
        done = limited(name, most, *command)
        lines = done.stderr.splitlines()
        assert done.returncode == 0 or (done.returncode == 3 and "memory" in lines[-1]), done
        assert done.returncode == 0 or command[0] != "predict", done
        assert "Traceback" not in done.stderr


def test_libraries_that_may_wait_for_ever_are_loaded_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one thread each, whatever the cores: every thread takes space of its own."""
    loaded: list[str] = []
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "64")
    monkeypatch.setattr(space, "_limits", lambda: {"v": 300})
    monkeypatch.setattr(space.importlib, "import_module", loaded.append)
    with space.loading():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert (loaded, os.environ["OPENBLAS_NUM_THREADS"]) == (["numpy", "scipy.special"], "1")


@pytest.mark.parametrize("limits", [{}, {"v": 1 << 20}])
def test_where_there_is_space_nothing_is_loaded_early(
    monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]
) -> None:
    monkeypatch.setattr(space, "_limits", lambda: limits)
    monkeypatch.setattr(space.importlib, "import_module", pytest.fail)
    with space.loading():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_every_command_that_computes_looks_at_the_space_before_it_loads_anything() -> None:
    tree = ast.parse(Path(cli.__file__).read_text(encoding="utf-8"))
    commands = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and ".command(" in ast.unparse(node)
    ]
    without = [one.name for one in commands if not ast.unparse(one.body[1]).startswith("with loading(")]
    assert without == ["new"]


def test_a_library_that_cannot_be_loaded_for_lack_of_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def loading(**_: object) -> None:
        raise ImportError("libtorch_cpu.so: failed to map segment from shared object")

    monkeypatch.setattr(cli, "app", loading)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 3
    assert capsys.readouterr().err == "shoal: out of memory; fewer --workers need less\n"
