"""Whether networks that learned permuted targets reach what the delivered network reaches."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._trust import FEWEST, permutation, permutation_sentence
from shoal.results import Results

LEVEL: Final = 0.05


def no_better_than_permuted(results: Results) -> str:
    """Find a permutation test that does not exclude chance, of enough permutations to do so."""
    test = permutation(results)
    if test is None or test.why or test.permutations < FEWEST or test.p <= LEVEL:
        return ""
    return permutation_sentence(results)


CHECK: Final = MethodCheck(
    code="SH034",
    severity="warning",
    title="Chance alone reaches this test score",
    find=no_better_than_permuted,
    why="Networks of the same settings, for which nothing could be learned, do as well on these test rows: it is not"
    " shown that the inputs say anything of the target.",
    remedy="Ask for more rows or other inputs; do not report the score as evidence of a relation.",
    reference="Ojala, M., Garriga, G. C. (2010). Permutation tests for studying classifier performance. Journal of"
    " Machine Learning Research 11, 1833–1863.",
    alarming=True,
)
