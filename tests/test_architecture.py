"""The rules of the house as tests: arrows, owners of libraries, budgets, names, forbidden calls.

Each rule is a function from the parsed modules to sentences that name file and line; a rule is kept when
there are none. The rules themselves are tested on small offending sources at the end.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from statistics import median
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
HOUSE: Final = ROOT / "src" / "shoal"

STAGES: Final = ("study", "data", "nets", "engine", "results", "search", "look")
EVERYTHING: Final = frozenset({
    "streams", *STAGES, "model", "predict", "export", "comparing", "drawing", "draft", "progress", "request",
    "planning", "pipeline", "merging", "estimators", "options", "cli",
})  # fmt: skip

# The ground floor, which everyone may import.
GROUND: Final = frozenset({
    "activations", "contents", "decisions", "distributions", "elementary", "errors", "extras", "files", "kinds",
    "links", "scores", "shards", "wording",
})  # fmt: skip

# Who imports nothing but the ground floor.
FREE: Final = (
    "errors", "wording", "files", "kinds", "activations", "links", "distributions", "decisions", "core", "cores",
    "elementary", "parts", "process", "scores", "shards", "space", "standard_streams", "stopping", "streams", "options",
    "contents", "extras",
)  # fmt: skip

_OF_COMMANDS: Final = frozenset({
    "planning", "pipeline", "merging", "predict", "export", "draft", "nets", "progress", "study", "data", "results",
    "comparing", "drawing", "engine", "look", "parts", "options", "space", "standard_streams", "stopping",
})  # fmt: skip
# Who may import whom beside the ground floor.
ARROWS: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(FREE, frozenset[str]()),
    "study": frozenset({"streams"}),
    "data": frozenset({"core", "cores", "streams"}),
    "nets": frozenset({"study", "streams"}),
    "engine": frozenset(
        {"core", "cores", "study", "data", "nets", "results", "search", "streams", "parts", "process"}
    ),
    "results": frozenset({"study", "parts"}),
    "search": frozenset({"study", "results"}),
    "look": frozenset({"cores", "results", "data", "nets", "study", "parts", "process"}),
    "progress": frozenset({"engine", "results", "look"}),
    "request": frozenset({"study", "data", "engine", "draft", "nets"}),
    "planning": frozenset({"cores", "data", "engine", "look", "request", "results", "study"}),
    "pipeline": frozenset(
        {"data", "engine", "look", "nets", "parts", "planning", "progress", "request", "results", "study"}
    ),
    "merging": frozenset({"engine", "look", "pipeline", "planning", "request", "results", "study"}),
    "model_facts": frozenset({"engine"}),
    "answering": frozenset({"data", "engine", "model_facts", "nets", "results"}),
    "model": frozenset({"answering", "data", "engine", "look", "model_facts", "nets", "results", "study"}),
    "predict": frozenset({"answering", "data", "engine", "model", "nets", "results"}),
    "export": frozenset({"data", "model", "answering", "nets"}),
    "drawing": frozenset({"look", "model", "planning", "request", "results", "study"}),
    "comparing": frozenset({"look", "results"}),
    "draft": frozenset({"data", "engine", "look", "study"}),
    "estimators": frozenset({"streams", "parts", *STAGES, "planning", "model"}),
    "cli": _OF_COMMANDS,
    "__main__": frozenset({"cli"}),
    "__init__": EVERYTHING,
}

_TORCH: Final = frozenset({
    "nets/_activations.py", "nets/_loss.py", "nets/_layer.py", "nets/_module.py", "nets/_optimizers.py", "nets/layers",
    "nets/_own_loss.py", "nets/_own_module.py", "nets/losses", "engine/trainers",
})  # fmt: skip
_SKLEARN: Final = frozenset({"data/_builtin.py", "data/_drift.py", "data/_peer_folds.py", "estimators"})
_THREADED: Final = frozenset({
    "data/_row_check.py", "engine/_activation_map.py", "engine/_attributions.py", "engine/_simple_models.py",
})  # fmt: skip
OWNERS: Final[dict[str, frozenset[str]]] = {  # who may import a library at all
    **dict.fromkeys(("dask", "distributed"), frozenset({"engine/workers"})),
    "torch": _TORCH,
    "matplotlib": frozenset({"look/_paper.py"}),
    "plotly": frozenset({"look/_plots.py"}),
    "jinja2": frozenset({"look/page/report.py"}),
    "sklearn": _SKLEARN | {"engine/_simple_models.py", "results/_peer_scores.py"},
    "joblib": frozenset({"estimators/_processes.py", "estimators/_turns.py"}),
    "textwrap": frozenset({"look/_text_layout.py"}),
    "threadpoolctl": frozenset({"engine/_explain.py", "estimators/_processes.py"}) | _THREADED,
    "sqlite3": frozenset({"results/_database.py"}),
    "onnx": frozenset({"nets/_graph.py", "export.py"}),
    "onnxruntime": frozenset({"export.py"}),
}

# Imported where they are used, never when a module is imported.
HEAVY: Final = frozenset({
    "torch", "sklearn", "pandas", "matplotlib", "plotly", "scipy", "rich", "pyarrow", "safetensors",
    "jinja2", "onnx", "onnxruntime", "openpyxl", "PIL", "dask", "distributed",
})  # fmt: skip

FORBIDDEN_MODULES: Final = frozenset(
    {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "yaml", "builtins", "code", "runpy"}
)  # fmt: skip
FORBIDDEN_CALLS: Final = frozenset({"eval", "exec", "compile", "__import__", "hasattr"})
FORBIDDEN_METHODS: Final = frozenset(
    {"torch.load", "torch.save", "torch.jit.load", "torch.hub.load", "torch.serialization.load",
     "joblib.load", "joblib.dump", "joblib.Memory",
     "os.system", "os.popen"}
)  # fmt: skip
FORBIDDEN_ATTRIBUTES: Final = frozenset({"extractall", "unpack_archive", "read_pickle", "to_pickle"})
FORBIDDEN_ENDS: Final = FORBIDDEN_ATTRIBUTES | {name.rpartition(".")[2] for name in FORBIDDEN_METHODS}
FORBIDDEN_NAMES: Final = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "base"})
FOLLOWERS: Final = frozenset({"cli", "estimators"})

FILE_MEDIAN, FILE_MAX = 200, 450
FUNCTION_MEDIAN, FUNCTION_MAX = 12, 60
PARAMETERS_MAX = 6
PUBLIC_NAMES_MAX = 29


@dataclass(frozen=True)
class Module:
    """One parsed file; `name` is its path inside the package."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def folder(self) -> str:
        """The folder it lies in: a stage, or a room of one."""
        return self.name.rpartition("/")[0]

    @property
    def stage(self) -> str:
        """The folder, or the file's own name at the top of the house."""
        head, _, rest = self.name.partition("/")
        return head if rest else head.removesuffix(".py")


Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def house() -> list[Module]:
    return [
        Module(path.relative_to(HOUSE).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(HOUSE.rglob("*.py"))
    ]


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements of a tree; their expressions, most of what it has, hold none."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield node
            yield from statements(node)


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of every import, wherever it stands; `from a import b` gives a.b."""
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            head = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{head}.{alias.name}") for alias in node.names)


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in statements(tree) if isinstance(node, Function))


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


# -- the rules -----------------------------------------------------------------------------------------------


def broken_arrows(module: Module) -> Iterator[str]:
    """The table of `docs/architecture.md`: who imports whom, and only through a stage's table of contents."""
    if module.stage not in ARROWS:
        yield f"{module.name}:1: no such place in the house; it has {', '.join(sorted(ARROWS))}"
        return
    for line, name in imports(module.tree):
        if name.startswith("."):
            yield f"{module.name}:{line}: expected an absolute import, got {name}"
        parts = name.split(".")
        if parts[0] != "shoal" or len(parts) < 2:
            continue
        target = parts[1]
        if target == module.stage:
            continue
        if target not in GROUND | ARROWS[module.stage]:
            allowed = ", ".join(sorted(GROUND | ARROWS[module.stage]))
            yield f"{module.name}:{line}: {module.stage} may import {allowed}, not {target}"
        elif len(parts) > 2 and (parts[2].startswith("_") or (HOUSE / target / parts[2]).is_dir()):
            yield f"{module.name}:{line}: {name} is private to {target}; import it from shoal.{target}"


def strange_owners(module: Module) -> Iterator[str]:
    """A library with owners is imported by them alone."""
    for line, name in imports(module.tree):
        owners = OWNERS.get(name.split(".")[0])
        if owners is not None and not owners & {module.name, module.folder, module.stage}:
            yield f"{module.name}:{line}: {name.split('.')[0]} belongs to {', '.join(sorted(owners))}"


def heavy_imports(module: Module) -> Iterator[str]:
    """A heavy library is imported inside the function that uses it; its base classes are imported by their heirs."""
    inside = {line for function in functions(module.tree) for line, _ in imports(function)}
    for node in statements(module.tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            inside |= {line for line, _ in imports(node)}
    heavy = HEAVY - {"sklearn"} if module.stage == "estimators" else HEAVY
    for line, name in imports(module.tree):
        if name.split(".")[0] in heavy and line not in inside:
            yield f"{module.name}:{line}: {name.split('.')[0]} is imported at start; import it where it is used"


def forbidden(module: Module) -> Iterator[str]:
    """Nothing that runs what it reads: no pickle, eval, exec, YAML, shell, unpacking."""
    for line, name in imports(module.tree):
        if name.split(".")[0] in FORBIDDEN_MODULES:
            yield f"{module.name}:{line}: {name.split('.')[0]} is forbidden"
        elif name in FORBIDDEN_METHODS or name.split(".")[-1] in FORBIDDEN_ATTRIBUTES:
            yield f"{module.name}:{line}: {name} is forbidden"
    known = aliases(module.tree)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and node.id in FORBIDDEN_CALLS:
            yield f"{module.name}:{node.lineno}: {node.id} is forbidden"
        elif isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_ENDS:
            head, _, rest = ast.unparse(node).partition(".")
            full = f"{known.get(head, head)}.{rest}"
            if node.attr in FORBIDDEN_ATTRIBUTES or full in FORBIDDEN_METHODS:
                yield f"{module.name}:{node.lineno}: {full} is forbidden"
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in ("shell", "allow_pickle") and ast.unparse(keyword.value) != "False":
                    yield f"{module.name}:{node.lineno}: {keyword.arg}={ast.unparse(keyword.value)} is forbidden"


def aliases(tree: ast.AST) -> dict[str, str]:
    """What a name stands for after `import a.b as name`, wherever that is."""
    nodes = [node for node in statements(tree) if isinstance(node, ast.Import)]
    return {alias.asname: alias.name for node in nodes for alias in node.names if alias.asname}


def too_long(module: Module) -> Iterator[str]:
    """A file of at most 450 lines, functions of at most 60."""
    lines = len(module.text.splitlines())
    if lines > FILE_MAX:
        yield f"{module.name}:1: {lines} lines; at most {FILE_MAX}"
    for function in functions(module.tree):
        place = f"{module.name}:{function.lineno}: {function.name}"
        if length(function) > FUNCTION_MAX:
            yield f"{place} has {length(function)} lines; at most {FUNCTION_MAX}"


def parameters(function: Function) -> list[str]:
    """Names of the parameters, self and cls excepted."""
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def too_wide(module: Module) -> Iterator[str]:
    """At most six parameters, no public **kwargs but typed ones; commands and estimators follow their frameworks."""
    if module.stage in FOLLOWERS:
        return
    for function in functions(module.tree):
        place, count = f"{module.name}:{function.lineno}: {function.name}", len(parameters(function))
        if count > PARAMETERS_MAX:
            yield f"{place} has {count} parameters; at most {PARAMETERS_MAX}"
        keywords = function.args.kwarg
        if keywords and "Unpack[" not in ast.unparse(keywords) and not function.name.startswith("_"):
            yield f"{place} takes **{keywords.arg} in public"


def drawer_names(module: Module) -> Iterator[str]:
    """A file is a noun, not a drawer; in a stage it is private."""
    for part in module.name.removesuffix(".py").split("/"):
        if part.strip("_") in FORBIDDEN_NAMES:
            yield f"{module.name}:1: no module is called {part.strip('_')}"
    *folders, file = module.name.split("/")
    if len(folders) == 1 and not file.startswith("_"):
        yield f"{module.name}:1: files of a stage are private: _{file}"
    if len(folders) > 2:
        yield f"{module.name}:1: a stage has rooms, and a room has none: two folders deep at most"


RULES: Final = (
    broken_arrows,
    strange_owners,
    heavy_imports,
    forbidden,
    too_long,
    too_wide,
    drawer_names,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule: object) -> None:
    assert callable(rule)
    broken = [f"src/shoal/{sentence}" for module in house() for sentence in rule(module)]
    assert not broken, "\n".join(["", *broken])


def test_every_file_of_the_tests_and_benchmarks_is_within_its_budget() -> None:
    files = [path for folder in ("tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
    modules = [Module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in files]
    broken = [sentence for module in modules for sentence in too_long(module)]
    assert not broken, "\n".join(["", *broken])


def test_the_medians_of_files_and_functions() -> None:
    modules = house()
    file_lines = median(len(module.text.splitlines()) for module in modules)
    function_lines = median(length(function) for module in modules for function in functions(module.tree))
    assert file_lines <= FILE_MEDIAN, f"the median file has {file_lines} lines; at most {FILE_MEDIAN}"
    assert function_lines <= FUNCTION_MEDIAN, f"the median function has {function_lines} lines; at most 12"


def test_the_core_is_within_the_budget_of_a_file() -> None:
    sources = [path for path in sorted((ROOT / "src" / "native").glob("*")) if path.suffix in (".h", ".cpp")]
    assert sources
    broken = [
        f"src/native/{path.name}:1: {lines} lines; at most {FILE_MAX}"
        for path in sources
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > FILE_MAX
    ]
    assert not broken, "\n".join(["", *broken])


def test_the_owners_of_libraries_exist() -> None:
    """A table that names files of yesterday guards nothing."""
    missing = sorted(
        {owner for owners in OWNERS.values() for owner in owners if not (HOUSE / owner).exists()}
    )
    assert not missing, f"OWNERS names files that are not there: {', '.join(missing)}"


def test_the_tests_mirror_the_house() -> None:
    """Each folder of tests is a stage or the C++ core, and each stage has its folder; contracts and torture aside."""
    folders = {
        path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.rglob("test_*.py"))
    }
    assert folders - {"contracts", "torture"} == {*STAGES, "estimators", "native"}


def test_the_promise_is_this_list() -> None:
    """Files can move; what `shoal` promises cannot grow unseen. Change this list in the change that means to."""
    import shoal

    promised = (ROOT / "tests" / "assets" / "public_names.txt").read_text(encoding="utf-8").split()
    assert list(shoal.__all__) == promised
    assert promised == sorted(promised)
    assert len(promised) <= PUBLIC_NAMES_MAX
    assert [name for name in promised if getattr(shoal, name, None) is None] == []


# -- the rules can fail --------------------------------------------------------------------------------------

LONG_FUNCTION = "def long():\n" + "    x = 1\n" * 60

OFFENCES: Final = (
    (
        broken_arrows,
        "data/_x.py",
        "from shoal.study import Study",
        "data may import activations, contents, core, cores, decisions, distributions, elementary, errors, extras,"
        " files, kinds, links, scores, shards, streams, wording, not study",
    ),
    (broken_arrows, "look/_x.py", "import shoal.engine", "look may import"),
    (broken_arrows, "nets/_x.py", "from shoal.study._study import Study", "private to study"),
    (broken_arrows, "engine/_x.py", "from shoal.nets.losses.mse import LOSS", "private to nets"),
    (broken_arrows, "pipeline.py", "from shoal.engine.workers import loop", "private to engine"),
    (broken_arrows, "pipeline.py", "from shoal.look.figures import ranking", "private to look"),
    (broken_arrows, "nets/_x.py", "from ._module import build", "expected an absolute import"),
    (broken_arrows, "drawer/_x.py", "", "no such place in the house"),
    (strange_owners, "look/_x.py", "def f():\n    from torch import nn", "torch belongs to"),
    (strange_owners, "pipeline.py", "import sqlite3", "sqlite3 belongs to results/_database.py"),
    (heavy_imports, "engine/trainers/torch.py", "import torch", "torch is imported at start"),
    (heavy_imports, "estimators/_x.py", "import scipy", "scipy is imported at start"),
    (forbidden, "pipeline.py", "import pickle", "pickle is forbidden"),
    (forbidden, "pipeline.py", "from yaml import safe_load", "yaml is forbidden"),
    (forbidden, "pipeline.py", "x = eval('1')", "eval is forbidden"),
    (forbidden, "pipeline.py", "exec('1')", "exec is forbidden"),
    (forbidden, "pipeline.py", "y = map(exec, x)", "exec is forbidden"),
    (forbidden, "pipeline.py", "import builtins", "builtins is forbidden"),
    (forbidden, "pipeline.py", "torch.load('x')", "torch.load is forbidden"),
    (forbidden, "pipeline.py", "import torch as t\nt.load('x')", "torch.load is forbidden"),
    (forbidden, "pipeline.py", "def f():\n    from torch import load as read", "torch.load is forbidden"),
    (forbidden, "pipeline.py", "archive.extractall()", "archive.extractall is forbidden"),
    (forbidden, "pipeline.py", "from shutil import unpack_archive", "shutil.unpack_archive is forbidden"),
    (forbidden, "pipeline.py", "pd.read_pickle('x')", "pd.read_pickle is forbidden"),
    (forbidden, "pipeline.py", "subprocess.run('ls', shell=yes)", "shell=yes is forbidden"),
    (forbidden, "pipeline.py", "subprocess.run('ls', shell=True)", "shell=True is forbidden"),
    (forbidden, "pipeline.py", "np.load('x', allow_pickle=1)", "allow_pickle=1 is forbidden"),
    (too_long, "pipeline.py", "\n" * 451, "451 lines; at most 450"),
    (too_long, "pipeline.py", LONG_FUNCTION, "long has 61 lines; at most 60"),
    (too_wide, "pipeline.py", "def f(a, b, c, d, *, e, f, g): ...", "f has 7 parameters; at most 6"),
    (too_wide, "pipeline.py", "def f(**options): ...", "f takes **options in public"),
    (drawer_names, "data/_utils.py", "", "no module is called utils"),
    (drawer_names, "data/tables.py", "", "files of a stage are private: _tables.py"),
    (drawer_names, "data/room/deep/x.py", "", "two folders deep at most"),
)

ALLOWED: Final = (
    (broken_arrows, "nets/_x.py", "from shoal.errors import X\nfrom shoal.study import Network\nimport os"),
    (strange_owners, "engine/trainers/torch.py", "def f():\n    import torch"),
    (heavy_imports, "nets/_x.py", "if TYPE_CHECKING:\n    import torch\ndef f():\n    import torch"),
    (forbidden, "pipeline.py", "re.compile('x')\nnp.load('x', allow_pickle=False)\njson.load(file)"),
    (too_wide, "pipeline.py", "class A:\n  def f(self, a, b, c, d, e, f): ...\n  def _g(self, **k): ..."),
    (too_wide, "cli.py", "def command(a, b, c, d, e, f, g): ..."),
    (strange_owners, "estimators/_x.py", "from sklearn.base import BaseEstimator"),
    (heavy_imports, "estimators/_x.py", "from sklearn.base import BaseEstimator"),
    (drawer_names, "data/__init__.py", ""),
    (drawer_names, "data/room/x.py", ""),
    (strange_owners, "nets/losses/mse.py", "def f():\n    import torch"),
)


@pytest.mark.parametrize(("rule", "name", "text", "sentence"), OFFENCES)
def test_an_offence_is_named_with_file_and_line(rule: object, name: str, text: str, sentence: str) -> None:
    assert callable(rule)
    sentences = list(rule(Module(name, text)))
    assert len(sentences) == 1
    assert sentences[0].startswith(f"{name}:")
    assert sentence in sentences[0]


@pytest.mark.parametrize(("rule", "name", "text"), ALLOWED)
def test_what_is_allowed_passes(rule: object, name: str, text: str) -> None:
    assert callable(rule)
    assert list(rule(Module(name, text))) == []
