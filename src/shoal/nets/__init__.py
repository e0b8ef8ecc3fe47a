"""What learns: architectures, initial parameters, torch modules."""

from shoal.nets._activations import SATURATED_WITHIN, near_bound
from shoal.nets._architecture import (
    Architecture,
    Slot,
    Tables,
    build_architecture,
    tables_of,
    weights_by_layer,
)
from shoal.nets._channels import EXCITING_STEPS, Channels, seen_by_the_middle
from shoal.nets._files import (
    MODEL_NAME,
    MOST_FOLDS,
    StoredFold,
    StoredModel,
    model_bytes,
    read_model,
    save_model,
)
from shoal.nets._forward import activations, forward
from shoal.nets._graph import GraphParts
from shoal.nets._initial import initial_buffers, initial_parameters, refit_parameters
from shoal.nets._layer import Layer, StepCost
from shoal.nets._loss import Loss, loss_of, torch_loss
from shoal.nets._module import build_module, module_classes, module_source, trained_module
from shoal.nets._onnx import add_network
from shoal.nets._optimizers import Descent, Moments, Step, optimizer_of
from shoal.nets._schedules import learning_rates, schedule_of
from shoal.nets.layers.conv import ConvLayer
from shoal.nets.layers.dense import DenseLayer

__all__ = [
    "EXCITING_STEPS",
    "MODEL_NAME",
    "MOST_FOLDS",
    "SATURATED_WITHIN",
    "Architecture",
    "Channels",
    "ConvLayer",
    "DenseLayer",
    "Descent",
    "GraphParts",
    "Layer",
    "Loss",
    "Moments",
    "Slot",
    "Step",
    "StepCost",
    "StoredFold",
    "StoredModel",
    "Tables",
    "activations",
    "add_network",
    "build_architecture",
    "build_module",
    "forward",
    "initial_buffers",
    "initial_parameters",
    "learning_rates",
    "loss_of",
    "model_bytes",
    "module_classes",
    "module_source",
    "near_bound",
    "optimizer_of",
    "read_model",
    "refit_parameters",
    "save_model",
    "schedule_of",
    "seen_by_the_middle",
    "tables_of",
    "torch_loss",
    "trained_module",
    "weights_by_layer",
]
