"""What a worker of a Dask cluster does: a task, which trains a few fits one after the other for about a second.

A task ends by itself, and gives where the fit in its hand stands: nothing is heard of it meanwhile, none runs on for
long when nobody waits for it, and what is lost with a worker is about a second of its work.
"""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shoal.engine._fit import Fit
from shoal.engine._train import Checkpoint, SharedRows, train_fit
from shoal.engine._trainer import Trainer
from shoal.engine.workers.protocol import Event
from shoal.engine.workers.slices import OnSlice, Stopped
from shoal.errors import EnvironmentFault, ShoalError
from shoal.results import FitRecord

_PREPARING: Final = 20.0
"""A fit is trained at least so many times as long as its rows take to be made ready, which each task does anew."""
_LEAST_SECONDS: Final = 0.02
"""And at least so long: no task gives a fit back as it was."""


_LEFT_OFF: Final[set[str]] = set()
"""Those for whom nothing more is to be done in this process."""


def leave_off(run: str) -> None:
    """End the tasks of one at once."""
    _LEFT_OFF.add(run)


@dataclass(frozen=True, eq=False)
class Batch:
    """Fits of one task, each from where it stood, how many seconds it may take, and for whom it is."""

    fits: tuple[tuple[Fit, Checkpoint | None], ...]
    trainer: Trainer
    seconds: float
    run: str


@dataclass(eq=False)
class Handed:
    """What a task gives: the records of its first fits, and where the next one stood or why it was refused.

    What follows was not begun. `worker` is the address of who did it, `seconds` how long it took.
    """

    worker: str = ""
    seconds: float = 0.0
    records: list[FitRecord] = field(default_factory=list)
    paused: Checkpoint | None = None
    refusal: BaseException | None = None


@dataclass
class _Clock:
    """When a fit is to pause: with its task, but not before it has come on."""

    end: float
    begun: float
    run: str
    beginning: bool = True

    def over(self) -> bool:
        """Whether it is time; asked first when the rows are ready."""
        now = time.monotonic()
        if self.beginning:
            self.beginning = False
            self.end = max(self.end, now + max(_LEAST_SECONDS, _PREPARING * (now - self.begun)))
        return now >= self.end or self.run in _LEFT_OFF


def train_batch(rows: SharedRows, batch: Batch) -> bytes:
    """Train fits until the time is over; give a `Handed` packed as one piece.

    Dask would send every array of it by itself, which takes as long as small fits take.
    """
    from distributed.protocol.pickle import dumps

    packed: bytes = dumps(_trained(rows, batch))
    return packed


def unpacked(packed: bytes) -> Handed:
    """Give what a task packed."""
    from distributed.protocol.pickle import loads

    handed: Handed = loads(packed)
    return handed


def _trained(rows: SharedRows, batch: Batch) -> Handed:
    from distributed import get_worker

    handed = Handed(get_worker().address)
    begun = time.monotonic()
    end = begun + batch.seconds
    for fit, start in batch.fits:
        now = time.monotonic()
        if now >= end or batch.run in _LEFT_OFF:
            break
        sent: list[Event] = []
        on_slice = OnSlice(fit, sent.append, _Clock(end, now, batch.run).over, now)
        try:
            handed.records.append(train_fit(fit, rows, batch.trainer, start, on_slice))
        except Stopped:
            handed.paused = next((event for event in reversed(sent) if isinstance(event, Checkpoint)), None)
            break
        except (ShoalError, OSError) as refusal:
            handed.refusal = refusal
            break
        except BaseException as fault:  # whatever it is, it is told to the coordinator, and ends no worker
            handed.refusal = EnvironmentFault(f"{type(fault).__name__}: {fault}")
            break
    handed.seconds = time.monotonic() - begun
    return handed


def machine() -> dict[str, Any]:
    """Say what a worker is: as the environment of a run, its host, and the vector width of the core.

    `machine` tells hosts apart and names none: results that are passed on name nobody. `able` are the versions of
    all trainers that it has, those of people's own modules and of float64 among them.
    """
    from shoal.engine._source import environment
    from shoal.engine.trainers.choice import Trainers
    from shoal.engine.trainers.native_core import pick_target

    width, host = pick_target(), socket.gethostname()
    name = hashlib.sha256(host.encode()).hexdigest()[:8]
    trainers = Trainers().by_name
    known = {"host": host, "able": _able(trainers)}
    facts = {**known, "machine": name, **environment(trainers)}
    return facts | ({"vector width": width} if width else {})


def version_of(trainer: Trainer) -> str:
    """Name the versions of a trainer, as an environment does."""
    return ", ".join(sorted({*trainer.versions.values()}))


def _able(trainers: Mapping[str, Trainer]) -> dict[str, list[str]]:
    from shoal.engine.trainers.choice import of_modules
    from shoal.engine.trainers.torch import TorchTrainer

    able = {name: [version_of(trainer)] for name, trainer in trainers.items()}
    if "torch" in able:
        able["torch"].append(version_of(TorchTrainer(dtype="float64")))
        able["module"] = [version_of(of_modules("cpu")), version_of(of_modules("cpu", "float64"))]
    return able
