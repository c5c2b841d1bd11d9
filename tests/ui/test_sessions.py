"""F20: what one visitor does never shows up at another's."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comparison import jobs
from comparison.plan import read_plan
from core.errors import StoreError
from ui.context import Context, Settings
from ui.handlers import compare, data, library, methods, prompting, retrieval, shares
from ui.handlers.compare import Shown
from ui.handlers.prompting import Choice
from ui.task import Task

ROOT = Path(__file__).resolve().parents[2]
STEPS = 200
CHANGING = frozenset({"append", "update", "add", "pop", "setdefault", "extend", "clear", "remove"})


class Visitor:
    """One browser session: its owner, its marker word, and its states as gradio would keep them."""

    def __init__(self, settings: Settings, marker: str, folder: Path) -> None:
        self.ctx, self.marker, self.folder = Context(settings, f"session:{marker}"), marker, folder
        self.task, self.kept, self.ids, self.count = Task(), ("", ""), list[str](), 0

    def upload(self) -> Any:
        self.count += 1
        path = self.folder / f"{self.marker}-{self.count}.csv"
        path.write_text(
            "question,answer\n" + "".join(f"{self.marker} asks {i} of {self.count}?,{self.marker} says {i}\n" for i in range(12))
        )
        self.kept = data.keep(self.ctx, str(path))
        return self.kept

    def use(self) -> Any:
        if not self.kept[0]:
            self.upload()
        draft = data.Draft(kept=self.kept[0], name=self.kept[1], instruction=f"Answer {self.marker}")
        self.task = data.as_task(self.ctx, draft, self.task, "fake/echo")
        return data.look(self.ctx, draft)

    def documents(self) -> Any:
        path = self.folder / f"{self.marker}-page.md"
        path.write_text(f"# {self.marker}\n\nAll about {self.marker}.\n")
        self.task = retrieval.add(self.ctx, self.task, [str(path)])
        return retrieval.listing(self.ctx, self.task)

    def run(self) -> Any:
        if not self.task.ready:
            self.use()
        plan = methods.plan(self.task, ["zero_shot", "few_shot"], {"few_shot": {"shots": 1 + self.count % 3}}, ["token_f1"], None)
        found = jobs.admit(self.ctx.store, read_plan(plan, Path(self.task.base)), self.ctx.owner)
        self.ids += [found.id] if found.new else []
        return plan

    def look(self) -> Any:
        return [library.rows(self.ctx), self.ids]

    def prompt(self) -> Any:
        if not self.task.ready:
            self.use()
        return prompting.show(self.ctx, self.task, Choice(style="Few-shot", shots=2))


@pytest.fixture
def visitors(tmp_path: Path) -> Iterator[tuple[Visitor, Visitor]]:
    settings = Settings(home=tmp_path / "home", examples=tmp_path / "none", public=True)
    yield Visitor(settings, "aardvark", tmp_path), Visitor(settings, "buffalo", tmp_path)


def test_two_sessions_that_interleave_see_nothing_of_each_other(visitors: tuple[Visitor, Visitor]) -> None:
    """F20: 200 interleaved uploads, previews, prompts and runs."""
    dice = random.Random(20)
    for _ in range(STEPS):
        me, other = dice.sample(visitors, 2)
        seen = dice.choice([me.upload, me.use, me.documents, me.run, me.look, me.prompt])()
        assert other.marker not in repr(seen)
        assert other.marker not in repr(me.task)
    assert all(v.ids and {row.id for row in library.rows(v.ctx)} == set(v.ids) for v in visitors)


def test_another_owners_comparison_reads_as_one_that_does_not_exist(visitors: tuple[Visitor, Visitor]) -> None:
    """F20"""
    me, other = visitors
    me.run()
    theirs, missing = me.ids[0], "20260101-000000-0000-00000000"
    actions = (library.clone, library.delete, library.readable, library.resume, compare.own)
    for act in actions:
        messages = []
        for name in (theirs, missing):
            with pytest.raises(StoreError) as refused:
                act(other.ctx, name)
            messages.append(str(refused.value).replace(name, "ID"))
        assert messages[0] == messages[1]
    with pytest.raises(StoreError):
        shares.token(other.ctx, Shown("comparison", theirs), True)
    assert library.rows(me.ctx)[0].id == theirs, "nothing was deleted"


def module_level_state(tree: ast.Module) -> list[str]:
    """Names at module level that hold something mutable and are not written as constants, and constants or globals that are changed."""
    found, constants = [], set()
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) and node.value else []
        for name in (t.id for t in targets if isinstance(t, ast.Name)):
            value = node.value  # type: ignore[attr-defined]
            mutable = isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)
            made = isinstance(value, ast.Call) and getattr(value.func, "id", "") in {
                "list",
                "dict",
                "set",
                "defaultdict",
                "Counter",
                "ModelCache",
                "Lock",
            }
            if (mutable or made) and not (name.isupper() and mutable):
                found.append(name)
            constants.add(name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            found += node.names
        called = node.func if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
        if called is not None and getattr(called.value, "id", "") in constants and called.attr in CHANGING:
            found.append(called.value.id)  # type: ignore[attr-defined]
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del) and getattr(node.value, "id", "") in constants:
            found.append(node.value.id)  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("path", [*sorted((ROOT / "ui").rglob("*.py")), ROOT / "app.py"], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_module_of_the_page_keeps_state(path: Path) -> None:
    """F20: what a module keeps, all visitors share."""
    assert module_level_state(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    "code",
    [
        "seen = []",
        "CACHE = dict()",
        "def f():\n    global x\n    x = 1",
        "A = {}\ndef f():\n    A['k'] = 1",
        "L = []\ndef f():\n    L.append(1)",
    ],
)
def test_the_scan_finds_module_state(code: str) -> None:
    """F20: the scan itself can fail."""
    assert module_level_state(ast.parse(code))
