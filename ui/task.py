"""The current task: what is asked, of which data, documents and model. A small frozen record of ids and settings that lives in `gr.State`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from core.fingerprint import fingerprint

Plan = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """The part of a plan that all tabs share.

    Attributes:
        name: for people.
        base: the folder that the plan's relative paths start from.
        data, knowledge: the plan's sections; empty where there are none yet.
        model: the plan's section, {id, revision, ...}.
        rest: other sections of the plan that are kept as they are (judge, generation).
        methods, metrics: what the Compare form begins with.
        example: name of the bundled example that it came from, or "".
        counts: rows by split and documents, for the strip; empty until they were counted.
    """

    name: str = ""
    base: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    knowledge: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    rest: Mapping[str, Any] = field(default_factory=dict)
    methods: tuple[Mapping[str, Any], ...] = ()
    metrics: tuple[Any, ...] = ()
    primary: str = ""
    example: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    def __hash__(self) -> int:
        """By content, since gradio tells by the hash whether a state has changed."""
        return hash(fingerprint(asdict(self)))

    @property
    def ready(self) -> bool:
        return bool(self.data)

    @property
    def documents(self) -> Path | None:
        """Folder or file of the documents, or None."""
        path = self.knowledge.get("path")
        return Path(self.base, str(path)) if path else None

    @property
    def text_column(self) -> str | None:
        """The column of tables of documents that holds the text, where it is named."""
        return str(self.knowledge["text_column"]) if self.knowledge.get("text_column") else None

    def with_model(self, model_id: str, embedder: str) -> Task:
        """The same task on another base model. Fake models go with the fake embedder, so that nothing has to be installed."""
        return replace(self, model={**self.model, "id": model_id, "embedder": "fake/hash-64" if model_id.startswith("fake/") else embedder})

    def plan(self, methods: list[Plan], metrics: list[Any]) -> Plan:
        """A whole plan with these methods and metrics. The primary metric stays if it is among them."""
        plan: Plan = {
            "name": self.name,
            **self.rest,
            "data": dict(self.data),
            "model": dict(self.model),
            "methods": methods,
            "metrics": metrics,
        }
        if self.knowledge:
            plan["knowledge"] = dict(self.knowledge)
        if self.primary in {metric if isinstance(metric, str) else metric.get("name") for metric in metrics}:
            plan["primary"] = self.primary
        return plan


def from_plan(plan: Mapping[str, Any], base: Path, example: str = "") -> Task:
    """The task of a plan."""
    known = {"name", "data", "knowledge", "model", "methods", "metrics", "primary"}
    return Task(
        name=str(plan.get("name") or example.replace("_", " ").capitalize()),
        base=str(base),
        data=plan.get("data") or {},
        knowledge=plan.get("knowledge") or {},
        model=plan.get("model") or {},
        rest={key: value for key, value in plan.items() if key not in known},
        methods=tuple(plan.get("methods") or ()),
        metrics=tuple(plan.get("metrics") or ()),
        primary=str(plan.get("primary") or ""),
        example=example,
    )


def words(task: Task, machine: str = "") -> list[str]:
    """The strip under the header, piece by piece; the first is the name, the last what it would run on."""
    if not task.ready:
        return ["No task yet", "choose an example, or bring data on the Data tab"]
    counts = task.counts
    parts = [task.name]
    if counts.get("test"):
        parts.append(f"{counts.get('train', 0)} train / {counts.get('validation', 0)} validation / {counts['test']} test")
    if counts.get("documents"):
        parts.append(f"{counts['documents']} documents")
    parts += [str(task.model.get("id", "")).rsplit("/", 1)[-1], machine]
    return [p for p in parts if p]
