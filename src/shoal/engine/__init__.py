"""How: fits, trainers, execution. The only stage that knows data, nets and results."""

from shoal.engine._calibration import Calibration, FoldNetwork, unknown_intervals
from shoal.engine._ensemble import ask_ensemble
from shoal.engine._execute import Executor, entries
from shoal.engine._fit import Fit, FitRows, content_id, grouped
from shoal.engine._fits import Planner
from shoal.engine._inside import look_inside
from shoal.engine._nested import nested_rounds
from shoal.engine._plan import make_plan, memory_need, warnings_before
from shoal.engine._planned import PlannedFit, StudyFit
from shoal.engine._predict import Trained, answers, softmax, trainer_of
from shoal.engine._row_weights import class_weights, unless_alike
from shoal.engine._scorable import refuse_undefined_scores
from shoal.engine._simple_models import ask_simple_models
from shoal.engine._source import (
    InMemory,
    column_records,
    environment,
    ground_truth,
    load_data,
    refuse_unscalable,
    unscalable_inputs,
    with_images_of_mistakes,
)
from shoal.engine._study_rows import StudyRows
from shoal.engine._table_rows import (
    Dtype,
    TableInMemory,
    TableRows,
    flat_arrays,
    longest_first,
    network_outputs,
    train_here,
    trainer_for,
    training_work,
)
from shoal.engine._train import Checkpoint
from shoal.engine._trainer import CURVES, Job, State, Trainer, initial_state
from shoal.engine._watcher import Silent, Watcher
from shoal.engine._winner import choose_winner, fold_preprocessing, model_file, pick_delivered
from shoal.engine._written import dialect_said
from shoal.engine.forecast.available import available_memory, give_back_memory, refuse_above
from shoal.engine.forecast.time import Circumstances
from shoal.engine.trainers.choice import DeviceChoice, TrainerChoice, Trainers, pick_device
from shoal.engine.workers.loop import FitLot, WorkerPool
from shoal.engine.workers.protocol import FitProgress

__all__ = [
    "CURVES",
    "Calibration",
    "Checkpoint",
    "Circumstances",
    "DeviceChoice",
    "Dtype",
    "Executor",
    "Fit",
    "FitLot",
    "FitProgress",
    "FitRows",
    "FoldNetwork",
    "InMemory",
    "Job",
    "PlannedFit",
    "Planner",
    "Silent",
    "State",
    "StudyFit",
    "StudyRows",
    "TableInMemory",
    "TableRows",
    "Trained",
    "Trainer",
    "TrainerChoice",
    "Trainers",
    "Watcher",
    "WorkerPool",
    "answers",
    "ask_ensemble",
    "ask_simple_models",
    "available_memory",
    "choose_winner",
    "class_weights",
    "column_records",
    "content_id",
    "dialect_said",
    "entries",
    "environment",
    "flat_arrays",
    "fold_preprocessing",
    "give_back_memory",
    "ground_truth",
    "grouped",
    "initial_state",
    "load_data",
    "longest_first",
    "look_inside",
    "make_plan",
    "memory_need",
    "model_file",
    "nested_rounds",
    "network_outputs",
    "pick_delivered",
    "pick_device",
    "refuse_above",
    "refuse_undefined_scores",
    "refuse_unscalable",
    "softmax",
    "train_here",
    "trainer_for",
    "trainer_of",
    "training_work",
    "unknown_intervals",
    "unless_alike",
    "unscalable_inputs",
    "warnings_before",
    "with_images_of_mistakes",
]
