"""How a file of new rows is written, where that is otherwise than the one learned from: said by the keys of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from shoal.data import Dialect
from shoal.errors import InputError
from shoal.study import parse_study
from shoal.wording import did_you_mean, quoted


def dialect_said(learned: Dialect, overrides: Sequence[str]) -> Dialect:
    """Lay `KEY=VALUE` over how the file learned from is written. Raises InputError for other keys, and values."""
    if not overrides:
        return learned
    keys = {f"data.{field.name}": field.name for field in fields(Dialect)}
    for text in overrides:
        key = text.partition("=")[0].strip()
        if key not in keys:
            what = f"expected a key that says how the file is written ({', '.join(keys)}), got {quoted(key)}"
            raise InputError(f"--set: {what}{did_you_mean(key, [*keys])}")
    data = {"train": "new rows", "target": "y", **learned.settings()}
    said = parse_study({"study": {"task": "regression"}, "data": data}, overrides).data
    dialect = Dialect(**{name: getattr(said, name) for name in keys.values()})
    for key, what in dialect.problems():
        raise InputError(f"--set data.{key}: {what}")
    return dialect
