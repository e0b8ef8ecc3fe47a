"""Mistakes in our own words: what was expected (read off the schema), what came, what may be meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from shoal.errors import Problem, StudyError
from shoal.kinds import TASKS
from shoal.scores import SCORES, metrics_of
from shoal.study._key_paths import KeyPath, key_path_text, value_at
from shoal.study._study import Study
from shoal.study._values import PATTERNS, TAGS
from shoal.wording import did_you_mean, is_utf8, nearest, value_text, wrong_choice

# pydantic's names of all that can be wrong with one value of a study.
WRONG_VALUE: Final = frozenset(
    {
        *("string_type", "string_too_short", "string_too_long", "string_pattern_mismatch", "string_unicode"),
        *("too_short", "too_long"),
        *("int_type", "float_type", "finite_number", "bool_type", "literal_error"),
        *("greater_than", "greater_than_equal", "less_than", "less_than_equal"),
        *("tuple_type", "dict_type", "model_type", "union_tag_invalid", "union_tag_not_found"),
        "missing",
    }
)
_ALIASES: Final = {"learning_rate": "lr", "l2": "weight_decay", "layers": "hidden", "units": "hidden"}
_ITEMS: Final = {"string": "texts", "integer": "whole numbers", "number": "numbers", "object": "tables"}


@dataclass(frozen=True)
class Mistake:
    """One mistake at a key path. `touches` are the values it depends on; `together`: none is wrong alone."""

    path: KeyPath
    what: str
    touches: tuple[KeyPath, ...] = ()
    together: bool = False


def refusal(mistakes: Iterable[Mistake]) -> StudyError:
    """Make the error of mistakes in a study that came from no file."""
    return StudyError(Problem(key_path_text(mistake.path), mistake.what) for mistake in mistakes)


@cache
def _schema() -> dict[str, Any]:
    """Give the schema of a whole study, which takes as long as all else that is done with a small one."""
    return Study.model_json_schema()


@cache
def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Give the schema of a section by itself, to which the one of the whole refers."""
    return model.model_json_schema()


def mistakes_of(error: ValidationError, tree: Any, section: KeyPath = (), task: Any = None) -> list[Mistake]:
    """Translate what pydantic says of `tree`, which stands at the key path `section` of a study of this task, or is a
    whole one, which says its own.
    """
    mistakes: list[Mistake] = []
    if not section:
        task = value_at(tree, ("study", "task"))
    for item in error.errors(include_url=False):
        kind, local = item["type"], _without_tags(item["loc"], tree)
        path = (*section, *local)
        if kind == "together":
            keys = item["ctx"]["keys"]
            table = value_at(tree, local)
            first = next((key for key in keys if isinstance(table, dict) and key in table), keys[0])
            touches = tuple((*path, key) for key in keys)
            mistakes.append(Mistake((*path, first), item["ctx"]["sentence"], touches, together=True))
        elif kind == "extra_forbidden":
            mistakes.append(Mistake(path, unknown_key(path), (path,)))
        elif kind in WRONG_VALUE:
            value = None if kind == "missing" else item["input"]
            what = _wrong_value(path, value, task, finite=kind == "finite_number")
            mistakes.append(Mistake(path, what, (path,)))
        else:
            mistakes.append(Mistake(path, f"{item['msg']}, got {value_text(item['input'])}", (path,)))
    return mistakes


def unknown_key(path: KeyPath) -> str:
    """Say that the last part of `path` is no key there, and which may be meant."""
    key = str(path[-1])
    keys = valid_keys(path[:-1])
    if not keys:
        return f"unknown key, since {key_path_text(path[:-1])} is no table"
    alias = _ALIASES.get(key, "")
    meant = alias if alias in keys else elsewhere(key) or nearest(key, keys)
    return (
        f"unknown key; did you mean {meant}?" if meant else f"unknown key, expected one of {', '.join(keys)}"
    )


def elsewhere(key: str) -> str:
    """Find the table that has a key of this name."""
    name = _ALIASES.get(key, key)
    return next((f"{table}.{name}" for table in _schema()["properties"] if name in valid_keys((table,))), "")


def valid_keys(path: KeyPath) -> list[str]:
    """List the keys of the table at a key path; empty where there is no table."""
    return [key for node in _nodes(path) for key in node.get("properties", {})]


def is_known(path: KeyPath) -> bool:
    """Whether a study can have a value at this key path."""
    if len(path) == 1:
        return path[0] in Study.model_fields
    section = _section(path[0])
    if section is not None and len(path) == 2 and path[1] in section.model_fields:
        return True  # sooner known than its schema is made
    return any(True for _ in _schema_nodes(path))


def is_whole(path: KeyPath) -> bool:
    """Whether the value at this key path is a whole number."""
    return any(node.get("type") == "integer" for node in _nodes(path))


def default_at(path: KeyPath) -> Any:
    """Give the default of the key at `path`, as in JSON; None where there is none."""
    return next((node["default"] for node in _schema_nodes(path) if "default" in node), None)


def _wrong_value(path: KeyPath, value: Any, task: Any, *, finite: bool) -> str:
    if isinstance(value, str) and not is_utf8(value):
        return f"expected text in UTF-8, got {value_text(value)}"
    nodes = list(_nodes(path))
    if len(nodes) == 1 and "enum" in nodes[0]:
        choices = nodes[0]["enum"]
        if choices == list(SCORES) and task in TASKS:  # those of other tasks would be refused next
            choices = metrics_of(task)
        return wrong_choice(value, choices)
    expected = " or ".join(_expected(node, value, finite=finite) for node in nodes)
    words = [word for node in nodes for word in node.get("enum", ())]
    hint = did_you_mean(value, words, repr) if isinstance(value, str) else ""
    return f"expected {expected}, got {value_text(value)}{hint}"


def _expected(node: dict[str, Any], value: Any, *, finite: bool) -> str:
    """Describe the values that a node of the schema accepts."""
    match node.get("type"):
        case "boolean":
            return "true or false"
        case "integer" | "number":
            noun = "whole number" if node["type"] == "integer" else "number"
            return f"a {'finite ' if finite else ''}{noun}{_bounds(node, value)}"
        case "string" if "enum" in node:
            return f"one of {', '.join(node['enum'])}"
        case "string":
            most = f" to {node['maxLength']}" if "maxLength" in node else " or more"
            text = PATTERNS.get(node.get("pattern", ""), "text") if isinstance(value, str) else "text"
            return f"{text} ({node['minLength']}{most} characters)"
        case "array":
            many = f"{node['minItems']} " if "prefixItems" in node else ""
            return f"a list of {many}{_ITEMS.get(_first_type(_item(node, 0)), 'values')}"
        case _:
            required = node.get("required", ())
            return f"a table with {' and '.join(required)}" if required else "a table"


def _bounds(node: dict[str, Any], value: Any) -> str:
    """Describe the bounds of a number; an enormous upper one only to whom it concerns."""
    words = {
        "minimum": "of at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    number = value if isinstance(value, int | float) else 0
    bounds = [
        f"{word} {node[key]:.16g}"  # no point: of a float's bound, pydantic's versions write 0 or 0.0
        for key, word in words.items()
        if key in node and (node[key] < 2**31 - 1 or number >= node[key])
    ]
    return f" {' and '.join(bounds)}" if bounds else ""


def _schema_nodes(path: KeyPath) -> Iterator[dict[str, Any]]:
    """Yield the schema's nodes at a key path as they are written, references and unions unresolved."""
    if not path:
        yield _schema()
        return
    part = path[-1]
    for node in _nodes(path[:-1]):
        inner = (_item(node, part) or None) if isinstance(part, int) else node.get("properties", {}).get(part)
        if inner is None and isinstance(part, str):
            inner = node.get("additionalProperties")
        if isinstance(inner, dict):
            yield inner


def _section(name: str | int) -> type[BaseModel] | None:
    """Give the model of a section that every study has; None for any other."""
    field = Study.model_fields.get(str(name))
    annotation = None if field is None else field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _nodes(path: KeyPath) -> Iterator[dict[str, Any]]:
    section = _section(path[0]) if len(path) == 1 else None
    if section is not None:
        yield _schema_of(section)
        return
    for node in _schema_nodes(path):
        yield from _options(node)


def _options(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Resolve a reference, take a union apart, leave out null."""
    if "$ref" in node:
        node = _schema()["$defs"][node["$ref"].rpartition("/")[2]]
    for inner in node.get("anyOf", node.get("oneOf", ())):
        yield from _options(inner)
    if "anyOf" not in node and "oneOf" not in node and node.get("type") != "null":
        yield node


def _item(node: dict[str, Any], place: int) -> dict[str, Any]:
    """Give the node of one item of a list, of any number or of a stated one; {} where there is none."""
    items = node.get("prefixItems", [])
    return dict(items[place] if place < len(items) else node.get("items", {}))


def _first_type(node: dict[str, Any]) -> str:
    return next((str(option.get("type")) for option in _options(node)), "")


def _without_tags(loc: tuple[int | str, ...], tree: Any) -> KeyPath:
    """Drop the names of union branches from pydantic's location."""
    path: list[int | str] = []
    for part in loc:
        if part in TAGS and not (isinstance(tree, dict) and part in tree):
            continue
        path.append(part)
        tree = value_at(tree, (part,))
    return tuple(path)
