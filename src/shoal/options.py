"""How the values on the command line are read, and what is said of a wrong one: where, what was expected, what came."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import typer

from shoal.errors import InputError, Problem
from shoal.kinds import TASKS, Task
from shoal.wording import did_you_mean, listed, visible, wrong_choice, wrong_count

MOST_WORKERS: Final = 1024
"""Fits at a time, at most."""


def name_of_a_file(text: str) -> Path:
    """Take the name of a file to write; a path would forget the slash that says folder."""
    if os.path.basename(text) in ("", os.curdir, os.pardir):
        raise typer.BadParameter(f"expected the name of a file to write, got {text!r}")
    return Path(text)


def one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    """Make the reader of a choice, which refuses another in the words of the Python API."""

    def read(text: str) -> str:
        if text not in choices:
            raise typer.BadParameter(wrong_choice(text, choices))
        return text

    return read


def choice(kind: Any, *names: str, what: str) -> Any:
    """Make an option that takes one of the values of a Literal."""
    choices = get_args(kind)
    return typer.Option(*names, help=what, parser=one_of(choices), metavar=f"[{'|'.join(choices)}]")


def kind_or_table(kind: Task | None, table: Path | None, of_tables: Mapping[str, object]) -> Task | Path:
    """Give what `shoal new` writes a study of; `of_tables` are the options that go with a table alone.

    Raises InputError for neither, for both, and for such an option beside a kind.
    """
    if kind is not None and table is None:
        for name, value in of_tables.items():
            if value is not None:
                raise InputError(Problem(name, "expected it with --data TABLE, got it with KIND"))
        return kind
    if kind is None and table is not None:
        return table
    got = "neither" if table is None else "both"
    raise InputError(Problem("KIND", f"expected {listed(TASKS, 'or')}, or --data TABLE, got {got}"))


def count_of_workers(text: str) -> int:
    """Take a number of workers, of any notation that Python's `int` takes."""
    try:
        value: int | str = int(text)
    except ValueError:
        value = text
    if not isinstance(value, int) or not 1 <= value <= MOST_WORKERS:
        raise typer.BadParameter(wrong_count(value, MOST_WORKERS))
    return value


def share(text: str) -> float:
    """Take a share, of any notation that Python's `float` takes; which ones may be is known where it is used."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"expected a share such as 0.9, got {text!r}") from None


def usage_problem(error: Any) -> str:
    """Give the line for a usage error of typer."""
    kind = type(
        error
    ).__name__  # by name, since click and the copy that newer typers bring have classes of their own
    help_ = f"see {error.ctx.command_path} --help" if error.ctx else "see --help"
    if kind == "NoSuchOption":
        known = [name for parameter in error.ctx.command.params for name in parameter.opts if name[:1] == "-"]
        meant = did_you_mean(error.option_name, known)
        return f"{visible(error.option_name)}: no such option{meant or f'; {help_}'}"
    parameter = getattr(error, "param", None)
    if parameter is None:
        said = error.format_message().rstrip(".")
        return said if said.endswith("?") else f"{said}; {help_}"
    where = parameter.opts[-1] if parameter.opts[-1][:1] == "-" else parameter.metavar or parameter.name
    if kind != "MissingParameter":
        return f"{where}: {error.message}"
    return f"{where}: expected a value, got nothing; {help_}"
