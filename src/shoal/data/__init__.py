"""What a study is asked of: rows, folds, preprocessing."""

from typing import TYPE_CHECKING

from shoal.contents import contents

if TYPE_CHECKING:  # the table below once more, as a type checker reads it; a test holds both equal
    from shoal.data._builtin import BUILTIN as BUILTIN
    from shoal.data._builtin import describe_builtin as describe_builtin
    from shoal.data._builtin import fetch as fetch
    from shoal.data._builtin import load_builtin as load_builtin
    from shoal.data._classes import nfc as nfc
    from shoal.data._column_kind import ColumnFacts as ColumnFacts
    from shoal.data._column_kind import ColumnKind as ColumnKind
    from shoal.data._column_kind import DateStyle as DateStyle
    from shoal.data._column_roles import TableSource as TableSource
    from shoal.data._column_warnings import ColumnWarnings as ColumnWarnings
    from shoal.data._column_warnings import column_warnings as column_warnings
    from shoal.data._column_warnings import since_first as since_first
    from shoal.data._column_warnings import untested as untested
    from shoal.data._coverage import Coverage as Coverage
    from shoal.data._coverage import coverage as coverage
    from shoal.data._coverage_warnings import gap_notes as gap_notes
    from shoal.data._coverage_warnings import in_gaps as in_gaps
    from shoal.data._coverage_warnings import outside_of_training as outside_of_training
    from shoal.data._coverage_warnings import repeat_warnings as repeat_warnings
    from shoal.data._coverage_warnings import repeated_in_test as repeated_in_test
    from shoal.data._dataset import Column as Column
    from shoal.data._dataset import Dataset as Dataset
    from shoal.data._dataset import Split as Split
    from shoal.data._date_formats import format_fault as format_fault
    from shoal.data._dialect import Dialect as Dialect
    from shoal.data._divided_groups import divided_sentence as divided_sentence
    from shoal.data._divided_groups import unused_rows as unused_rows
    from shoal.data._drift import drift_of_rows as drift_of_rows
    from shoal.data._encoder import Encoder as Encoder
    from shoal.data._encoder import encoder_class as encoder_class
    from shoal.data._encoder import takes as takes
    from shoal.data._fashion import find_fashion as find_fashion
    from shoal.data._folds import FoldOptions as FoldOptions
    from shoal.data._folds import fold_count as fold_count
    from shoal.data._folds import make_folds as make_folds
    from shoal.data._found_kinds import is_name_of_ids as is_name_of_ids
    from shoal.data._given_inputs import GivenInputs as GivenInputs
    from shoal.data._given_inputs import column_types as column_types
    from shoal.data._given_inputs import is_category as is_category
    from shoal.data._given_inputs import is_plain_number as is_plain_number
    from shoal.data._given_rows import GivenRows as GivenRows
    from shoal.data._given_rows import Rows as Rows
    from shoal.data._given_rows import are_rows as are_rows
    from shoal.data._given_rows import given_rows as given_rows
    from shoal.data._holdout import draw_share as draw_share
    from shoal.data._holdout import holdout_split as holdout_split
    from shoal.data._image_places import holds_images as holds_images
    from shoal.data._images import ImageSource as ImageSource
    from shoal.data._images import load_image_dataset as load_image_dataset
    from shoal.data._input_columns import read_columns as read_columns
    from shoal.data._ladders import order_of as order_of
    from shoal.data._missing import Missing as Missing
    from shoal.data._new_images import NewImages as NewImages
    from shoal.data._new_images import read_images as read_images
    from shoal.data._new_rows import given_columns as given_columns
    from shoal.data._new_rows import given_images as given_images
    from shoal.data._outer_folds import make_folds_within as make_folds_within
    from shoal.data._outer_folds import make_outer_folds as make_outer_folds
    from shoal.data._permuted import permuted_rows as permuted_rows
    from shoal.data._permuted import with_permuted_targets as with_permuted_targets
    from shoal.data._pixels import two_levels as two_levels
    from shoal.data._preprocess import RESIZING as RESIZING
    from shoal.data._preprocess import Preprocessing as Preprocessing
    from shoal.data._preprocess import Standardize as Standardize
    from shoal.data._preprocess import fit_columns as fit_columns
    from shoal.data._preprocess import fit_preprocessing as fit_preprocessing
    from shoal.data._preprocess import unscalable as unscalable
    from shoal.data._row_check import chance_of_count as chance_of_count
    from shoal.data._row_weights import unusable_weights as unusable_weights
    from shoal.data._row_weights import weights_said as weights_said
    from shoal.data._seen import Sighting as Sighting
    from shoal.data._seen import seen_in as seen_in
    from shoal.data._source import load_table_dataset as load_table_dataset
    from shoal.data._survey import Survey as Survey
    from shoal.data._survey import Wish as Wish
    from shoal.data._survey import survey as survey
    from shoal.data._table import DateCells as DateCells
    from shoal.data._table import Foreign as Foreign
    from shoal.data._table import Table as Table
    from shoal.data._table_format import LESS_TO_READ as LESS_TO_READ
    from shoal.data._table_format import TEXT_CELL as TEXT_CELL
    from shoal.data._table_format import TEXT_COPIES as TEXT_COPIES
    from shoal.data._tables import read_table as read_table
    from shoal.data._target_domain import outside_of_domain as outside_of_domain
    from shoal.data._target_scale import RANGES_BEYOND as RANGES_BEYOND
    from shoal.data._target_scale import add_targets as add_targets
    from shoal.data._target_scale import target_constants as target_constants
    from shoal.data._target_scale import target_source as target_source
    from shoal.data._times import TimeKind as TimeKind
    from shoal.data._times import time_text as time_text
    from shoal.data.row_checks import checks_of_rows as checks_of_rows
    from shoal.data.row_checks import findings_in_rows as findings_in_rows
else:
    __getattr__, __all__ = contents(
        __name__,
        {
            "_builtin": "BUILTIN describe_builtin fetch load_builtin",
            "_classes": "nfc",
            "_column_kind": "ColumnFacts ColumnKind DateStyle",
            "_column_roles": "TableSource",
            "_column_warnings": "ColumnWarnings column_warnings since_first untested",
            "_coverage": "Coverage coverage",
            "_coverage_warnings": "gap_notes in_gaps outside_of_training repeat_warnings repeated_in_test",
            "_dataset": "Column Dataset Split",
            "_date_formats": "format_fault",
            "_dialect": "Dialect",
            "_divided_groups": "divided_sentence unused_rows",
            "_drift": "drift_of_rows",
            "_encoder": "Encoder encoder_class takes",
            "_fashion": "find_fashion",
            "_folds": "FoldOptions fold_count make_folds",
            "_found_kinds": "is_name_of_ids",
            "_given_inputs": "GivenInputs column_types is_category is_plain_number",
            "_given_rows": "GivenRows Rows are_rows given_rows",
            "_holdout": "draw_share holdout_split",
            "_image_places": "holds_images",
            "_images": "ImageSource load_image_dataset",
            "_input_columns": "read_columns",
            "_ladders": "order_of",
            "_missing": "Missing",
            "_new_images": "NewImages read_images",
            "_new_rows": "given_columns given_images",
            "_outer_folds": "make_folds_within make_outer_folds",
            "_permuted": "permuted_rows with_permuted_targets",
            "_pixels": "two_levels",
            "_preprocess": "Preprocessing RESIZING Standardize fit_columns fit_preprocessing unscalable",
            "_row_check": "chance_of_count",
            "_row_weights": "unusable_weights weights_said",
            "_seen": "Sighting seen_in",
            "_source": "load_table_dataset",
            "_survey": "Survey Wish survey",
            "_table": "DateCells Foreign Table",
            "_table_format": "LESS_TO_READ TEXT_CELL TEXT_COPIES",
            "_tables": "read_table",
            "_target_domain": "outside_of_domain",
            "_target_scale": "RANGES_BEYOND add_targets target_constants target_source",
            "_times": "TimeKind time_text",
            "row_checks": "checks_of_rows findings_in_rows",
        },
    )
