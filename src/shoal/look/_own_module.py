"""The module of a person's own that took the place of a run's networks, as text."""

from __future__ import annotations

from shoal.results import Results
from shoal.wording import visible


def module_title(results: Results) -> str:
    """Give the name of a run's module; empty where it trained networks of its study."""
    return visible(results.module.partition(",")[0])


def handed_over(results: Results, in_memory: bool) -> dict[str, str]:
    """Say what a run was given in Python that no file holds, and what is to be done with it; nothing where there was
    none.
    """
    title = module_title(results)
    parts = ["its rows"] * in_memory + [f"the module {title} in the place of its networks"] * bool(title)
    if not parts:
        return {}
    again = "both" if len(parts) > 1 else "the same module" if title else "the same rows"
    module = f"module={title if title.isidentifier() else 'module'}, " if title else ""
    return {"given": " and ".join(parts), "again": again, "module": module}
