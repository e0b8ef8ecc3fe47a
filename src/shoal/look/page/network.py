"""The table of the steps of a network: what each gives, and what it takes."""

from __future__ import annotations

from shoal.look._network import NetworkFacts
from shoal.look.page.tables import ReportTable, numbers, texts


def network_table(fact: NetworkFacts | None) -> ReportTable | None:
    """Give the steps of a network, a row each, after its inputs; sums stand last. None without a network."""
    if fact is None:
        return None
    steps, none = fact.steps, ("",)
    shape = "\u00a0×\u00a0".join(f"{side:,}" for side in fact.input_shape)
    columns = [
        texts("layer", ("inputs", *(step.layer for step in steps), "sum")),
        texts("what it is", (*none, *(step.words for step in steps), *none)),
        texts("output", (shape, *(step.shape_text for step in steps), *none)),
        texts("kernel", (*none, *(", ".join(step.geometry) for step in steps), *none)),
        texts("adds", (*none, *(step.entered_text for step in steps), *none)),
        texts("activation", (*none, *(step.activation for step in steps), *none)),
        texts("norm", (*none, *(step.norm for step in steps), *none)),
        texts("dropout", (*none, *(f"{step.dropout:g}" if step.dropout else "" for step in steps), *none)),
        numbers("parameters", (0, *(step.parameters for step in steps), fact.parameters)),
        numbers("multiply-adds", (0, *(step.multiply_adds for step in steps), fact.multiply_adds)),
    ]
    return ReportTable(tuple(column for column in columns if any(column.cells)))
