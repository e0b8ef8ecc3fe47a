"""A person's own loss as the trainer takes it: of a batch a number, of rows that are weighed one each."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shoal.errors import InputError
from shoal.nets._loss import TorchLoss
from shoal.nets._own_module import Recipe
from shoal.wording import counted

if TYPE_CHECKING:
    from torch import Tensor


def own_loss(recipe: Recipe, to: Callable[[Any], Any]) -> TorchLoss:
    """Make a loss of a class, such as torch.nn.SmoothL1Loss, or take a function of outputs and targets as it is.

    `to` puts what a class makes on the device. It is given copies, in which it may work in place. Raises InputError for
    keywords that it does not take, and for a `reduction` by which rows could not be weighed.
    """
    recipe.refuse_strange()
    _refuse_other_reduction(recipe)
    if isinstance(getattr(recipe.make, "func", recipe.make), type):  # or a partial of one
        by_reduction: dict[str, Any] = {"mean": to(recipe.make(**recipe.keywords))}

        def of_class(outputs: Tensor, targets: Tensor, /, *, reduction: str = "mean") -> Tensor:
            if reduction not in by_reduction:
                _refuse_unweighed(recipe)
                by_reduction[reduction] = to(recipe.make(**{**recipe.keywords, "reduction": reduction}))
            return _checked(
                recipe, by_reduction[reduction](outputs.clone(), targets.clone()), targets, reduction
            )

        return of_class

    def of_function(outputs: Tensor, targets: Tensor, /, *, reduction: str = "mean") -> Tensor:
        keywords = dict(recipe.keywords)
        if reduction != "mean":
            _refuse_unweighed(recipe)
            keywords["reduction"] = reduction
        return _checked(recipe, recipe.make(outputs.clone(), targets.clone(), **keywords), targets, reduction)

    return of_function


def _refuse_other_reduction(recipe: Recipe) -> None:
    """Refuse any but the mean over a batch, whether a keyword, a partial or a default says it."""
    default = recipe.takes["reduction"].default if "reduction" in recipe.takes else inspect.Parameter.empty
    reduction = recipe.keywords.get("reduction", default)
    if reduction not in ("mean", inspect.Parameter.empty):
        what = 'expected "mean", over the rows of a batch, by which these can be weighed'
        raise InputError(f"criterion__reduction: {what}, got {reduction!r}")


def _refuse_unweighed(recipe: Recipe) -> None:
    if "reduction" not in recipe.takes:
        what = "expected a loss that takes reduction, by which rows can be weighed"
        made = callable(getattr(recipe.make, "forward", None)) and not isinstance(recipe.make, type)
        hint = " that is there already: give its class" if made else ""
        raise InputError(f"criterion: {what}, got {recipe.title}{hint}")


def _checked(recipe: Recipe, loss: Any, targets: Tensor, reduction: str) -> Tensor:
    """Give a loss that is what it has to be. Raises ValueError for another."""
    shape, rows = getattr(loss, "shape", None), len(targets)
    fits = shape is not None and (shape == () if reduction == "mean" else tuple(shape[:1]) == (rows,))
    if not fits:
        what = "one number, a tensor" if reduction == "mean" else counted(rows, "row")
        got = f"shape {tuple(shape)}" if shape is not None else repr(loss)
        raise ValueError(f"criterion: expected {recipe.title} to give {what}, got {got}")
    result: Tensor = loss
    return result
