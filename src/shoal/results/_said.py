"""What the networks of a run say of a target beyond one number: it makes their loss a score of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shoal.distributions import Distribution
from shoal.results._record import CandidateRow
from shoal.study import Study, candidate_with


def said_by(
    study: Study, candidates: Iterable[CandidateRow], candidate_id: str | None
) -> Distribution | None:
    """Give what networks of a candidate say of a target, of one that is not among `candidates` the study's own.

    Raises StudyError for values that the study's keys do not take.
    """
    values = next((row.values for row in candidates if row.candidate_id == candidate_id), {})
    return candidate_with(study, values).training.distribution


def in_common(said: Sequence[Distribution | None]) -> bool:
    """Whether some networks all say the same, so that their losses are one score."""
    return len(set(said)) < 2
