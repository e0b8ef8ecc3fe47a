"""`python -m benchmarks.seeds STUDY PUBLISHED`: one study over many seeds beside a published score.

A published score is one number of one run. Beside it stands here what the same study gives from other seeds, and what
each run says of the comparison: whether the published value lies in the 95 % interval over other test rows and other
initialisations, and in the range of the run's own repeats.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import table, write_record

METRIC = "mse"


def measure(study: Any, seed: int, repeats: int, workers: int | None) -> dict[str, Any]:
    """Run the study from one seed; give the row of its reference and what was chosen."""
    import shoal

    about = study.study.model_copy(update={"seed": seed, "repeats": repeats})
    with tempfile.TemporaryDirectory() as folder:
        results = shoal.run(
            study.model_copy(update={"study": about}), out=Path(folder) / "run", workers=workers
        )
        refits = results.refit
        chosen = next(
            row for row in results.candidate_rows if row.candidate_id == results.choice.candidate_id
        )
        return {
            **results.references.iloc[0].to_dict(),
            "delivered": float(refits[f"test_{METRIC}"].iloc[0]),
            "settings": ", ".join(f"{value:g}" for value in chosen.values.values()),
            "keys": ", ".join(key.rpartition(".")[2] for key in chosen.values),
            "set": sum(row.indistinguishable for row in results.standings),
            "candidates": len(results.standings),
            "expected": results.expected_score,
        }


def lines(rows: Sequence[dict[str, Any]], published: float) -> list[str]:
    """Lay out a row a seed, and below what they come to."""
    head = [
        "seed", f"chosen: {rows[0]['keys']}", "in the set", "expected of the search", "delivered", "repeats: mean",
        "lowest to highest", "95 % interval", "published lies",
    ]  # fmt: skip
    body = []
    for seed, row in enumerate(rows):
        inside = row["ci_low"] <= published <= row["ci_high"]
        body.append([
            str(seed), row["settings"], f"{row['set']} of {row['candidates']}", f"{row['expected']:.3f}",
            f"{row['delivered']:.4f}", f"{row['mean']:.4f}", f"{row['min']:.4f} to {row['max']:.4f}",
            f"{row['ci_low']:.4f} to {row['ci_high']:.4f}",
            ("in the interval" if inside else "outside it") + (", in the range" if row["inside"] else ""),
        ])  # fmt: skip
    delivered = np.array([row["delivered"] for row in rows])
    quartiles = ", ".join(f"{value:.4f}" for value in np.quantile(delivered, [0, 0.25, 0.5, 0.75, 1]))
    return [
        f"Published: {published}, one run. Test {METRIC.upper()} of the delivered network over {len(rows)} seeds:"
        f" lowest, quartiles, highest {quartiles}; {np.sum(delivered <= published)} of {len(rows)} at or below it.",
        "",
        *table(head, body),
    ]


def main() -> None:
    """Run the study from every seed and write the record."""
    from shoal.study import Reference, load_study

    parser = argparse.ArgumentParser(prog="python -m benchmarks.seeds", description=__doc__)
    parser.add_argument("study", help="a study file of a regression")
    parser.add_argument("published", type=float, help=f"the published {METRIC} on the test rows")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument(
        "--repeats", type=int, default=5, help="initialisations of the refit and of comparisons (5)"
    )
    parser.add_argument("--workers", type=int)
    parser.add_argument("--out", type=Path, help="where to write the record")
    asked = parser.parse_args()
    reference = Reference(name="delivered", metric=METRIC, value=asked.published, source="as published")
    study = load_study(asked.study).model_copy(update={"reference": (reference,)})
    rows = []
    for seed in range(asked.seeds):
        rows.append(measure(study, seed, asked.repeats, asked.workers))
        print(seed, rows[-1]["settings"], f"{rows[-1]['delivered']:.4f}", file=sys.stderr, flush=True)
    command = shlex.join(["python", "-m", "benchmarks.seeds", *sys.argv[1:]])
    written = write_record(
        command, [("Seeds: a study beside its published score", lines(rows, asked.published))], asked.out
    )
    print(f"\nwritten: {written}")


if __name__ == "__main__":
    main()
