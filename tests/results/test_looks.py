"""The ledger of looks at the test rows: every network once, across edited studies, checked when it is read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import shoal
import shoal.pipeline
from dots import end_with_the_model
from shoal.errors import RunFolderError
from shoal.look import checks, results_text
from shoal.look._trust import looks_sentence
from shoal.results import Results, Store, note_looks
from shoal.results._looks import Looks
from studies import tiny_study

pytestmark = pytest.mark.usefixtures("dots")


@pytest.fixture
def unreported(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that look at no report."""
    end_with_the_model(monkeypatch)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one run, to be copied."""
    folder = tmp_path_factory.mktemp("once") / "run"
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        ran(folder)
    return folder


ALONE: dict[str, Any] = {"search": None, "compare": [], "training": {"epochs": 1, "validation": 0.0}}


def ran(folder: Path, epochs: int = 1, **changes: Any) -> Results:
    changes = {"checks": {"baselines": False}} | changes
    return shoal.run(
        tiny_study(**ALONE | {"training": {"epochs": epochs, "validation": 0.0}} | changes), out=folder
    )


def test_a_study_edited_and_run_again_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report = shoal.pipeline.write_report
    monkeypatch.setattr(shoal.pipeline, "write_report", lambda *_: None)
    # Without rows held out, the winner of the comparisons and the refit are two networks of the same settings.
    first = ran(tmp_path)
    assert first.looks == Looks(times=2, settings=1, earlier=0)
    assert (
        looks_sentence(first)
        == "These test rows were scored 2 times, by one setting, over all runs of this folder."
    )
    assert ran(tmp_path).looks == first.looks  # the same networks look once
    second, third = ran(tmp_path, epochs=2), ran(tmp_path, epochs=3)
    assert second.looks == Looks(4, 2, 1)
    assert third.looks == Looks(6, 3, 2)
    assert looks_sentence(third) == (
        "These test rows were scored 6 times, by 3 different settings, 2 of which are not in the study as it is now,"
        " over all runs of this folder."
    )
    raised = {check.code: check for check in checks(third)}
    assert raised["SH033"].what == looks_sentence(third)
    assert "SH033" not in {check.code for check in checks(first)}
    assert "by 3 different settings, 2 of which" in results_text(third).replace("\n  ", " ")
    # What is asked again is no earlier setting any more.
    monkeypatch.setattr(shoal.pipeline, "write_report", write_report)
    assert ran(tmp_path).looks == Looks(6, 3, 2)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "tested once" not in page
    assert "These test rows were scored 6 times, by 3 different settings" in page


@pytest.mark.usefixtures("unreported")
def test_the_scaling_and_the_seed_are_settings_too(tmp_path: Path) -> None:
    data = tiny_study().data.model_dump()
    looks = [ran(tmp_path, data=data | {"standardize": choice}) for choice in ("both", "inputs", "none")]
    assert [result.looks for result in looks] == [Looks(2, 1, 0), Looks(4, 2, 1), Looks(6, 3, 2)]
    assert looks_sentence(looks[-1]) == (
        "These test rows were scored 6 times, by 3 different settings, 2 of which are not in the study as it is now,"
        " over all runs of this folder."
    )
    assert "SH033" in {check.code for check in checks(looks[-1])}
    about = tiny_study().study.model_dump() | {"repeats": 2}
    more = ran(tmp_path, data=data | {"standardize": "none"}, study=about).looks
    assert more == Looks(8, 3, 2)  # repeats are no choice


@pytest.mark.usefixtures("unreported")
def test_a_ledger_of_an_earlier_version_counts_no_network_twice(once: Path, tmp_path: Path) -> None:
    done = Results.open(shutil.copytree(once, tmp_path, dirs_exist_ok=True))
    with Store.reopen(tmp_path) as store:
        ledger = store.fact("looks")
        looks = [look | {"settings": look["settings"].split()[0]} for look in ledger["looks"]]
        store.put_fact("looks", {"rows": ledger["rows"], "looks": looks})
    assert Results.open(tmp_path).looks == done.looks
    assert ran(tmp_path).looks == done.looks
    assert ran(tmp_path, epochs=2).looks == Looks(4, 2, 1)


@pytest.mark.usefixtures("unreported")
def test_what_an_interrupted_run_has_scored_is_counted(tmp_path: Path) -> None:
    done = ran(tmp_path)
    with Store.reopen(tmp_path) as store:
        store.put_fact(
            "looks", {"rows": store.fact("looks")["rows"], "looks": []}
        )  # as it stood before it was trained
    assert Results.open(tmp_path).looks == done.looks
    assert ran(tmp_path, epochs=2).looks == Looks(4, 2, 1)


@pytest.mark.usefixtures("unreported")
def test_other_test_rows_begin_anew(tmp_path: Path) -> None:
    ran(tmp_path)
    with Store.reopen(tmp_path) as store:
        note_looks(store, "another fingerprint", "standardize=none seed=0")
        store.set_plan((), ())
    assert Results.open(tmp_path).looks == Looks(0, 0, 0)
    with Store.reopen(tmp_path) as store:
        assert {look["rows"] for look in store.fact("looks")["looks"]} != {"another fingerprint"}


@pytest.mark.usefixtures("unreported")
def test_a_folder_of_an_earlier_version_counts_what_it_can_see(tmp_path: Path) -> None:
    done = ran(tmp_path)
    with Store.reopen(tmp_path) as store:
        store.put_fact("looks", None)
    assert Results.open(tmp_path).looks == done.looks


@pytest.mark.usefixtures("unreported")
def test_the_ledger_has_no_date_and_no_bytes_of_chance(tmp_path: Path) -> None:
    ran(tmp_path / "a")
    ran(tmp_path / "b")
    ledgers = []
    for folder in ("a", "b"):
        with Store.open_readonly(tmp_path / folder) as store:
            ledgers.append(store.fact("looks"))
    assert ledgers[0] == ledgers[1]
    assert set(ledgers[0]) == {"rows", "looks", "preparation"}


@pytest.mark.parametrize(
    "fact",
    [
        [],
        {"rows": "x"},
        {"rows": "x", "looks": [{"rows": "x", "settings": "", "fit_id": "y"}]},
        {"rows": "x", "looks": [{"rows": "x", "settings": 4, "fit_id": "y"}]},
        {"rows": "x", "looks": 2 * [{"rows": "x", "settings": "a", "fit_id": "y"}]},
        {"rows": "x", "looks": [{"rows": "x", "settings": "a", "fit_id": "y", "date": "today"}]},
    ],
)
@pytest.mark.usefixtures("unreported")
def test_a_strangers_ledger_is_refused(once: Path, tmp_path: Path, fact: Any) -> None:
    shutil.copytree(once, tmp_path, dirs_exist_ok=True)
    with Store.reopen(tmp_path) as store:
        store.put_fact("looks", fact)
    with pytest.raises(
        RunFolderError, match="the ledger of test rows in its results is not what Shoal writes"
    ):
        Results.open(tmp_path)
    with pytest.raises(
        RunFolderError, match="the ledger of test rows in the results is not what Shoal writes; move"
    ):
        ran(tmp_path)
