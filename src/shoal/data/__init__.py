"""What a study is asked of: rows, folds, preprocessing."""

from shoal.data._builtin import BUILTIN, describe_builtin, fetch, load_builtin
from shoal.data._classes import nfc
from shoal.data._column_kind import ColumnFacts, ColumnKind, DateStyle
from shoal.data._column_roles import TableSource
from shoal.data._column_warnings import ColumnWarnings, column_warnings, since_first, untested
from shoal.data._coverage import Coverage, coverage
from shoal.data._coverage_warnings import (
    gap_notes,
    in_gaps,
    outside_of_training,
    repeat_warnings,
    repeated_in_test,
)
from shoal.data._dataset import Column, Dataset, Split
from shoal.data._date_formats import format_fault
from shoal.data._dialect import Dialect
from shoal.data._divided_groups import divided_sentence, unused_rows
from shoal.data._drift import drift_of_rows
from shoal.data._encoder import Encoder, encoder_class, takes
from shoal.data._fashion import find_fashion
from shoal.data._folds import FoldOptions, fold_count, make_folds
from shoal.data._found_kinds import is_name_of_ids
from shoal.data._given_inputs import GivenInputs, column_types, is_category, is_plain_number
from shoal.data._given_rows import GivenRows, Rows, are_rows, given_rows
from shoal.data._holdout import draw_share, holdout_split
from shoal.data._image_places import holds_images
from shoal.data._images import ImageSource, load_image_dataset
from shoal.data._input_columns import read_columns
from shoal.data._ladders import order_of
from shoal.data._missing import Missing
from shoal.data._new_images import NewImages, read_images
from shoal.data._new_rows import given_columns, given_images
from shoal.data._outer_folds import make_folds_within, make_outer_folds
from shoal.data._permuted import permuted_rows, with_permuted_targets
from shoal.data._pixels import two_levels
from shoal.data._preprocess import (
    RESIZING,
    Preprocessing,
    Standardize,
    fit_columns,
    fit_preprocessing,
    unscalable,
)
from shoal.data._row_check import chance_of_count
from shoal.data._row_weights import unusable_weights, weights_said
from shoal.data._seen import Sighting, keys_for, seen_in
from shoal.data._source import load_table_dataset
from shoal.data._survey import Survey, Wish, survey
from shoal.data._table import DateCells, Foreign, Table
from shoal.data._table_format import LESS_TO_READ, TEXT_CELL, TEXT_COPIES
from shoal.data._tables import read_table
from shoal.data._target_domain import outside_of_domain
from shoal.data._target_scale import RANGES_BEYOND, add_targets, target_constants, target_source
from shoal.data._times import TimeKind, time_text
from shoal.data.row_checks import checks_of_rows, findings_in_rows

__all__ = [
    "BUILTIN",
    "LESS_TO_READ",
    "RANGES_BEYOND",
    "RESIZING",
    "TEXT_CELL",
    "TEXT_COPIES",
    "Column",
    "ColumnFacts",
    "ColumnKind",
    "ColumnWarnings",
    "Coverage",
    "Dataset",
    "DateCells",
    "DateStyle",
    "Dialect",
    "Encoder",
    "FoldOptions",
    "Foreign",
    "GivenInputs",
    "GivenRows",
    "ImageSource",
    "Missing",
    "NewImages",
    "Preprocessing",
    "Rows",
    "Sighting",
    "Split",
    "Standardize",
    "Survey",
    "Table",
    "TableSource",
    "TimeKind",
    "Wish",
    "add_targets",
    "are_rows",
    "chance_of_count",
    "checks_of_rows",
    "column_types",
    "column_warnings",
    "coverage",
    "describe_builtin",
    "divided_sentence",
    "draw_share",
    "drift_of_rows",
    "encoder_class",
    "fetch",
    "find_fashion",
    "findings_in_rows",
    "fit_columns",
    "fit_preprocessing",
    "fold_count",
    "format_fault",
    "gap_notes",
    "given_columns",
    "given_images",
    "given_rows",
    "holdout_split",
    "holds_images",
    "in_gaps",
    "is_category",
    "is_name_of_ids",
    "is_plain_number",
    "keys_for",
    "load_builtin",
    "load_image_dataset",
    "load_table_dataset",
    "make_folds",
    "make_folds_within",
    "make_outer_folds",
    "nfc",
    "order_of",
    "outside_of_domain",
    "outside_of_training",
    "permuted_rows",
    "read_columns",
    "read_images",
    "read_table",
    "repeat_warnings",
    "repeated_in_test",
    "seen_in",
    "since_first",
    "survey",
    "takes",
    "target_constants",
    "target_source",
    "time_text",
    "two_levels",
    "unscalable",
    "untested",
    "unusable_weights",
    "unused_rows",
    "weights_said",
    "with_permuted_targets",
]
