"""A run on a cluster, to be killed: `cluster_run.py STUDY OUT ADDRESS` prints its digest."""

from __future__ import annotations

import sys
from pathlib import Path

import shoal.pipeline
from shoal.errors import ShoalError
from shoal.study import load_study

if __name__ == "__main__":
    shoal.pipeline.write_report = lambda *_: None
    study, out, address = sys.argv[1:]
    try:
        print(shoal.pipeline.run(load_study(study), out=Path(out), cluster=address).digest)
    except ShoalError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
