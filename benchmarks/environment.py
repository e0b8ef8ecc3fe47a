"""Where a measurement was made: the peers' own environment, versions, hardware."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PEERS_FOLDER = ROOT / ".bench-venv"
PEERS_PYTHON = PEERS_FOLDER / "bin" / "python"
PEERS = ("torch==2.13.0", "scikit-learn", "skorch")
PACKAGES = ("torch", "numpy", "scikit-learn", "skorch", "joblib", "shoal")
ONE_CORE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def ensure_peers() -> None:
    """Make `.bench-venv` with the peers, pinned like ours, unless it is there already."""
    if not PEERS_PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS_FOLDER)], check=True)
    if set(PACKAGES[:5]) - set(_versions(str(PEERS_PYTHON))):
        command = [
            str(PEERS_PYTHON),
            "-m",
            "pip",
            "install",
            "-q",
            *PEERS,
            "-c",
            str(ROOT / "constraints.txt"),
        ]
        subprocess.run(command, check=True)


def run_here(python: str, *arguments: str) -> str:
    """Run a Python command in the repository's root; give what it prints, or raise with what it complained of."""
    answer = subprocess.run([python, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    if answer.returncode:
        raise RuntimeError(f"python {' '.join(arguments)} failed:\n{answer.stderr}")
    return answer.stdout


def cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def commit() -> str:
    """Name the commit that is checked out."""
    answer = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    return answer.stdout.strip() or "none yet"


def describe() -> list[str]:
    """Lines for the head of a record: hardware, load, versions on both sides."""
    ours = _versions(sys.executable)
    peers = _versions(str(PEERS_PYTHON)) if PEERS_PYTHON.exists() else {"none": "installed"}
    load = f"{os.getloadavg()[0]:.2f}" if sys.platform != "win32" else "unknown"
    return [
        f"- processor: {_processor()}, {cores()} cores; load before the run: {load}",
        f"- system: {platform.system()} {platform.machine()}, Python {platform.python_version()}",
        f"- ours: {_listed(ours)}; commit {commit()}",
        f"- peers: {_listed(peers)}",
    ]


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _versions(python: str) -> dict[str, str]:
    question = (
        "import importlib.metadata as m, json; found = {d.metadata['Name']: d.version for d in m.distributions()};"
        f"print(json.dumps({{name: found[name] for name in {PACKAGES} if name in found}}))"
    )
    return dict(json.loads(run_here(python, "-c", question)))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "")
    widest = next((name for name in ("avx512f", "avx2") if f" {name}" in flags), "")
    return " ".join(part for part in (names[0] if names else "unknown", widest and f"({widest})") if part)
