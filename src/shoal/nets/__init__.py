"""What learns: architectures, initial parameters, torch modules."""

from shoal.nets._architecture import Architecture, ConvLayer, DenseLayer, Layer, Slot, build_architecture
from shoal.nets._channels import EXCITING_STEPS, Channels, seen_by_the_middle
from shoal.nets._files import (
    MODEL_NAME,
    StoredModel,
    model_bytes,
    read_model,
    save_model,
)
from shoal.nets._forward import BOUNDS, FLAT_BELOW, SATURATED_WITHIN, activations, forward, near_bound
from shoal.nets._initial import initial_buffers, initial_parameters, refit_parameters
from shoal.nets._module import activation_module, build_module, module_source, trained_module
from shoal.nets._onnx import GraphParts, add_network

__all__ = [
    "BOUNDS",
    "EXCITING_STEPS",
    "FLAT_BELOW",
    "MODEL_NAME",
    "SATURATED_WITHIN",
    "Architecture",
    "Channels",
    "ConvLayer",
    "DenseLayer",
    "GraphParts",
    "Layer",
    "Slot",
    "StoredModel",
    "activation_module",
    "activations",
    "add_network",
    "build_architecture",
    "build_module",
    "forward",
    "initial_buffers",
    "initial_parameters",
    "model_bytes",
    "module_source",
    "near_bound",
    "read_model",
    "refit_parameters",
    "save_model",
    "seen_by_the_middle",
    "trained_module",
]
