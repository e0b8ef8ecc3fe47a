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
from shoal.nets import Architecture
from shoal.study import Training

TrainerChoice = Literal["auto", "torch", "native"]
DeviceChoice = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(frozen=True)
class Trainers:
    """What the user asked for, turned into who trains what."""

    choice: TrainerChoice = "auto"
    device: str = "cpu"

    @cached_property
    def by_name(self) -> dict[str, Trainer]:
        """Every trainer that may be used, the preferred one first."""
        torch = TorchTrainer(self.device)
        if self.choice == "torch" or not native_available():
            return {"torch": torch}
        return {"native": NativeTrainer(), "torch": torch}

    @property
    def choose(self) -> Callable[[Job], Trainer]:
        """Give the first trainer that takes a job; asking for `native` alone makes its refusal an error."""

        def chosen(job: Job) -> Trainer:
            for trainer in self.by_name.values():
                refusal = trainer.refuses(job.architecture, job.training)
                if refusal is None:
                    return trainer
                if self.choice == "native":
                    raise StudyError(f"--trainer native: {refusal}")
            raise AssertionError("the torch trainer takes every job")

        if self.choice == "native" and not native_available():
            raise StudyError(f"--trainer native: {native_missing_reason()}")
        return chosen

    def taking(self, architecture: Architecture) -> Trainer:
        """Give the first trainer that takes such a network."""
        trainers = self.by_name.values()
        return next(trainer for trainer in trainers if trainer.refuses(architecture, Training()) is None)

    @property
    def note(self) -> str | None:
        """Say once why the native trainer is not in use, if nobody chose so."""
        if self.choice == "auto" and not native_available():
            return f"the torch trainer does the work: {native_missing_reason()}"
        return None


def pick_device(choice: DeviceChoice) -> str:
    """Turn `auto` into what is there; refuse a device that is not. Torch is imported only where one may be."""
    if choice == "cpu" or (choice == "auto" and not _accelerator_likely()):
        return "cpu"
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if choice == "auto":
        return next((name for name, present in there.items() if present), "cpu")
    if not there[choice]:
        raise StudyError(f"device: expected one that torch finds here, got {choice}")
    return choice


def _accelerator_likely() -> bool:
    return os.path.exists("/dev/nvidiactl") or os.name == "nt" or sys.platform == "darwin"
