"""Shoal trains, cross-validates, tunes and opens up small neural networks.

A study goes in; every candidate is trained on every fold, one is chosen, refitted and tested once:

    import shoal
    results = shoal.run(shoal.load_study("two-peaks"))
    results.candidates      # the search, ranked
    results.comparisons     # the named variants, with their spread
    shoal.load(results.folder).predict(x)

Names are looked up when first used, so that `import shoal` does no work.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "CNNClassifier": "shoal.estimators",
    "MLPClassifier": "shoal.estimators",
    "MLPRegressor": "shoal.estimators",
    "GridSearchCV": "shoal.estimators",
    "Model": "shoal.model",
    "Plan": "shoal.results",
    "RandomizedSearchCV": "shoal.estimators",
    "Results": "shoal.results",
    "Study": "shoal.study",
    "load": "shoal.model",
    "load_study": "shoal.study",
    "plan": "shoal.pipeline",
    "run": "shoal.pipeline",
    "DataError": "shoal.errors",
    "EnvironmentFault": "shoal.errors",
    "InputError": "shoal.errors",
    "Interrupted": "shoal.errors",
    "ModelFileError": "shoal.errors",
    "RunFolderBusy": "shoal.errors",
    "RunFolderError": "shoal.errors",
    "ShoalError": "shoal.errors",
    "StudyError": "shoal.errors",
    "TrainingError": "shoal.errors",
}

__all__ = sorted([*_HOMES, "__version__"])  # noqa: PLE0605 - the table above is the promise


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'shoal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
