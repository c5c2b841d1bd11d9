"""Data preparation on the Fine-tuning tab: what would be trained on, how long it is, what is left out and why. Nothing is trained here.

A row that a filter leaves out can be taken back alone, with the filter still on.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from adapters.base import Recipe
from adapters.preparation import PreparationSettings
from adapters.prepared import NEEDS, prepared
from adapters.tuned import Tuned
from comparison.artefacts import Artefact, obtain
from comparison.result import Result
from core.dataset.filters import ORDER, FilterName
from core.errors import BakeoffError, PlanError
from core.files import manifest_fault
from core.records import Example
from ui import uploads
from ui.context import Context
from ui.handlers import asking
from ui.handlers.compare import own
from ui.markup import render
from ui.task import Task, from_plan

FILTER_LABELS: dict[FilterName, str] = {
    "near_duplicates": "Near duplicates",
    "empty": "Empty rows",
    "too_long": "Answers too long to be written",
    "already_right": "Already right without training",
    "noisy": "Noise, by loss",
}
SHOWN = 200
Choices = list[tuple[str, str]]


class Given(NamedTuple):
    """What the fold's fields hold: names of filters, rows that are taken back, wordings one a line, uploaded files, and their shares in percent."""

    filters: Sequence[str]
    back: Sequence[str]
    wordings: str
    files: Sequence[str] | None
    shares: str


class Looked(NamedTuple):
    """A look at the rows: HTML, and (label, id) of those that can be taken back; None while it is not known."""

    html: str
    left_out: Choices | None = None


def prepares(kind: type[Any] | None) -> bool:
    """Whether a kind, by its spec, prepares its rows; others take them as they are."""
    return kind is not None and issubclass(kind, PreparationSettings)


def settings(ctx: Context, kind: type[Any] | None, given: Given, planned: Mapping[str, Any]) -> dict[str, Any]:
    """The plan's settings for a filled fold; none for a kind that takes the rows as they are.

    Args:
        planned: what the task's plan says of this kind; its mix stays unless a file was given.

    Raises:
        PlanError: shares that do not go with the files.
        DataError: a file is of no known kind.
    """
    if kind is None or not prepares(kind):
        return {}
    found: dict[str, Any] = {}
    if given.filters:
        found["filters"] = [name for name in ORDER if name in given.filters]
        if given.back:
            found["keep_rows"] = list(given.back)
    if texts := [line.strip() for line in (given.wordings or "").splitlines() if line.strip()]:
        found["instructions"] = texts
    if given.files:
        weights = shares(given.shares, len(given.files))
        kept = [str(uploads.keep_named(ctx, file)) for file in given.files]
        found["mix"] = [{"path": path, "weight": weight} for path, weight in zip(kept, weights, strict=True)]
    elif planned.get("mix"):
        found["mix"] = planned["mix"]
    return found


def shares(text: str, files: int) -> list[float]:
    """ "20, 10" as 0.2 and 0.1, one for each file; a single number is that of each.

    Raises:
        PlanError: they are no numbers, are not as many as the files, or leave nothing for the task's own rows.
    """
    remedy = "Say 20, for example." if files == 1 else "Say 20, 10, for example, in the order of the files; or one number for each of them."
    parts = [part.strip().rstrip("%").strip() for part in (text or "").split(",") if part.strip()]
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        raise PlanError(f"Shares must be numbers with commas between them; got '{text[:40]}'.", remedy) from None
    if len(numbers) not in (1, files):
        raise PlanError(f"Shares must be one number, or one for each of the {files} files; got {len(numbers)}.", remedy)
    numbers = numbers * files if len(numbers) == 1 else numbers
    if not all(0 < number < 100 for number in numbers) or sum(numbers) >= 100:
        listed = ", ".join(f"{number:g}" for number in numbers)
        raise PlanError(
            f"Shares must each be above 0 and add up to less than 100 percent; got {listed}.", "The task's own rows are the rest."
        )
    return [number / 100 for number in numbers]


def filled(planned: Mapping[str, Any]) -> tuple[list[str], list[str], str]:
    """The fold's filters, rows that are taken back, and wordings for what a plan says."""
    return list(planned.get("filters") or ()), list(planned.get("keep_rows") or ()), "\n".join(planned.get("instructions") or ())


def look(ctx: Context, task: Task, kind: str, chosen: Mapping[str, Any]) -> Iterator[Looked]:
    """The rows as they would be trained on; first what is being done."""
    try:
        yield from _look(ctx, task, kind, chosen)
    except BakeoffError as error:
        yield Looked(render("problem", message=error.message, remedy=error.remedy))


def _look(ctx: Context, task: Task, kind: str, chosen: Mapping[str, Any]) -> Iterator[Looked]:
    yield Looked(render("caption", text="Wording the training rows."))
    at = asking.desk(ctx, task, {"kind": kind, **chosen})
    if not isinstance(at.method, Tuned):
        yield Looked(render("caption", text="This kind takes the training rows as they are."), [])
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
    html = shown(found.record, setting.train, [FILTER_LABELS[name] for name in later])
    yield Looked(html, left_out(found.record, setting.train))


def left_out(record: Mapping[str, Any], examples: Sequence[Example]) -> Choices:
    """(label, id) of the rows that filters leave out, or would."""
    texts = {e.id: f"{e.question} → {e.reference}" for e in examples}
    rows = [*(record.get("taken_back") or ()), *record["dropped"][:SHOWN]]
    return [(f"{FILTER_LABELS[row['filter']]}: {' '.join(texts.get(row['id'], row['id']).split())[:90]}", row["id"]) for row in rows]


def _built(ctx: Context, recipes: Sequence[Recipe]) -> Generator[Looked, None, list[Path]]:
    paths: list[Path] = []
    for recipe in recipes:
        for step in obtain(ctx.store, recipe, paths):
            if isinstance(step, Artefact):
                paths.append(step.path)
            else:
                said = f"{step.stage} {step.done}/{step.total} {step.unit}" if step.total else step.stage
                yield Looked(render("caption", text=said))
    return paths


def record(ctx: Context, key: str) -> str:
    """What was done to the rows of a finished fine-tune ("id/method"); "" where nothing was kept of it."""
    comparison_id, _, name = key.partition("/")
    if not name:
        return ""
    result = own(ctx, comparison_id)
    methods = result.report()["methods"] if result.report_names() else []  # one that was stopped has no report
    found = (next((m.get("training") or {} for m in methods if m["name"] == name), {})).get("preparation")
    return shown(found, _rows_of(ctx, result, name) if found["dropped"] else (), ()) if found else ""


def _rows_of(ctx: Context, result: Result, name: str) -> Sequence[Example]:
    """The training rows of a fine-tune; none where the data are not there any more."""
    plan = result.plan()
    spec = next((m for m in plan["methods"] if name in (m.get("name"), m.get("kind"))), None)
    try:
        return asking.desk(ctx, from_plan(plan, result.folder), spec, environment=result.environment()).dataset.train if spec else ()
    except BakeoffError:
        return ()


def shown(found: Mapping[str, Any], examples: Sequence[Example], later: Sequence[str]) -> str:
    """A record as HTML.

    Args:
        examples: the rows whose texts may be shown; without them, ids stand for them.
        later: filters that wait for the model.
    """
    texts = {e.id: f"{e.question[:160]} → {e.reference[:80]}" for e in examples}

    def listed(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        about = [(row, texts.get(row.get("other") or "", row.get("other") or "")) for row in rows]
        return [{**d, "label": FILTER_LABELS[d["filter"]], "text": texts.get(d["id"], d["id"]), "other": other} for d, other in about]

    dropped, back = listed(found["dropped"][:SHOWN]), listed(found.get("taken_back") or ())
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
        back=back,
        more=sum(found["counts"].values()) - len(dropped),
        later=later,
        bars=[{**bar, "percent": round(100 * bar["rows"] / max(b["rows"] for b in bars))} for bar in bars],
        cut=lengths["over"] + lengths["unworded"],
    )
