"""What is asked: studies, candidates, study files."""

from shoal.study._candidates import (
    Candidate,
    apply,
    base_candidate,
    candidates,
    comparison_candidates,
)
from shoal.study._file import load_study, parse_study, study_schema
from shoal.study._review import check_study
from shoal.study._study import (
    About,
    Activation,
    Augment,
    Comparison,
    Conv,
    Data,
    Folds,
    Loss,
    Metric,
    Network,
    Optimizer,
    Pool,
    Range,
    Search,
    Study,
    Task,
    Training,
)
from shoal.study._templates import builtin_studies, template
from shoal.study._toml import to_toml

__all__ = [
    "About",
    "Activation",
    "Augment",
    "Candidate",
    "Comparison",
    "Conv",
    "Data",
    "Folds",
    "Loss",
    "Metric",
    "Network",
    "Optimizer",
    "Pool",
    "Range",
    "Search",
    "Study",
    "Task",
    "Training",
    "apply",
    "base_candidate",
    "builtin_studies",
    "candidates",
    "check_study",
    "comparison_candidates",
    "load_study",
    "parse_study",
    "study_schema",
    "template",
    "to_toml",
]
