"""Shows how a run comes along: live on a terminal or in a notebook, plain lines elsewhere, nothing when asked."""

from __future__ import annotations

import contextlib
import html
import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from shoal.engine import PlannedFit, Silent
from shoal.look import duration
from shoal.results import FitRecord, higher_is_better
from shoal.wording import counted, rounded, visible

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


def _two_digits(value: float) -> str:
    """Write a rate of at least 1: two digits that count, never with an exponent."""
    return rounded(value, 2) if value < 99.5 else f"{value:,.0f}"


class _Tally(Silent):
    """Counts what every display needs: fits, work in predicted seconds, the best mean score so far."""

    def __init__(self, metric: str = "loss") -> None:
        self.metric, self.title = metric, ""
        self.total = self.done = 0
        self._scores: dict[str, list[float]] = defaultdict(list)

    def begin(self, title: str, planned: Sequence[PlannedFit], done: int, work: Mapping[str, float]) -> None:
        self.title, self.done, self.total = title, done, done + len(work)
        self._work, self._shares = dict(work), dict.fromkeys(work, 0.0)
        self._places = {item.fit.id: item.entry for item in planned}
        places = [entry.candidate_id for entry in self._places.values() if entry.stage == "search"]
        self._fits_per_candidate = (
            {candidate: places.count(candidate) for candidate in dict.fromkeys(places)} if work else {}
        )
        self._started, self._fresh = time.monotonic(), 0
        self._scores.clear()

    def progress(self, fit_id: str, share: float) -> None:
        self._shares[fit_id] = share

    def finished(self, record: FitRecord) -> None:
        self.done += 1
        self._fresh += 1
        self._shares[record.fit_id] = 1.0
        entry = self._places[record.fit_id]
        if entry.stage == "search":
            self._scores[entry.candidate_id].append(
                record.scores.get("validation", {}).get(self.metric, float("nan"))
            )

    @property
    def share(self) -> float:
        """Share of the predicted work that is done."""
        whole = sum(self._work.values())
        return sum(self._work[name] * share for name, share in self._shares.items()) / whole if whole else 1.0

    @property
    def seconds_left(self) -> float | None:
        """What is left at the pace so far; unknown at the start."""
        passed, share = time.monotonic() - self._started, self.share
        return passed * (1 - share) / share if share > 0.01 and passed > 0.5 else None

    @property
    def best(self) -> float | None:
        """The best mean over all folds among candidates that are complete."""
        means = [
            sum(scores) / len(scores)
            for candidate, scores in self._scores.items()
            if len(scores) == self._fits_per_candidate[candidate] and not any(map(math.isnan, scores))
        ]
        return (max(means) if higher_is_better(self.metric) else min(means)) if means else None

    def line(self, *, ended: bool = False) -> str:
        """Fits done, rate, time left unless it has ended, best so far."""
        parts = [f"{self.done}/{self.total} fits"]
        passed = time.monotonic() - self._started
        if self._fresh and passed > 0:
            parts.append(
                f"{_two_digits(self._fresh / passed)} fits/s"
                if self._fresh >= passed
                else f"{_two_digits(passed / self._fresh)} s a fit"
            )
        if not ended and self.done < self.total and (seconds := self.seconds_left) is not None:
            parts.append(f"{duration(seconds)} left")
        if self.best is not None:
            parts.append(f"best selection score so far {rounded(self.best, 4)}")
        return ", ".join(parts)


class Plain(_Tally):
    """Plain lines for logs: at the start, then at most every ten seconds, then at the end."""

    def __init__(self, stream: TextIO, metric: str = "loss") -> None:
        """Write to `stream`."""
        super().__init__(metric)
        self._stream, self._last_line = stream, 0.0

    def note(self, line: str) -> None:
        """Say it."""
        self._say(line)

    def begin(self, title: str, planned: Sequence[PlannedFit], done: int, work: Mapping[str, float]) -> None:
        """Say what starts."""
        super().begin(title, planned, done, work)
        known = f", {done} known already" if done else ""
        self._say(f"{title}: {counted(self.total, 'fit')}{known}")

    def progress(self, fit_id: str, share: float) -> None:
        """Say how far it is, now and then."""
        super().progress(fit_id, share)
        if time.monotonic() - self._last_line >= 10:
            self._say(f"{self.title}: {self.line()}")

    def finished(self, record: FitRecord) -> None:
        """Count it."""
        super().finished(record)
        if time.monotonic() - self._last_line >= 10:
            self._say(f"{self.title}: {self.line()}")

    def end(self) -> None:
        """Say where it ended."""
        if self._fresh:
            self._say(
                f"{self.title}: {self.line(ended=True)} in {duration(time.monotonic() - self._started)}"
            )

    def _say(self, line: str) -> None:
        self._last_line = time.monotonic()
        # A reader that went away, or a log on a full disk, is no reason to end a run.
        with contextlib.suppress(OSError):
            self._stream.write(self._in_its_encoding(visible(line)) + "\n")
            self._stream.flush()

    def _in_its_encoding(self, line: str) -> str:
        """Give a line with escapes for what a caller's stream cannot write."""
        encoding = self._stream.encoding or "utf-8"
        return line.encode(encoding, "backslashreplace").decode(encoding)


class Live(_Tally):
    """One live bar on a terminal."""

    def __init__(self, metric: str = "loss") -> None:
        """Draw on standard error."""
        super().__init__(metric)
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._drawn = 0.0

    def note(self, line: str) -> None:
        """Say it."""
        print(visible(line), file=sys.stderr)

    def begin(self, title: str, planned: Sequence[PlannedFit], done: int, work: Mapping[str, float]) -> None:
        """Put the bar up."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        super().begin(title, planned, done, work)
        self._bar = Progress(
            TextColumn("{task.description:<12}", markup=False),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[line]}", markup=False),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(title, total=1.0, line=self.line())
        self._bar.start()

    def progress(self, fit_id: str, share: float) -> None:
        """Move the bar."""
        super().progress(fit_id, share)
        self._draw()

    def finished(self, record: FitRecord) -> None:
        """Move the bar."""
        super().finished(record)
        self._draw()

    def end(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._drawn = 0.0
            self._draw()
            self._bar.stop()
            self._bar = None

    def _draw(self) -> None:
        if self._bar is not None and self._task is not None and time.monotonic() - self._drawn > 0.1:
            self._drawn = time.monotonic()
            self._bar.update(self._task, completed=self.share, line=self.line())


class Cell(_Tally):
    """One display in a cell of a notebook, brought up to date: what was noted, each stage, the bar of the one going on.

    Frontends that show no HTML have its lines as text.
    """

    def __init__(self, metric: str = "loss") -> None:
        """Show nothing before there is something to say."""
        super().__init__(metric)
        self._lines: list[str] = []
        self._shown: Any = None
        self._drawn = 0.0

    def note(self, line: str) -> None:
        """Add it above the bar."""
        self._lines.append(visible(line))
        self._draw()

    def begin(self, title: str, planned: Sequence[PlannedFit], done: int, work: Mapping[str, float]) -> None:
        """Show what starts."""
        super().begin(title, planned, done, work)
        self._draw(going_on=True)

    def progress(self, fit_id: str, share: float) -> None:
        """Move the bar."""
        super().progress(fit_id, share)
        self._draw_now_and_then()

    def finished(self, record: FitRecord) -> None:
        """Move the bar."""
        super().finished(record)
        self._draw_now_and_then()

    def end(self) -> None:
        """Leave a line in place of the bar, where anything was trained."""
        if self._fresh:
            self._lines.append(
                f"{self.title}: {self.line(ended=True)} in {duration(time.monotonic() - self._started)}"
            )
        self._draw()

    def _draw_now_and_then(self) -> None:
        if time.monotonic() - self._drawn > 0.2:
            self._draw(going_on=True)

    def _draw(self, *, going_on: bool = False) -> None:
        from IPython.display import display

        show: Any = display  # which says nothing of its types
        self._drawn = time.monotonic()
        bar = [f"{self.title}: {self.line()}"] if going_on else []
        rows = [f"<div>{html.escape(line)}</div>" for line in (*self._lines, *bar)]
        if going_on:
            bar_html = (
                f'<progress aria-label="{html.escape(visible(self.title))}" max="1" value="{self.share:.3f}"'
            )
            rows.append(f'{bar_html} style="width:28em;max-width:100%"></progress>')
        content = {"text/plain": "\n".join((*self._lines, *bar)), "text/html": "".join(rows)}
        if self._shown is None:
            self._shown = show(content, raw=True, display_id=True)
        else:
            self._shown.update(content, raw=True)


def notebook(metric: str = "loss") -> Cell | None:
    """Give the display of a notebook's cell where the program is one; None elsewhere. Imports nothing of IPython."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return None if getattr(shell, "kernel", None) is None else Cell(metric)


@contextlib.contextmanager
def download_bar(shown: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Give a function of (file, bytes done, bytes in all) that moves one bar a file; quiet unless `shown`."""
    if not shown:
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def moved(file: str, done: int, total: int) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file, total=total)
            bars.update(tasks[file], completed=done, total=total)

        yield moved
