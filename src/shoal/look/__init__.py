"""What it looks like: facts, figures, tables."""

from shoal.look._findings import Findings
from shoal.look._gallery import Picture, draw_figures, pictures
from shoal.look._text import duration, plan_text, results_text

__all__ = ["Findings", "Picture", "draw_figures", "duration", "pictures", "plan_text", "results_text"]
