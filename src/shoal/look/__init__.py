"""What it looks like: facts, figures, tables."""

from typing import TYPE_CHECKING

from shoal.contents import contents

if TYPE_CHECKING:  # read by type checkers, and by `contents`
    from shoal.look._check import Check as Check
    from shoal.look._checks import checks as checks
    from shoal.look._columns import MOST_LINES as MOST_LINES
    from shoal.look._columns import column_lines as column_lines
    from shoal.look._comparison import Comparison as Comparison
    from shoal.look._drawing import Drawing as Drawing
    from shoal.look._fold_curves import fold_curves_png as fold_curves_png
    from shoal.look._gallery import Picture as Picture
    from shoal.look._gallery import draw_figures as draw_figures
    from shoal.look._gallery import pictures as pictures
    from shoal.look._network import Asked as Asked
    from shoal.look._network import NetworkFacts as NetworkFacts
    from shoal.look._network import network_facts as network_facts
    from shoal.look._network_picture import NetworkPicture as NetworkPicture
    from shoal.look._network_picture import network_html as network_html
    from shoal.look._notebook import image_html as image_html
    from shoal.look._notebook import pieces_html as pieces_html
    from shoal.look._notebook import table_html as table_html
    from shoal.look._picture_files import refuse_other_endings as refuse_other_endings
    from shoal.look._plan import Plan as Plan
    from shoal.look._plan import plan_text as plan_text
    from shoal.look._results import Results as Results
    from shoal.look._run_figures import RunFigures as RunFigures
    from shoal.look._run_findings import RunFindings as RunFindings
    from shoal.look._second_process import SecondProcess as SecondProcess
    from shoal.look._text import headline_text as headline_text
    from shoal.look._text import results_text as results_text
    from shoal.look._text_layout import duration as duration
    from shoal.look.figures.network import delivered_network as delivered_network
    from shoal.look.page.report import report_html as report_html
    from shoal.look.page.report import write_report as write_report
    from shoal.look.page.runs import page_to_write as page_to_write
else:
    __getattr__, __all__ = contents(__name__)
