"""Every check of method: one run that raises it, one that does not, and its page."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from look_runs import MadeUp, make_run
from numpy.typing import NDArray

from dots import dot
from shoal.errors import RunFolderError
from shoal.look import Check, checks, results_text, write_report
from shoal.look import method_checks as room
from shoal.look._evidence import pooled_deviation
from shoal.look._unit_counts import UnitCounts
from shoal.look.method_checks import dead_layers, method_checks
from shoal.look.method_checks.many_variants import luck_of_the_best
from shoal.look.method_checks.overfitting import has_risen, last_level, lowest_point
from shoal.look.method_checks.still_falling import late_fall
from shoal.results import Results

QUIET = (lambda done: 0.4 + np.exp(-20 * done), lambda done: 0.5 + np.exp(-20 * done))
LEARNED = MadeUp(losses=QUIET)
COVERED = {
    "train_rows": 40, "test_rows": 30, "repeated_inputs": 0, "repeated_rows": 0, "repeated_train": 0,
    "outside_rows": 0, "gap_rows": 0, "bare": [], "unseen": [],
}  # fmt: skip


def found(results: Results) -> dict[str, Check]:
    return {check.code: check for check in checks(results)}


def made(folder: Path, **changes: Any) -> dict[str, Check]:
    return found(make_run(folder, replace(LEARNED, **changes)))


def covered(folder: Path, **changes: Any) -> dict[str, Check]:
    return found(replace(make_run(folder, LEARNED), coverage=COVERED | changes))


# -- from runs -----------------------------------------------------------------------------------------------


def test_a_run_without_reason_to_doubt_raises_nothing(tmp_path: Path) -> None:
    results = make_run(tmp_path, replace(LEARNED, names=()))
    assert checks(replace(results, coverage=COVERED)) == ()


def test_validation_loss_still_falling(tmp_path: Path) -> None:
    falling = (lambda done: 1 - done / 2, lambda done: 1 - done / 2)
    check = made(tmp_path / "a", losses=falling, space={"training.lr": [0.1, 0.2]})["SH002"]
    assert check.what.startswith("The validation loss of 3 of 3 networks of the chosen candidate was still")
    # A straight line from 1 to 0.5: about a tenth of its fall, over a level of 0.57.
    assert float(re.findall(r"by ([\d.]+)\s%", check.what)[0]) == pytest.approx(100 * 0.05 / 0.575, abs=1)
    assert ": over the last tenth of the epochs it fell by " in check.what
    assert "SH002" in made(tmp_path / "no search", losses=falling)
    # Of 20 points a tenth is 2: three are taken, and so it is said.
    short = made(tmp_path / "short", losses=falling, epochs=20)["SH002"].what
    assert ": over the last 3 epochs that were evaluated it fell by " in short
    assert float(re.findall(r"by ([\d.]+)\s%", short)[0]) == pytest.approx(100 * 0.075 / 0.6, abs=1.5)
    assert "SH002" not in made(tmp_path / "b", space={"training.lr": [0.1, 0.2]})
    results = make_run(tmp_path / "kept before", replace(LEARNED, losses=falling))
    early = {key: replace(fit, kept_epoch=fit.epochs // 2) for key, fit in results.summaries.items()}
    assert "SH002" not in found(replace(results, summaries=early))
    assert "SH002" not in made(tmp_path / "c", losses=falling, validation=0.0)


def test_chosen_candidate_not_distinguishable(tmp_path: Path) -> None:
    check = made(tmp_path / "a", space={"training.lr": [0.1, 0.2, 0.3]}, level=0.5)["SH003"]
    alike = r"(1 of the 2|all 2) others"
    assert re.fullmatch(
        rf"The best candidate is statistically indistinguishable from {alike} at 5 %\.", check.what
    )
    results = make_run(tmp_path / "b", replace(LEARNED, space={"training.lr": [0.1, 0.2]}))
    first, second = results.choice.standings
    apart = replace(results.choice, standings=(first, replace(second, indistinguishable=False)))
    assert "SH003" not in found(replace(results, choice=apart))


def test_a_smaller_candidate_as_good_is_named(tmp_path: Path) -> None:
    results = make_run(tmp_path, replace(LEARNED, space={"training.lr": [0.1, 0.2]}))
    first, second = results.choice.standings
    alike = (replace(first, parameter_count=900), replace(second, parameter_count=20, indistinguishable=True))
    told = found(replace(results, choice=replace(results.choice, standings=alike)))["SH003"].what
    assert told.endswith("at 5 %; the smallest has 20 parameters, the chosen one 900.")


def test_diverged_fits_are_counted(tmp_path: Path) -> None:
    failed = frozenset({("search", 1, 0), ("compare", "Adam", 0)})
    check = made(tmp_path / "a", space={"training.lr": [0.1, 0.2]}, failed=failed)["SH004"]
    assert check.what.startswith("Of 10 fits, 4 diverged.")
    assert "SH004" not in made(tmp_path / "b")


def test_overfitting_gap_says_how_much_and_since_when(tmp_path: Path) -> None:
    losses = (lambda done: 1.0 - 0.8 * done, lambda done: 0.4 + (done - 0.5) ** 2)
    told = made(tmp_path / "a", losses=losses, epochs=60, space={"training.lr": [0.1, 0.2]})["SH005"].what
    # Medians of the last 6 of 60 points: 0.2 + 0.8 * 2.5 / 60, and 0.4 + (27^2 + 28^2) / 60^2 / 2. The lowest is
    # a mean of 3 points: 0.4 + 2 / 60^2 / 3.
    assert told == (
        "The networks of the chosen candidate end with a validation loss of 0.6101 and a training loss of"
        " 0.2333: 2.6 times as high. The validation loss was lowest near epoch 30: 0.4002."
    )
    assert "SH005" not in made(tmp_path / "b", space={"training.lr": [0.1, 0.2]})
    gap = (
        lambda done: 0.1 + 0 * done,
        lambda done: 0.5 + 0 * done,
    )  # much better on its training rows, and no worse
    assert "SH005" not in made(tmp_path / "c", losses=gap, space={"training.lr": [0.1, 0.2]})


def test_a_rise_is_held_against_its_spread() -> None:
    steady, rising = np.full(20, 1.0), np.concatenate((np.full(10, 1.0), np.full(10, 1.15)))
    assert has_risen([rising, rising], 5)
    assert not has_risen([rising], 5)
    assert has_risen([2 * rising - 1], 5)
    assert not has_risen([steady, steady, 2.5 * rising - 1.5], 5)


def test_uneven_classes(tmp_path: Path) -> None:
    results = make_run(
        tmp_path, MadeUp(task="classification", names=(), classes=("cat", "dog"), targets=(), rows=(40, 30))
    )
    assert "SH006" not in found(results)
    y = np.array([0] * 8 + [1] * 32 + [0, 1] * 15)
    check = found(replace(results, truth=replace(results.truth, y=y)))["SH006"]
    assert check.what == (
        "Of the training rows, 32 are of class “dog” and 8 of class “cat”; always predicting the first is right for"
        " 80\u00a0% of them."
    )
    y = np.array([0] * 9 + [1] * 31 + [0, 1] * 15)
    assert "SH006" not in found(replace(results, truth=replace(results.truth, y=y)))


def test_repeated_rows(tmp_path: Path) -> None:
    check = covered(tmp_path / "a", repeated_inputs=5, repeated_rows=3, repeated_train=2)["SH007"]
    assert check.what == (
        "3 of 30 test rows are training rows too, with the same inputs and the same target."
        " Among the training rows, 2 repeat another."
    )
    assert "SH007" not in covered(tmp_path / "b", repeated_inputs=5, repeated_train=2)
    assert "SH007" not in covered(tmp_path / "c", repeated_rows=3, repeated_by_chance=2.0)
    assert "SH007" in covered(tmp_path / "d", repeated_rows=12, repeated_by_chance=2.0)


def interval(low: float | None, high: float | None, rows: int) -> dict[str, Any]:
    return {"input": "size", "low": low, "high": high, "test_rows": rows, "chance": 0.001}


def test_test_rows_outside_and_in_gaps_are_two_doubts(tmp_path: Path) -> None:
    outside = [interval(None, -1.5, 7), interval(2.25, None, 8)]
    checks = covered(tmp_path / "a", bare=outside, outside_rows=15, unseen=[["kind", 2]])
    assert checks["SH008"].what == (
        "Of 30 test rows, outside of all training rows lie 7 below −1.5 in “size”, 8 above 2.25 in “size”,"
        " 2 with a category of “kind” that no training row has."
    )
    assert "SH009" not in checks
    checks = covered(tmp_path / "b", bare=[interval(-0.5, 1.5, 12)], gap_rows=12)
    assert checks["SH009"].what == (
        "12 of 30 test rows lie where there is no training row: 12 between −0.5 and 1.5 in “size”."
    )
    assert "SH008" not in checks


def test_results_of_old_have_no_coverage_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    results = make_run(tmp_path, LEARNED)
    assert results.coverage is None
    with pytest.raises(
        RunFolderError, match="the coverage of the test rows in its results is not what Shoal writes"
    ):
        checks(replace(results, coverage={"bare": 3}))


def test_many_variants_tested(tmp_path: Path) -> None:
    told = made(tmp_path / "a", names=("a", "b", "c", "d"), repeats=4)["SH010"].what
    assert told.startswith(
        "5 variants, the winner among them, were tested on the same test rows. Were all 5 equally good, the best"
    )
    told = made(tmp_path / "b", names=("a", "b", "c", "d"))["SH010"].what
    assert told == "5 variants, the winner among them, were tested on the same test rows."
    assert "SH010" not in made(tmp_path / "c", names=("a", "b", "c"))


def rows_of(results: Results, **changes: Any) -> Results:
    return replace(results, truth=replace(results.truth, **changes))


def answering(results: Results, monkeypatch: pytest.MonkeyPatch, answer_VK: NDArray[Any]) -> dict[str, Check]:
    monkeypatch.setattr(Results, "test_predictions", lambda results, fit_id: answer_VK)
    return found(results)


def test_answers_no_better_than_a_constant_or_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = make_run(tmp_path, replace(LEARNED, targets=("a", "b"), names=()))
    true_VK = results.truth.y[results.truth.train_rows :]
    assert not {"SH013", "SH014", "SH015"} & found(results).keys()
    worse = true_VK.copy()
    worse[:, 1] += 3 * true_VK[:, 1].std()
    raised = answering(results, monkeypatch, worse)
    assert raised["SH013"].what == (
        "R2 of the delivered model on the test rows is -8 for “b”: always predicting their mean is as good or better."
    )
    assert next(iter(raised)) == "SH013"
    assert "SH014" not in raised
    same = np.tile(true_VK.mean(axis=0), (len(true_VK), 1))
    raised = answering(results, monkeypatch, same)
    assert raised["SH013"].what.count(" for ") == 2
    assert raised["SH014"].what.startswith("The predictions vary (standard deviation) in “a” by ")
    assert list(raised)[:2] == ["SH013", "SH014"]


def test_the_delivered_model_is_the_first_refit_that_did_not_diverge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = replace(LEARNED, names=(), repeats=3, failed=frozenset({("refit", "winner", 0)}))
    results = make_run(tmp_path, run)
    delivered = [entry.fit_id for entry in results.plan if entry.stage == "refit"][1]
    true_VK = results.truth.y[results.truth.train_rows :]
    same_VK = np.tile(true_VK.mean(axis=0), (len(true_VK), 1))
    monkeypatch.setattr(
        Results, "test_predictions", lambda results, fit_id: same_VK if fit_id == delivered else true_VK
    )
    assert {"SH013", "SH014"} <= found(results).keys()


def test_classes_that_are_never_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = MadeUp(task="classification", names=(), classes=("cat", "dog", "owl"), targets=(), rows=(40, 30))
    results = make_run(tmp_path, run)
    true_V = results.truth.y[40:]
    assert not {"SH013", "SH014", "SH015"} & found(results).keys()
    raised = answering(results, monkeypatch, np.eye(3)[np.minimum(true_V, 1)])
    assert raised["SH015"].what == (
        "No test row is recognised of “owl” (recall 0 of 10, never predicted); over all classes 20 of 30 test rows are"
        " right."
    )
    assert not {"SH013", "SH014"} & raised.keys()
    raised = answering(results, monkeypatch, np.eye(3)[np.zeros(30, int)])
    assert raised["SH014"].what == "Of 30 test rows, every one is predicted as “cat”."
    assert raised["SH013"].what == (
        "The delivered model is right for 33.3\u00a0% of the test rows; always predicting “cat”, the most frequent"
        " class of the training rows, is right for 33.3\u00a0%."
    )
    assert "SH015" not in raised
    # Without test rows of a class, nothing is missed.
    without = np.where(results.truth.y == 2, 0, results.truth.y)
    raised = answering(rows_of(results, y=without), monkeypatch, np.eye(3)[np.minimum(true_V, 1)])
    assert "SH015" not in raised


def test_classes_without_test_rows(tmp_path: Path) -> None:
    run = MadeUp(task="classification", names=(), classes=("cat", "dog", "owl"), targets=(), rows=(40, 30))
    results = make_run(tmp_path, run)
    assert "SH019" not in found(results)
    rows_K = np.bincount(results.truth.y[:40], minlength=3)
    y = results.truth.y.copy()
    y[40:] = np.where(y[40:] == 2, 0, y[40:])
    told = found(rows_of(results, y=y))["SH019"].what
    assert told == f"No test row is of class “owl” ({rows_K[2]} training rows)."
    y[:40], y[40:] = 0, 0
    y[:2] = 1, 2
    told = found(rows_of(results, y=y))["SH019"].what
    assert told == "No test row is of class “dog” (1 training row), “owl” (1 training row)."
    assert "SH019" not in found(make_run(tmp_path / "numbers", LEARNED))


def test_columns_that_are_doubted_by_check_are_doubted_by_the_run(tmp_path: Path) -> None:
    results = make_run(tmp_path / "a", replace(LEARNED, names=(), inputs=("t", "n")))
    assert not {"SH016", "SH017", "SH018"} & found(results).keys()
    x_ND = results.truth.x_ND.copy()
    x_ND[:, 0] = 1.7e9 + 10 * x_ND[:, 0]
    x_ND[:, 1] = np.arange(70)
    raised = found(rows_of(results, x_ND=x_ND))
    assert raised["SH016"].what == 'In numbers of 32 bits, input "t" has 40 different values, which become 1.'
    assert raised["SH017"].what == 'Not standardised, input "t" lies at 1.7e+09 and varies by 29 only.'
    assert raised["SH018"].what == 'Of the inputs, "n" numbers the rows, or counts time (0, 1, 2 ...).'
    assert next(iter(raised)) == "SH016"
    scaled = make_run(tmp_path / "b", replace(LEARNED, names=(), inputs=("t", "n"), standardize="inputs"))
    assert not {"SH016", "SH017"} & found(rows_of(scaled, x_ND=x_ND)).keys()
    huge = found(rows_of(scaled, y=1e6 * scaled.truth.y))
    assert huge["SH017"].what.startswith('Not standardised, target "label" has a size of ')


def test_groups_on_both_sides_of_a_fold_are_counted(tmp_path: Path) -> None:
    results = make_run(tmp_path, replace(LEARNED, names=(), space={"training.lr": [0.1, 0.2]}))
    assert "SH021" not in found(results)  # no groups are declared
    # Of three folds the first holds out every third row: rows 0, 3, 6 ...
    own, whole = np.arange(70), np.arange(70) % 3
    assert "SH021" not in found(rows_of(results, groups=whole))
    own[1] = 0
    assert found(rows_of(results, groups=own))["SH021"].what == (
        "1 of 39 groups (data.groups) has rows on both sides of a fold, so that selection scores are too good;"
        ' search.folds.kind = "grouped" keeps each on one side.'
    )
    assert "SH021" not in found(rows_of(make_run(tmp_path / "b", LEARNED), groups=own))  # no search


def test_differences_that_may_be_chance_are_named(tmp_path: Path) -> None:
    results = make_run(tmp_path / "a", replace(LEARNED, repeats=2))
    differences = {label: scores["mse"] for label, scores in results.differences.items()}
    sure = {label for label, one in differences.items() if one.low > 0 or one.high < 0}
    assert sure == {"Adam"}
    chance = differences["winner"]
    check = found(results)["SH011"]
    assert check.severity == "note"
    assert check.what == (
        "By test mean squared error, for other test rows and other initialisations, not significantly"
        " different from “SGD”:"
        f" “winner” ({chance.mean:+.2g}, between {chance.low:+.2g} and {chance.high:+.2g}).".replace("-", "−")
    )
    few = found(make_run(tmp_path / "b", replace(LEARNED, rows=(40, 20))))["SH011"]
    assert ": 20 rows are too few for an interval)" in few.what
    assert few.what.startswith("By test mean squared error, for other test rows, not significantly")


def test_differences_beyond_chance_are_no_reason_to_doubt(tmp_path: Path) -> None:
    results = make_run(tmp_path, replace(LEARNED, repeats=3, rows=(40, 300)))
    differences = [scores["mse"] for scores in results.differences.values()]
    assert ("SH011" in found(results)) == any(one.low <= 0 <= one.high for one in differences)


def test_one_repeat_of_several_comparisons(tmp_path: Path) -> None:
    check = made(tmp_path / "a")["SH012"]
    assert check.what == "3 variants are compared by one initialisation each, so their spread is not known."
    assert "SH012" not in made(tmp_path / "b", repeats=2)
    assert "SH012" not in made(tmp_path / "c", names=())


def test_warnings_stand_before_notes_and_hostile_names_stay_on_their_line(tmp_path: Path) -> None:
    name = "a\u202eb " + "x" * 80
    failed = frozenset({("compare", "b", 0)})
    raised = list(made(tmp_path, names=(name, "b", "c", "d", "e"), repeats=3, failed=failed).values())
    severities = [check.severity for check in raised]
    assert severities == sorted(severities, reverse=True)
    assert {"warning", "note"} <= set(severities)
    assert all(check.what.isprintable() and "\u202e" not in check.what for check in raised)


# -- what is measured ----------------------------------------------------------------------------------------


def test_late_fall_by_hand() -> None:
    # The medians of points 14 to 16 and 17 to 19 of 2, 1.9, 1.8 ... are 0.5 and 0.2.
    assert late_fall(2 - np.arange(20) / 10) == pytest.approx(0.6)
    assert late_fall(np.full(40, 0.3)) == 0
    assert late_fall(np.linspace(1, 2, 40)) == 0
    assert np.isnan(late_fall(np.linspace(2, 1, 11)))
    assert late_fall(np.concatenate((np.ones(50), np.linspace(1, 0.995, 10)))) == 0  # less than 1 %


def test_noise_without_a_trend_seldom_falls() -> None:
    random = np.random.default_rng(0)
    curves = 1 + 0.1 * random.normal(size=(300, 200))
    assert np.mean([late_fall(curve) > 0 for curve in curves]) < 0.06
    falling = curves - np.linspace(0, 2, 200) / 2
    assert np.mean([late_fall(curve) > 0 for curve in falling]) > 0.4


def test_levels_and_lowest_points_by_hand() -> None:
    assert last_level(np.array([9.0, 1.0])) == 1.0
    assert last_level(np.arange(20.0)) == 18.5
    assert lowest_point([np.array([3.0, 1.0, 2.0]), np.array([3.0, 2.0, 1.5])]) == (1, 1.5)


def test_deviation_within_groups_and_luck_of_the_best() -> None:
    groups = [np.array([1.0, 3.0]), np.array([10.0, 10.0, 16.0]), np.array([99.0])]
    assert pooled_deviation(groups) == pytest.approx(np.sqrt((2 + 24) / 3))
    assert np.isnan(pooled_deviation([np.array([1.0])]))
    draws = np.random.default_rng(1).normal(size=(40_000, 12))
    for count in (2, 5, 12):
        assert luck_of_the_best(count) == pytest.approx(draws[:, :count].max(axis=1).mean(), abs=0.04)
    assert luck_of_the_best(1) == 0


# -- the page ------------------------------------------------------------------------------------------------


def test_every_code_has_its_section_with_the_same_words() -> None:
    page = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (SH\d{3}: [^\n]*)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    rules = method_checks()
    assert list(sections) == [f"{rule.code}: {rule.title}" for rule in rules]
    for rule, text in zip(rules, sections.values(), strict=True):
        plain = " ".join(text.split())
        assert plain.startswith(f"*{rule.severity.capitalize()}.*")
        for words in (rule.why, rule.remedy, rule.reference):
            assert words in plain
    codes = [rule.code for rule in rules]
    assert codes == sorted(set(codes))


# -- the seam ------------------------------------------------------------------------------------------------

TOY = """
from shoal.look._check import MethodCheck

CHECK = MethodCheck(
    code="SH000", severity="warning", title="A toy", alarming=True, why="It is a toy.", remedy="Play.",
    reference="Nobody (2000). On toys.",
    find=lambda results: f"{len(results.summaries)} networks." if len(results.summaries) > 3 else "",
)
"""


def test_a_check_is_added_by_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many, few = (make_run(tmp_path / name, replace(LEARNED, names=tuple(name))) for name in ("ab", "a"))
    assert len(few.summaries) == 3
    before = [check.code for check in checks(many)]
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "toy.py").write_text(TOY, encoding="utf-8")
    monkeypatch.setattr(room, "__path__", [*room.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, "shoal.look.method_checks.toy", raising=False)
    first, *others = checks(many)
    assert (first.code, first.what) == ("SH000", f"{len(many.summaries)} networks.")
    assert [check.code for check in others] == before
    assert "SH000" not in found(few)
    assert "SH000  warning: A toy" in results_text(many)
    monkeypatch.setattr("shoal.look._gallery.png", dot)
    page = write_report(many).read_text(encoding="utf-8")
    assert '<div class="check warning" id="SH000">' in page


def test_layers_of_which_half_the_units_are_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = make_run(tmp_path, LEARNED)
    two = np.array([4, 4, 1])

    def counted(dead: list[int]) -> dict[str, Check]:
        counts = UnitCounts(("hidden1", "hidden2", "output"), ("relu",) * 3, two, np.array(dead), two, two)
        monkeypatch.setattr(dead_layers, "unit_counts", lambda _: counts)
        return found(results)

    assert "SH020" not in counted([1, 0, 1])
    assert counted([2, 1, 0])["SH020"].what == "Dead units of the delivered network: 2 of 4 in hidden1."
