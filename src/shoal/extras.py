"""What comes with an extra of the installation, as `pip install "shoal[torch]"`; the sentence where it is missing."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from shoal.wording import listed

PACKAGES: Final = {
    "torch": ("torch",),
    "parquet": ("pyarrow",),
    "xlsx": ("openpyxl",),
    "onnx": ("onnx", "onnxruntime"),
    "video": ("imageio-ffmpeg",),
    "cluster": ("distributed",),
}
"""The packages of each extra that Shoal imports, as they are installed."""


def is_there(extra: str) -> bool:
    """Whether the packages of an extra are installed; none of them is imported."""
    return all(find_spec(package.replace("-", "_")) is not None for package in PACKAGES[extra])


def needed(extra: str) -> str:
    """Say what is needed and how to get it: `needs the package pyarrow: pip install "shoal[parquet]"`."""
    packages = PACKAGES[extra]
    return f'needs the package{"s" * (len(packages) > 1)} {listed(packages)}: pip install "shoal[{extra}]"'
