"""Wheels: `wheels.py [PLATFORM ...]` builds the source distribution and from it a wheel of each platform into `dist/`.

The platforms are those of pyproject.toml, whose cores Zig compiles on any machine. What each wheel holds is looked at,
and which libraries its core needs. Those that a Python here takes are installed into an environment of their own, where
a built-in study has to come to the same bytes as with the core in place, which the compiler of this machine made.
`--python` names a Python of another processor with what runs it: `--python "qemu-aarch64-static -L ROOT python3"`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath
from typing import Any, Final

import packaging
from packaging.tags import Tag, parse_tag
from packaging.utils import parse_wheel_filename

ROOT: Final = Path(__file__).parent.parent
HOUSE: Final = ROOT / "src" / "shoal"
CORES: Final = {
    "win": "_core.dll",
    "mac": "_core.dylib",
    "man": "_core.so",
    "mus": "_core.so",
    "lin": "_core.so",
}
SYSTEM: Final = {
    "win": r"KERNEL32\.dll|ntdll\.dll|api-ms-win-crt-[a-z0-9-]+\.dll",
    "mac": r"/usr/lib/libSystem\.B\.dylib",
    "man": r"lib(c|m|dl|pthread)\.so\.\d|ld-linux-[a-z0-9-]+\.so\.\d",
    "mus": r"libc\.so",
}
"""Libraries that every system of a platform has."""
OLDEST_GLIBC: Final = (2, 17)
"""That of manylinux2014."""


def project() -> dict[str, Any]:
    """Read pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def modules_and_data() -> set[str]:
    """Name every file that Shoal is, as a wheel does: all of the package's folder but what is compiled."""
    files = [path for path in HOUSE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {
        path.relative_to(HOUSE.parent).as_posix() for path in files if path.stem.partition(".")[0] != "_core"
    }


def faults_of(wheel: Path) -> list[str]:
    """Say what of a wheel's name, files and metadata is not as it should be."""
    about = project()["project"]
    name, version, _, tags = parse_wheel_filename(wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
        places = {PurePosixPath(file).name: file for file in files if ".dist-info/" in file}
        metadata, kind = (
            HeaderParser().parsestr(archive.read(places[file]).decode()) for file in ("METADATA", "WHEEL")
        )
    tag = next(iter(tags))
    core = f"{about['name']}/{CORES[tag.platform[:3]]}"
    expected = modules_and_data() | {core, *places.values()}
    right = Tag("py3", "none", tag.platform)
    parts = {
        "name": (f"{name} {metadata['Name']}", f"{about['name']} {about['name']}"),
        "version": (f"{version} {metadata['Version']}", f"{about['version']} {about['version']}"),
        "tag": (f"{tag} {kind['Tag']}", f"{right} {right}"),
        "Python": (metadata["Requires-Python"], about["requires-python"]),
        "files that are missing": (" ".join(sorted(expected - files)), ""),
        "files too many": (" ".join(sorted(files - expected)), ""),
    }
    return [
        f"{wheel.name}: {what}: {is_!r}, not {wanted!r}"
        for what, (is_, wanted) in parts.items()
        if is_ != wanted
    ]


def libraries_of(wheel: Path) -> list[str]:
    """Say which libraries, or versions of glibc, the core of a wheel needs that its systems may lack."""
    import lief

    platform = next(iter(parse_wheel_filename(wheel.name)[3])).platform
    with zipfile.ZipFile(wheel) as archive:
        core = lief.parse(list(archive.read(f"shoal/{CORES[platform[:3]]}")))
    system = re.compile(SYSTEM[platform[:3]], re.IGNORECASE)
    libraries = [getattr(library, "name", library) for library in core.libraries]
    foreign = [name for name in libraries if not system.fullmatch(name)]
    for needed in getattr(core, "symbols_version_requirement", ()):
        for version in needed.get_auxiliary_symbols():
            numbers = tuple(map(int, re.findall(r"\d+", version.name)))
            if numbers > OLDEST_GLIBC:
                foreign.append(version.name)
    return [f"{wheel.name}: its core needs {name}" for name in foreign]


def build(out: Path, platforms: list[str]) -> list[Path]:
    """Build the source distribution and, from it, the wheels; the same bytes whenever and wherever that is done."""
    date = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    environment = {**os.environ, "SOURCE_DATE_EPOCH": date.stdout.strip()}
    about = project()["project"]
    source = out / f"{about['name']}-{about['version']}.tar.gz"
    sdist = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(sdist, check=True, env=environment, stdout=subprocess.DEVNULL)
    wheels = []
    for platform in platforms:
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        command += ["--no-build-isolation", f"--config-settings=--build-option=--plat-name={platform}"]
        subprocess.run([*command, "--wheel-dir", str(out), str(source)], check=True, env=environment)
        wheels += [out / f"{about['name']}-{about['version']}-py3-none-{platform}.whl"]
        print(f"built {wheels[-1].name}, {wheels[-1].stat().st_size / 1e6:.1f} MB", flush=True)
    return wheels


def is_taken(wheel: Path, python: list[str]) -> bool:
    """Ask a Python whether it takes a wheel."""
    place = str(Path(packaging.__path__[0]).parent)
    question = (
        f"import sys; sys.path.append({place!r}); from packaging.tags import sys_tags; print(*sys_tags())"
    )
    answer = subprocess.run([*python, "-c", question], check=True, capture_output=True, text=True).stdout
    taken = frozenset[Tag]().union(*map(parse_tag, answer.split()))
    return not taken.isdisjoint(parse_wheel_filename(wheel.name)[3])


def installed(wheel: Path, python: list[str], folder: Path) -> list[str]:
    """Install a wheel and what it needs, compiling nothing; give the command of a Python that has it."""
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    pip += ["--constraint", str(ROOT / "constraints.txt"), str(wheel)]
    if python == [sys.executable]:
        subprocess.run([*python, "-m", "venv", str(folder)], check=True)
        own = str(next(folder.glob("[bS]*/python*")))
        subprocess.run([own, *pip], check=True)
        return [own]
    # Of another processor: this Python unpacks what that one imports.
    question = "import platform, sys; print(platform.machine(), *sys.version_info[:2], sep='_')"
    answer = subprocess.run([*python, "-c", question], check=True, capture_output=True, text=True).stdout
    machine, version = answer.strip().split("_", 1)
    libraries = [f"--platform=manylinux{glibc}_{machine}" for glibc in ("2014", "_2_17", "_2_27", "_2_28")]
    there = [f"--python-version={version.replace('_', '.')}", f"--target={folder}"]
    subprocess.run([sys.executable, *pip, *libraries, *there], check=True)
    return ["env", f"PYTHONPATH={folder}", *python]


def digest_of(python: list[str], folder: Path) -> str:
    """Run a short form of a built-in study; give one SHA-256 over its results and the bytes of its model file."""
    study = (HOUSE / "study" / "two-peaks.toml").read_text("utf-8")
    folder.mkdir()
    (folder / "short.toml").write_text(re.sub(r"epochs = \d+", "epochs = 20", study), "utf-8")
    request = {
        "study": str(folder / "short.toml"),
        "out": str(folder / "run"),
        "workers": 1,
        "trainer": "native",
    }
    command = [
        *python,
        str(ROOT / "tests" / "torture" / "digest_run.py"),
        json.dumps({**request, "kill": None}),
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout.strip()


def try_out(wheel: Path, python: list[str]) -> list[str]:
    """Install a wheel and run with it; say where its results are not those of the core in place."""
    with tempfile.TemporaryDirectory() as folder:
        own = installed(wheel, python, Path(folder, "installed"))
        ours, theirs = (
            digest_of(used, Path(folder, name))
            for used, name in (([sys.executable], "ours"), (own, "theirs"))
        )
    print(f"run with {wheel.name}: {theirs}", flush=True)
    return [] if ours == theirs else [f"{wheel.name}: results are {theirs}, not {ours}"]


def main() -> int:
    """Do what the command line asks for; 0 where all is as it is to be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help="all that pyproject.toml lists")
    parser.add_argument("--python", default="", metavar="COMMAND", help="a Python of another processor")
    asked = parser.parse_args()
    wheels = build(ROOT / "dist", asked.platforms or list(project()["tool"]["shoal"]["wheels"]))
    pythons = [[sys.executable], *([shlex.split(asked.python)] if asked.python else [])]
    faults = [fault for wheel in wheels for fault in (*faults_of(wheel), *libraries_of(wheel))]
    for wheel in wheels:
        takers = [python for python in pythons if is_taken(wheel, python)]
        for python in takers:
            faults += try_out(wheel, python)
        if not takers:
            print(f"not run, since no Python here takes it: {wheel.name}", flush=True)
    print(*faults, sep="\n", end="")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
