"""What is asked: studies, candidates, study files."""

from typing import TYPE_CHECKING

from shoal.contents import contents

if TYPE_CHECKING:  # read by type checkers, and by `contents`
    from shoal.kinds import Task as Task
    from shoal.study._candidates import Candidate as Candidate
    from shoal.study._candidates import apply as apply
    from shoal.study._candidates import base_candidate as base_candidate
    from shoal.study._candidates import candidate_with as candidate_with
    from shoal.study._candidates import candidates as candidates
    from shoal.study._candidates import comparison_candidates as comparison_candidates
    from shoal.study._candidates import naming_values as naming_values
    from shoal.study._costs import RULES as RULES
    from shoal.study._costs import Costs as Costs
    from shoal.study._costs import ThresholdRule as ThresholdRule
    from shoal.study._draft import Draft as Draft
    from shoal.study._draft import DraftColumn as DraftColumn
    from shoal.study._draft import DraftKey as DraftKey
    from shoal.study._draft import draft_text as draft_text
    from shoal.study._draft_sizes import TEST_SHARE as TEST_SHARE
    from shoal.study._file import load_study as load_study
    from shoal.study._file import parse_study as parse_study
    from shoal.study._file import study_schema as study_schema
    from shoal.study._folds import Folds as Folds
    from shoal.study._held_against import Checks as Checks
    from shoal.study._keywords import Keys as Keys
    from shoal.study._keywords import with_keywords as with_keywords
    from shoal.study._overrides import as_keywords as as_keywords
    from shoal.study._paths import IN_MEMORY as IN_MEMORY
    from shoal.study._paths import keys_in_memory as keys_in_memory
    from shoal.study._paths import path_keys as path_keys
    from shoal.study._review import check_study as check_study
    from shoal.study._settings_text import settings_text as settings_text
    from shoal.study._settings_text import short_keys as short_keys
    from shoal.study._settings_text import text_of as text_of
    from shoal.study._shown import Inspect as Inspect
    from shoal.study._shown import Reference as Reference
    from shoal.study._shown import Report as Report
    from shoal.study._study import About as About
    from shoal.study._study import Comparison as Comparison
    from shoal.study._study import Conv as Conv
    from shoal.study._study import Data as Data
    from shoal.study._study import Nested as Nested
    from shoal.study._study import Network as Network
    from shoal.study._study import Pool as Pool
    from shoal.study._study import Range as Range
    from shoal.study._study import Search as Search
    from shoal.study._study import Study as Study
    from shoal.study._templates import builtin_studies as builtin_studies
    from shoal.study._templates import template as template
    from shoal.study._toml import to_toml as to_toml
    from shoal.study._training import Augment as Augment
    from shoal.study._training import Training as Training
    from shoal.study._training import weighs as weighs
    from shoal.study._values import LONGEST_NAME as LONGEST_NAME
    from shoal.study._values import MOST_IMAGES as MOST_IMAGES
    from shoal.study._values import TASK_LOSS as TASK_LOSS
    from shoal.study._values import Activation as Activation
    from shoal.study._values import Loss as Loss
    from shoal.study._values import Metric as Metric
    from shoal.study._values import Optimizer as Optimizer
    from shoal.study._values import Schedule as Schedule
    from shoal.study._vary import passed_on as passed_on
else:
    __getattr__, __all__ = contents(__name__)
