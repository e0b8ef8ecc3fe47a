"""What came out: the store, frames, statistics, the choice."""

from shoal.results._asked import (
    asked_scores,
    choosing_scores,
    reported_scores,
    score_of_answers,
    scored_summaries,
    scores_of_answers,
    with_asked_scores,
)
from shoal.results._certainty import COVERAGE, NOT_IN_FILE, Certainty, Covered, CoveredClass, Tempered
from shoal.results._confidence_set import Cell, SearchErrors, search_errors
from shoal.results._conformal import (
    COLDEST,
    FEWEST_TO_SHARPEN,
    HOTTEST,
    class_sets,
    conformities,
    cv_plus,
    guaranteed_coverage,
    rank_at,
    residuals,
    temperature_of,
    tempered,
)
from shoal.results._decided import COST, DecidedScore, decided_of, judge_of, judged_answers
from shoal.results._ensemble import Ensemble, vote_counts, vote_entropy
from shoal.results._files import RunFiles, refuse_foreign_files_in, run_files
from shoal.results._fold_networks import FoldNetworks, fold_networks
from shoal.results._folder import OUTPUT_FILES, PICTURES, REPORT_NAME, STUDY_NAME, refuse_to_replace
from shoal.results._inside import Inside, layers_of
from shoal.results._intervals import Interval, Units, wilson
from shoal.results._levels import LevelHeld
from shoal.results._lock import RunLock
from shoal.results._looks import Looks, note_looks
from shoal.results._mean_recall import BALANCED
from shoal.results._nested import Nested, NestedScore, OuterFold, OuterRows, as_search, choose_within
from shoal.results._out_of_fold import MAX_UNITS, OutOfFold
from shoal.results._outer_interval import OuterAnswers, outer_interval
from shoal.results._peer_scores import peer_score, refusal_of, undefined_on
from shoal.results._permutation import PermutationTest
from shoal.results._reading import reading
from shoal.results._record import CandidateRow, ColumnRecord, FitRecord, Plan, PlanEntry, Stage, Status, Truth
from shoal.results._results import Results
from shoal.results._schema import expect, refusing
from shoal.results._score_rows import RowScore, row_score, score_on
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
from shoal.results._selection_and_test import Disagreement
from shoal.results._simple_models import FITTED, Baseline, Beside, SimpleModel
from shoal.results._statistics import (
    as_compared,
    reach_of,
)
from shoal.results._store import Identity, Store
from shoal.results._threshold import ChosenThreshold, Curve, choose_threshold, thinned, threshold_curve
from shoal.results._trained_places import Place, place_in, trained_places
from shoal.results._two_way import Difference, Scored, difference, repeated_interval
from shoal.results._verdict import (
    MODEL_NAMES,
    Verdict,
    in_words,
    rare_classes,
    rare_tested,
    verdict,
    verdict_phrase,
)

__all__ = [
    "BALANCED",
    "BINS",
    "COLDEST",
    "COST",
    "COVERAGE",
    "FEWEST_TO_SHARPEN",
    "FITTED",
    "HOTTEST",
    "MAX_UNITS",
    "MODEL_NAMES",
    "NOT_IN_FILE",
    "OUTPUT_FILES",
    "PICTURES",
    "REPORT_NAME",
    "STUDY_NAME",
    "Baseline",
    "Beside",
    "CalibrationBins",
    "CandidateRow",
    "Cell",
    "Certainty",
    "Choice",
    "ChosenThreshold",
    "ClassScores",
    "ColumnRecord",
    "Covered",
    "CoveredClass",
    "Curve",
    "DecidedScore",
    "Difference",
    "Disagreement",
    "Ensemble",
    "FitRecord",
    "FoldNetworks",
    "Identity",
    "Inside",
    "Interval",
    "LevelHeld",
    "Looks",
    "Nested",
    "NestedScore",
    "OutOfFold",
    "OuterAnswers",
    "OuterFold",
    "OuterRows",
    "PermutationTest",
    "Place",
    "Plan",
    "PlanEntry",
    "Results",
    "RowScore",
    "RunFiles",
    "RunLock",
    "Scored",
    "SearchErrors",
    "SearchScores",
    "SimpleModel",
    "Stage",
    "Standing",
    "Status",
    "Store",
    "Tempered",
    "Truth",
    "Units",
    "Verdict",
    "as_compared",
    "as_search",
    "asked_scores",
    "calibrated_error",
    "calibration_bins",
    "choose",
    "choose_candidate",
    "choose_threshold",
    "choose_within",
    "choosing_scores",
    "class_scores",
    "class_sets",
    "classification_scores",
    "conformities",
    "confusion_matrix",
    "cv_plus",
    "decided_of",
    "difference",
    "expect",
    "expected_score",
    "fold_networks",
    "guaranteed_coverage",
    "higher_is_better",
    "in_words",
    "judge_of",
    "judged_answers",
    "layers_of",
    "margin_of",
    "note_looks",
    "outer_interval",
    "peer_score",
    "place_in",
    "rank_at",
    "rank_candidates",
    "rare_classes",
    "rare_tested",
    "reach_of",
    "reading",
    "refusal_of",
    "refuse_foreign_files_in",
    "refuse_to_replace",
    "refusing",
    "regression_scores",
    "repeated_interval",
    "reported_scores",
    "residuals",
    "row_score",
    "run_files",
    "score_of_answers",
    "score_on",
    "scored_summaries",
    "scores_of_answers",
    "search_errors",
    "search_scores",
    "temperature_of",
    "tempered",
    "thinned",
    "threshold_curve",
    "trained_places",
    "undefined_on",
    "verdict",
    "verdict_phrase",
    "vote_counts",
    "vote_entropy",
    "wilson",
    "with_asked_scores",
]
