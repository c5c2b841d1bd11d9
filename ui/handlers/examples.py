"""The bundled examples: their plans as tasks, and their frozen results where there are any."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml

from comparison.result import Result
from core.errors import StoreError, nearest
from models.loading import DEFAULT_MODEL
from ui.context import Context
from ui.task import Task, from_plan

ORDER = ("support_desk", "ticket_routing", "house_style", "pydoc_topics")
ABOUT = {
    "support_desk": "Questions on a product's handbook that no model has read",
    "ticket_routing": "Messages to one of seven teams, by rules that nobody can guess",
    "house_style": "Messy notes into one line of a format that no model writes unasked",
    "pydoc_topics": "Questions on Python's language reference, found in four ways",
}


class ExampleCard(NamedTuple):
    """One card of the first screen."""

    name: str
    title: str
    about: str
    finished: bool


def names(folder: Path) -> list[str]:
    """Examples with a plan whose documents are there, the known ones first."""
    found = sorted(p.parent.name for p in folder.glob("*/plan.yaml") if _has_documents(p))
    return [n for n in ORDER if n in found] + [n for n in found if n not in ORDER]


def _has_documents(plan: Path) -> bool:
    """Whether the documents that a plan names are there: an example may come with a script that writes them."""
    try:
        path = yaml.safe_load(plan.read_text(encoding="utf-8"))["knowledge"]["path"]
    except (yaml.YAMLError, KeyError, TypeError):
        return True  # it names none; what is wrong with a plan is said when it is opened
    return (plan.parent / str(path)).exists()


def cards(folder: Path) -> list[ExampleCard]:
    return [ExampleCard(n, n.replace("_", " ").capitalize(), ABOUT.get(n, ""), _finished(folder / n)) for n in names(folder)]


def _finished(folder: Path) -> bool:
    return (folder / "result" / "report.json").is_file()


def task(ctx: Context, name: str) -> Task:
    """The example's plan as a task.

    Raises:
        StoreError: there is no such example.
    """
    folder = example_folder(ctx, name)
    plan = yaml.safe_load((folder / "plan.yaml").read_text(encoding="utf-8"))
    task = from_plan(plan, folder, name)
    if task.model.get("id", DEFAULT_MODEL) == DEFAULT_MODEL:
        task = task.with_model(ctx.settings.model, ctx.settings.embedder)
    return task


def example_folder(ctx: Context, name: str) -> Path:
    """The folder of an example that exists; the name is looked up, never joined to a path unseen."""
    known = names(ctx.settings.examples)
    if name not in known:
        raise StoreError(f"There is no example '{name[:60]}'.", nearest(name, known))
    return ctx.settings.examples / name


def result(ctx: Context, name: str) -> Result | None:
    """The example's frozen result, or None where it has not been run yet."""
    folder = example_folder(ctx, name) / "result"
    return Result(folder) if (folder / "report.json").is_file() else None
