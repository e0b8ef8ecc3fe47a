"""A run in a process of its own: `digest_run.py REQUEST`, a JSON object; it prints one digest, or is killed.

`kill` [fits, share] ends the process by SIGKILL once so many fits are done and the next has come so far. Threads
hand over a checkpoint in every slice, so that what was begun goes on from the middle.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import shoal.pipeline
from shoal.engine import Silent, _train
from shoal.engine.workers import slices
from shoal.results import FitRecord, Results


class Killer(Silent):
    """Ends the process in the middle."""

    def __init__(self, fits: int, share: float) -> None:
        self.fits, self.share, self.done = fits, share, 0

    def finished(self, record: FitRecord) -> None:
        self.done += 1
        self.look(0.0)

    def progress(self, fit_id: str, share: float) -> None:
        self.look(share)

    def look(self, share: float) -> None:
        if self.done > self.fits or (self.done == self.fits and share >= self.share):
            os.kill(os.getpid(), signal.SIGKILL)


def digest_of(request: dict[str, Any]) -> str:
    """Run a study; give one SHA-256 over all results and the bytes of the model file."""
    out = Path(request["out"])
    watcher = Killer(*request["kill"]) if request["kill"] else Silent()
    options = {name: request[name] for name in ("workers", "trainer")}
    shoal.pipeline.run(request["study"], out=out, watcher=watcher, **options)
    model = hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()
    return hashlib.sha256(f"{Results.open(out).digest} {model}".encode()).hexdigest()


if __name__ == "__main__":
    _train.SLICE_SECONDS, slices.CHECKPOINT_SECONDS = 0.0, 0.0
    for name in ("write_report", "ask_simple_models", "drift_of_rows"):
        setattr(shoal.pipeline, name, lambda *_: "")
    print(digest_of(json.loads(sys.argv[1])))
