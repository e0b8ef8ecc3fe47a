"""What is said of the delivered network where there is no picture of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shoal.look._own_module import module_title
from shoal.look._run_findings import RunFindings
from shoal.look.figures.learning_rates import rates_of
from shoal.wording import rounded


def course_sentences(findings: RunFindings) -> Iterator[str]:
    """Say which learning rate all networks had where it never changed, why nothing is known of the importance of
    inputs, and how more of the training is shown.
    """
    rates = rates_of(findings)
    if rates and all(rate.constant for rate in rates):
        first, *others = (rounded(rate.rate_E[0], 3) for rate in rates)
        named = (f"{rate} for {of.name}" for rate, of in zip(others, rates[1:], strict=True))
        beside = f" ({', '.join(named)})" if others else ""
        yield f"Its learning rate stayed at {first} in all epochs{beside}."
    importance = findings.results.importances
    if importance and not np.isfinite(importance.mean_S).any():
        title = findings.truth.title_of(importance.asked.metric)
        held_out = "that networks of the folds held out" if importance.asked.on == "folds" else "of the test"
        yield (
            f"How important its inputs are is not known: among the rows {held_out}, no input differs, or {title} is"
            " not defined."
        )
    if title := module_title(findings.results):
        yield (
            f"It is {title}, a module of your own: the run folder holds its arrays, but not what it makes of"
            " them, so that its layers and activations are not drawn."
        )
    elif not findings.study.inspect.history:
        yield (
            "With inspect.history = 20 in the study, the same shoal run trains it once more and shows here its"
            " gradients, dead units and weights over the epochs."
        )
