"""What is asked: studies, candidates, study files."""

from shoal.kinds import Task
from shoal.study._candidates import (
    Candidate,
    apply,
    base_candidate,
    candidate_with,
    candidates,
    comparison_candidates,
    naming_values,
)
from shoal.study._costs import RULES, Costs, ThresholdRule
from shoal.study._draft import Draft, DraftColumn, DraftKey, draft_text
from shoal.study._draft_sizes import TEST_SHARE
from shoal.study._file import load_study, parse_study, study_schema
from shoal.study._folds import Folds
from shoal.study._held_against import Checks
from shoal.study._keywords import Keys, with_keywords
from shoal.study._paths import IN_MEMORY, keys_in_memory
from shoal.study._review import check_study
from shoal.study._settings_text import settings_text, short_keys, text_of
from shoal.study._shown import Inspect, Reference, Report
from shoal.study._study import (
    About,
    Comparison,
    Conv,
    Data,
    Nested,
    Network,
    Pool,
    Range,
    Search,
    Study,
)
from shoal.study._templates import builtin_studies, template
from shoal.study._toml import to_toml
from shoal.study._training import Augment, Training
from shoal.study._values import (
    LONGEST_NAME,
    MOST_IMAGES,
    TASK_LOSS,
    Activation,
    Loss,
    Metric,
    Optimizer,
    Schedule,
)
from shoal.study._vary import passed_on

__all__ = [
    "IN_MEMORY",
    "LONGEST_NAME",
    "MOST_IMAGES",
    "RULES",
    "TASK_LOSS",
    "TEST_SHARE",
    "About",
    "Activation",
    "Augment",
    "Candidate",
    "Checks",
    "Comparison",
    "Conv",
    "Costs",
    "Data",
    "Draft",
    "DraftColumn",
    "DraftKey",
    "Folds",
    "Inspect",
    "Keys",
    "Loss",
    "Metric",
    "Nested",
    "Network",
    "Optimizer",
    "Pool",
    "Range",
    "Reference",
    "Report",
    "Schedule",
    "Search",
    "Study",
    "Task",
    "ThresholdRule",
    "Training",
    "apply",
    "base_candidate",
    "builtin_studies",
    "candidate_with",
    "candidates",
    "check_study",
    "comparison_candidates",
    "draft_text",
    "keys_in_memory",
    "load_study",
    "naming_values",
    "parse_study",
    "passed_on",
    "settings_text",
    "short_keys",
    "study_schema",
    "template",
    "text_of",
    "to_toml",
    "with_keywords",
]
