"""The command line: `shoal check | run | merge | show | report | compare | draw | animate | predict | export | ...`.

Every refusal is a line and an exit code.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from shoal.errors import EnvironmentFault, Interrupted, ShoalError, lacks_memory
from shoal.kinds import TASKS, Task
from shoal.options import (
    CalibratedOption,
    CarryOption,
    ClusterOption,
    CoverageOption,
    CsvOption,
    DeviceOption,
    DrawnArgument,
    ExplainOption,
    FilmOption,
    ForceOption,
    FormatOption,
    MarkOption,
    OutOption,
    PageOption,
    PictureOption,
    RunArgument,
    RunsArgument,
    SecondsOption,
    SetOption,
    ShardOption,
    ShardsArgument,
    SourceArgument,
    StudyArgument,
    StudyFileOption,
    TrainerOption,
    WorkersOption,
    WrittenOption,
    choice,
    kind_or_table,
    name_of_a_file,
    one_of,
    usage_problem,
)
from shoal.parts import SHOW, Missing, Parts
from shoal.space import LEAST_TO_DRAW, is_narrow, loading
from shoal.standard_streams import fill_closed_streams, print_out, show_any_text, write_out
from shoal.stopping import Stop, on_signals, stop, stop_again
from shoal.wording import listed, visible, visible_lines

if TYPE_CHECKING:
    from shoal.engine import Watcher
    from shoal.results import Results

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Train, cross-validate, tune and open up small neural networks.",
)
_UsageError: Any = typer.BadParameter.__mro__[1]  # of click, or of the copy that newer typers bring
data_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The built-in data sets.")
app.add_typer(data_app, name="data")


@app.command()
def check(
    study: StudyArgument,
    set_: SetOption = None,
    out: OutOption = None,
    workers: WorkersOption = None,
    trainer: TrainerOption = "auto",
    device: DeviceOption = "auto",
    *,
    shard: ShardOption = None,
) -> None:
    """Validate a study and print its plan: fits, memory, time.

    Every mistake at once; steps and parameters too. Nothing is trained or written.
    """
    with loading():
        from shoal.planning import plan
        from shoal.study import load_study

    asked = load_study(study, tuple(set_ or ()))
    print_out(plan(asked, out=out, workers=workers, trainer=trainer, device=device, shard=shard).text)


@app.command()
def run(
    study: StudyArgument,
    set_: SetOption = None,
    out: OutOption = None,
    workers: WorkersOption = None,
    trainer: TrainerOption = "auto",
    device: DeviceOption = "auto",
    *,
    shard: ShardOption = None,
    cluster: ClusterOption = None,
) -> None:
    """Train what is missing, choose, refit, test, draw, report.

    With --shard train one part of what needs no scores; `merge` does the rest. With --cluster train on other machines.
    """
    with loading(LEAST_TO_DRAW):
        from shoal.pipeline import run as run_study
        from shoal.study import load_study

    asked = load_study(study, tuple(set_ or ()))
    metric = asked.search.metric if asked.search else "loss"
    watcher = _watcher(metric)
    _say(
        run_study(
            asked,
            out=out,
            workers=workers,
            trainer=trainer,
            device=device,
            watcher=watcher,
            shard=shard,
            cluster=cluster,
        )
    )


@app.command()
def merge(
    shards: ShardsArgument,
    set_: SetOption = None,
    out: OutOption = None,
    workers: WorkersOption = None,
    trainer: TrainerOption = "auto",
    device: DeviceOption = "auto",
) -> None:
    """Unite all shards of a study, then choose, refit, test, draw, report.

    Their folders are only read. --set data.train=PATH says where rows lie now.
    """
    with loading(LEAST_TO_DRAW):
        from shoal.merging import merge as merge_shards
        from shoal.results import shard_metric
        from shoal.study import as_keywords

    moved = as_keywords(set_ or ())
    watcher = _watcher(shard_metric(shards[0]))
    _say(
        merge_shards(
            shards, out=out, workers=workers, trainer=trainer, device=device, watcher=watcher, **moved
        )
    )


@app.command()
def show(run: RunArgument) -> None:
    """Print the tables of a run."""
    with loading():
        from shoal.look import results_text
        from shoal.results import Results

    print_out(results_text(Results.open(run), Parts(_tell)))


@app.command()
def report(run: RunArgument) -> None:
    """Make pictures and report.html again, from the store alone."""
    with loading(LEAST_TO_DRAW):
        from shoal.look import SecondProcess, look_at, write_report
        from shoal.results import Results

    parts = Parts(_tell)
    with SecondProcess() as second:
        write_report(Results.open(run), parts, second=second)
    print_out(look_at(run))
    _end(parts.missing)


@app.command()
def draw(
    source: DrawnArgument,
    out: PictureOption = None,
    set_: SetOption = None,
    force: ForceOption = False,
) -> None:
    """Draw a network, from its inputs to its loss; of a study nothing is trained."""
    with loading(LEAST_TO_DRAW):
        from shoal.drawing import write_drawing

    print_out(write_drawing(source, out, tuple(set_ or ()), force=force))


@app.command()
def animate(
    run: RunArgument, out: FilmOption = None, seconds: SecondsOption = 8.0, force: ForceOption = False
) -> None:
    """Write how a network changed over its epochs as a moving picture."""
    with loading(LEAST_TO_DRAW):
        from shoal.look import write_animation
        from shoal.results import Results

    print_out(write_animation(Results.open(run), out, seconds, force=force))


@app.command()
def compare(runs: RunsArgument, out: PageOption = None, force: ForceOption = False) -> None:
    """Hold runs against each other: scores, differences, settings."""
    with loading(LEAST_TO_DRAW):
        from shoal.comparing import write_comparison

    print_out(write_comparison(runs, out, force=force))


@app.command()
def predict(
    source: SourceArgument,
    rows: Annotated[Path, typer.Argument(metavar="INPUT", help="A table, an image, or a folder of images.")],
    *,
    out: CsvOption = None,
    force: ForceOption = False,
    coverage: CoverageOption = None,
    calibrated: CalibratedOption = False,
    explain: ExplainOption = False,
    carry: CarryOption = None,
    mark_missing: MarkOption = False,
    set_: WrittenOption = None,
) -> None:
    """Predict new rows or images: a table as CSV; of a run folder with the spread over the folds' networks."""
    with loading():
        from shoal.predict import Asked, predict_file
        from shoal.results import refuse_to_replace

    if out is not None:
        refuse_to_replace(out, source, rows)
    asked = Asked(coverage=coverage, calibrated=calibrated, explain=explain, mark_missing=mark_missing)
    predictions = predict_file(source, rows, **(asked | Asked(carry=carry or (), written=set_ or ())))
    if out is not None:
        refuse_to_replace(out, *predictions.read)
    for note in predictions.notes:
        _tell(note)
    _hand_over(predictions.to_csv(), out, force=force)


@app.command()
def export(
    source: SourceArgument,
    format_: FormatOption,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.", parser=name_of_a_file)],
    force: ForceOption = False,
) -> None:
    """Write the model for use without Shoal."""
    with loading(LEAST_TO_DRAW):
        from shoal.export import export_onnx, export_torch, torch_files
        from shoal.results import refuse_to_replace

    for file in torch_files(out) if format_ == "torch" else (out,):
        refuse_to_replace(file, source)
    print_out((export_onnx if format_ == "onnx" else export_torch)(source, out, force=force))


@app.command()
def new(
    kind: Annotated[
        Task | None,
        typer.Argument(metavar="KIND", help=f"{listed(TASKS, 'or')}.", parser=one_of(TASKS)),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="TABLE", help="Write it for this table, as it is.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="COLUMN",
            help="What is to be learned; of several columns with commas between them [guessed].",
        ),
    ] = None,
    task: Annotated[Task | None, choice(Task, "--task", what="Numbers, classes or labels [guessed].")] = None,
    out: StudyFileOption = None,
    force: ForceOption = False,
) -> None:
    """Write a commented study file to start from: of a kind, or of a table.

    With --data, what is seen in the table and what is done with each column stands beside it.
    """
    asked = kind_or_table(kind, data, {"--target": target, "--task": task})
    if out is not None:
        with loading():
            from shoal.results import refuse_to_replace

        refuse_to_replace(out, *([data] if data else []))
    if isinstance(asked, Path):
        with loading():
            from shoal.draft import draft_study

        text = draft_study(asked, target, task, out and out.parent)
    else:
        from shoal.study import template

        text = template(asked)
    _hand_over(text, out, force=force)


@data_app.command("list")
def data_list() -> None:
    """List the built-in data sets and whether they are here."""
    with loading():
        from shoal.data import describe_builtin

    for line in describe_builtin():
        print_out(line)


@data_app.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A built-in data set.")],
    address: Annotated[
        str | None, typer.Option("--from", metavar="URL", help="Another place that holds its files.")
    ] = None,
) -> None:
    """Fetch a built-in data set that is not here, each file checked by its SHA-256."""
    with loading():
        from shoal.data import fetch, find_fashion
        from shoal.progress import download_bar

    if name == "fashion-mnist" and (present := find_fashion()):
        print_out(f"{name} is in {present} already")
        return
    with download_bar(sys.stderr.isatty()) as moved:
        folder = fetch(name, progress=moved) if address is None else fetch(name, address, moved)
    print_out(f"{name} is in {folder}")


def _watcher(metric: str) -> Watcher:
    """Follow a run: live on a terminal, by lines elsewhere."""
    from shoal.progress import Live, Plain

    return Live(metric) if sys.stderr.isatty() else Plain(sys.stderr, metric)


def _say(results: Results) -> None:
    """Print what came of a run; of a shard what is to be done with it."""
    from shoal.look import headline_text, look_at, results_text

    parts = Parts(_tell)
    print_out(results_text(results, parts))
    if results.shard is None:
        with parts.attempt("the headline", SHOW):
            print_out(f"\n{headline_text(results)}")  # again at the end, which is what a terminal shows
        print_out(look_at(results.folder))
    _end(results.missing)


def _tell(line: str) -> None:
    """Say a line beside the output."""
    write_out(sys.stderr, f"shoal: {visible(line)}\n")


def _end(missing: Iterable[Missing]) -> None:
    """Leave with exit code 2 where a file that the command promises is missing; a picture less is no failure."""
    if any(part.file for part in missing):
        raise typer.Exit(2)


def _hand_over(content: str, out: Path | None, *, force: bool) -> None:
    """Write a file, or its content to standard output: the very bytes of the file, unless a person reads there."""
    if out is not None:
        from shoal.files import write

        write(out, content.encode("utf-8"), new=not force)
        return
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    print_out(content, "")


def main() -> NoReturn:
    """Run the command line; exit codes: 0, 2, 3, 4, 130 and 143 (see `errors.py`)."""
    on_signals(stop)
    sys.unraisablehook = stop_again
    fill_closed_streams()
    show_any_text()
    try:
        code = app(standalone_mode=False)
    except ShoalError as error:
        _fail(error)
    except _UsageError as error:
        _explain(error)
    except Stop as stopped:
        _fail(Interrupted.by(stopped.args[0], goes_on=sys.argv[1:2] in (["run"], ["merge"])))
    except (MemoryError, ImportError) as error:
        if not lacks_memory(error):
            raise
        _fail(EnvironmentFault("out of memory; fewer --workers need less"))
    except OSError as error:
        _fail(EnvironmentFault(f"the machine failed: {error}"))
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
        _fail(
            EnvironmentFault(
                "the system starts no more threads for this user; end other programs, then try again"
            )
        )
    finally:
        on_signals(signal.SIG_IGN)  # all is done: leave in peace
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: Any) -> NoReturn:
    """Say what is wrong with the command line, in one line; without any command, give the help that was asked for."""
    if type(error).__name__ == "NoArgsIsHelpError":  # by name: click and its copy have classes of their own
        write_out(sys.stderr, visible_lines(error.format_message().expandtabs(4)) + "\n")
    else:
        _tell(usage_problem(error))
    sys.exit(error.exit_code)


def _fail(error: ShoalError) -> NoReturn:
    """Say it, a line a problem, and leave with its exit code; where nobody can be told, the code says it."""
    on_signals(signal.SIG_IGN)
    with suppress(OSError):
        for problem in error.problems:
            _tell(str(problem))
        if isinstance(error, Interrupted) or is_narrow():  # libraries may crash at their end without memory
            _leave(error.exit_code)
    sys.exit(error.exit_code)


def _leave(code: int) -> NoReturn:
    """End at once: the interpreter's own end waits for what other threads are importing or computing."""
    sys.stdout.flush()
    os._exit(code)
