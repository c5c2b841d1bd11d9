"""The fold about the judge: what its check found, its win rates, and another judge for this comparison or the next run.

A key that somebody types is handed to the process that judges, in its environment, and kept nowhere else but in the visitor's own session.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from comparison import jobs, judge_key
from comparison.engines.local import LocalEngine
from comparison.judge_spec import JudgeSpec, kept_section, read_section
from comparison.judging import check_server
from core.errors import PlanError, StoreError
from evaluation.judge import RUBRIC
from ui import judged
from ui.context import Context
from ui.handlers import runs
from ui.handlers.compare import Shown, locate, own
from ui.markup import render
from ui.task import Task

BASE, OTHER, SERVER = "The base model", "Another model", "A server"
KINDS = (BASE, OTHER, SERVER)
FOREIGN = "Only comparisons of your own can be judged again: run this one, or open one from the Library tab."


class Form(NamedTuple):
    """What somebody asks of a judge; the order is that of the page's fields. Prices are per million tokens."""

    kind: str = BASE
    model: str = ""
    url: str = ""
    rubric: str = ""
    pairwise: bool = False
    scale: float | None = 5
    price_read: float | None = None
    price_written: float | None = None
    cap: float | None = None

    def section(self) -> dict[str, Any]:
        """The plan's `judge`.

        Raises:
            PlanError: something is missing or wrong.
        """
        whole: dict[str, Any] = {"scale": self.scale if self.scale is None or self.scale != int(self.scale) else int(self.scale)}
        whole |= {"rubric": self.rubric.strip()} if self.rubric.strip() and self.rubric.strip() != default_rubric(self.scale) else {}
        whole |= {"pairwise": True} if self.pairwise else {}
        if self.kind == OTHER:
            whole["model"] = self._given(self.model, "model", "an id of the Hub, or a folder")
        if self.kind == SERVER:
            prices = {
                "price_per_million_prompt_tokens": self.price_read,
                "price_per_million_answer_tokens": self.price_written,
                "cap": self.cap,
            }
            address = {
                "url": self._given(self.url, "address", "https://host/v1"),
                "model": self._given(self.model, "model", "the server's name of it"),
            }
            whole["endpoint"] = address | {name: value for name, value in prices.items() if value}
        read_section(whole)
        return whole

    def _given(self, text: str, what: str, example: str) -> str:
        if not text.strip():
            raise PlanError(f"The judge's {what} must be named; it is empty.", f"Write {example}, or choose “{BASE}”.")
        return text.strip()


class Fold(NamedTuple):
    """What stands in the fold; `mine` says whether this comparison can be judged again."""

    html: str
    mine: bool
    form: Form


def default_rubric(scale: float | None) -> str:
    return RUBRIC.replace("{scale}", str(int(scale or 5)))


def form_of(section: Mapping[str, Any] | None) -> Form:
    """The fields for a `judge` section of a plan."""
    spec = JudgeSpec() if section is None else read_section(section)
    rubric = spec.rubric or default_rubric(spec.scale)
    common: dict[str, Any] = {"rubric": rubric, "pairwise": spec.pairwise, "scale": spec.scale}
    if spec.endpoint is None:
        return Form(kind=BASE if spec.is_base else OTHER, model="" if spec.is_base else spec.model, **common)
    server = spec.endpoint
    prices = (server.price_per_million_prompt_tokens or None, server.price_per_million_answer_tokens or None, server.cap)
    return Form(SERVER, server.model, server.url, rubric, spec.pairwise, spec.scale, *prices)


def fold(ctx: Context, shown: Shown) -> Fold:
    """Everything in the fold.

    Raises:
        StoreError: what is shown is not there, or not this visitor's.
    """
    found = locate(ctx, shown)
    html = render("judge", **judged.view(found.report, with_rows=found.with_rows)._asdict())
    mine = shown.kind == "comparison"
    section = kept_section(found.result.folder, found.result.plan()) if mine else None
    return Fold(html, mine, form_of(section))


def again(ctx: Context, shown: Shown, form: Form, key: str) -> str:
    """Start judging this comparison again, as a job of its own; its id.

    Raises:
        BakeoffError: it is not this owner's, it is running, or the judge cannot be asked.
    """
    if shown.kind != "comparison":
        raise StoreError("This is not a comparison of your own.", FOREIGN)
    result = own(ctx, shown.key)
    section = checked(ctx, carried(kept_section(result.folder, result.plan()) or {}, form.section()), result.folder)
    runs.room(ctx)
    engine = LocalEngine(judge_key.for_child(section, key, public=ctx.settings.public))
    jobs.step(ctx.store, shown.key, "certify", engine, ("--set", f"judge={json.dumps(section)}"))
    return shown.key


def carried(before: Mapping[str, Any], section: Mapping[str, Any]) -> dict[str, Any]:
    """The section with what the form has no field for, where it still belongs to the same model or server."""
    kept = {name: before[name] for name in ("certificate_items",) if name in before}
    if section.get("model") == before.get("model") and "revision" in before:
        kept["revision"] = before["revision"]
    old, new = before.get("endpoint") or {}, section.get("endpoint") or {}
    if new and new["url"] == old.get("url"):
        new = {**{name: old[name] for name in ("timeout_s", "max_tokens") if name in old}, **new}
    return {**kept, **section, **({"endpoint": new} if new else {})}


def checked(ctx: Context, section: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """A section as this app lets it run.

    Raises:
        BakeoffError: where others use the app, a folder as model or a server that is not public.
    """
    spec = read_section(section)
    if ctx.settings.public and not spec.is_base and (spec.model.startswith((".", "/", "~")) or (base / spec.model).is_dir()):
        raise PlanError("A folder cannot be the judge's model here: this app is shared.", "Name an embedded model or a Hub id.")
    check_server(spec, public=ctx.settings.public)
    return dict(section)


def for_next_run(ctx: Context, task: Task, form: Form) -> Task:
    """The current task with this judge.

    Raises:
        BakeoffError: there is no task, or the judge cannot be asked.
    """
    if not task.ready:
        raise PlanError("There is nothing to run on: no task is chosen.", "Open an example, or bring data on the Data tab.")
    section = carried(task.rest.get("judge") or {}, form.section())
    return replace(task, rest={**task.rest, "judge": checked(ctx, section, Path(task.base))})
