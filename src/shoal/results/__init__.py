"""What came out: the store, frames, statistics, the choice."""

from typing import TYPE_CHECKING

from shoal.contents import contents

if TYPE_CHECKING:  # the table below once more, as a type checker reads it; a test holds both equal
    from shoal.results._asked import asked_scores as asked_scores
    from shoal.results._asked import choosing_scores as choosing_scores
    from shoal.results._asked import reported_scores as reported_scores
    from shoal.results._asked import score_of_answers as score_of_answers
    from shoal.results._asked import scored_summaries as scored_summaries
    from shoal.results._asked import scores_of_answers as scores_of_answers
    from shoal.results._asked import with_asked_scores as with_asked_scores
    from shoal.results._certainty import COVERAGE as COVERAGE
    from shoal.results._certainty import NOT_IN_FILE as NOT_IN_FILE
    from shoal.results._certainty import Certainty as Certainty
    from shoal.results._certainty import Covered as Covered
    from shoal.results._certainty import CoveredClass as CoveredClass
    from shoal.results._certainty import Tempered as Tempered
    from shoal.results._confidence_set import Cell as Cell
    from shoal.results._confidence_set import SearchErrors as SearchErrors
    from shoal.results._confidence_set import search_errors as search_errors
    from shoal.results._conformal import COLDEST as COLDEST
    from shoal.results._conformal import FEWEST_TO_SHARPEN as FEWEST_TO_SHARPEN
    from shoal.results._conformal import HOTTEST as HOTTEST
    from shoal.results._conformal import class_sets as class_sets
    from shoal.results._conformal import conformities as conformities
    from shoal.results._conformal import cv_plus as cv_plus
    from shoal.results._conformal import guaranteed_coverage as guaranteed_coverage
    from shoal.results._conformal import rank_at as rank_at
    from shoal.results._conformal import residuals as residuals
    from shoal.results._conformal import temperature_of as temperature_of
    from shoal.results._conformal import tempered as tempered
    from shoal.results._ensemble import Ensemble as Ensemble
    from shoal.results._ensemble import vote_counts as vote_counts
    from shoal.results._ensemble import vote_entropy as vote_entropy
    from shoal.results._files import RunFiles as RunFiles
    from shoal.results._files import refuse_foreign_files_in as refuse_foreign_files_in
    from shoal.results._files import run_files as run_files
    from shoal.results._fold_networks import FoldNetworks as FoldNetworks
    from shoal.results._fold_networks import fold_networks as fold_networks
    from shoal.results._folder import OUTPUT_FILES as OUTPUT_FILES
    from shoal.results._folder import PICTURES as PICTURES
    from shoal.results._folder import REPORT_NAME as REPORT_NAME
    from shoal.results._folder import STUDY_NAME as STUDY_NAME
    from shoal.results._folder import refuse_to_replace as refuse_to_replace
    from shoal.results._inside import Inside as Inside
    from shoal.results._inside import layers_of as layers_of
    from shoal.results._intervals import Interval as Interval
    from shoal.results._intervals import Units as Units
    from shoal.results._intervals import wilson as wilson
    from shoal.results._levels import LevelHeld as LevelHeld
    from shoal.results._lock import RunLock as RunLock
    from shoal.results._looks import Looks as Looks
    from shoal.results._looks import note_looks as note_looks
    from shoal.results._mean_recall import BALANCED as BALANCED
    from shoal.results._nested import Nested as Nested
    from shoal.results._nested import NestedScore as NestedScore
    from shoal.results._nested import OuterFold as OuterFold
    from shoal.results._nested import OuterRows as OuterRows
    from shoal.results._nested import as_search as as_search
    from shoal.results._nested import choose_within as choose_within
    from shoal.results._out_of_fold import MAX_UNITS as MAX_UNITS
    from shoal.results._out_of_fold import OutOfFold as OutOfFold
    from shoal.results._outer_interval import OuterAnswers as OuterAnswers
    from shoal.results._outer_interval import outer_interval as outer_interval
    from shoal.results._peer_scores import peer_score as peer_score
    from shoal.results._peer_scores import refusal_of as refusal_of
    from shoal.results._peer_scores import undefined_on as undefined_on
    from shoal.results._permutation import PermutationTest as PermutationTest
    from shoal.results._reading import reading as reading
    from shoal.results._record import CandidateRow as CandidateRow
    from shoal.results._record import ColumnRecord as ColumnRecord
    from shoal.results._record import FitRecord as FitRecord
    from shoal.results._record import Plan as Plan
    from shoal.results._record import PlanEntry as PlanEntry
    from shoal.results._record import Stage as Stage
    from shoal.results._record import Status as Status
    from shoal.results._record import Truth as Truth
    from shoal.results._results import Results as Results
    from shoal.results._schema import expect as expect
    from shoal.results._schema import refusing as refusing
    from shoal.results._score_rows import RowScore as RowScore
    from shoal.results._score_rows import row_score as row_score
    from shoal.results._score_rows import score_on as score_on
    from shoal.results._scores import BINS as BINS
    from shoal.results._scores import CalibrationBins as CalibrationBins
    from shoal.results._scores import ClassScores as ClassScores
    from shoal.results._scores import calibrated_error as calibrated_error
    from shoal.results._scores import calibration_bins as calibration_bins
    from shoal.results._scores import class_scores as class_scores
    from shoal.results._scores import classification_scores as classification_scores
    from shoal.results._scores import confusion_matrix as confusion_matrix
    from shoal.results._scores import higher_is_better as higher_is_better
    from shoal.results._scores import regression_scores as regression_scores
    from shoal.results._select import Choice as Choice
    from shoal.results._select import SearchScores as SearchScores
    from shoal.results._select import Standing as Standing
    from shoal.results._select import choose as choose
    from shoal.results._select import choose_candidate as choose_candidate
    from shoal.results._select import expected_score as expected_score
    from shoal.results._select import margin_of as margin_of
    from shoal.results._select import rank_candidates as rank_candidates
    from shoal.results._select import search_scores as search_scores
    from shoal.results._selection_and_test import Disagreement as Disagreement
    from shoal.results._simple_models import FITTED as FITTED
    from shoal.results._simple_models import Baseline as Baseline
    from shoal.results._simple_models import Beside as Beside
    from shoal.results._simple_models import SimpleModel as SimpleModel
    from shoal.results._statistics import as_compared as as_compared
    from shoal.results._statistics import reach_of as reach_of
    from shoal.results._store import Identity as Identity
    from shoal.results._store import Store as Store
    from shoal.results._trained_places import Place as Place
    from shoal.results._trained_places import place_in as place_in
    from shoal.results._trained_places import trained_places as trained_places
    from shoal.results._two_way import Difference as Difference
    from shoal.results._two_way import Scored as Scored
    from shoal.results._two_way import difference as difference
    from shoal.results._two_way import repeated_interval as repeated_interval
    from shoal.results._verdict import MODEL_NAMES as MODEL_NAMES
    from shoal.results._verdict import Verdict as Verdict
    from shoal.results._verdict import in_words as in_words
    from shoal.results._verdict import rare_classes as rare_classes
    from shoal.results._verdict import rare_tested as rare_tested
    from shoal.results._verdict import verdict as verdict
    from shoal.results._verdict import verdict_phrase as verdict_phrase
else:
    __getattr__, __all__ = contents(
        __name__,
        {
            "_asked": (
                "asked_scores choosing_scores reported_scores score_of_answers scored_summaries "
                "scores_of_answers with_asked_scores"
            ),
            "_certainty": "COVERAGE Certainty Covered CoveredClass NOT_IN_FILE Tempered",
            "_confidence_set": "Cell SearchErrors search_errors",
            "_conformal": (
                "COLDEST FEWEST_TO_SHARPEN HOTTEST class_sets conformities cv_plus guaranteed_coverage "
                "rank_at residuals temperature_of tempered"
            ),
            "_ensemble": "Ensemble vote_counts vote_entropy",
            "_files": "RunFiles refuse_foreign_files_in run_files",
            "_fold_networks": "FoldNetworks fold_networks",
            "_folder": "OUTPUT_FILES PICTURES REPORT_NAME STUDY_NAME refuse_to_replace",
            "_inside": "Inside layers_of",
            "_intervals": "Interval Units wilson",
            "_levels": "LevelHeld",
            "_lock": "RunLock",
            "_looks": "Looks note_looks",
            "_mean_recall": "BALANCED",
            "_nested": "Nested NestedScore OuterFold OuterRows as_search choose_within",
            "_out_of_fold": "MAX_UNITS OutOfFold",
            "_outer_interval": "OuterAnswers outer_interval",
            "_peer_scores": "peer_score refusal_of undefined_on",
            "_permutation": "PermutationTest",
            "_reading": "reading",
            "_record": "CandidateRow ColumnRecord FitRecord Plan PlanEntry Stage Status Truth",
            "_results": "Results",
            "_schema": "expect refusing",
            "_score_rows": "RowScore row_score score_on",
            "_scores": (
                "BINS CalibrationBins ClassScores calibrated_error calibration_bins class_scores "
                "classification_scores confusion_matrix higher_is_better regression_scores"
            ),
            "_select": (
                "Choice SearchScores Standing choose choose_candidate expected_score margin_of "
                "rank_candidates search_scores"
            ),
            "_selection_and_test": "Disagreement",
            "_simple_models": "Baseline Beside FITTED SimpleModel",
            "_statistics": "as_compared reach_of",
            "_store": "Identity Store",
            "_trained_places": "Place place_in trained_places",
            "_two_way": "Difference Scored difference repeated_interval",
            "_verdict": "MODEL_NAMES Verdict in_words rare_classes rare_tested verdict verdict_phrase",
        },
    )
