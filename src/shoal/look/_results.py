"""Results of a run that show themselves in a notebook, and have its pictures."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from shoal import results as stored
from shoal.errors import as_path
from shoal.files import kind_of
from shoal.look._headline import headline
from shoal.look._notebook import escaped, paragraphs_html, pieces_html, table
from shoal.look._run_findings import RunFindings
from shoal.look._unfinished import shard_text
from shoal.look.page.tables import candidate_table, comparison_table
from shoal.parts import SHOW
from shoal.results import REPORT_NAME
from shoal.wording import lines_html

if TYPE_CHECKING:
    from shoal.look._run_figures import RunFigures


class Results(stored.Results):
    """Results of a run, read from its folder: frames, arrays, pictures. They show themselves in a notebook.

    `run` gives them, `Results.open` reads those of an earlier run. The page "Results" says what stands in every frame.

    Examples
    --------
    >>> import shoal
    >>> short = {"training": {"epochs": 5}, "search": None, "repeats": 1, "inspect": {"history": 0}}
    >>> shoal.run("two-peaks", out="runs/short", **short).unfinished
    0
    >>> results = shoal.Results.open("runs/short")
    >>> results.comparisons["label"].tolist()[:2]
    ['SGD', 'SGD with momentum']
    >>> results.test_predictions(results.delivered_id).shape
    (100, 1)
    >>> results.figures["fit"].save("fit.svg")
    """

    @cached_property
    def figures(self) -> RunFigures:
        """The pictures of the run by name, each drawn when it is asked for: `figures["ranking"]`."""
        from shoal.look._run_figures import RunFigures

        return RunFigures(self)

    def animate(self, path: Path | str, *, seconds: float = 8.0, force: bool = False) -> None:
        """Write what changes over the epochs of the delivered network as a moving picture, whole or not at all.

        Parameters
        ----------
        path : path
            Ends in .gif, .webp, .png or .mp4 (which needs imageio-ffmpeg).
        seconds : float, default=8.0
            What all epochs that were kept take together, 0.5 to 600.
        force : bool, default=False
            Replace a file of other content.

        Raises
        ------
        InputError
            For another ending, for other seconds, for a run without snapshots of its network (`inspect.history`) and,
            unless `force`, where `path` has other content.
        """
        from shoal.look._animation import write_animation

        write_animation(self, as_path(path, "the path of a moving picture"), seconds, force=force)

    def _repr_html_(self) -> str:
        if said := shard_text(self):
            return lines_html(said)
        pieces: dict[str, Callable[[], str]] = {
            "the headline": lambda: _headline(self),
            "the network": lambda: _network(self),
            "candidates": lambda: table("candidates, best first", candidate_table(self)),
            "comparisons": lambda: table("comparisons on the test rows", comparison_table(self)),
            "the report": lambda: _link(self.folder),
        }
        return f"<div>{pieces_html(pieces, SHOW)}</div>"


def _headline(results: stored.Results) -> str:
    head = headline(RunFindings(results))
    first, *others = head.sentences
    return f"<p><b>{escaped(results.study.study.name)}</b>: {escaped(first)}</p>{paragraphs_html(others)}"


def _network(results: stored.Results) -> str:
    """Draw the delivered network; nothing before there is one."""
    from shoal.look._network_picture import network_html
    from shoal.look.figures.network import delivered_network

    fact = delivered_network(RunFindings(results))
    return f"<p>{network_html(fact)}</p>" if fact else ""


def _link(folder: Path) -> str:
    """Name the report, by the way from the current folder, in which a notebook looks for it; nothing without one."""
    path = (folder / REPORT_NAME).as_posix()
    if kind_of(folder / REPORT_NAME) != "a file":
        return ""
    address = html.escape(quote(path))
    return f'<p>report: <a style="color:inherit" href="{address}" target="_blank">{escaped(path)}</a></p>'
