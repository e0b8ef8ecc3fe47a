"""What is passed on: files, tag and metadata of a wheel, files of the source distribution; where the core is sought."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import shoal.core
from shoal.core import load_core
from wheels import HOUSE, ROOT, faults_of, is_taken, modules_and_data, project

NEEDS_CORE = pytest.mark.skipif(load_core() is None, reason="the native core is not built on this machine")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel, of the core in place, and the source distribution; the tree stays as it is."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(folder)]
    command += ["build", "--build-base", str(folder / "build")]
    command += ["bdist_wheel", "--bdist-dir", str(folder / "unpacked"), "--dist-dir", str(folder)]
    subprocess.run([*command, "sdist", "--dist-dir", str(folder)], cwd=ROOT, check=True)
    return folder


@pytest.fixture
def wheel(dist: Path) -> Path:
    return next(dist.glob("*.whl"))


@NEEDS_CORE
def test_a_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    assert faults_of(wheel) == []
    assert {
        "shoal/py.typed",
        "shoal/study/two-peaks.toml",
        "shoal/look/page/report.css.jinja",
    } < modules_and_data()


@NEEDS_CORE
def test_its_core_is_the_one_in_place(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        core = next(HOUSE.glob("_core.*"))
        assert archive.read(f"shoal/{core.name}") == core.read_bytes()


@NEEDS_CORE
def test_every_fault_of_a_wheel_is_named(wheel: Path, tmp_path: Path) -> None:
    platform = wheel.stem.rpartition("-")[2]
    spoilt = tmp_path / f"shoal-0.2-cp311-none-{platform}.whl"
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(spoilt, "w") as new:
        for file in old.namelist():
            if file != "shoal/py.typed":
                new.writestr(file, old.read(file))
        new.writestr("tests/test_wheels.py", "")
    assert faults_of(spoilt) == [
        f"{spoilt.name}: version: '0.2 0.1.0', not '0.1.0 0.1.0'",
        f"{spoilt.name}: tag: 'cp311-none-{platform} py3-none-{platform}',"
        f" not 'py3-none-{platform} py3-none-{platform}'",
        f"{spoilt.name}: files that are missing: 'shoal/py.typed', not ''",
        f"{spoilt.name}: files too many: 'tests/test_wheels.py', not ''",
    ]


@NEEDS_CORE
def test_the_python_that_built_a_wheel_takes_it_and_no_foreign(wheel: Path) -> None:
    foreign = wheel.with_stem(wheel.stem.rpartition("-")[0] + "-plan9_mips")
    assert [is_taken(path, [sys.executable]) for path in (wheel, foreign)] == [True, False]


def test_the_source_distribution_builds_the_core_and_holds_no_tests(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    native = {f"src/native/{path.name}" for path in (ROOT / "src" / "native").iterdir()}
    assert (
        native | {f"src/{name}" for name in modules_and_data()} | {"setup.py", "pyproject.toml", "LICENSE"}
        <= files
    )
    assert {name for name in files if name.startswith(("tests", "benchmarks")) or "/_core." in name} == set()


def test_every_platform_has_a_tag_and_a_target() -> None:
    platforms = project()["tool"]["shoal"]["wheels"]
    processors = {"x86_64": ("x86_64", "amd64"), "aarch64": ("aarch64", "arm64")}
    for platform, target in platforms.items():
        assert platform.endswith(processors[target.partition("-")[0]])


@NEEDS_CORE
@pytest.mark.parametrize("name", ["_core.so", "_core.dylib", "_core.dll"])
def test_the_core_is_sought_by_its_name_before_the_ending(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(next(HOUSE.glob("_core.*")), tmp_path / name)
    monkeypatch.setattr(shoal.core, "__file__", str(tmp_path / "core.py"))
    library = load_core.__wrapped__()
    assert library is not None
    assert library._name == str(tmp_path / name)


def test_without_a_file_there_is_no_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shoal.core, "__file__", str(tmp_path / "core.py"))
    assert load_core.__wrapped__() is None
