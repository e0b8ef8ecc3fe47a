"""The kinds of workers, and which of them a trainer's fits get. A new kind is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shoal.engine._trainer import Trainer
from shoal.engine.workers.processes import processes
from shoal.engine.workers.protocol import Coordination, Workers
from shoal.engine.workers.threads import threads

KINDS: Final[dict[str, Callable[[Coordination], Workers]]] = {
    "threads": threads,
    "processes": processes,
}


def kind_of(trainer: Trainer, *, convolutional: bool, workers: int) -> str:
    """Name the kind that trains fits: that of their trainer, but threads do for convolutions and for one at a time."""
    return "threads" if convolutional or workers == 1 else trainer.workers


def workers_of(kind: str, shared: Coordination) -> Workers:
    """Make workers of a kind; one that is unknown is a mistake of the trainer that names it."""
    if kind not in KINDS:
        raise LookupError(f"workers: expected one of {', '.join(KINDS)}, got {kind}")
    return KINDS[kind](shared)
