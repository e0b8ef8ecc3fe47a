"""The kinds of workers, and which of them a trainer's fits get. A new kind is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from shoal.engine._trainer import Trainer
from shoal.nets import Architecture

if TYPE_CHECKING:
    from shoal.engine.workers.protocol import Coordination, Workers


@dataclass(frozen=True)
class WorkersKind:
    """A kind of workers: how they are made; `apart`: each holds rows and libraries in a process of its own."""

    make: Callable[[Coordination], Workers]
    apart: bool = False


def _made_in(file: str) -> Callable[[Coordination], Workers]:
    """Give what makes workers in a file of this folder, which is loaded when it does: a forecast needs none of it."""

    def make(shared: Coordination) -> Workers:
        module: Any = import_module(f"shoal.engine.workers.{file}")
        workers: Workers = getattr(module, file)(shared)
        return workers

    return make


CLUSTER: Final = "dask"
"""The kind that trains whatever a run asks for, where it is given a cluster."""
KINDS: Final[dict[str, WorkersKind]] = {
    "threads": WorkersKind(_made_in("threads")),
    "processes": WorkersKind(_made_in("processes"), apart=True),
    CLUSTER: WorkersKind(_made_in("dask"), apart=True),
}


def kind_of(trainer: Trainer, architecture: Architecture, workers: int) -> str:
    """Name the kind that trains fits of such a network: that of their trainer, but threads do for one at a time."""
    return "threads" if workers == 1 else trainer.workers(architecture)


def trained_apart(trainer: Trainer, architecture: Architecture, workers: int) -> bool:
    """Whether fits of such a network are trained in processes of their own."""
    return _row(kind_of(trainer, architecture, workers)).apart


def workers_of(kind: str, shared: Coordination) -> Workers:
    """Make workers of a kind; one that is unknown is a mistake of the trainer that names it."""
    return _row(kind).make(shared)


def _row(kind: str) -> WorkersKind:
    if kind not in KINDS:
        raise LookupError(f"workers: expected one of {', '.join(KINDS)}, got {kind}")
    return KINDS[kind]
