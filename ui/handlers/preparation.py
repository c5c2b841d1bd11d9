"""Data preparation on the Fine-tuning tab: what would be trained on, how long it is, what is left out and why. Nothing is trained here."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from adapters.base import Recipe
from adapters.preparation import PreparationSettings
from adapters.prepared import NEEDS, prepared
from adapters.tuned import Tuned
from comparison.artefacts import Artefact, obtain
from core.dataset.filters import ORDER, FilterName
from core.errors import BakeoffError, PlanError
from core.files import manifest_fault
from core.records import Example
from ui import uploads
from ui.context import Context
from ui.handlers import asking
from ui.handlers.compare import own
from ui.markup import render
from ui.task import Task

FILTER_LABELS: dict[FilterName, str] = {
    "near_duplicates": "Near duplicates",
    "empty": "Empty rows",
    "too_long": "Answers too long to be written",
    "already_right": "Already right without training",
    "noisy": "Noise, by loss",
}
SHOWN = 200


class Given(NamedTuple):
    """What the fold's fields hold: names of filters, wordings one a line, an uploaded file and its share of the rows in percent."""

    filters: Sequence[str]
    wordings: str
    file: str | None
    percent: float | None


def settings(ctx: Context, kind: type[Any] | None, given: Given, planned: Mapping[str, Any]) -> dict[str, Any]:
    """The plan's settings for a filled fold; none for a kind that takes the rows as they are.

    Args:
        planned: what the task's plan says of this kind; its mix stays unless a file was given.

    Raises:
        PlanError: a file without a share.
        DataError: the file is of no known kind.
    """
    if kind is None or not issubclass(kind, PreparationSettings):
        return {}
    found: dict[str, Any] = {}
    if given.filters:
        found["filters"] = [name for name in ORDER if name in given.filters]
    if texts := [line.strip() for line in (given.wordings or "").splitlines() if line.strip()]:
        found["instructions"] = texts
    if given.file:
        if given.percent is None:
            raise PlanError("The share of the further file's rows must be between 0 and 100 percent; it is empty.", "Say 20, for example.")
        found["mix"] = [{"path": str(uploads.keep_data(ctx, given.file)), "weight": given.percent / 100}]
    elif planned.get("mix"):
        found["mix"] = planned["mix"]
    return found


def filled(planned: Mapping[str, Any]) -> tuple[list[str], str]:
    """The fold's filters and wordings for what a plan says."""
    return list(planned.get("filters") or ()), "\n".join(planned.get("instructions") or ())


def look(ctx: Context, task: Task, kind: str, chosen: Mapping[str, Any]) -> Iterator[str]:
    """The rows as they would be trained on, as HTML; first what is being done."""
    try:
        yield from _look(ctx, task, kind, chosen)
    except BakeoffError as error:
        yield render("problem", message=error.message, remedy=error.remedy)


def _look(ctx: Context, task: Task, kind: str, chosen: Mapping[str, Any]) -> Iterator[str]:
    yield render("caption", text="Wording the training rows.")
    at = asking.desk(ctx, task, {"kind": kind, **chosen})
    if not isinstance(at.method, Tuned):
        yield render("caption", text="This kind takes the training rows as they are.")
        return
    setting, spec = at.method.fewer(at.setting), at.method.spec
    index = [recipe for recipe in at.method.recipes(at.setting) if recipe.kind == "index"]
    paths = yield from _built(ctx, index)
    waiting = [name for name in spec.filters if name in NEEDS]
    screened: dict[Any, Path] = {}
    for what, recipe in at.method.screenings(setting).items():
        path = ctx.store.artefacts / recipe.fingerprint
        if not manifest_fault(path, hashes=False):
            screened[what] = path
    later = [name for name in waiting if NEEDS[name] not in screened]
    now = spec.model_copy(update={"filters": tuple(name for name in spec.filters if name not in later)})
    found = prepared(now, setting, at.method.finder(setting, paths), screened, spec.seed, spec.max_tokens)
    yield shown(found.record, setting.train, [FILTER_LABELS[name] for name in later])


def _built(ctx: Context, recipes: Sequence[Recipe]) -> Generator[str, None, list[Path]]:
    paths: list[Path] = []
    for recipe in recipes:
        for step in obtain(ctx.store, recipe, paths):
            if isinstance(step, Artefact):
                paths.append(step.path)
            else:
                yield render("caption", text=f"{step.stage} {step.done}/{step.total} {step.unit}" if step.total else step.stage)
    return paths


def record(ctx: Context, key: str) -> str:
    """What was done to the rows of a finished fine-tune ("id/method"); "" where nothing was kept of it."""
    comparison_id, _, name = key.partition("/")
    if not name:
        return ""
    result = own(ctx, comparison_id)
    methods = result.report()["methods"] if result.report_names() else []  # one that was stopped has no report
    training = next((m.get("training") or {} for m in methods if m["name"] == name), {})
    return shown(training["preparation"], (), ()) if training.get("preparation") else ""


def shown(found: Mapping[str, Any], examples: Sequence[Example], later: Sequence[str]) -> str:
    """A record as HTML.

    Args:
        examples: the rows whose texts may be shown; without them, ids stand for them.
        later: filters that wait for the model.
    """
    texts = {e.id: f"{e.question[:160]} → {e.reference[:80]}" for e in examples}
    dropped = [{**d, "label": FILTER_LABELS[d["filter"]], "text": texts.get(d["id"], d["id"])} for d in found["dropped"][:SHOWN]]
    lengths = found["lengths"]
    counts = [(FILTER_LABELS[cast(FilterName, name)], count) for name, count in found["counts"].items()]
    figures = [("Prompt", lengths["prompt"]), ("Answer", lengths["completion"]), ("Both", lengths["both"])]
    bars = lengths["both"]["histogram"]
    return render(
        "preparation",
        found=found,
        lengths=lengths,
        figures=figures,
        counts=counts,
        dropped=dropped,
        more=sum(found["counts"].values()) - len(dropped),
        later=later,
        bars=[{**bar, "percent": round(100 * bar["rows"] / max(b["rows"] for b in bars))} for bar in bars],
        cut=lengths["over"] + lengths["unworded"],
    )
