"""A plan that shows itself in a notebook: its text, and the study's own network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoal import results as stored

if TYPE_CHECKING:
    from shoal.look._network import NetworkFacts


@dataclass(frozen=True)
class Plan(stored.Plan):
    """The cost of a study, and its own network; see `shoal.results.Plan`."""

    network: NetworkFacts | None = None
    """The study's own network, for all training rows."""

    def _repr_html_(self) -> str:
        from shoal.look._network_picture import network_html

        return super()._repr_html_() + (network_html(self.network) if self.network else "")
