"""The trainers at hand, and who trains which job."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from shoal.engine._trainer import Job, Trainer
from shoal.engine.trainers.native import NativeTrainer
from shoal.engine.trainers.native_core import native_available, native_missing_reason
from shoal.engine.trainers.torch import TorchTrainer
from shoal.errors import StudyError
from shoal.extras import is_there, needed
from shoal.nets import Architecture
from shoal.study import Training

TrainerChoice = Literal["auto", "torch", "native"]
DeviceChoice = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(frozen=True)
class Trainers:
    """What the user asked for, turned into who trains what."""

    choice: TrainerChoice = "auto"
    device: str = "cpu"
    own: bool = False
    """Whether a person's own module is trained, in place of all networks."""

    @cached_property
    def by_name(self) -> dict[str, Trainer]:
        """Every trainer that may be used, the preferred one first."""
        if self.own:
            return {"module": of_modules(self.device)}
        there: dict[str, Trainer] = {}
        if self.choice != "torch" and native_available():
            there["native"] = NativeTrainer()
        if is_there("torch"):
            there["torch"] = TorchTrainer(self.device)
        return there

    @property
    def choose(self) -> Callable[[Job], Trainer]:
        """Give the first trainer that takes a job; asking for `native` alone makes its refusal an error.

        Raises StudyError for a trainer that is not here, or where there is none at all.
        """
        if self.choice == "native" and not native_available():
            raise StudyError(f"--trainer native: {native_missing_reason()}")
        if self.choice == "torch" and not is_there("torch"):
            raise StudyError(f"--trainer torch: {needed('torch')}")
        if not self.by_name:
            raise StudyError(f"{native_missing_reason()}; the torch trainer {needed('torch')}")
        return lambda job: self._first(job.architecture, job.training)

    def taking(self, architecture: Architecture) -> Trainer:
        """Give the first trainer that takes such a network. Raises StudyError where none does."""
        return self._first(architecture, Training())

    def _first(self, architecture: Architecture, training: Training) -> Trainer:
        if architecture.own is not None:
            if self.choice == "native":
                raise StudyError("--trainer native: the native trainer takes no module of a person's own")
            return of_modules(self.device)
        refusals = []
        for trainer in self.by_name.values():
            refusal = trainer.refuses(architecture, training)
            if refusal is None:
                return trainer
            if self.choice == "native":
                raise StudyError(f"--trainer native: {refusal}")
            refusals.append(refusal)
        refusals = refusals or [native_missing_reason()]
        raise StudyError("; ".join([*refusals, f"the torch trainer {needed('torch')}"]))

    @property
    def note(self) -> str | None:
        """Say once why the native trainer is not in use, if nobody chose so."""
        if self.choice == "auto" and not native_available():
            return f"the torch trainer does the work: {native_missing_reason()}"
        return None


def of_modules(device: str, dtype: Literal["float32", "float64"] = "float32") -> Trainer:
    """Give the trainer of people's own modules, which networks of Shoal do without."""
    from shoal.engine.trainers.module import ModuleTrainer

    return ModuleTrainer(device, dtype)


def pick_device(choice: DeviceChoice) -> str:
    """Turn `auto` into what is there; refuse a device that is not. Torch is imported only where one may be."""
    if choice == "cpu" or (choice == "auto" and not (_accelerator_likely() and is_there("torch"))):
        return "cpu"
    if not is_there("torch"):
        raise StudyError(f"device: {choice} {needed('torch')}")
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if choice == "auto":
        return next((name for name, present in there.items() if present), "cpu")
    if not there[choice]:
        raise StudyError(f"device: expected one that torch finds here, got {choice}")
    return choice


def _accelerator_likely() -> bool:
    return os.path.exists("/dev/nvidiactl") or os.name == "nt" or sys.platform == "darwin"
