"""The picture in the design holds: imports point down, siblings and pairs never import each other, heavy libraries stay where they belong."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = (("core",), ("models",), ("retrieval", "training"), ("adapters", "evaluation"), ("comparison",), ("ui",), ("app",))
FLOOR = {room: floor for floor, rooms in enumerate(LAYERS) for room in rooms}
OWNERS = {
    "gradio": {"ui", "app"},
    "faiss": {"retrieval"},
    "pypdf": {"retrieval"},
    "markitdown": {"retrieval"},
    "bm25s": {"retrieval"},
    "torch": {"models", "training"},
    "transformers": {"models", "training"},
    "peft": {"models", "training"},
    "accelerate": {"models", "training"},
    "sentence_transformers": {"models"},
    "sklearn": {"training"},
    "evaluate": {"evaluation"},
    "datasets": {"core", "training"},
}
# Whole modules of these rooms are themselves imported where used, so they may begin with what they wrap.
HEAVY_AT_TOP = {"gradio": {"ui", "app"}, "torch": {"models", "training"}, "transformers": {"models", "training"}, "peft": {"models", "training"},
                "accelerate": {"models", "training"}, "sentence_transformers": {"models"}, "evaluate": set(), "datasets": set()}  # fmt: skip


class Import(NamedTuple):
    """`name` is dotted; `top` says that it runs when its module is imported."""

    name: str
    line: int
    top: bool


def imports(tree: ast.Module, top: bool = True) -> Iterator[Import]:
    """Every import of a module, those within functions too. `if TYPE_CHECKING:` is left out: it never runs."""
    yield from _imports(tree.body, top)


def _imports(body: list[ast.AST] | list[ast.stmt], top: bool) -> Iterator[Import]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level or not node.module:
                yield Import("(relative)", node.lineno, top)
                continue
            yield Import(node.module, node.lineno, top)
            yield from (Import(f"{node.module}.{alias.name}", node.lineno, top) for alias in node.names)
        elif not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)):
            inside_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from _imports(list(ast.iter_child_nodes(node)), top and not inside_function)


def room_of(module: str) -> str:
    return module.split(".")[0]


def wrong_directions(module: str, found: list[Import]) -> list[str]:
    """Imports of a room that stands above or beside the module's own."""
    room = room_of(module)
    wrong = [
        i
        for i in found
        if i.name == "(relative)" or (room_of(i.name) in FLOOR and room_of(i.name) != room and FLOOR[room_of(i.name)] >= FLOOR[room])
    ]
    return [f"{module}:{i.line} imports {i.name}" for i in wrong]


def strangers(module: str, found: list[Import]) -> list[str]:
    """Heavy libraries in a room that does not own them, or at the top of a module where they should be imported where used."""
    room, wrong = room_of(module), []
    for i in found:
        library = room_of(i.name)
        if library in OWNERS and (room not in OWNERS[library] or (library == "gradio" and module.startswith("ui.handlers"))):
            wrong.append(f"{module}:{i.line} imports {library}, which belongs to {', '.join(sorted(OWNERS[library]))}")
        elif i.top and library in HEAVY_AT_TOP and room not in HEAVY_AT_TOP[library]:
            wrong.append(f"{module}:{i.line} imports {library} with the module")
    return wrong


def mutual(graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Pairs of modules that import each other."""
    return sorted((a, b) for a in graph for b in graph[a] if a < b and a in graph.get(b, set()))


def reached_at_start(start: str, at_top: dict[str, set[str]]) -> dict[str, str]:
    """All that is imported once the start is, with who imports it. A dotted import runs its packages too."""
    seen, todo = {start: ""}, [start]
    while todo:
        module = todo.pop()
        parents = {module.rsplit(".", n)[0] for n in range(1, module.count(".") + 1)}
        for name in at_top.get(module, set()) | parents:
            if name not in seen:
                seen[name] = module
                todo.append(name)
    return seen


@pytest.fixture(scope="module")
def modules() -> dict[str, list[Import]]:
    """Every module of our folders by dotted name, with its imports."""
    paths = [path for room in FLOOR for path in (sorted((ROOT / room).rglob("*.py")) if (ROOT / room).is_dir() else [ROOT / f"{room}.py"])]
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths if path.is_file()}
    return {name: list(imports(ast.parse(path.read_text()))) for path, name in names.items()}


def test_imports_only_point_down(modules: dict[str, list[Import]]) -> None:
    assert len(modules) > 20
    assert [row for module, found in modules.items() for row in wrong_directions(module, found)] == []


def test_no_two_modules_import_each_other(modules: dict[str, list[Import]]) -> None:
    assert mutual({module: {i.name for i in found} for module, found in modules.items()}) == []


def test_heavy_libraries_stay_with_their_owners_and_are_imported_where_used(modules: dict[str, list[Import]]) -> None:
    assert [row for module, found in modules.items() for row in strangers(module, found)] == []


def test_commands_and_core_begin_without_any_heavy_library(modules: dict[str, list[Import]]) -> None:
    at_top = {module: {i.name for i in found if i.top} for module, found in modules.items()}
    starts = [module for module in modules if module == "comparison.__main__" or room_of(module) == "core"]
    slow = {}
    for start in starts:
        seen = reached_at_start(start, at_top)
        slow.update({f"{start} → {name}": by for name, by in seen.items() if room_of(name) in HEAVY_AT_TOP})
    assert slow == {}


def read(source: str) -> list[Import]:
    return list(imports(ast.parse(source)))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core.files", "import models.base"),
        ("core.files", "def f():\n    from comparison.run import go"),
        ("retrieval.index", "from training import job"),
        ("adapters.rag", "if True:\n    import evaluation"),
        ("comparison.run", "import ui.forms"),
        ("models.base", "from . import fake"),
    ],
)
def test_a_planted_upward_or_sideways_import_is_found(module: str, source: str) -> None:
    assert len(wrong_directions(module, read(source))) > 0
    assert wrong_directions("ui.page", read("import comparison.run\nfrom core import errors\nimport os")) == []


def test_planted_pairs_and_heavy_imports_are_found() -> None:
    assert mutual({"core.a": {"core.b"}, "core.b": {"core.a", "core.c"}, "core.c": set()}) == [("core.a", "core.b")]
    assert len(strangers("comparison.run", read("def f():\n    import torch"))) == 1
    assert len(strangers("core.dataset.hub", read("import datasets"))) == 1
    assert len(strangers("ui.handlers.data", read("import gradio as gr"))) == 1
    assert strangers("core.dataset.hub", read("def f():\n    import datasets")) == []
    assert strangers("ui.tabs.data", read("import gradio as gr")) == []


def test_a_heavy_import_behind_another_module_is_found() -> None:
    at_top = {"comparison.__main__": {"models.loading.load"}, "models.loading": {"models.slow"}, "models.slow": {"torch"}}
    assert reached_at_start("comparison.__main__", at_top)["torch"] == "models.slow"
