"""What is said of a run that is not at its end, and of a shard, which has none of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.wording import counted, is_or_are, listed

if TYPE_CHECKING:
    from shoal.results import Results


def unfinished_text(results: Results) -> str:
    """Say how many fits are not trained yet; "" where all are."""
    if not results.unfinished:
        return ""
    fits = f"{counted(results.unfinished, 'fit')} {is_or_are(results.unfinished)}"
    return f"{fits} not trained yet; run the study again to go on"


def shard_text(results: Results) -> str:
    """Say of which shard a folder is, how far it is, what did not go well, and what is next; "" for a whole run."""
    if results.shard is None:
        return ""
    ended = [fit.status for fit in results.summaries.values()]
    unwell = [f"{ended.count(status):,} {status}" for status in ("diverged", "failed") if status in ended]
    said = f"{results.shard.said}{f' ({listed(unwell)})' if unwell else ''}"
    return f"{said}\nnext: {results.shard.next}"
