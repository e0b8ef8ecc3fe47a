"""How: fits, trainers, execution. The only stage that knows data, nets and results."""

from typing import TYPE_CHECKING

from shoal.contents import contents

if TYPE_CHECKING:  # read by type checkers, and by `contents`
    from shoal.engine._calibration import Calibration as Calibration
    from shoal.engine._calibration import FoldNetwork as FoldNetwork
    from shoal.engine._calibration import ascend as ascend
    from shoal.engine._calibration import read_calibration as read_calibration
    from shoal.engine._calibration import unknown_intervals as unknown_intervals
    from shoal.engine._calibration import without_temperature as without_temperature
    from shoal.engine._calibration import written as written
    from shoal.engine._ensemble import ask_ensemble as ask_ensemble
    from shoal.engine._execute import Executor as Executor
    from shoal.engine._execute import entries as entries
    from shoal.engine._explain import Explanation as Explanation
    from shoal.engine._explain import explain as explain
    from shoal.engine._fit import Fit as Fit
    from shoal.engine._fit import FitRows as FitRows
    from shoal.engine._fit import content_id as content_id
    from shoal.engine._fit import grouped as grouped
    from shoal.engine._fits import Planner as Planner
    from shoal.engine._inputs import look_at_inputs as look_at_inputs
    from shoal.engine._inside import look_inside as look_inside
    from shoal.engine._layout import input_records as input_records
    from shoal.engine._layout import laid_out as laid_out
    from shoal.engine._nested import nested_rounds as nested_rounds
    from shoal.engine._plan import make_plan as make_plan
    from shoal.engine._plan import memory_need as memory_need
    from shoal.engine._plan import refusal_notes as refusal_notes
    from shoal.engine._plan import refusals as refusals
    from shoal.engine._plan import warnings_before as warnings_before
    from shoal.engine._planned import PlannedFit as PlannedFit
    from shoal.engine._planned import StudyFit as StudyFit
    from shoal.engine._predict import Trained as Trained
    from shoal.engine._predict import answers as answers
    from shoal.engine._predict import not_finite as not_finite
    from shoal.engine._predict import softmax as softmax
    from shoal.engine._predict import trainer_of as trainer_of
    from shoal.engine._row_weights import class_weights as class_weights
    from shoal.engine._row_weights import unless_alike as unless_alike
    from shoal.engine._scalable import refuse_unscalable as refuse_unscalable
    from shoal.engine._scalable import unscalable_inputs as unscalable_inputs
    from shoal.engine._scorable import refuse_undefined_scores as refuse_undefined_scores
    from shoal.engine._shard import early_fits as early_fits
    from shoal.engine._shard import make_shard_plan as make_shard_plan
    from shoal.engine._shard import shard_fits as shard_fits
    from shoal.engine._shard import shard_memory as shard_memory
    from shoal.engine._shard import shard_note as shard_note
    from shoal.engine._simple_models import ask_simple_models as ask_simple_models
    from shoal.engine._source import InMemory as InMemory
    from shoal.engine._source import column_records as column_records
    from shoal.engine._source import environment as environment
    from shoal.engine._source import ground_truth as ground_truth
    from shoal.engine._source import load_data as load_data
    from shoal.engine._source import with_images_of_mistakes as with_images_of_mistakes
    from shoal.engine._study_rows import StudyRows as StudyRows
    from shoal.engine._table_rows import Dtype as Dtype
    from shoal.engine._table_rows import TableInMemory as TableInMemory
    from shoal.engine._table_rows import TableRows as TableRows
    from shoal.engine._table_rows import flat_arrays as flat_arrays
    from shoal.engine._table_rows import longest_first as longest_first
    from shoal.engine._table_rows import network_outputs as network_outputs
    from shoal.engine._table_rows import train_here as train_here
    from shoal.engine._table_rows import trainer_for as trainer_for
    from shoal.engine._table_rows import training_work as training_work
    from shoal.engine._test_cells import keep_test_cells as keep_test_cells
    from shoal.engine._train import Checkpoint as Checkpoint
    from shoal.engine._trainer import CURVES as CURVES
    from shoal.engine._trainer import Job as Job
    from shoal.engine._trainer import State as State
    from shoal.engine._trainer import Trainer as Trainer
    from shoal.engine._trainer import initial_state as initial_state
    from shoal.engine._watcher import Silent as Silent
    from shoal.engine._watcher import Watcher as Watcher
    from shoal.engine._winner import choose_winner as choose_winner
    from shoal.engine._winner import decision_of as decision_of
    from shoal.engine._winner import fold_preprocessing as fold_preprocessing
    from shoal.engine._winner import model_file as model_file
    from shoal.engine._winner import pick_delivered as pick_delivered
    from shoal.engine._written import dialect_said as dialect_said
    from shoal.engine.forecast.available import available_memory as available_memory
    from shoal.engine.forecast.available import give_back_memory as give_back_memory
    from shoal.engine.forecast.available import refuse_above as refuse_above
    from shoal.engine.forecast.time import Circumstances as Circumstances
    from shoal.engine.trainers.choice import DeviceChoice as DeviceChoice
    from shoal.engine.trainers.choice import TrainerChoice as TrainerChoice
    from shoal.engine.trainers.choice import Trainers as Trainers
    from shoal.engine.trainers.choice import pick_device as pick_device
    from shoal.engine.workers.loop import FitLot as FitLot
    from shoal.engine.workers.loop import WorkerPool as WorkerPool
    from shoal.engine.workers.protocol import FitProgress as FitProgress
else:
    __getattr__, __all__ = contents(__name__)
