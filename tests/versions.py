"""The suite under the oldest or the newest versions that pyproject.toml allows: `versions.py oldest` or `newest`.

Each has an environment of its own, `.oldest-venv` and `.newest-venv`, made anew by the Python that runs this, with
Shoal installed as a user has it. There the core of the suite runs; and what one built-in study and the estimators come
to must be, byte for byte, what they come to in `.venv`, which has the versions of constraints.txt.

Torch alone is that of constraints.txt in both, since its builds are large and a machine may have that of one version
only; `--torch VERSION` takes another.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
BOUND: Final = re.compile(r"([A-Za-z0-9._-]+)>=(\d+(?:\.\d+)*)")
NO_CORE: Final = ("--ignore=tests/test_drawn_benchmarks.py",)
"""Tests of the benchmarks: minutes long, and what they measure is run with the versions of constraints.txt."""
OLD_SAY: Final = ("-W", "ignore::DeprecationWarning", "-W", "ignore::PendingDeprecationWarning")
"""Old libraries use what newer ones below them call deprecated; where it is we who do, the newest versions tell."""
SHORT: Final = (
    "training.epochs=30",
    "compare[0].training.epochs=60",
    "compare[1].training.epochs=60",
    "study.repeats=2",
)


def requirements(project: dict[str, Any]) -> list[str]:
    """Give every requirement of a pyproject.toml but the project's own extras."""
    extras = project["project"]["optional-dependencies"].values()
    lists = [project["build-system"]["requires"], project["project"]["dependencies"], *extras]
    own = f"{project['project']['name']}["
    return [wanted for some in lists for wanted in some if not wanted.startswith(own)]


def lower_bounds(wanted: list[str]) -> dict[str, str]:
    """Give the oldest version that each requirement allows; ValueError for one that is no lower bound alone."""
    found = {}
    for requirement in wanted:
        match = BOUND.fullmatch(requirement)
        if match is None:
            raise ValueError(f"expected NAME>=VERSION, got {requirement!r}")
        found[match[1]] = match[2]
    return found


def pins() -> dict[str, str]:
    """Give the versions of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def asked_for(which: str, torch: str) -> dict[str, str]:
    """Give the versions that are to be had: all lower bounds, or none but torch's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    bounds = lower_bounds(requirements(project)) if which == "oldest" else {}
    return {**bounds, "torch": torch}


def make_environment(which: str, versions: dict[str, str]) -> str:
    """Make the environment anew with Shoal and what its tests need; give its Python."""
    folder = ROOT / f".{which}-venv"
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    python, constraints = str(folder / "bin" / "python"), folder / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()), "utf-8")
    install = [
        python,
        *["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c"],
        str(constraints),
    ]
    subprocess.run([*install, "--upgrade", "setuptools"], check=True)  # venv brings one of its own
    subprocess.run([*install, "--no-build-isolation", f"{ROOT}[test]"], check=True)
    return python


def outcomes() -> dict[str, str]:
    """Run a built-in study with each trainer, draw its report, train the estimators: a digest of what comes of each."""
    found = {f"two-peaks, trainer {trainer}": _study(trainer) for trainer in ("auto", "torch")}
    return found | {f"estimators, {name}": digest for name, digest in _estimators()}


def _study(trainer: str) -> str:
    from shoal.results import Results

    with tempfile.TemporaryDirectory() as folder:
        changes = [part for change in SHORT for part in ("--set", change)]
        run = ["run", "two-peaks", *changes, "--trainer", trainer, "--out", folder]
        for command in (run, ["report", folder]):
            subprocess.run([sys.executable, "-m", "shoal", *command], check=True, stdout=subprocess.DEVNULL)
        results = Results.open(folder)
        if results.missing or not (Path(folder) / "report.html").stat().st_size:
            raise RuntimeError(f"not made: {results.missing}")
        return results.digest


def _estimators() -> list[tuple[str, str]]:
    from sklearn.datasets import load_digits

    import shoal

    # Exact numbers: what scikit-learn reads of other tables differs in the last bit from version to version.
    numbers, kinds = load_digits(return_X_y=True)
    numbers, kinds = numbers[:300] / 16, kinds[:300]
    few: dict[str, Any] = {"hidden_layer_sizes": (12,), "max_iter": 8, "random_state": 3}
    found = []
    for network, x, y in (
        (shoal.MLPRegressor(**few), numbers, kinds.astype(float)),
        (shoal.MLPClassifier(**few), numbers, kinds),
        (shoal.CNNClassifier(**few), numbers.reshape(-1, 8, 8), kinds),
    ):
        search = shoal.GridSearchCV(network, {"learning_rate_init": [0.01, 0.02]}, cv=3).fit(x, y)
        came = [search.oof_predictions_, search.predict(x), *search.best_estimator_.coefs_]
        found.append((type(network).__name__, hashlib.sha256(b"".join(map(bytes, came))).hexdigest()))
    return found


def told_by(python: str) -> dict[str, str]:
    """Ask another Python for its outcomes."""
    answer = subprocess.run([python, __file__, "outcomes"], check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(answer.stdout))


def main() -> int:
    """Do what the command line asks for; 0 where all is as it is to be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("which", choices=("oldest", "newest", "outcomes"))
    parser.add_argument("--torch", default=pins()["torch"], metavar="VERSION")
    given = parser.parse_args()
    if given.which == "outcomes":
        print(json.dumps(outcomes()))
        return 0
    python = make_environment(given.which, asked_for(given.which, given.torch))
    subprocess.run([python, "-m", "pip", "freeze", "--disable-pip-version-check"], check=True)
    ours, theirs = told_by(str(ROOT / ".venv" / "bin" / "python")), told_by(python)
    for name, digest in ours.items():
        print(name, digest, "equal" if theirs[name] == digest else f"but here {theirs[name]}", flush=True)
    core = [*NO_CORE, *OLD_SAY] if given.which == "oldest" else NO_CORE
    suite = subprocess.run([python, "-m", "pytest", "-p", "no:cacheprovider", *core], check=False, cwd=ROOT)
    return int(ours != theirs or suite.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
