"""TXT: text whose cells are separated as a study says."""

from __future__ import annotations

from shoal.data._table_format import TableFormat
from shoal.data.formats.separated import read_separated

FORMAT = TableFormat(read_separated)
