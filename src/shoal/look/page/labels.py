"""The tables of several labels: how often each is there, and how well it is predicted."""

from __future__ import annotations

from typing import Final

import numpy as np

from shoal.look._labels import delivered_labels
from shoal.look._run_findings import RunFindings
from shoal.look._text_layout import text_table
from shoal.look.page.tables import MOST_ROWS, ReportTable, numbers, texts
from shoal.wording import shorten, visible

LABELS_SHOWN: Final = 20
"""Labels that a table of plain text has at most."""


def label_table(findings: RunFindings) -> ReportTable | None:
    """Give the scores of every label on the test rows; None where there are none, or no network yet."""
    fact = delivered_labels(findings)
    if fact is None:
        return None
    columns = [
        texts("label", fact.labels[:MOST_ROWS]),
        numbers("training rows that have it", fact.train_K[:MOST_ROWS]),
        numbers("test rows that have it", fact.test_K[:MOST_ROWS]),
        numbers("predicted", fact.named_K[:MOST_ROWS]),
    ]
    scores = (
        ("precision", fact.precision_K),
        ("recall", fact.recall_K),
        ("F1", fact.f1_K),
        ("ROC AUC", fact.area_K),
        ("average precision", fact.average_K),
    )
    columns += [numbers(name, score_K[:MOST_ROWS]) for name, score_K in scores]
    return ReportTable(tuple(columns), max(0, len(fact.labels) - MOST_ROWS))


def label_text(findings: RunFindings) -> str:
    """Give the table as plain text, of many labels those with the lowest F1; empty without one."""
    fact = delivered_labels(findings)
    if fact is None:
        return ""
    count = len(fact.labels)
    order = np.argsort(fact.f1_K, kind="stable")[:LABELS_SHOWN] if count > LABELS_SHOWN else range(count)
    scores = (fact.precision_K, fact.recall_K, fact.f1_K, fact.area_K)
    rows = [
        [
            visible(shorten(fact.labels[k], 40)),
            int(fact.test_K[k]),
            *(float(score_K[k]) for score_K in scores),
        ]
        for k in order
    ]
    which = f"the {len(rows)} of {count} labels with the lowest F1" if len(rows) < count else "labels"
    together = f" (all {fact.repeats} together)" if fact.repeats > 1 else ""
    weighed = findings.truth.test_weights is not None
    note = "\nEach row of a weight above 0 counts once here, whatever that is." * weighed
    table = text_table(["label", "rows", "precision", "recall", "F1", "ROC AUC"], rows)
    return f"{which} on the test rows, {fact.name}{together}\n{table}{note}"
