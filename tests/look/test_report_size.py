"""How large a report gets: of a long search, with as many snapshots of its network as a study may ask for."""

from __future__ import annotations

from pathlib import Path

from look_runs import MadeUp, make_run

from shoal.look import write_report

MOST = 5_600_000
"""Bytes, 1.9 MB of them the script of the plots. Made-up curves are smoother than measured ones, and comparisons are
left out: such a study that is trained has a report of 6.5 MB.
"""
LONG = MadeUp(
    names=("Adam",),
    space={
        "network.hidden[0]": [80, 100],
        "network.hidden[1]": [80, 100],
        "network.dropout": [0, 0.25, 0.5],
        "training.weight_decay": [0, 1e-5, 1e-4],
        "training.batch_size": [10, 25],
    },
    hidden=(100, 80),
    epochs=5000,
    rows=(100, 100),
    ensemble=True,
    inside=True,
    snapshots=500,
)


def test_the_report_of_a_long_search_stays_below_what_is_promised(tmp_path: Path) -> None:
    results = make_run(tmp_path / "run", LONG)
    assert len(results.candidates) == 72
    report = write_report(results)
    assert report.stat().st_size < MOST
    pictures = {path.name for path in (results.folder / "figures").iterdir()}
    assert {"23-search-parallel.png", "24-search-curves.png", "35-epochs-predictions.png"} <= pictures
    assert not results.missing
