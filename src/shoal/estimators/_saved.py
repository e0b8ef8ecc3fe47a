"""A fitted module of a person's own as a file, and back: its state_dict, and what predictions need beside it.

The file is safetensors, as model files are: torch reads it too. The module comes from the program that loads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from shoal.errors import InputError, ModelFileError, Problem, as_path
from shoal.files import Unreadable, opened, size_of, write
from shoal.nets import OwnModule, Recipe, StoredModel, model_bytes, read_model

_FACTS: Final = "estimator"
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "n_features_in_": (int,), "n_outputs_": (int,), "_loss": (str,), "_task_kind": (str, type(None)), "_flat": (bool,),
}  # fmt: skip
"""What a fit sets beside its arrays, as far as a kind of estimator has it."""
_LISTS: Final = ("classes_", "feature_names_in_")


def save(estimator: Any, path: Path | str) -> None:
    """Write a fitted estimator to a file, whole or not at all. Raises InputError where no file holds it."""
    if estimator.dtype != "float32":
        raise InputError(f"dtype: expected float32, which files hold, got {estimator.dtype}")
    fitted = vars(estimator)
    facts: dict[str, Any] = {name: fitted[name] for name in _KINDS if name in fitted}
    facts["kind"] = type(estimator).__name__
    for name in _LISTS:
        if name in fitted:
            labels = fitted[name]
            whole = (
                labels.astype(np.int64) if labels.dtype.kind in "mM" else labels
            )  # moments as numpy counts them
            facts[name] = [labels.dtype.str, whole.tolist()]
    content = model_bytes(estimator._architecture, estimator.parameters_, {_FACTS: facts})
    write(as_path(path, "the path of a model file"), content)


def load(estimator: Any, path: Path | str) -> Any:
    """Fit an estimator by what was saved of one with the same module. Raises ModelFileError for any other file."""
    path = as_path(path, "the path of a model file")
    recipe: Recipe | None = estimator._recipe("module")
    if recipe is None:
        what = "expected a class or function that makes a torch.nn.Module"
        raise InputError(f"module: {what}, got {estimator.module!r}")
    try:
        with opened(path) as stream:
            stored = read_model(stream, size_of(stream), OwnModule(recipe))
        vars(estimator).update(_fitted(type(estimator).__name__, stored))
    except ModelFileError as error:
        raise ModelFileError(Problem(str(path), str(error))) from error
    except Unreadable as error:
        raise ModelFileError(Problem(str(path), error.sentence("a model file"))) from error
    return estimator


def _fitted(kind: str, stored: StoredModel) -> dict[str, Any]:
    """Give what fitting sets, from what a file says."""
    facts, own = stored.facts.get(_FACTS), stored.architecture.own
    if own is None or not isinstance(facts, dict) or facts.get("kind") != kind:
        said = facts.get("kind") if isinstance(facts, dict) else "a model of a run"
        raise ModelFileError(f"expected what {kind}.save writes, got {str(said)[:80]!r}")
    fitted = {name: facts[name] for name in _KINDS if name in facts}
    if not all(isinstance(value, _KINDS[name]) for name, value in fitted.items()):
        raise ModelFileError(f"expected what {kind}.save writes, got other facts")
    try:
        fitted |= {
            name: np.array(facts[name][1], np.dtype(facts[name][0])) for name in _LISTS if name in facts
        }
    except (TypeError, ValueError, IndexError) as error:
        raise ModelFileError(f"expected what {kind}.save writes, got other labels") from error
    return fitted | {
        "parameters_": stored.parameters,
        "_architecture": stored.architecture,
        "_inputs": own.network.inputs,
        "_encoding": None,
        "_distribution": None,
        "_optimizer": None,
    }
