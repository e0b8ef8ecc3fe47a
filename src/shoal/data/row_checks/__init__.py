"""One check of the rows, one file: each module here holds a `CHECK`, and what stands here is looked for."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from shoal.data._dataset import Dataset
from shoal.data._row_check import RowCheck, one_thread, with_medians


def checks_of_rows() -> list[RowCheck]:
    """Give every check of the rows, by name."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    everyone: list[RowCheck] = [import_module(f"{__name__}.{name}").CHECK for name in names]
    return sorted(everyone, key=lambda check: check.name)


def findings_in_rows(dataset: Dataset, *, shuffled: bool) -> dict[str, str]:
    """Give what the checks of the rows measured, by name; `shuffled`: rows are dealt to folds at random."""
    filled = with_medians(dataset)
    with one_thread():
        clauses = {check.name: check.find(filled, shuffled) for check in checks_of_rows()}
    return {name: clause for name, clause in clauses.items() if clause}
