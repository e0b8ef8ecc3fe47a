"""Studies on a Dask cluster: the same digest, workers that die, and whatever is refused."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed", reason="dask.distributed is not installed")

import dask
import numpy as np
from deadly_rows import Deadly
from sklearn.base import clone

import shoal
from shoal.engine import Planner, StudyRows, Trainers
from shoal.engine._planned import unique
from shoal.engine._train import Checkpoint, train_fit
from shoal.engine.trainers.choice import of_modules
from shoal.engine.trainers.torch import TorchTrainer
from shoal.engine.workers import cluster as clusters
from shoal.engine.workers.cluster import Cluster, open_cluster
from shoal.engine.workers.loop import FitLot, WorkerPool
from shoal.engine.workers.protocol import Coordination, FitProgress
from shoal.errors import EnvironmentFault, InputError
from shoal.look.page.references import trained_where
from shoal.results import FitRecord
from shoal.search import History, Trial
from shoal.study import candidates
from studies import tiny_study, two_peaks

TRAINERS = Trainers()
ROWS = StudyRows(two_peaks(), "none")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers on this machine, where Dask is told to use certificates: they do without, and leave nothing."""
    scratch = tmp_path_factory.mktemp("scratch")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(tempfile, "tempdir", str(scratch))
        tls = {"require-encryption": True} | {
            f"tls.{name}": "no.pem" for name in ("ca-file", "client.cert", "scheduler.cert", "worker.cert")
        }
        for name, value in tls.items():
            key = name.upper().replace(".", "__").replace("-", "_")
            patch.setenv(f"DASK_DISTRIBUTED__COMM__{key}", str(value))
        with dask.config.set({f"distributed.comm.{name}": value for name, value in tls.items()}):
            opened = stack.enter_context(open_cluster("local:2", print))
        assert opened is not None
        yield opened
    assert list(scratch.iterdir()) == []


@pytest.fixture
def short_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits of a tenth of a second come back several times, however fast the machine is."""
    monkeypatch.setattr("shoal.engine.workers.dask.TASK_SECONDS", 0.01)


def trained(cluster: Cluster, rows: Any, fits: list[Any]) -> dict[str, FitRecord]:
    pool = WorkerPool([FitLot(fits, rows, TRAINERS.by_name[fits[0].trainer])], 1, cluster)
    try:
        return {event.fit_id: event for event in pool.events() if isinstance(event, FitRecord)}
    finally:
        pool.close()


def some_fits(epochs: int = 3) -> list[Any]:
    return list(
        unique(Planner(tiny_study(training={"epochs": epochs}), two_peaks(), TRAINERS.choose).search_fits())
    )


def test_a_study_has_the_digest_of_a_plain_run_and_names_its_machines(
    cluster: Cluster, tmp_path: Path
) -> None:
    study = tiny_study(training={"epochs": 4})
    plain = shoal.run(study, out=tmp_path / "plain", workers=1)
    there = shoal.run(study, out=tmp_path / "there", cluster=cluster.client)
    assert there.digest == plain.digest
    ((environment, networks),) = there.origins
    assert networks == there.fits["fit_id"].nunique()
    assert {"machine", "processor", "trainers"} <= environment.keys()
    assert "machine" not in there.environment
    assert socket.gethostname() not in environment.values()
    assert trained_where(there) == []


def test_a_search_of_two_rounds_has_the_digest_of_a_plain_run(
    cluster: Cluster, no_report: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def two_rounds(history: History) -> tuple[Trial, ...]:
        space = tuple(map(Trial, candidates(history.study)))
        return () if len(history.trials) > 2 else space[2:] if history.trials else space[:2]

    monkeypatch.setattr("shoal.engine._fits.next_round", two_rounds)
    monkeypatch.setattr(Planner, "more_rounds", property(lambda _: True))
    plain = shoal.run(tiny_study(), out=tmp_path / "plain", workers=1)
    there = shoal.run(tiny_study(), out=tmp_path / "there", cluster=cluster.client)
    assert len(plain.candidates) == 4
    assert there.digest == plain.digest


def test_a_fit_that_no_worker_survives_is_a_failed_row_and_the_others_are_as_ever(
    cluster: Cluster, tmp_path: Path
) -> None:
    fits = some_fits()
    deadly = fits[len(fits) // 2]
    records = trained(cluster, Deadly(ROWS, frozenset({deadly.id}), tmp_path), fits)
    assert records.keys() == {fit.id for fit in fits}
    failed = records.pop(deadly.id)
    assert (failed.status, failed.message) == (
        "failed",
        "its worker died three times; if memory ran out, workers need more of it",
    )
    assert len(list(tmp_path.iterdir())) == 3
    for fit in fits:
        if fit is not deadly:
            alone = train_fit(fit, ROWS, TRAINERS.by_name[fit.trainer], None, lambda _: None)
            assert records[fit.id].parameters.keys() == alone.parameters.keys()
            for name, array in alone.parameters.items():
                assert records[fit.id].parameters[name].tobytes() == array.tobytes()


@pytest.mark.usefixtures("short_tasks")
def test_a_worker_that_joins_late_is_used_and_one_that_is_lost_is_replaced(
    cluster: Cluster, tmp_path: Path
) -> None:
    fits = some_fits(epochs=40_000)[:4]
    pool = WorkerPool([FitLot(fits, ROWS, TRAINERS.by_name[fits[0].trainer])], 1, cluster)
    records: dict[str, FitRecord] = {}
    before, killed = set(cluster.machines), False
    try:
        for event in pool.events():
            if isinstance(event, FitProgress) and event.share > 0 and not killed:
                assert cluster.local is not None
                os.kill(cluster.local.pids[0], signal.SIGKILL)
                killed = True
            elif isinstance(event, FitRecord):
                records[event.fit_id] = event
    finally:
        pool.close()
    assert killed
    assert {record.status for record in records.values()} == {"ok"}
    for fit in fits:
        alone = train_fit(fit, ROWS, TRAINERS.by_name[fit.trainer], None, lambda _: None)
        for name, array in alone.parameters.items():
            assert records[fit.id].parameters[name].tobytes() == array.tobytes()
    cluster.look(at_once=True)
    while cluster.width < 2:
        cluster.look(at_once=True)
    assert set(cluster.machines) - before


@pytest.mark.usefixtures("short_tasks")
def test_interrupted_fits_are_handed_over_and_go_on_to_the_same_bytes(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = some_fits(epochs=60_000)[:3]  # one more than there are workers
    pool = WorkerPool([FitLot(fits, ROWS, TRAINERS.by_name[fits[0].trainer])], 1, cluster)
    moved, saved = set[str](), dict[str, Checkpoint]()
    wait = Coordination.wait

    def wait_and_stop(shared: Coordination, seconds: float) -> None:
        if len(moved) > 1:
            pool.stop()  # as a signal does, while the loop waits
        wait(shared, seconds)

    monkeypatch.setattr(Coordination, "wait", wait_and_stop)
    records = list[FitRecord]()
    for event in pool.events():
        if isinstance(event, FitProgress) and event.share > 0:
            moved.add(event.fit_id)
        elif isinstance(event, Checkpoint):
            saved[event.fit_id] = event
        elif isinstance(event, FitRecord):
            records.append(event)
    pool.close()
    assert saved.keys() | {record.fit_id for record in records} >= moved
    assert saved
    assert all(saved[name].facts["epoch"] > 0 for name in saved)
    for fit in fits:
        if fit.id in saved:
            trainer = TRAINERS.by_name[fit.trainer]
            alone, again = (
                train_fit(fit, ROWS, trainer, start, lambda _: None) for start in (None, saved[fit.id])
            )
            assert alone.parameters.keys() == again.parameters.keys()
            for name, array in alone.parameters.items():
                assert again.parameters[name].tobytes() == array.tobytes()


def test_a_search_of_estimators_gives_the_scores_of_one_that_stays_here(cluster: Cluster) -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    grid = {"dropout": [0.0, 0.2], "max_iter": [2, 3]}
    network = shoal.MLPRegressor((4,), random_state=0)
    here = shoal.GridSearchCV(network, grid, cv=2).fit(x, x[:, 0])
    search = shoal.GridSearchCV(network, grid, cv=2, cluster=cluster.client)
    assert clone(search).cluster is cluster.client
    there = clone(search).fit(x, x[:, 0])
    for copied in (deepcopy(there), pickle.loads(pickle.dumps(there))):  # noqa: S301 - our own
        assert copied.cluster is None
        assert copied.predict(x).tobytes() == there.predict(x).tobytes()
    assert there.cv_results_["mean_test_score"].tolist() == here.cv_results_["mean_test_score"].tolist()
    assert there.oof_predictions_.tobytes() == here.oof_predictions_.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_workers_have_the_trainers_that_estimators_alone_ask_for(cluster: Cluster, dtype: Any) -> None:
    pytest.importorskip("torch")
    for trainer in (of_modules("cpu", dtype), TorchTrainer("cpu", dtype)):
        with open_cluster(cluster.client, print) as opened:
            assert opened is not None
            opened.require(trainer)


def test_a_cluster_is_as_good_as_its_client(cluster: Cluster) -> None:
    assert cluster.local is not None
    with open_cluster(cluster.local.scheduler, print) as opened:
        assert opened is not None
        assert opened.machines.keys() >= cluster.client.nthreads().keys()
    assert cluster.client.nthreads()


def answering(answer: Any) -> Any:
    async def call(*_: Any, **__: Any) -> Any:
        return answer

    return call


def test_a_worker_that_joins_late_and_cannot_be_used_is_left_out_and_said_once(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    threads = dict(cluster.client.nthreads())
    with open_cluster(cluster.client, said.append) as opened:
        assert opened is not None
        with monkeypatch.context() as patch:
            patch.setattr(cluster.client, "nthreads", answering(threads | {"tcp://ada:1": 8}))
            patch.setattr(
                cluster.client, "run", answering({"tcp://ada:1": Exception("No module named 'shoal'")})
            )
            for _ in range(2):
                opened.look(at_once=True)
        assert opened.width == sum(threads.values())
        assert opened.usable == sorted(threads)
        fits = some_fits()
        assert trained(opened, ROWS, fits).keys() == {fit.id for fit in fits}
        with monkeypatch.context() as patch:
            patch.setattr(cluster.client, "nthreads", answering({}))
            opened.width = 0  # as where rows could be sent to nobody
            opened.look(at_once=True)
    assert said == [
        "worker tcp://ada:1: expected Shoal to be installed, got none; it is left out",
        "no worker at the moment; the run goes on with those that come",
    ]


def test_a_scheduler_that_says_nothing_is_waited_for_and_then_given_up(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent() -> None:
        raise TimeoutError

    with open_cluster(cluster.client, print) as opened:
        assert opened is not None
        monkeypatch.setattr(cluster.client, "nthreads", silent)
        opened.look(at_once=True)
        assert opened.width
        monkeypatch.setattr(clusters, "SILENT_SECONDS", 0.0)
        with pytest.raises(EnvironmentFault, match=r"^the cluster: the scheduler is no longer there; "):
            opened.look(at_once=True)


# -- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"cluster": "local:0"}, "cluster local:N: expected a whole number of at least 1, got 0"),
        ({"cluster": "local:all"}, "cluster local:N: expected a whole number of at least 1, got 'all'"),
        (
            {"cluster": 8786},
            "cluster: expected the address of a scheduler, local:N or a Client of dask.distributed, got an int",
        ),
        *(
            (
                {"cluster": wrong},
                f"cluster: expected an address such as tcp://ada:8786, or local:N, got {wrong!r}",
            )
            for wrong in ("ada", "local", "", "scheduler.json", "tcp://", "tcp://ada:x", "http://ada:8786")
        ),
        (
            {"cluster": "local:2", "workers": 4},
            "workers: expected none beside a cluster, which trains a fit a thread, got 4",
        ),
        (
            {"cluster": "local:2", "device": "cuda"},
            "device: expected cpu with a cluster, whose processors train, got cuda",
        ),
        (
            {"cluster": "local:2", "shard": "1/2"},
            "cluster: expected none with a shard, which is trained apart, got both",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(asked: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        shoal.run(tiny_study(), out=tmp_path / "run", **asked)
    assert str(refused.value) == said
    assert not (tmp_path / "run").exists()


def test_an_address_where_nobody_answers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "CALL_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for port in (1, silent.getsockname()[1]):
            with pytest.raises(InputError) as refused:
                shoal.run(tiny_study(), out=tmp_path / "run", cluster=f"tcp://127.0.0.1:{port}")
            said = "expected a scheduler, got no answer in 1 seconds"
            assert str(refused.value) == f"cluster tcp://127.0.0.1:{port}: {said}"
    assert not (tmp_path / "run").exists()


def test_the_address_of_a_worker_is_refused(cluster: Cluster) -> None:
    address = next(iter(cluster.client.nthreads()))
    with pytest.raises(InputError) as refused:
        shoal.run(tiny_study(), cluster=address)
    assert str(refused.value) == f"cluster {address}: expected a scheduler, got a worker"


def test_without_the_extra_its_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "is_there", lambda extra: False)
    with pytest.raises(
        InputError, match=r'^cluster: needs the package distributed: pip install "shoal\[cluster\]"$'
    ):
        shoal.run(tiny_study(), cluster="local:2")


def test_another_scheduler_is_refused(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = cluster.client.get_versions()
    here = versions["client"]["packages"]["distributed"]
    versions["scheduler"]["packages"]["distributed"] = "2024.1.0"
    monkeypatch.setattr(cluster.client, "get_versions", answering(versions))
    with pytest.raises(InputError) as refused:
        shoal.run(tiny_study(), cluster=cluster.client)
    said = f"expected distributed to be {here} at the scheduler, as here, got 2024.1.0"
    assert str(refused.value) == f"the cluster: {said}"


@pytest.mark.parametrize(
    ("apart", "said"),
    [
        ({"python": "3.99.1"}, "expected Python to be {python}, as here, got 3.99"),
        (
            {"versions": {"shoal": "0.0.1", "numpy": "2.0"}},
            "expected Shoal to be {shoal}, as here, got 0.0.1",
        ),
        (
            {"trainers": {"native": "native-0"}},
            "expected the trainer native to be native-1, native-2, as here, got native-0",
        ),
        (
            ModuleNotFoundError("No module named 'shoal'", name="shoal"),
            "expected Shoal to be installed, got none",
        ),
        (
            Exception("No module named 'shoal'"),  # as Dask hands it on
            "expected Shoal to be installed, got none",
        ),
    ],
    ids=["python", "shoal", "trainer", "none", "none, of any kind"],
)
def test_a_worker_of_other_versions_is_refused(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, apart: Any, said: str
) -> None:
    facts = next(iter(cluster.machines.values()))
    if "native" not in facts["trainers"]:
        pytest.skip("there is no native trainer here")
    other = apart if isinstance(apart, Exception) else facts | apart
    monkeypatch.setattr(cluster.client, "run", answering({"tcp://ada:1": other}))
    with pytest.raises(InputError) as refused:
        shoal.run(tiny_study(), cluster=cluster.client)
    here = {"python": ".".join(facts["python"].split(".")[:2]), "shoal": facts["versions"]["shoal"]}
    assert str(refused.value) == f"worker tcp://ada:1: {said.format(**here)}"


def test_what_differs_and_is_harmless_is_said_once(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = next(iter(cluster.machines.values())) | {"host": "ada"}
    here = facts["versions"]["numpy"]
    other = facts | {
        "vector width": "other",
        "versions": facts["versions"] | {"numpy": "1.0"},
    }
    monkeypatch.setattr(cluster.client, "run", answering({f"tcp://ada:{n}": other for n in (1, 2)}))
    said: list[str] = []
    with open_cluster(cluster.client, said.append):
        pass
    assert said == [
        f"numpy 1.0 on ada, {here} here",
        f"the core works with other on ada, with {facts.get('vector width')} here: to the same bytes",
    ]
