"""What a person's own class or function is, by its source: two that would compute otherwise have other names.

The source of all that it is made of counts: the classes it comes from, and the functions, classes and plain values of
the same program that these name, and so on; of installed libraries the names alone.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import secrets
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from shoal.nets._own_module import Recipe

_PLAIN: Final = (bool, int, float, complex, str, bytes, type(None))
_LIBRARIES: Final = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)


@dataclass(frozen=True)
class Source:
    """A SHA-256, and why it is known to nobody else where a part of the source is not; empty where all is."""

    digest: str
    unknown: str = ""


def source_of(recipes: Iterable[Recipe]) -> Source:
    """Name recipes by their source and keywords; by a name that never comes again where that cannot be read."""
    reader = _Reader()
    lines = [f"{recipe.name}: {reader.text((recipe.make, recipe.keywords))}" for recipe in recipes]
    if reader.unknown:
        return Source(f"unknown {secrets.token_hex(16)}", reader.unknown[0])
    return Source(hashlib.sha256("\n".join(lines).encode()).hexdigest())


class _Reader:
    """Writes down what values are; what it has written down once it names."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self._seen: dict[int, tuple[int, Any]] = {}

    def text(self, value: Any) -> str:
        """Write down a value."""
        if isinstance(value, _PLAIN):
            return repr(value)
        if id(value) in self._seen:
            return f"<{self._seen[id(value)][0]}>"
        self._seen[id(value)] = len(self._seen), value
        return self._written(value)

    def _written(self, value: Any) -> str:
        match value:
            case Mapping():
                return f"{{{', '.join(f'{self.text(key)}: {self.text(own)}' for key, own in value.items())}}}"
            case list() | tuple():
                return f"[{', '.join(map(self.text, value))}]"
            case functools.partial():
                return f"partial({self.text((value.func, value.args, value.keywords))})"
            case MethodType():
                return f"{self.text(value.__func__)} of {self.text(value.__self__)}"
            case ModuleType():
                return value.__name__
            case type() | FunctionType() if not _of_library(value):
                return self._source(value)
        qualified = str(getattr(value, "__qualname__", ""))
        if callable(value) and qualified and _of_library(value):
            return f"{value.__module__}.{qualified}"
        return self._other(value)

    def _other(self, value: Any) -> str:
        """Write down an array; nothing is known of anything else."""
        if type(value).__module__ in ("numpy", "torch"):
            return f"{type(value).__name__} {self._array(value)}"
        self.unknown.append(f"it uses a {type(value).__name__}, which has no source")
        return ""

    def _array(self, value: Any) -> str:
        """Write down numbers by their bytes, and by its name what has none, such as a dtype or a device."""
        import numpy as np

        torch: Any = sys.modules.get("torch")
        if isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
            kind, content = value.dtype.str, value.tobytes()
        elif torch and isinstance(value, torch.Tensor) and value.device.type != "meta":
            plain = value.detach().cpu().to_dense().resolve_conj().contiguous().reshape(-1)
            kind, content = f"{value.dtype} {value.layout}", plain.view(torch.uint8).numpy().tobytes()
        elif torch and isinstance(value, torch.dtype | torch.device | torch.layout | torch.memory_format):
            return str(value)
        else:
            self.unknown.append(f"it uses a {type(value).__name__}, whose content is not known")
            return ""
        return f"{kind}{tuple(value.shape)} {hashlib.sha256(content).hexdigest()}"

    def _source(self, made: Any) -> str:
        """Write down the source of a class or function, and of what it names."""
        if made.__name__ == "<lambda>":
            self.unknown.append("a lambda has no source of its own")
            return ""
        try:
            own = inspect.getsource(made)
        except (OSError, TypeError):
            self.unknown.append(f"the source of {made.__name__} is not there")
            return ""
        parts = [own, *map(self.text, made.__bases__ if isinstance(made, type) else ())]
        for function in _functions(made):
            parts += [f"{name} = {self.text(value)}" for name, value in _named_by(function)]
        return "\n".join(parts)


def _functions(made: Any) -> Iterator[FunctionType]:
    """Give the functions of a class, or the function itself."""
    if isinstance(made, FunctionType):
        yield made
        return
    for member in vars(made).values():
        function = getattr(member, "fget", getattr(member, "__func__", member))
        if isinstance(function, FunctionType):
            yield function


def _named_by(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Give what a function names of the program around it, by name: functions, classes and values."""
    around = function.__globals__
    for name in sorted(_names(function.__code__) & around.keys()):
        yield name, around[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if name != "__class__" and cell.cell_contents is not function:
            yield name, cell.cell_contents
    for number, default in enumerate(function.__defaults__ or ()):
        yield f"default {number}", default
    yield from sorted((function.__kwdefaults__ or {}).items())


def _names(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _of_library(value: Any) -> bool:
    """Whether a class or function is of an installed library: that has a version."""
    module = sys.modules.get(value.__module__ or "builtins")
    file = getattr(module, "__file__", None)
    if file is None:
        return bool(value.__module__ != "__main__")
    return str(file).startswith(_LIBRARIES)
