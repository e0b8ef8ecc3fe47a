"""Two processes on one run folder: one of them trains, the other is told who does."""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from pathlib import Path

import numpy as np
from torture_runs import LONG, SIX, Runner, state, telling, trained


def test_each_fit_is_trained_once(runner: Runner, tmp_path: Path) -> None:
    codes: Counter[tuple[int, ...]] = Counter()
    with Runner() as other:
        for seed in range(200 if LONG else 3):
            home = tmp_path / str(seed)
            with telling(seed):
                processes = [runner.start(SIX, home)]
                time.sleep(float(np.random.default_rng(seed).choice([0.0, 0.01, 0.1])))
                processes.append(other.start(SIX, home))
                ends = [one.wait() for one in (runner, other)]
                codes[tuple(sorted(end.status for end in ends))] += 1
                for place, end in enumerate(ends):
                    assert end.status in (0, 4), end
                    if end.status == 4:
                        holder = f"(process {processes[1 - place]}|another process) holds this run folder"
                        assert re.fullmatch(rf"shoal: .*/run: {holder}.*; wait .*\n", end.err), end
                assert 0 in {end.status for end in ends}
                assert state(home) == runner.whole(SIX).state
                assert sorted(trained(home)) == sorted(runner.whole(SIX).records)
            shutil.rmtree(home)
    print(f"two processes: exit codes {dict(codes)}")
