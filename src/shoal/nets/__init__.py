"""What learns: architectures, initial parameters, torch modules."""

from typing import TYPE_CHECKING

from shoal.contents import contents

if TYPE_CHECKING:  # read by type checkers, and by `contents`
    from shoal.nets._activations import SATURATED_WITHIN as SATURATED_WITHIN
    from shoal.nets._activations import dead_units as dead_units
    from shoal.nets._activations import near_bound as near_bound
    from shoal.nets._architecture import Architecture as Architecture
    from shoal.nets._architecture import Slot as Slot
    from shoal.nets._architecture import Tables as Tables
    from shoal.nets._architecture import build_architecture as build_architecture
    from shoal.nets._architecture import of_convolutions as of_convolutions
    from shoal.nets._architecture import own_architecture as own_architecture
    from shoal.nets._architecture import tables_of as tables_of
    from shoal.nets._architecture import weights_by_layer as weights_by_layer
    from shoal.nets._files import MODEL_NAME as MODEL_NAME
    from shoal.nets._files import MOST_FOLDS as MOST_FOLDS
    from shoal.nets._files import StoredFold as StoredFold
    from shoal.nets._files import StoredModel as StoredModel
    from shoal.nets._files import model_bytes as model_bytes
    from shoal.nets._files import read_model as read_model
    from shoal.nets._files import save_model as save_model
    from shoal.nets._forward import activations as activations
    from shoal.nets._forward import forward as forward
    from shoal.nets._forward import outputs_and_gradient as outputs_and_gradient
    from shoal.nets._graph import GraphParts as GraphParts
    from shoal.nets._initial import initial_buffers as initial_buffers
    from shoal.nets._initial import initial_numbers as initial_numbers
    from shoal.nets._initial import initial_parameters as initial_parameters
    from shoal.nets._initial import refit_parameters as refit_parameters
    from shoal.nets._layer import Layer as Layer
    from shoal.nets._layer import LayerStep as LayerStep
    from shoal.nets._layer import Sides as Sides
    from shoal.nets._layer import StepCost as StepCost
    from shoal.nets._layer import both as both
    from shoal.nets._loss import Loss as Loss
    from shoal.nets._loss import TorchLoss as TorchLoss
    from shoal.nets._loss import loss_of as loss_of
    from shoal.nets._loss import torch_loss as torch_loss
    from shoal.nets._module import MAP_PARTS as MAP_PARTS
    from shoal.nets._module import build_module as build_module
    from shoal.nets._module import module_classes as module_classes
    from shoal.nets._module import module_source as module_source
    from shoal.nets._module import trained_module as trained_module
    from shoal.nets._onnx import add_network as add_network
    from shoal.nets._optimizers import Descent as Descent
    from shoal.nets._optimizers import Moments as Moments
    from shoal.nets._optimizers import Step as Step
    from shoal.nets._optimizers import optimizer_of as optimizer_of
    from shoal.nets._own_loss import own_loss as own_loss
    from shoal.nets._own_module import InputPart as InputPart
    from shoal.nets._own_module import OwnModule as OwnModule
    from shoal.nets._own_module import OwnNetwork as OwnNetwork
    from shoal.nets._own_module import Recipe as Recipe
    from shoal.nets._own_module import arrays_of as arrays_of
    from shoal.nets._own_module import numbers_of as numbers_of
    from shoal.nets._own_module import own_draws as own_draws
    from shoal.nets._schedules import learning_rates as learning_rates
    from shoal.nets._schedules import schedule_of as schedule_of
    from shoal.nets._seen import seen_by as seen_by
    from shoal.nets._seen import seen_by_the_middle as seen_by_the_middle
    from shoal.nets.layers.conv import ConvLayer as ConvLayer
    from shoal.nets.layers.dense import DenseLayer as DenseLayer
    from shoal.nets.layers.embedding import EmbeddingLayer as EmbeddingLayer
else:
    __getattr__, __all__ = contents(__name__)
