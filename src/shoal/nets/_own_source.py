"""What a person's own class or function is, by its code: two that would compute otherwise have other names.

All that it is made of counts, as it is when it is asked for: what its class holds, the classes that this comes from,
and the functions, classes and plain values of the same program that these name, and so on; of installed libraries names
and versions.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import secrets
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from shoal.nets._own_code import code_text, imported_within, library_name, named_by, runs_in_library
from shoal.nets._own_module import PYTHON

if TYPE_CHECKING:
    from shoal.nets._own_module import Recipe

_PLAIN: Final = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis))
_OF_NO_USE: Final = frozenset(
    ("__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__firstlineno__", "__static_attributes__",
     "__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__orig_bases__",
     "__parameters__")
)  # fmt: skip
"""What a class holds that no instance computes with."""


@dataclass(frozen=True)
class Source:
    """A SHA-256, of each minor version of Python another, and why it is known to nobody else where a part of the source
    is not; empty where all is.
    """

    digest: str
    unknown: str = ""


def source_of(recipes: Iterable[Recipe], *, written: bool = True) -> Source:
    """Name recipes by their code and keywords; by a name that never comes again where that cannot be told, or where
    it is to be `written` and no text of it is there to read.
    """
    reader = _Reader(written)
    lines = [f"{recipe.name}: {reader.text((recipe.make, recipe.keywords))}" for recipe in recipes]
    if reader.unknown:
        return Source(f"unknown {secrets.token_hex(16)}", reader.unknown[0])
    return Source(hashlib.sha256("\n".join([PYTHON, *lines]).encode()).hexdigest())


class _Reader:
    """Writes down what values are; what it has written down once it names."""

    def __init__(self, written: bool) -> None:
        self.written = written
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
            case set() | frozenset():
                return f"{{{', '.join(sorted(map(self.text, value)))}}}"
            case ModuleType() | FunctionType() | type():
                return library_name(value) or self._own(value)
        if inside := _inside(value):
            return f"{type(value).__name__} {self.text(inside)}"
        return library_name(value) or self._other(value)

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

    def _own(self, made: Any) -> str:
        """Write down a class or function whose source is there, which a person wrote, or a whole module of such."""
        if isinstance(made, ModuleType):
            return self.text({name: value for name, value in vars(made).items() if not name.startswith("__")})
        if self.written and not (isinstance(made, FunctionType) and runs_in_library(made)):
            self._see_text(made)
        return self._function(made) if isinstance(made, FunctionType) else self._class(made)

    def _see_text(self, made: Any) -> None:
        if made.__name__ == "<lambda>":
            self.unknown.append("a lambda has no source of its own")
            return
        try:
            inspect.getsource(made)
        except (OSError, TypeError):
            self.unknown.append(f"the source of {made.__name__} is not there")

    def _class(self, made: type) -> str:
        """Write down what a class holds, and what it comes from."""
        parts = [self.text((made.__bases__, type(made)))]
        for name, member in vars(made).items():
            if name not in _OF_NO_USE:
                is_code = isinstance(member, FunctionType) and not library_name(member)
                parts.append(f"{name} = {self._function(member) if is_code else self.text(member)}")
        return "\n".join(parts)

    def _function(self, function: FunctionType) -> str:
        """Write down what a function does, and what it names: of a library's no more than what it was made with."""
        code = function.__code__
        parts = [code_text(code), self.text((function.__defaults__, function.__kwdefaults__, vars(function)))]
        if runs_in_library(function):
            cells = [cell.cell_contents for cell in function.__closure__ or ()]
            return "\n".join([*parts, self.text(cells)])
        for module in imported_within(code):
            self.unknown.append(
                f"{function.__name__} imports {module or 'a module'}, which is known once it runs"
            )
        return "\n".join([*parts, *(f"{name} = {self.text(value)}" for name, value in named_by(function))])


def _inside(value: Any) -> tuple[Any, ...]:
    """Give what something consists of that calls what is within it; nothing of all else."""
    match value:
        case functools.partial():
            return value.func, value.args, value.keywords
        case MethodType():
            return value.__func__, value.__self__
        case staticmethod() | classmethod():
            return (value.__func__,)
        case property():
            return value.fget, value.fset, value.fdel
        case functools.cached_property():
            return (value.func,)
    return ()
