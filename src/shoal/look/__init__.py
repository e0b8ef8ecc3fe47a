"""What it looks like: facts, figures, tables."""

from shoal.look._check import Check
from shoal.look._checks import checks
from shoal.look._columns import MOST_LINES, column_lines
from shoal.look._drawing import Drawing
from shoal.look._fold_curves import fold_curves_png
from shoal.look._gallery import Picture, draw_figures, pictures
from shoal.look._notebook import Results, pieces_html, table_html
from shoal.look._plan_text import plan_text
from shoal.look._run_findings import RunFindings
from shoal.look._text import headline_text, results_text
from shoal.look._text_layout import duration
from shoal.look.page.report import report_html, write_report

__all__ = [
    "MOST_LINES",
    "Check",
    "Drawing",
    "Picture",
    "Results",
    "RunFindings",
    "checks",
    "column_lines",
    "draw_figures",
    "duration",
    "fold_curves_png",
    "headline_text",
    "pictures",
    "pieces_html",
    "plan_text",
    "report_html",
    "results_text",
    "table_html",
    "write_report",
]
