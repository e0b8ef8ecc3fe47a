"""A table with missing cells and a rare class: what is done with both, and why 95 % right is nothing.

    python examples/missing_and_rare.py

leaves the run folder `runs/wards`, `report.html` in it. One patient in twenty falls ill, many cells are empty, and one
column holds categories. A network that never says "yes" would be right on 95 %, so the search goes by average
precision, the loss counts both classes alike, and the threshold is chosen on the rows held out.
"""

import numpy as np
import pandas as pd

import shoal


def patients(rows: int, seed: int) -> pd.DataFrame:
    """Make patients up; the pulse of every fifth was not taken."""
    rng = np.random.default_rng(seed)
    pulse, ward = rng.normal(80, 12, rows), rng.choice(["north", "south", "west"], rows)
    fever = rng.normal(37, 0.6, rows)
    risk = 0.08 * (pulse - 80) + 1.6 * (fever - 37) + np.where(ward == "west", 0.8, 0)
    ill = risk + rng.normal(0, 0.5, rows) > 2.6
    missing = rng.random(rows) < 0.2
    table = {
        "pulse": pd.Series(pulse).mask(missing),
        "fever": fever,
        "ward": ward,
        "ill": np.where(ill, "yes", "no"),
    }
    return pd.DataFrame(table)


def main() -> None:
    """Look at the table, train, and see what the rare class is worth."""
    known, new = patients(600, seed=0), patients(6, seed=3)
    keys = {
        "target": "ill",
        "name": "wards",
        "data": {"positive": "yes"},
        "training": {"class_weight": "balanced", "epochs": 60},
        "search": {
            "metric": "average_precision",
            "threshold": "f1",
            "space": {"network.hidden": [[], [16]]},
        },
    }
    print(shoal.plan(known, **keys).text)  # every column, what it is, and what becomes of its missing cells
    results = shoal.run(known, **keys)
    print(results.candidates[["network.hidden", "selection_score", "standard_error", "chosen"]])
    print(f'"yes" is named from a probability of {results.decision.threshold:.2f} on')

    # The model takes missing cells as they come, and names "yes" from the threshold on.
    model = shoal.load(results.folder)
    probability = model.predict_proba(new)[:, model.classes.index("yes")]
    print(new.assign(probability=probability.round(3), named=model.predict(new)))


if __name__ == "__main__":
    main()
