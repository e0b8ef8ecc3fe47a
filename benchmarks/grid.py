"""The published grid, whole commands in turn: process start, imports, search, refit.

A peer would need hours for 5,000 epochs, so each runs a short and a long slice in each turn. The difference
gives its time per epoch of the whole grid, the rest is its fixed cost; both are stated.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import published
from benchmarks.environment import PEERS_PYTHON, run_here
from benchmarks.pairs import in_turns, ratios, spread
from benchmarks.record import table


@dataclass(frozen=True)
class Contestant:
    """Who runs the grid, and the two slices of its epochs that are timed."""

    name: str
    ours: bool
    slices: tuple[int, int]

    def seconds(self, folder: Path, epochs: int) -> float:
        """Time the whole command."""
        module = ["benchmarks.grid_ours"] if self.ours else ["benchmarks.grid_peers", self.name]
        python = sys.executable if self.ours else str(PEERS_PYTHON)
        start = time.perf_counter()
        run_here(python, "-m", *module, str(folder), str(epochs))
        return time.perf_counter() - start


@dataclass(frozen=True)
class Cost:
    """Seconds of one turn: fixed, and per epoch of the whole grid."""

    fixed: float
    epoch: float

    @property
    def whole(self) -> float:
        """Seconds of all 5,000 epochs."""
        return self.fixed + published.EPOCHS * self.epoch


def contestants(quick: bool, native: bool) -> list[Contestant]:
    """Long slices take about 10 s each in a peer; ours runs to the end where the native trainer is there.

    Ours evaluates 500 times in both of its slices, as in the whole fit.
    """
    ours = (1_000, published.EPOCHS) if native else (1_000, 1_200)
    peers = (1, 5) if quick else (2, 42)
    return [
        Contestant("skorch", False, peers),
        Contestant("scikit-learn", False, peers),
        Contestant("PyTorch loop", False, peers),
        Contestant("Shoal", True, (500, 1_000) if quick else ours),
    ]


def cost(contestant: Contestant, short: float, long: float) -> Cost:
    """Split two times into the fixed cost and that of an epoch."""
    first, last = contestant.slices
    epoch = (long - short) / (last - first)
    return Cost(short - first * epoch, epoch)


def grid(pairs: int, quick: bool) -> list[str]:
    """Time the grid in every contestant; ratios of whole runs, turn by turn."""
    from benchmarks.ours import CONTESTANTS

    players = contestants(quick, native="Shoal native" in CONTESTANTS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        published.write_tables(folder)
        runs = {
            f"{player.name} {epochs}": lambda player=player, epochs=epochs: player.seconds(folder, epochs)
            for player in players
            for epochs in player.slices
        }
        times = in_turns(runs, pairs)
    costs = {
        player.name: [
            cost(player, short, long)
            for short, long in zip(
                *(times[f"{player.name} {epochs}"] for epochs in player.slices), strict=True
            )
        ]
        for player in players
    }
    return _lines(players, costs)


def _lines(players: list[Contestant], costs: dict[str, list[Cost]]) -> list[str]:
    ours = [turn.whole for turn in costs["Shoal"]]
    rows = [
        [
            player.name,
            f"{player.slices[0]}, {player.slices[1]}",
            spread([turn.fixed for turn in costs[player.name]]),
            spread([1e3 * turn.epoch for turn in costs[player.name]]),
            spread([turn.whole for turn in costs[player.name]]),
            spread(ratios([turn.whole for turn in costs[player.name]], ours)),
        ]
        for player in sorted(players, key=lambda player: -median(turn.whole for turn in costs[player.name]))
    ]
    head = [
        "published grid",
        "epochs timed",
        "fixed, s",
        "ms per epoch of all fits",
        "5,000 epochs, s",
        "times Shoal",
    ]
    return [
        f"{published.FITS} fits of 1-H1-H2-1 networks on 66 or 67 rows, whole commands on all cores: start, imports,",
        "search, refit of the best (and in ours test, store and pictures; the PyTorch loop only trains). Every turn",
        "times two slices; 5,000 epochs are the fixed cost plus 5,000 times the cost of an epoch, measured in that",
        "same turn. scikit-learn has no dropout: it trains three seeds instead of three rates.",
        "",
        *table(head, rows),
    ]
