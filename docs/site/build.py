"""The site of the documentation: the same pages that a code host shows, and one for every public name.

    python docs/site/build.py

leaves build/docs/html, which needs no server and no network. Nothing is typed twice: the side bar is the section
Documentation of the README, the pages of names are `shoal.__all__`, those of examples are the examples themselves.
"""

from __future__ import annotations

import inspect
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
SITE: Final = ROOT / "docs" / "site"
BUILT: Final = ROOT / "build" / "docs"
PICTURE: Final = re.compile(
    r'<picture>\s*<source [^>]*srcset="(?P<dark>[^"]+)">\s*'
    r'<img alt="(?P<alt>[^"]+)" src="(?P<light>[^"]+)">\s*</picture>'
)
"""A picture in two schemes, as the README has it."""


def lay_out(pages: Path) -> None:
    """Write every source of the site into a new folder."""
    shutil.rmtree(pages, ignore_errors=True)
    (pages / "docs" / "api").mkdir(parents=True)
    (pages / "examples").mkdir()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        place = pages / path.relative_to(ROOT)
        place.write_text(rewritten(path.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.copytree(ROOT / "docs" / "pictures", pages / "docs" / "pictures")
    shutil.copy(ROOT / "CITATION.cff", pages)
    (pages / "README.md").rename(pages / "index.md")
    append(pages / "index.md", toctrees((ROOT / "README.md").read_text(encoding="utf-8")))
    for path in ROOT.glob("examples/*.*"):
        example = of_notebook(path) if path.suffix == ".ipynb" else of_script(path)
        (pages / "examples" / f"{path.stem}.md").write_text(example, encoding="utf-8")
    write_api(pages / "docs" / "api", pages / "docs" / "api.md")


def rewritten(text: str) -> str:
    """Lead links to where the site has what they name, and give pictures the scheme that the reader chooses."""
    text = re.sub(r"\]\(((?:\.\./)?)README\.md", r"](\1index.md", text)
    text = re.sub(r"\]\(((?:\.\./)?examples/\w+)\.(?:py|ipynb)\)", r"](\1.md)", text)
    return PICTURE.sub(r"![\g<alt>](\g<light>){.only-light}\n![\g<alt>](\g<dark>){.only-dark}", text)


def append(page: Path, text: str) -> None:
    """Add text at the end of a page."""
    page.write_text(page.read_text(encoding="utf-8") + "\n" + text, encoding="utf-8")


def parts_of(readme: str) -> dict[str, list[str]]:
    """Give the pages that the README leads to, by what readers want of them: its list below Documentation."""
    section = readme.partition("\n## Documentation\n")[2].partition("\n## ")[0]
    entries = re.findall(r"^- \*\*(.+?)\*\*(.*(?:\n  .*)*)", section, re.MULTILINE)
    return {part: re.findall(r"\]\(([^)#\s]+)\)", text) for part, text in entries}


def toctrees(readme: str) -> str:
    """Give the side bar of the site."""
    return "\n".join(
        toctree(part, [Path(file).with_suffix("").as_posix() for file in files])
        for part, files in parts_of(readme).items()
    )


def toctree(caption: str, documents: list[str]) -> str:
    """Give a part of the side bar."""
    head = f":caption: {caption}\n" if caption else ""
    return "```{toctree}\n:hidden:\n" + head + "\n" + "\n".join(documents) + "\n```\n"


def of_script(path: Path) -> str:
    """Give the page of an example: its first lines as text, then all of it."""
    source = path.read_text(encoding="utf-8")
    _, said, code = source.split('"""', 2)
    title, _, text = said.strip().partition(": ")
    return f"# {title}\n\n{text[0].upper()}{text[1:]}\n\n```python\n{code.strip()}\n```\n"


def of_notebook(path: Path) -> str:
    """Give the page of a notebook: its cells."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join(
        text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"
        for cell in cells
        for text in ["".join(cell["source"])]
    )


def public_names() -> dict[str, dict[str, Any]]:
    """Give the public names of `shoal` by their kind, and the classes of what its functions give."""
    import shoal

    values = {name: getattr(shoal, name) for name in shoal.__all__ if name != "__version__"}
    functions = {name: value for name, value in values.items() if inspect.isfunction(value)}
    given = [value.__globals__[inspect.signature(value).return_annotation] for value in functions.values()]
    classes = {kind.__name__: kind for kind in given}
    of_kind: dict[str, dict[str, Any]] = {
        "Functions": functions,
        "Classes": classes,
        "Estimators": {},
        "Errors": {},
    }
    for name in values.keys() - functions.keys():
        value = values[name]
        kind = "Errors" if issubclass(value, Exception) else "Classes"
        of_kind["Estimators" if hasattr(value, "get_params") else kind][name] = value
    depth = {name: len(value.__mro__) for name, value in of_kind["Errors"].items()}
    return {
        kind: dict(sorted(names.items(), key=lambda item: (depth.get(item[0], 0), item[0])))
        for kind, names in of_kind.items()
    }


def write_api(folder: Path, landing: Path) -> None:
    """Write the page of every public name, of errors one together, and list them on the page that leads there."""
    for kind, names in public_names().items():
        together = "errors" if kind == "Errors" else ""
        pages = {together: _errors(names)} if together else {name: _api(name, names[name]) for name in names}
        for page, lines in pages.items():
            (folder / f"{page}.rst").write_text("\n".join(lines), encoding="utf-8")
        append(landing, f"## {kind}\n\n")
        for name, value in names.items():
            (said,) = re.findall(r"^(.+?)[.;](?:\s|$)", (inspect.getdoc(value) or "").replace("\n", " "))
            append(landing, f"- [`{name}`](api/{together or name}.rst): {said[0].lower()}{said[1:]}\n")
        append(landing, toctree("", [f"api/{page}" for page in pages]))


def _errors(names: Iterable[str]) -> Iterator[str]:
    """Give the page of all errors."""
    yield _heading("Errors")
    for name in names:
        yield f".. autoexception:: shoal.{name}\n   :show-inheritance:\n   :no-members:\n"


def _api(name: str, value: Any) -> Iterator[str]:
    """Give what autodoc is asked of a name; of a class also what its ancestors in Shoal have."""
    public = hasattr(sys.modules["shoal"], name)
    full = f"{'shoal' if public else re.sub(r'[.]_.*', '', value.__module__)}.{name}"
    yield _heading(full)
    if inspect.isfunction(value):
        yield f".. autofunction:: {full}"
        return
    foreign = {base.__name__ for base in value.__mro__ if not base.__module__.startswith("shoal")}
    yield f".. autoclass:: {full}"
    yield f"   :inherited-members: {', '.join(sorted(foreign))}"


def _heading(title: str) -> str:
    return f"{title}\n{'=' * len(title)}\n\n"


def main() -> int:
    """Build the site; give the exit code of Sphinx."""
    from sphinx.cmd.build import build_main

    lay_out(BUILT / "pages")
    shutil.rmtree(BUILT / "html", ignore_errors=True)
    strict = ["--fail-on-warning", "--keep-going", "--fresh-env", "--quiet"]
    places = [*("-c", str(SITE)), *("-d", str(BUILT / "cache")), str(BUILT / "pages"), str(BUILT / "html")]
    code = build_main([*("-b", "html"), *strict, *places])
    print(f"look at\n  {(BUILT / 'html' / 'index.html').relative_to(ROOT)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
