"""What a run's figures will take: what the forecasts ask of whoever draws, which the engine does not know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from shoal.nets import Architecture


class Drawing(Protocol):
    """The figures of a run that is not yet trained."""

    @property
    def beside(self) -> float:
        """The bytes of a second process, which waits from the end of training on and then draws; 0 without one."""

    def memory(self, networks: Iterable[Architecture]) -> float:
        """Give the bytes of the large pictures, whichever of these networks is delivered."""

    def seconds(self, network: Architecture) -> float:
        """Give the seconds where this network is delivered, on the machine of the pace `PACE`."""
