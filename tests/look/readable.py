"""Draws a figure and says what text in it overlaps other text or leaves the paper."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.legend import Legend
from matplotlib.transforms import Bbox

from shoal.look._paper import design


def faults(draw: Callable[[Any], Any], fact: Any) -> list[str]:
    """Overlapping pairs of texts, texts that leave the paper and legends over a panel; empty for a readable figure."""
    with design():
        figure = draw(fact)
        canvas = FigureCanvasAgg(figure)
        drawn = _drawn(canvas)
    width, height = canvas.get_width_height()
    outside = [f"{text!r} leaves the paper" for text, box in drawn if _leaves(box, width, height)]
    outside += [
        f"a legend of {legend.get_texts()[0].get_text()!r} over its panel"
        for legend in figure.findobj(Legend)
        if legend.axes and _overlap(legend.get_window_extent(), legend.axes.get_window_extent())
    ]
    pairs = itertools.combinations(drawn, 2)
    return outside + [f"{a!r} over {b!r}" for (a, box_a), (b, box_b) in pairs if _overlap(box_a, box_b)]


def _drawn(canvas: FigureCanvasAgg) -> list[tuple[str, Bbox]]:
    boxes: list[tuple[str, Bbox]] = []
    real = RendererAgg.draw_text

    def draw_text(self: RendererAgg, gc: Any, *given: Any, **more: Any) -> None:
        x, y, text, prop, angle = given[:5]
        w, h, d = self.get_text_width_height_descent(text, prop, ismath=False)
        if angle in (0, 90):
            box = (x, y - h + d, x + w, y + d) if angle == 0 else (x - h + d, y - w, x + d, y)
            boxes.append((text, Bbox.from_extents(*box)))
        real(self, gc, *given, **more)

    RendererAgg.draw_text = draw_text
    try:
        canvas.draw()
    finally:
        RendererAgg.draw_text = real
    return boxes


def _leaves(box: Bbox, width: float, height: float) -> bool:
    return box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1


def _overlap(a: Bbox, b: Bbox) -> bool:
    """Share more than the pixel that rounding costs."""
    return min(a.x1, b.x1) - max(a.x0, b.x0) > 1.5 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1.5
