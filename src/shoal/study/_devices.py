"""Names that are devices on Windows, so that no folder there can be called so."""

from __future__ import annotations

from typing import Final

DEVICES: Final = frozenset(
    [
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789"),
    ]
)
"""What no folder can be called on Windows, whatever stands behind a dot: these are devices there."""


def is_device(name: str) -> bool:
    """Whether a name means a device on Windows."""
    return name.partition(".")[0].rstrip(" ").lower() in DEVICES
