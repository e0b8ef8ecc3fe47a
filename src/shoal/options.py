"""How the values on the command line are read, and what is said of a wrong one: where, what was expected, what came."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

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


def number_of_seconds(text: str) -> float:
    """Take a number of seconds, of any notation that Python's `float` takes; which may be is known where it is used."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"expected a number of seconds such as 8, got {text!r}") from None


def number_of_a_shard(text: str) -> str:
    """Take a shard, such as 3/16."""
    from shoal.shards import shard_of  # which few commands need

    try:
        return str(shard_of(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def usage_problem(error: Any) -> str:
    """Give the line for a usage error of typer."""
    kind = type(
        error
    ).__name__  # by name, since click and the copy that newer typers bring have classes of their own
    help_ = f"see {error.ctx.command_path} --help" if error.ctx else "see --help"
    if kind == "NoSuchOption":
        known = [name for parameter in error.ctx.command.params for name in parameter.opts if name[:1] == "-"]
        bare = {name.lstrip("-"): name for name in known}  # dashes make any two of them alike
        meant = did_you_mean(error.option_name.lstrip("-"), list(bare), lambda name: bare.get(name, name))
        return f"{visible(error.option_name)}: no such option{meant or f'; {help_}'}"
    parameter = getattr(error, "param", None)
    if parameter is None:
        said = error.format_message().rstrip(".")
        return said if said.endswith("?") else f"{said}; {help_}"
    where = parameter.opts[-1] if parameter.opts[-1][:1] == "-" else parameter.metavar or parameter.name
    if kind != "MissingParameter":
        return f"{where}: {error.message}"
    return f"{where}: expected a value, got nothing; {help_}"


StudyArgument = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study file, or a built-in study's name.")
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
SourceArgument = Annotated[Path, typer.Argument(metavar="RUN_OR_MODEL", help="A run folder or a model file.")]
_Many = list[str] | None
SetOption = Annotated[_Many, typer.Option("--set", metavar="KEY=VALUE", help="Override a key. Repeatable.")]
WrittenOption = Annotated[_Many, typer.Option("--set", metavar="KEY=VALUE", help="How INPUT is written.")]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Run folder [runs/STUDY NAME].")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace files of other content.")]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", help="Fits at a time [one a core].", parser=count_of_workers),
]
_Trainer = Literal["auto", "torch", "native"]
_Device = Literal["auto", "cpu", "cuda", "mps"]
_Format = Literal["onnx", "torch"]
TrainerOption = Annotated[_Trainer, choice(_Trainer, "--trainer", what="Who trains.")]
DeviceOption = Annotated[_Device, choice(_Device, "--device", what="Where torch trains.")]
FormatOption = Annotated[_Format, choice(_Format, "--format", what="What to write.")]
DrawnArgument = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="A study, a built-in one's name, a run folder or a model file."),
]
PictureOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="SVG, PDF or PNG [NAME-network.svg].", parser=name_of_a_file),
]
FilmOption = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="GIF, WebP, PNG or MP4 [STUDY-epochs.gif].", parser=name_of_a_file
    ),
]
SecondsOption = Annotated[
    float,
    typer.Option("--seconds", metavar="S", help="How long all epochs take.", parser=number_of_seconds),
]
ShardsArgument = Annotated[
    list[Path], typer.Argument(metavar="DIR...", help="The run folders of all shards.")
]
ShardOption = Annotated[
    str | None,
    typer.Option("--shard", metavar="K/N", help="Train part K of N alone.", parser=number_of_a_shard),
]
ClusterOption = Annotated[
    str | None,
    typer.Option("--cluster", metavar="ADDRESS|local:N", help="Train on the workers of a Dask cluster."),
]
RunsArgument = Annotated[
    list[Path], typer.Argument(metavar="RUN...", help="Run folders, or folders that hold some.")
]
PageOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="HTML page, too.", parser=name_of_a_file)
]
CoverageOption = Annotated[
    float | None,
    typer.Option(
        "--coverage",
        metavar="SHARE",
        help="Add intervals, or sets of classes, that hold this share of new rows.",
        parser=share,
    ),
]
CsvOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="CSV file [printed].", parser=name_of_a_file),
]
CalibratedOption = Annotated[
    bool, typer.Option("--calibrated", help="Probabilities at the temperature of the folds.")
]
ExplainOption = Annotated[
    bool, typer.Option("--explain", help="Add what each input column adds to the prediction.")
]
CarryOption = Annotated[
    _Many, typer.Option("--carry", metavar="COLUMN", help="Repeat a column of the table; may be given often.")
]
MarkOption = Annotated[
    bool, typer.Option("--mark-missing", help="Note rows with missing cells that have no prediction.")
]
StudyFileOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Study file [printed].", parser=name_of_a_file),
]
