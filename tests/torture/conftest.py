"""The process that all campaigns of runs are forked from."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from torture_runs import Runner

if os.name != "posix":
    collect_ignore_glob = [
        "test_kills.py",
        "test_faults.py",
        "test_damage.py",
        "test_two_*",
        "test_interruptions.py",
    ]


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    with Runner() as running:
        yield running


collect_ignore = [] if sys.platform == "linux" else ["test_hostile_stores.py", "test_hostile_logs.py"]
"""What is touched outside a folder is seen by inotify."""
collect_ignore += ["fuzz_models.py"]  # a script of its own: it needs the extra `fuzz`
