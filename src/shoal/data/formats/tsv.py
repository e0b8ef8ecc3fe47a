"""TSV: UTF-8 text whose cells are separated by tabs."""

from __future__ import annotations

from functools import partial

from shoal.data._table_format import TableFormat
from shoal.data.formats.separated import read_separated

FORMAT = TableFormat(partial(read_separated, separator="\t"), text=True)
