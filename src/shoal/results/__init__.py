"""What came out: the store, frames, statistics, the choice."""

from shoal.results._confidence_set import SearchErrors, search_errors
from shoal.results._ensemble import Ensemble, vote_counts, vote_entropy
from shoal.results._files import RunFiles, refuse_foreign_files_in, run_files
from shoal.results._folder import OUTPUT_FILES, PICTURES, REPORT_NAME, STUDY_NAME, refuse_to_replace
from shoal.results._inside import Inside, layers_of
from shoal.results._intervals import Interval, Units
from shoal.results._lock import RunLock
from shoal.results._out_of_fold import MAX_UNITS, OutOfFold
from shoal.results._record import CandidateRow, FitRecord, Plan, PlanEntry, Stage, Status, Truth
from shoal.results._results import Results
from shoal.results._schema import expect, refusing
from shoal.results._score_rows import RowScore, row_score
from shoal.results._scores import (
    BINS,
    CalibrationBins,
    ClassScores,
    calibrated_error,
    calibration_bins,
    class_scores,
    classification_scores,
    confusion_matrix,
    higher_is_better,
    regression_scores,
)
from shoal.results._select import (
    Choice,
    SearchScores,
    Standing,
    choose,
    choose_candidate,
    expected_score,
    margin_of,
    rank_candidates,
    search_scores,
)
from shoal.results._statistics import (
    as_compared,
    reach_of,
)
from shoal.results._store import Identity, Store
from shoal.results._two_way import Difference, Scored, difference, repeated_interval

__all__ = [
    "BINS",
    "MAX_UNITS",
    "OUTPUT_FILES",
    "PICTURES",
    "REPORT_NAME",
    "STUDY_NAME",
    "CalibrationBins",
    "CandidateRow",
    "Choice",
    "ClassScores",
    "Difference",
    "Ensemble",
    "FitRecord",
    "Identity",
    "Inside",
    "Interval",
    "OutOfFold",
    "Plan",
    "PlanEntry",
    "Results",
    "RowScore",
    "RunFiles",
    "RunLock",
    "Scored",
    "SearchErrors",
    "SearchScores",
    "Stage",
    "Standing",
    "Status",
    "Store",
    "Truth",
    "Units",
    "as_compared",
    "calibrated_error",
    "calibration_bins",
    "choose",
    "choose_candidate",
    "class_scores",
    "classification_scores",
    "confusion_matrix",
    "difference",
    "expect",
    "expected_score",
    "higher_is_better",
    "layers_of",
    "margin_of",
    "rank_candidates",
    "reach_of",
    "refuse_foreign_files_in",
    "refuse_to_replace",
    "refusing",
    "regression_scores",
    "repeated_interval",
    "row_score",
    "run_files",
    "search_errors",
    "search_scores",
    "vote_counts",
    "vote_entropy",
]
