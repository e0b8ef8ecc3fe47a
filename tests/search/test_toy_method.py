"""What it takes to add a method of search: a copy of the house gets a toy that asks in two rounds, and runs it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from house_copy import Copy
from shoal.kinds import SEARCHES

METHOD = '''"""Toy: every second candidate of the space, then the neighbours of the best of them."""

from shoal.search import Trial
from shoal.study import candidates


def ask(history):
    space = candidates(history.study)
    if not history.trials:
        return tuple(map(Trial, space[::2]))
    if len(history.trials) > len(space[::2]):
        return None
    best = [candidate.id for candidate in space].index(history.standings[0].candidate_id)
    return tuple(map(Trial, space[max(0, best - 1) : best + 2]))
'''

RUN = """
import json, os, signal, sys
from dots import draw_dots
from studies import tiny_study
from shoal.engine import Silent
from shoal.look import plan_text
from shoal.pipeline import run
from shoal.planning import plan
from shoal.study import candidates

draw_dots()


class Killer(Silent):
    rounds = []

    def begin(self, title, planned, done, work):
        self.rounds.append([title, len(planned), done])
        print(self.rounds[-1], file=sys.stderr, flush=True)
        if len(self.rounds) == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)


space = {"network.hidden[0]": [3, 4, 5, 6], "training.lr": [0.001, 0.003, 0.01]}
search = {"method": "toy-neighbours", "folds": 2, "repeats": 2, "space": space}
study = tiny_study(search=search, compare=[{"name": "base"}])
planned = plan(study, out=sys.argv[1], workers=1)
results = run(study, out=sys.argv[1], workers=int(sys.argv[2]), watcher=Killer())
numbers = {candidate.id: number for number, candidate in enumerate(candidates(study))}
asked = [numbers[entry.candidate_id] for entry in results.plan if entry.stage == "search"]
print(json.dumps({
    "planned": plan_text(study, planned, results.folder, 1).splitlines()[3:5],
    "rounds": Killer.rounds,
    "asked": list(dict.fromkeys(asked)),
    "ranked": [numbers[row.candidate_id] for row in results.choice.standings],
    "digest": results.digest,
    "page": (results.folder / "report.html").exists(),
    "missing": [str(part) for part in results.missing],
}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    house = Copy(tmp_path_factory.mktemp("house"))
    house.add_file("search/methods/toy_neighbours.py", METHOD)
    house.add_line(
        "kinds.py", "SEARCHES: Final[dict[str, SearchKind]] = {\n", '    "toy-neighbours": SearchKind(),\n'
    )
    return house


def test_a_method_is_a_file_and_a_line(copy: Copy, tmp_path: Path) -> None:
    """Killed before its second round, and going on before its last stage, it ends on two workers in one digest."""
    whole = copy.run(RUN, str(tmp_path / "whole"), "1", "0")
    first = [0, 2, 4, 6, 8, 10]
    best = next(number for number in whole["ranked"] if number in first)
    later = [number for number in (best - 1, best + 1) if 0 <= number < 12]
    assert whole["asked"] == first + later
    assert whole["rounds"][:2] == [
        ["training, round 1", 6 * 4 + 1, 0],
        ["training, round 2", 4 * len(later), 0],
    ]
    assert whole["planned"] == [
        "  candidates  6 on 2 folds, 2 repeats; first round, more may follow",
        "  fits        24 search + 1 comparison + 2 winner; first round alone",
    ]
    assert sorted(whole["ranked"]) == sorted(whole["asked"])
    assert whole["page"]
    assert whole["missing"] == []
    folder, second = str(tmp_path / "killed"), ["training, round 2", 4 * len(later)]
    for workers, end in (("1", "2"), ("2", "3")):
        killed = copy.process(RUN, folder, workers, end)
        assert killed.returncode == -signal.SIGKILL
    assert killed.stderr.splitlines()[:2] == [str(["training, round 1", 25, 25]), str([*second, 0])]
    resumed = copy.run(RUN, folder, "2", "0")
    assert resumed["rounds"][:2] == [["training, round 1", 25, 25], [*second, 4 * len(later)]]
    assert {key: value for key, value in resumed.items() if key not in ("rounds", "planned")} == {
        key: value for key, value in whole.items() if key not in ("rounds", "planned")
    }


def test_a_method_without_its_line_is_refused(tmp_path: Path) -> None:
    house = Copy(tmp_path / "house")
    house.add_file("search/methods/toy_neighbours.py", METHOD)
    script = """
import json
from studies import tiny_study
from shoal.search import History, next_round
from shoal.errors import StudyError

study = tiny_study()
search = study.search.model_copy(update={"method": "toy-neighbours"})
try:
    next_round(History(study.model_copy(update={"search": search})))
except StudyError as error:
    print(json.dumps(str(error)))
"""
    assert house.run(script) == f"search.method: expected one of {', '.join(SEARCHES)}, got 'toy-neighbours'"
