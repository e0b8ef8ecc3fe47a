"""The short form of the campaign on checks: every check has a world in which it has to speak, and speaks there."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.honesty.checks import clean_verdicts, verdict
from benchmarks.honesty.planted import planted, plants

from shoal.look.method_checks import method_checks

CODES = [check.code for check in method_checks()]


def test_every_check_has_a_planted_world() -> None:
    assert list(planted()) == CODES
    with pytest.raises(ValueError, match="SH001 has a planted world already"):
        plants("SH001")(planted()["SH001"])


@pytest.mark.parametrize("code", CODES)
def test_a_check_speaks_where_its_fault_is_planted(code: str) -> None:
    said = verdict(planted()[code](np.random.default_rng([1, *code.encode()]))).said
    assert code in said


def test_clean_studies_see_no_warning() -> None:
    warned = {verdict.kind: verdict.said for verdict in clean_verdicts(6, seed=1) if verdict.warned}
    assert warned == {}
