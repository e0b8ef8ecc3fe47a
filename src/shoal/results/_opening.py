"""The facts of a run folder, each looked at, by the fields of `Results`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shoal.results._asked import scored_summaries, suiting_scores
from shoal.results._coherence import check_choice, check_fits, check_plan, check_study
from shoal.results._looks import read_looks
from shoal.results._select import Choice
from shoal.results._shard import stored_shard
from shoal.results._store import Store
from shoal.results._stored_facts import (
    coherent,
    counted_origins,
    findings_of,
    missing_of,
    of_columns,
    study_of,
)


def read_results(folder: Path) -> dict[str, Any]:
    """Read them; RunFolderError where there are no results of Shoal, or damaged ones."""
    with Store.open_readonly(folder) as store, store.one_view():
        store.verify()
        truth, plan, fits = store.truth(), store.plan(), store.summaries()
        candidate_rows = store.candidate_rows()
        study = study_of(folder, store.fact)
        with coherent(folder, "the study"):
            check_study(study, truth, candidate_rows)
        with coherent(folder, "the choice"):
            choice = Choice.from_json(stored) if (stored := store.fact("choice")) is not None else None
            check_choice(choice, candidate_rows)
        with coherent(folder, "the plan"):
            check_plan(plan, candidate_rows, truth)
        with coherent(folder, "a fit"):
            check_fits(plan, fits, study)
            fits = scored_summaries(store, suiting_scores(study, truth))
        with coherent(folder, "the ledger of test rows"):
            looks = read_looks(store, plan, fits)
        with coherent(folder, "the shard"):
            shard = stored_shard(store, study.study.name, plan, fits)
        return dict(
            folder=folder,
            study=study,
            plan=plan,
            candidate_rows=candidate_rows,
            summaries={entry.fit_id: fits[entry.fit_id] for entry in plan if entry.fit_id in fits},
            choice=choice,
            truth=truth,
            environment=store.environment(),
            coverage=store.fact("coverage"),
            origins=counted_origins(store.origins(), fits),
            missing=missing_of(folder, store.fact("missing")),
            **of_columns(folder, study, store.fact),
            findings_in_rows=findings_of(folder, store.fact("findings in rows"), store.fact("drift")),
            looks=looks,
            shard=shard,
        )
