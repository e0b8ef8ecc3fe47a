"""What a run shows in a notebook, asked of IPython itself."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import shoal
from dots import end_with_the_model
from shoal.progress import notebook

IPython = pytest.importorskip("IPython")

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def shell() -> Iterator[Any]:
    """IPython's own shell, as a kernel has it."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def cell(shell: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a cell's displays receive, while the shell has a kernel."""
    from IPython.utils.capture import capture_output

    monkeypatch.setattr(shell, "kernel", object(), raising=False)
    with capture_output() as captured:
        yield captured


def frame(rows: int = 60) -> pd.DataFrame:
    x = [(7 * row) % rows / rows for row in range(rows)]
    return pd.DataFrame({HOSTILE: x, "y": [value**2 for value in x]})


SMALL: dict[str, Any] = {
    "target": "y",
    "network": {"hidden": [3]},
    "training": {"epochs": 2},
    "search": {"folds": 2, "space": {"training.lr": [0.01, 0.1]}},
    "compare": [{"name": HOSTILE}],
    "checks": {"baselines": False},
    "trainer": "native",
}


def test_a_run_in_a_cell_has_one_display_and_its_results_are_shown(
    shell: Any, cell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[dict[str, str], bool]] = []

    def publish(data: dict[str, str], *_: Any, update: bool = False, **__: Any) -> None:
        shown.append((data, update))

    monkeypatch.setattr(shell.display_pub, "publish", publish)
    end_with_the_model(monkeypatch)  # pictures take long
    results = shoal.run(frame(), out=tmp_path / "run", **SMALL)
    (tmp_path / "run" / "report.html").touch()
    assert [update for _, update in shown[:3]] == [False, True, True]
    assert all(update for _, update in shown[1:])
    last = shown[-1][0]
    assert re.search(r"^training: \d+/\d+ fits, .* in (under )?\d", last["text/plain"], re.MULTILINE)
    assert "<progress" not in last["text/html"]
    assert any("<progress" in data["text/html"] for data, _ in shown)
    data, _ = shell.display_formatter.format(results)
    page = data["text/html"]
    assert data["text/plain"] == repr(results)
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;") >= 1
    assert page.count("<table") == 2
    assert f"{tmp_path.as_posix()}/run/report.html" in page
    assert shell.display_formatter.format(shoal.Results.open(tmp_path / "run"))[0]["text/html"] == page


def test_a_run_that_is_stopped_leaves_a_line_and_no_bar(
    shell: Any, cell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr(shell.display_pub, "publish", lambda data, *_, **__: shown.append(data))
    monkeypatch.setattr("shoal.progress.Cell.finished", interrupting(shoal.progress.Cell.finished))
    with pytest.raises(shoal.Interrupted):
        shoal.run(frame(), out=tmp_path / "run", **{**SMALL, "workers": 1})
    bars = [data["text/html"] for data in shown if "<progress" in data["text/html"]]
    assert bars
    assert all('<progress aria-label="training" max="1"' in bar for bar in bars)
    assert re.search(r"<div>training: [1-9]/\d+ fits, [^<]* in [^<]*</div>$", shown[-1]["text/html"])
    assert "left" not in shown[-1]["text/plain"]


def interrupting(finished: Any) -> Any:
    """Press Ctrl-C where the first fit ends."""

    def then_stop(cell: Any, record: Any) -> None:
        finished(cell, record)
        if cell.done == 1:  # a second one acts at once
            signal.raise_signal(signal.SIGINT)

    return then_stop


def test_a_plan_is_shown_as_check_prints_it(shell: Any, tmp_path: Path) -> None:
    plan = shoal.plan(frame(), out=tmp_path / "run", **SMALL)
    page = shell.display_formatter.format(plan)[0]["text/html"]
    assert page.startswith("<pre")
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert "training rows" in plan.text


def test_elsewhere_there_is_no_display(shell: Any) -> None:
    assert notebook() is None
