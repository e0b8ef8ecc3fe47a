"""`python -m benchmarks.spread`: what learned intervals hold of held-out rows: quantiles, normal distributions.

Problems are drawn: a curved mean of a few inputs, and a deviation that is the same everywhere or follows the inputs.
Half of the rows train, the other half is asked whether the target lies in the 80 % and 95 % interval: between two
quantiles, or within so many standard deviations of the mean. Learning rate and epochs are those of the least loss of
its own (pinball, likelihood) on a third of the training rows, held out, as a search of a study chooses; no row that is
asked has a say. Where noise is not normal, a normal distribution cannot hold what it says; that is shown apart.
Then small studies are run as `shoal.run` does: how often the check SH035 speaks, and how often without a reason, as
many new rows of the same kind say.
Letters: N rows, D inputs.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.honesty.checks import RATES, hits
from benchmarks.honesty.drawn_studies import (
    TARGET,
    Columns,
    Rng,
    inputs,
    results_of,
    rows_drawn,
    scaled,
    signal,
    table,
    training,
)
from benchmarks.record import table as lines_of
from benchmarks.record import write_record
from shoal.distributions import Distribution
from shoal.engine import Job, Trainers, initial_state
from shoal.engine._trainer import FitData, Rows
from shoal.look import checks
from shoal.look.method_checks.uncovered_levels import CHECK as COVERS
from shoal.model import load
from shoal.nets import build_architecture
from shoal.results import Results
from shoal.results._levels import NEAR
from shoal.streams import StreamKey
from shoal.study import Network, Training

COVERAGES: Final = {0.8: (0.1, 0.9), 0.95: (0.025, 0.975)}
LEVELS: Final = (0.025, 0.1, 0.5, 0.9, 0.975)
WITHIN: Final = 3.0
"""Points that a coverage of normal noise may be off."""
ROWS: Final = 8000
NEW_ROWS: Final = 20_000
SETTINGS: Final = tuple(product((3e-3, 1e-2), (20, 60)))
NETWORK: Final = Network(hidden=(32, 32), activation="tanh")
LOSSES: Final = ("quantile", "gaussian")
NOISE: Final = {
    "normal": lambda rng, rows: rng.standard_normal(rows),
    "Laplace": lambda rng, rows: rng.laplace(size=rows) / np.sqrt(2),
    "exponential": lambda rng, rows: rng.exponential(size=rows) - 1,
}
"""Noise of mean 0 and standard deviation 1."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Standardised inputs and targets, (N, D) and (N, 1), the first half to train on, and what they are in words."""

    words: str
    x_ND: NDArray[np.float32]
    y_N1: NDArray[np.float32]


def problem(number: int, noise: str = "normal") -> Problem:
    """Draw one; of every three the first has the same deviation everywhere."""
    rng: Rng = np.random.default_rng([7, number, *noise.encode()])
    count = int(rng.integers(1, 6))
    x_ND = inputs(rng, ROWS, count)
    mean_N, follows_N = signal(rng, x_ND, True), scaled(x_ND)[:, int(rng.integers(count))]
    even = number % 3 == 0
    deviation_N = rng.uniform(0.2, 0.6) * (np.ones(ROWS) if even else np.exp(0.5 * np.clip(follows_N, -2, 2)))
    y_N = mean_N + deviation_N * NOISE[noise](rng, ROWS)
    ratio = np.quantile(deviation_N, 0.95) / np.quantile(deviation_N, 0.05)
    half = ROWS // 2
    x_ND = (x_ND - x_ND[:half].mean(axis=0)) / x_ND[:half].std(axis=0)
    y_N = (y_N - y_N[:half].mean()) / y_N[:half].std()
    words = f"{count} input{'s' * (count > 1)}, deviation {'even' if even else f'1 to {ratio:.1f}'}"
    return Problem(words, x_ND.astype(np.float32), y_N[:, None].astype(np.float32))


def trained(asked: Problem, loss: str, training: Training, rows: slice) -> tuple[Distribution, Any]:
    """Train on some rows; give what the network says, and a function that asks it of inputs: answers (N, 1, A)."""
    said = training.distribution
    assert said is not None
    architecture = build_architecture(NETWORK, asked.x_ND.shape[1:], said.outputs)
    job = Job(architecture, training, loss, StreamKey(3, 0, 0))
    trainer, state = Trainers().choose(job), initial_state(job)
    x, y = asked.x_ND[rows], asked.y_N1[rows]
    none = Rows(x[:0], y[:0])
    trainer.advance(job, FitData(Rows(x, y), none, none), state, training.epochs)

    def answers(x_ND: NDArray[np.float32]) -> NDArray[np.float64]:
        outputs = trainer.outputs(architecture, state.parameters_P, state.buffers, x_ND).astype(np.float64)
        return said.answers(outputs[:, None], lambda values: values, 1.0)

    return said, answers


def own_loss(asked: Problem, loss: str, training: Training, third: int) -> float:
    """Give the loss on the last third of the training rows of a network that learned from the others."""
    half = ROWS // 2
    said, answers = trained(asked, loss, training, slice(0, half - third))
    held = slice(half - third, half)
    return float(said.losses(asked.y_N1[held].astype(np.float64), answers(asked.x_ND[held])).mean())


def coverages(asked: Problem, loss: str) -> dict[float, float]:
    """Choose the settings, train on half of the rows, and give the per cent of the others that each interval holds."""
    half = ROWS // 2
    trainings = [
        Training(loss=loss, lr=rate, epochs=epochs, batch_size=64, schedule="cosine", quantiles=LEVELS)
        if loss == "quantile"
        else Training(loss=loss, lr=rate, epochs=epochs, batch_size=64, schedule="cosine")
        for rate, epochs in SETTINGS
    ]
    chosen = min(trainings, key=lambda training: own_loss(asked, loss, training, half // 3))
    said, answers = trained(asked, loss, chosen, slice(0, half))
    quantile_NL = said.quantiles(answers(asked.x_ND[half:]))[:, 0]
    y_N, places = asked.y_N1[half:, 0], {level: place for place, level in enumerate(said.levels)}
    return {
        coverage: 100
        * float(np.mean((quantile_NL[:, places[low]] <= y_N) & (y_N <= quantile_NL[:, places[high]])))
        for coverage, (low, high) in COVERAGES.items()
    }


def measured(problems: int, noise: str) -> tuple[list[list[str]], float]:
    """Measure some problems; give the rows of the table, and how far the worst coverage is off, in points."""
    rows, worst = [], 0.0
    for number in range(problems):
        asked = problem(number, noise)
        held = {loss: coverages(asked, loss) for loss in LOSSES}
        worst = max(worst, *(abs(held[loss][of] - 100 * of) for loss in LOSSES for of in COVERAGES))
        rows.append(
            [f"{noise}, {asked.words}", *(f"{held[loss][of]:.1f}" for loss in LOSSES for of in COVERAGES)]
        )
        print(*rows[-1], sep=" | ", flush=True)
    return rows, worst


def judged(results: Results, new: Columns) -> tuple[bool, bool]:
    """Tell whether SH035 speaks of a run, and whether new rows say that some share is not near its level."""
    model = load(results.folder)
    quantile_NL = model.predict_quantiles({name: new[name] for name in model.input_names})[:, 0]
    share_L = (new[TARGET][:, None] < quantile_NL).mean(axis=0)
    level_L = np.array(model.levels)
    near_L = np.minimum(NEAR, np.minimum(level_L, 1 - level_L) / 2)
    return COVERS.code in {check.code for check in checks(results)}, bool(
        (np.abs(share_L - level_L) > near_L).any()
    )


def alarms(studies: int) -> list[str]:
    """Say how often SH035 speaks of small studies, and how often without a reason; and of those that overfit."""
    spoken, reasons = [], []
    for number in range(studies):
        rng = np.random.default_rng([11, number])
        rows = rows_drawn(rng, 300, 2000)
        study = table(rng, "regression", rows + NEW_ROWS, int(rng.integers(1, 5)), curved=True)
        new = study.with_rows(np.arange(rows, rows + NEW_ROWS)).columns
        asked = study.with_rows(np.arange(rows)).with_keys(
            training={**training(rows, 4), "loss": LOSSES[number % 2]}
        )
        speaks, reason = results_of(asked, lambda results, new=new: judged(results, new))
        spoken.append(speaks)
        reasons.append(reason)
    false = 100 * float(np.mean(np.array(spoken) & ~np.array(reasons)))
    hit = hits(COVERS.code, studies, 1)
    rates = [COVERS.code, COVERS.severity, COVERS.title, f"{hit:.0f}", f"{false:.0f}"]
    return [
        f"{studies} studies of 300 to 2,000 rows were run, half by each loss. {COVERS.code} speaks in"
        f" {100 * np.mean(spoken):.0f} % of them; in {100 * np.mean(reasons):.0f} % the share of {NEW_ROWS:,} new rows"
        f" below some quantile is not near its level, and in {false:.0f} % it speaks though all shares are (a false"
        f" alarm). Of {studies} whose quantiles were overfitted (`benchmarks/honesty/planted/training.py`) it speaks in"
        f" {hit:.0f} %.",
        "",
        *lines_of(RATES, [rates]),
    ]


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spread", description=__doc__)
    parser.add_argument("--out", type=Path, help="where to write the record")
    asked = parser.parse_args()
    head = ["held-out rows held, %", *(f"{loss}: {100 * of:.0f} %" for loss in LOSSES for of in COVERAGES)]
    rows, worst = measured(10, "normal")
    others = [row for noise in ("Laplace", "exponential") for row in measured(2, noise)[0]]
    chance = 100 * np.sqrt(0.8 * 0.2 / (ROWS / 2))
    body = [
        f"{ROWS // 2:,} rows train, as many are asked; two layers of 32 units, Adam. Settings: the best of"
        f" {len(SETTINGS)} (learning rates and epochs) by its own loss on a third of the training rows. A share of 80 %"
        f" of these rows has a standard error of {chance:.1f} points. Quantiles are learned at"
        f" {', '.join(map(str, LEVELS))}; a normal distribution gives mean ± 1.28 and ± 1.96 deviations.",
        "",
        *lines_of(head, rows),
        "",
        f"The farthest is off by {worst:.1f} points, of {WITHIN:.0f} that are allowed:"
        f" {'within' if worst <= WITHIN else 'NOT within'}.",
        "",
        "Noise that is not normal, of which a normal distribution says too much or too little:",
        "",
        *lines_of(head, others),
        "",
        *alarms(150),
    ]
    title = "Spread: what learned intervals hold"
    print(f"\nwritten: {write_record('python -m benchmarks.spread', [(title, body)], asked.out)}")


if __name__ == "__main__":
    main()
