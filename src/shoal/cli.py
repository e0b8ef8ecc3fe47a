"""The command line: `shoal check | run | show | report | predict | export | data | new`.

Every refusal is a line and an exit code.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from shoal.errors import ShoalError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Train, cross-validate, tune and open up small neural networks.",
)
data_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The built-in data sets.")
app.add_typer(data_app, name="data")

StudyArgument = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study file, or a built-in study's name.")
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
SourceArgument = Annotated[Path, typer.Argument(metavar="RUN_OR_MODEL", help="A run folder or a model file.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key. Repeatable.")
]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Run folder [runs/STUDY NAME].")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, max=1024, help="Fits at a time [one a core].")
]
TrainerOption = Annotated[Literal["auto", "torch", "native"], typer.Option("--trainer", help="Who trains.")]
DeviceOption = Annotated[
    Literal["auto", "cpu", "cuda", "mps"], typer.Option("--device", help="Where torch trains.")
]


@app.command()
def check(
    study: StudyArgument,
    set_: SetOption = None,
    out: OutOption = None,
    workers: WorkersOption = None,
    trainer: TrainerOption = "auto",
    device: DeviceOption = "auto",
) -> None:
    """Validate a study and print the plan: fits, steps, parameters, memory, predicted time. Writes nothing."""
    from shoal.look import plan_text
    from shoal.pipeline import default_folder, default_workers, plan
    from shoal.study import load_study

    asked = load_study(study, tuple(set_ or ()))
    laid_out = plan(asked, out=out, workers=workers, trainer=trainer, device=device)
    typer.echo(plan_text(asked, laid_out, out or default_folder(asked), workers or default_workers()))


@app.command()
def run(
    study: StudyArgument,
    set_: SetOption = None,
    out: OutOption = None,
    workers: WorkersOption = None,
    trainer: TrainerOption = "auto",
    device: DeviceOption = "auto",
) -> None:
    """Train what is missing, choose, refit, test once, draw."""
    from shoal.look import results_text
    from shoal.pipeline import default_folder
    from shoal.pipeline import run as run_study
    from shoal.progress import Live, Plain
    from shoal.study import load_study

    asked = load_study(study, tuple(set_ or ()))
    metric = asked.search.metric if asked.search else "loss"
    watcher = Live(metric) if sys.stderr.isatty() else Plain(sys.stderr, metric)
    results = run_study(asked, out=out, workers=workers, trainer=trainer, device=device, watcher=watcher)
    typer.echo(results_text(results))
    typer.echo(_look_at(out or default_folder(asked)))


@app.command()
def show(run: RunArgument) -> None:
    """Print the tables of a run."""
    from shoal.look import results_text
    from shoal.results import Results

    typer.echo(results_text(Results.open(run)))


@app.command()
def report(run: RunArgument) -> None:
    """Draw the pictures again, from the store alone."""
    from shoal.look import draw_figures
    from shoal.results import Results

    draw_figures(Results.open(run), run / "figures")
    typer.echo(_look_at(run))


@app.command()
def predict(
    source: SourceArgument,
    rows: Annotated[Path, typer.Argument(metavar="INPUT", help="A table, an image, or a folder of images.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="CSV file [printed].")] = None,
) -> None:
    """Predict new rows or images: a CSV table, with a run folder's spread over its folds."""
    from shoal.nets import write_atomically
    from shoal.predict import predict_file

    predictions = predict_file(source, rows)
    for note in predictions.notes:
        typer.echo(f"shoal: {note}", err=True)
    if out is None:
        typer.echo(predictions.to_csv(), nl=False)
    else:
        write_atomically(out, predictions.to_csv().encode("utf-8"))


@app.command()
def export(
    source: SourceArgument,
    format_: Annotated[Literal["onnx", "torch"], typer.Option("--format", help="What to write.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.")],
) -> None:
    """Write the model for use without Shoal."""
    from shoal.export import export_onnx, export_torch

    typer.echo((export_onnx if format_ == "onnx" else export_torch)(source, out))


@app.command()
def new(kind: Annotated[Literal["regression", "classification"], typer.Argument()]) -> None:
    """Print a commented study file to start from."""
    from shoal.study import template

    typer.echo(template(kind), nl=False)


@data_app.command("list")
def data_list() -> None:
    """List the built-in data sets and whether they are here."""
    from shoal.data import describe_builtin

    for line in describe_builtin():
        typer.echo(line)


@data_app.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A built-in data set.")],
    address: Annotated[
        str | None, typer.Option("--from", metavar="URL", help="Another place that holds its files.")
    ] = None,
) -> None:
    """Fetch a built-in data set that is not here, each file checked by its SHA-256."""
    from shoal.data import fetch, find_fashion
    from shoal.progress import download_bar

    if name == "fashion-mnist" and (present := find_fashion()):
        typer.echo(f"{name} is in {present} already")
        return
    with download_bar(sys.stderr.isatty()) as moved:
        folder = fetch(name, progress=moved) if address is None else fetch(name, address, moved)
    typer.echo(f"{name} is in {folder}")


def _look_at(folder: Path) -> str:
    """Name the files to look at, the most telling first."""
    report = folder / "report.html"
    pictures = sorted((folder / "figures").glob("*.png"))
    lines = [f"  {report}"] if report.exists() else []
    if pictures:
        first = ", ".join(path.name for path in pictures[:3])
        lines.append(f"  {folder / 'figures'}{os.sep}  {len(pictures)} pictures; begin with {first}")
    files = (folder / "model.safetensors", folder / "results.sqlite")
    return "\nlook at\n" + "\n".join([*lines, *(f"  {path}" for path in files if path.exists())])


def main() -> NoReturn:
    """Run the command line; exit codes: 0, 2, 3, 4, 130 and 143 (see `errors.py`)."""
    try:
        app(standalone_mode=True)
    except ShoalError as error:
        for problem in error.problems:
            typer.echo(f"shoal: {problem}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("shoal: stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except MemoryError:
        typer.echo("shoal: out of memory; fewer --workers need less", err=True)
        sys.exit(3)
    sys.exit(0)
