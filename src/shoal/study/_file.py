"""Study files: TOML -> Study, with every mistake at once; each names file, line and key path."""

from __future__ import annotations

import copy
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from shoal.errors import Problem, StudyError, another_kind, as_path
from shoal.files import Unreadable, kind_of, read_bytes
from shoal.kinds import TABLE_FORMATS, table_format_name
from shoal.study._devices import is_device
from shoal.study._lines import deepest_line
from shoal.study._origin import Origin
from shoal.study._overrides import override
from shoal.study._paths import path_keys
from shoal.study._review import review
from shoal.study._sentences import Mistake
from shoal.study._study import Study
from shoal.study._templates import BUILTIN, builtin_studies
from shoal.study._values import FOLDER
from shoal.wording import did_you_mean, shorten, visible

LARGEST: Final = 100_000  # bytes; a study is written by a person
_MOST: Final = 100  # problems shown
_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
# tomllib needs time and memory in the square of a dotted key's length.
_LONG_KEY: Final = re.compile(
    r"""(?:(?:(?<![A-Za-z0-9_-])[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')[ \t]*\.[ \t]*){40}"""
)
_LONG_NUMBER: Final = re.compile(r"[0-9_]{4300}")
_TOO_DEEP: Final = "expected tables and lists nested a few levels deep, got too many levels"


def load_study(source: str | os.PathLike[str], overrides: Iterable[str] = ()) -> Study:
    """Read a study from a file, or a built-in one by its name, then apply overrides `KEY=VALUE`.

    Parameters
    ----------
    source : path of a study file, or the name of a built-in study
        A study without a name has that of its file. Paths in the file are relative to its folder, paths in overrides to
        the current one; in the study both are absolute.
    overrides : iterable of str
        A key is a key path (`network.hidden[0]`, `search.space."training.lr"`), a value is TOML; a bare word that is no
        TOML value is text. See the page "The study file".

    Raises
    ------
    StudyError
        With every mistake.

    Examples
    --------
    >>> import shoal
    >>> study = shoal.load_study("two-peaks", ["training.epochs=50", "network.hidden[1]=20"])
    >>> study.training.epochs, study.network.hidden
    (50, (100, 20))
    >>> shoal.load_study("two-peaks", ["training.lr=0"])
    Traceback (most recent call last):
    shoal.errors.StudyError: --set training.lr: expected a number above 0, got 0
    """
    as_given = as_path(source, "the path of a study file or the name of a built-in study")
    path = BUILTIN / f"{source}.toml" if source in builtin_studies() else as_given
    name = visible(os.fspath(source), "long")
    _refuse_table(path, name)
    text = _read(path, name)
    tree = _parse(text, name)
    origin = Origin(name, text, written=make_absolute(tree, path.parent))
    _name_after(tree, path.stem)
    return _study(tree, overrides, origin)


def parse_study(values: Mapping[str, Any], overrides: Iterable[str] = ()) -> Study:
    """Make a study of dicts and lists shaped like a study file; paths stay as they are.

    Raises StudyError with every mistake.
    """
    return _study(dict(values), overrides, Origin())


def study_schema() -> dict[str, Any]:
    """Give the JSON schema of the study file (draft 2020-12), for editors and other programs."""
    return Study.model_json_schema()


def _problems(origin: Origin, mistakes: list[Mistake]) -> list[Problem]:
    """Say where every mistake stands, in the order of the file."""
    ordered = sorted(mistakes, key=lambda mistake: origin.line(mistake.path))
    problems = [Problem(origin.where(mistake.path), mistake.what) for mistake in ordered[:_MOST]]
    if len(ordered) > _MOST:
        problems.append(Problem(origin.name, f"and {len(ordered) - _MOST:,} more mistakes"))
    return problems


def _study(tree: dict[str, Any], overrides: Iterable[str], origin: Origin) -> Study:
    problems: list[Problem] = []
    texts = _texts(overrides)
    try:
        tree = copy.deepcopy(tree)
        for text in texts:
            try:
                origin.overridden.append(override(tree, text))
            except StudyError as error:
                problems += error.problems
        if origin.overridden:
            origin.written.update(make_absolute(tree, Path.cwd()))
        return reviewed(tree, origin, problems)
    except RecursionError:
        where = origin.name if texts or not origin.text else f"{origin.name}:{deepest_line(origin.text)}"
        raise StudyError(Problem(where, _TOO_DEEP)) from None


def reviewed(tree: dict[str, Any], origin: Origin, problems: Iterable[Problem] = ()) -> Study:
    """Make a study of a tree, taking it apart. Raises StudyError with its mistakes, after the `problems` so far."""
    study, mistakes = review(tree)
    problems = [*problems, *_problems(origin, mistakes)]
    if problems or study is None:
        raise StudyError(problems)
    return study.from_origin(origin)


def _texts(overrides: Iterable[str]) -> tuple[str, ...]:
    expected = 'overrides as a list of texts such as ["training.epochs=10"]'
    if isinstance(overrides, str) or not isinstance(overrides, Iterable):
        raise another_kind(expected, overrides)
    texts = tuple(overrides)
    for text in texts:
        if not isinstance(text, str):
            raise another_kind(f"{expected}, each a text", text)
    return texts


def _read(path: Path, name: str) -> str:
    """Read the text of a study file, or refuse in one line what can be none."""
    try:
        data = read_bytes(path, LARGEST)
    except Unreadable as error:
        raise StudyError(Problem(name, _unreadable(error, name))) from None
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise StudyError(
            Problem(
                f"{name}:{line}", f"expected UTF-8 text, got byte 0x{data[error.start]:02x}; save it as UTF-8"
            )
        ) from None


def _refuse_table(path: Path, name: str) -> None:
    """Refuse a table where a study is asked for; that its rows are no TOML would help nobody who mixed them up."""
    format_ = table_format_name(path)
    if format_ is not None and not TABLE_FORMATS[format_].of_any_text and kind_of(path) == "a file":
        what = f"expected a study file, got a table ({TABLE_FORMATS[format_].title})"
        raise StudyError(Problem(name, f"{what}; name it in data.train of a study, which `shoal new` begins"))


def _unreadable(error: Unreadable, name: str) -> str:
    if error.received != "nothing there":
        return error.sentence("a study file")
    hint = did_you_mean(name, builtin_studies())
    return f"expected a study file or a built-in study ({', '.join(builtin_studies())}), got neither{hint}"


def _parse(text: str, name: str) -> dict[str, Any]:
    if long := _LONG_KEY.search(text):
        raise StudyError(Problem(f"{name}:{_line(text, long.start())}", _TOO_DEEP))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        position = _POSITION.search(message)
        what = shorten(visible(message[: position.start()] if position else message), 200)
        if position and position[1]:
            line, column = position[1], position[2]
        else:
            line, column = str(text.count("\n") + 1), str(len(text) - text.rfind("\n"))
        where = f"{name}:{line}:{column}"
        raise StudyError(Problem(where, f"not valid TOML: {what[:1].lower()}{what[1:]}")) from None
    except RecursionError:
        raise StudyError(Problem(f"{name}:{deepest_line(text)}", _TOO_DEEP)) from None
    except ValueError:  # tomllib lets Python's limit on the digits of a number through
        digits = _LONG_NUMBER.search(text)
        where = f"{name}:{_line(text, digits.start())}" if digits else name
        raise StudyError(Problem(where, "not valid TOML: a number has thousands of digits")) from None


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _name_after(tree: dict[str, Any], stem: str) -> None:
    """Give a study without a name that of its file, in place, where it can name a folder."""
    about = tree.get("study")
    if isinstance(about, dict) and len(stem) <= 60 and re.fullmatch(FOLDER, stem) and not is_device(stem):
        about.setdefault("name", stem)


def make_absolute(tree: dict[str, Any], folder: Path) -> dict[str, str]:
    """Resolve the paths of `[data]` against a folder, in place; what is absolute already stays.

    Gives those that were not, by what they have become.
    """
    data = tree.get("data")
    written: dict[str, str] = {}
    if not isinstance(data, dict):
        return written
    for key in path_keys(data):
        path = data.get(key)
        if isinstance(path, str) and path:
            data[key] = os.path.normpath(os.path.join(os.path.realpath(folder), path))
            if data[key] != path:
                written[data[key]] = path
    return written
