"""TSV: text whose cells are separated by tabs, unless a study says otherwise."""

from __future__ import annotations

from shoal.data._table_format import TableFormat
from shoal.data.formats.separated import read_separated

FORMAT = TableFormat(read_separated)
