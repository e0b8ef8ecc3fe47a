"""The command `shoal` as the campaigns run it: `quick.py REQUEST...`, a request a line on standard input.

A request is a JSON object (see `Runner.start`). Each is answered in a fork of its own, so that a campaign starts
Python once: with the process id, then the exit status. A worker looks up every `slice` seconds (0: after fixed
epochs, so that each run makes the same system calls) and hands over a checkpoint each time, also `within` an
epoch; the id of each fit goes to `log` once it is committed; pictures, report and tables, and what is `left_out` of the
pipeline, are left out unless `pictures` asks for them. With `swap` something else is put in the place of a file in the
middle (see `placements.py`).
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
from collections.abc import Collection
from typing import Any, NoReturn

import pandas  # noqa: F401 (here once, not in each fork)
import scipy.special
import scipy.stats  # noqa: F401
import sklearn.ensemble
import sklearn.linear_model  # noqa: F401
from placements import swap_in_the_middle

import shoal.look
import shoal.pipeline
from shoal import cli
from shoal.engine import _train
from shoal.engine.trainers import native
from shoal.engine.workers import slices
from shoal.results import FitRecord, Store

ANYONE_MAY_TRACE = (0x59616D61, -1)


def _serve() -> None:
    shoal.load_study("two-peaks")  # what it makes once is there in each fork
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        if (child := os.fork()) == 0:
            _answer(request)
        if request["held"]:
            os.waitpid(child, os.WUNTRACED)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _answer(request: dict[str, Any]) -> NoReturn:
    for descriptor, path in enumerate((os.devnull, request["out"], request["err"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644), descriptor)
    _train.SLICE_SECONDS, slices.CHECKPOINT_SECONDS = request["slice"], 0.0
    if request["within"]:
        native.PAUSE_INTERVAL = 1
    if not request["pictures"]:
        for name in ("write_report", *request["left_out"]):
            setattr(shoal.pipeline, name, lambda *_: "")
        shoal.look.results_text = lambda *_: "done"
    _log_commits(request["log"])
    if swap := request.get("swap"):
        swap_in_the_middle(**swap)
    if request["held"]:
        ctypes.CDLL(None).prctl(*ANYONE_MAY_TRACE)
        os.kill(os.getpid(), signal.SIGSTOP)
    sys.argv = ["shoal", *request["arguments"]]
    try:
        cli.main()
    except SystemExit as end:
        if request["clean"]:
            raise
        # The interpreter's own end takes longer than all the rest.
        sys.stdout.flush()
        os._exit(end.code)


def _log_commits(path: str) -> None:
    log, add = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), Store.add

    def logged(store: Store, record: FitRecord, environments: Collection[str] = ()) -> None:
        add(store, record, environments)
        os.write(log, f"{record.fit_id}\n".encode())

    Store.add = logged


if __name__ == "__main__":
    _serve()
