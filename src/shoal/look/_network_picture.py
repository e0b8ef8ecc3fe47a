"""The drawing of a network as a thing of its own: shown in a notebook, saved as a file that a paper takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.look._network import NetworkFacts, title_of, words_of
from shoal.look._network_scene import network_scene
from shoal.look._paper import on_paper, png
from shoal.look._picture_files import save_picture, vector
from shoal.look._scene import fitting, svg
from shoal.wording import counted, visible

if TYPE_CHECKING:
    from shoal.look._paper import Sheet


class NetworkPicture:
    """A drawn network: from its inputs to its loss, layer by layer, with the table of its layers."""

    def __init__(self, fact: NetworkFacts) -> None:
        """Take what is drawn."""
        self._fact = fact

    @property
    def svg(self) -> str:
        """The picture as the text of an SVG file, black on white, 720 pixels wide at most."""
        return svg(network_scene(self._fact), title_of(self._fact), words_of(self._fact), paper=True)

    def save(self, path: Path | str, *, force: bool = False) -> None:
        """Write the picture, whole or not at all: as SVG, PDF or PNG, by the ending of the name.

        Raises InputError for another ending, where `path` has other content, unless `force`, for files of a run folder
        itself, and for a place where nothing can be written.
        """
        forms: dict[str, Callable[[], bytes]] = {
            ".svg": self._svg_file,
            ".pdf": lambda: vector(_sheet, self._fact, "pdf"),
            ".png": lambda: png(_sheet, self._fact),
        }
        save_picture(path, forms, force=force)

    def _svg_file(self) -> bytes:
        return f"{self.svg}\n".encode()

    @property
    def name(self) -> str:
        """The name of its study; empty where it is a model's."""
        return self._fact.name

    @property
    def said(self) -> str:
        """What is drawn, in a line."""
        layers = counted(len({step.layer for step in self._fact.steps}), "layer")
        return f"{layers}, {counted(self._fact.parameters, 'parameter')}"

    def __repr__(self) -> str:
        return f"NetworkPicture({visible(self.name[:60])}: {self.said})"

    def _repr_svg_(self) -> str:
        return svg(network_scene(self._fact), title_of(self._fact), words_of(self._fact))

    def _repr_html_(self) -> str:
        from shoal.look._notebook import table
        from shoal.look.page.network import network_table

        return network_html(self._fact) + table("layers", network_table(self._fact))


def network_html(fact: NetworkFacts) -> str:
    """Give the picture for a notebook: with the ink of the page around it, never wider than that."""
    return fitting(svg(network_scene(fact), title_of(fact), words_of(fact)))


def _sheet(fact: NetworkFacts) -> Sheet:
    return on_paper(network_scene(fact))
