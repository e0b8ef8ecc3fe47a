"""Rows in memory: learn from a frame of pandas, go on where a run ended, predict new rows.

    python examples/rows_in_memory.py

leaves the run folder `runs/houses`, `report.html` in it.
"""

import numpy as np
import pandas as pd

import shoal


def houses(rows: int, seed: int) -> pd.DataFrame:
    """Make houses up, some of which lack the year in which they were built."""
    rng = np.random.default_rng(seed)
    area, town = rng.uniform(40, 250, rows), rng.choice(["Ulm", "Bonn", "Kiel"], rows)
    built = pd.Series(rng.integers(1900, 2020, rows), dtype="Int64").mask(rng.random(rows) < 0.1)
    price = 2.5 * area + np.where(town == "Bonn", 80, 0) + rng.normal(0, 20, rows)
    return pd.DataFrame({"area": area, "town": town, "built": built, "price": price})


def main() -> None:
    """Train, widen the search, predict."""
    known, new = houses(200, seed=0), houses(5, seed=1).drop(columns="price")
    keys = {"target": "price", "name": "houses", "training": {"epochs": 30}}

    # What such a frame needs is found, and said: kinds of columns, missing cells, the sizes of networks.
    results = shoal.run(known, search={"space": {"network.hidden": [[], [16]]}}, **keys)
    print(results.candidates[["network.hidden", "selection_score", "standard_error", "chosen"]])

    # The same rows and a wider search: only what is new is trained.
    wider = {"space": {"network.hidden": [[], [16], [32]]}}
    print(f"{shoal.plan(known, search=wider, **keys).fits} fits are new")
    results = shoal.run(known, search=wider, **keys)

    # The model takes frames as they come, missing cells too.
    print(new.assign(price=shoal.load(results.folder).predict(new)))


if __name__ == "__main__":
    main()
