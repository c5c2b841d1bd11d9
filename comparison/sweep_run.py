"""A sweep from plan to `sweep.json`, as a stream of events. Weights are found again by their fingerprint, so a resumed sweep trains only what is left."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import yaml

from adapters.base import Method, Setting, methods
from comparison import events
from comparison.artefacts import Artefact
from comparison.cost import training_record
from comparison.environment import check_unchanged, describe
from comparison.events import Event
from comparison.preparing import prepare
from comparison.ready import Ready, make_ready
from comparison.result import Result
from comparison.seeds import Member, members, naming_the_seed, told
from comparison.store import Store
from comparison.sweep import Point, points
from core.errors import BakeoffError, Cancelled, MethodError, PlanError, StoreError
from core.files import write_json
from core.fingerprint import fingerprint

if TYPE_CHECKING:
    from comparison.plan import Plan

FILE = "sweep.json"
Row = dict[str, Any]


@runtime_checkable
class Measuring(Protocol):
    """A method that may leave validation rows out."""

    def measured(self, setting: Setting, earlier: Sequence[Path]) -> Sequence[str]:
        """Ids of the rows that its validation loss is of, given the paths of the recipes before its last one."""
        ...


def sweep(plan: Plan, store: Store, comparison_id: str, given: Ready | None = None) -> Iterator[Event]:
    """Train every point, choose, and write `sweep.json`; ends with `Finished`.

    Raises:
        BakeoffError: data or store cannot be used.
        Cancelled: Stop was pressed.
    """
    result = Result(store.folder(comparison_id))
    before = result.environment() if (result.folder / "environment.json").exists() else None
    ready = given or make_ready(plan, store.models, before)
    todo = points_of(plan)
    yield events.Started(comparison_id, plan.spec.name, tuple(point.name for point in todo), 0, resumed=before is not None)
    today = describe(plan, ready.identity, ready.setting.embedder_id)
    check_unchanged(comparison_id, before or today, today)
    if before is None:
        write_json(result.folder / "environment.json", today)
    rows: list[Row] = []
    for place, point in enumerate(todo, 1):
        yield events.MethodStarted(point.name, place, len(todo))
        rows.append((yield from _row(store, ready, point)))
    found = table(plan, rows, len(ready.dataset.validation))
    write_json(result.folder / FILE, found)
    status = "done" if found["chosen"] is not None else "failed"
    store.close(comparison_id, status, found["sentence"])
    yield events.Finished(comparison_id, status, found["sentence"])


def points_of(plan: Plan) -> list[Point]:
    """The points of a plan with a sweep."""
    if plan.spec.sweep is None or len(plan.spec.methods) != 1:
        raise PlanError("A plan with a sweep must have one method.", "Write it with `python -m comparison sweep`.")
    return points(plan.spec.methods[0], plan.spec.sweep.over)


def _row(store: Store, ready: Ready, point: Point) -> Generator[Event, None, Row]:
    """One point, whatever becomes of it."""
    row: Row = {"name": point.name, "settings": point.settings}
    try:
        method = methods.get(point.spec.kind)(point.spec)
        ready = ready.of(method)
        method.check(ready.setting)
        trained = []
        for member in members(point.name, method):
            with naming_the_seed(member):
                trained.append((yield from told(_trained(store, ready, member), member, point.name)))
    except (Cancelled, StoreError):
        raise
    except BakeoffError as error:
        yield events.MethodFailed(point.name, str(error))
        return {**row, "status": "failed", "reason": str(error), "validation_loss": None, "losses": []}
    return {**row, "status": "done", "reason": "", **figures(trained)}


def _trained(store: Store, ready: Ready, member: Member) -> Generator[Event, None, Row]:
    """A member's weights; what their training says of itself, and the seconds."""
    artefacts: list[Artefact] = []
    for recipe in member.method.recipes(ready.setting):
        artefacts.append((yield from prepare(store, member.name, recipe, [a.path for a in artefacts])))
    record = training_record(artefacts)
    if record.get("best_loss") is None:
        raise MethodError(f"{member.method.spec.kind} states no validation loss to choose by.", "Sweep a supervised fine-tune.")
    measured = _measured(member.method, ready, [artefact.path for artefact in artefacts])
    return {**record, "measured": measured, "prepare_s": sum(artefact.prepare_s for artefact in artefacts)}


def _measured(method: Method, ready: Ready, paths: Sequence[Path]) -> list[str]:
    """Ids of the validation rows that a validation loss is of; all of them where the method leaves none out."""
    if isinstance(method, Measuring):
        return sorted(method.measured(ready.setting, paths[:-1]))
    return sorted(example.id for example in ready.setting.validation)


def figures(trained: Sequence[Mapping[str, Any]]) -> Row:
    """Of one setting under all its seeds."""
    losses = [float(record["best_loss"]) for record in trained]
    return {
        "validation_loss": mean(losses),
        "losses": losses,
        "validation_rows": len(trained[0]["measured"]),
        "measured": fingerprint(trained[0]["measured"]),
        "best_epochs": [int(record["best_epoch"]) for record in trained],
        "seconds": round(sum(float(record["prepare_s"]) for record in trained), 1),
        "trainable_params": int(trained[0].get("trainable_params") or 0),
        "findings": [f"{finding['text']} {finding['remedy']}" for record in trained for finding in record.get("findings") or ()],
    }


def table(plan: Plan, rows: Sequence[Row], validation_rows: int) -> dict[str, Any]:
    """What `sweep.json` holds.

    `chosen` is the place of the row with the lowest mean validation loss among those whose loss is of the same rows; None where all failed. The
    others have the reason why they cannot be chosen under `apart`.
    """
    rows = [{**row, "apart": why} for row, why in zip(rows, apart(rows, validation_rows), strict=True)]
    alike = [place for place, row in enumerate(rows) if row["status"] == "done" and not row["apart"]]
    chosen = min(alike, key=lambda place: rows[place]["validation_loss"], default=None)
    swept = plan.spec.sweep.over if plan.spec.sweep else {}
    base = {key: value for key, value in plan.spec.methods[0].items() if key not in ("name", "seeds", *swept)}
    snippet = None if chosen is None else {"methods": [{**base, **rows[chosen]["settings"]}]}
    return {
        "kind": base["kind"],
        "name": plan.spec.name,
        "seeds": int(plan.spec.methods[0].get("seeds") or 1),
        "validation_rows": validation_rows,
        "rows": rows,
        "chosen": chosen,
        "snippet": snippet,
        "sentence": _sentence(rows, chosen),
    }


def apart(rows: Sequence[Row], validation_rows: int) -> list[str]:
    """Why each row's loss cannot be held against the others', "" where it can.

    Those that can are the ones of the most validation rows; of several such sets, the one that most settings have, then the first.
    """
    done = [row for row in rows if row["status"] == "done"]
    sets = [row["measured"] for row in done]
    wanted = max(done, key=lambda row: (row["validation_rows"], sets.count(row["measured"])), default={"measured": None})["measured"]
    return [
        ""
        if row["status"] != "done" or row["measured"] == wanted
        else f"its loss is of other rows ({row['validation_rows']} of {validation_rows}), so it is not compared"
        for row in rows
    ]


def _sentence(rows: Sequence[Row], chosen: int | None) -> str:
    if chosen is None:
        return "No setting of the sweep could be trained."
    best = rows[chosen]
    text = f"Lowest validation loss: {best['name']} ({best['validation_loss']:.4f} nats per token on {best['validation_rows']} validation rows)."
    others = [row for place, row in enumerate(rows) if place != chosen and row["status"] == "done" and not row["apart"]]
    close = [row["name"] for row in others if min(row["losses"]) <= max(best["losses"])] if len(best["losses"]) > 1 else []
    text += f" Within the spread of its seeds: {'; '.join(close)}." if close else ""
    return text + "".join(f" {row['name'][0].upper()}{row['name'][1:]}: {row['apart']}." for row in rows if row["apart"])


def of_result(result: Result) -> dict[str, Any] | None:
    """The sweep of a comparison's folder; None where it is none, or is not done."""
    path = result.folder / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def as_text(found: Mapping[str, Any]) -> str:
    """The table for a terminal, what was chosen, and the plan's lines for it."""
    head = ("setting", "validation loss", "of rows", "best epoch", "seconds", "")
    body = []
    for place, row in enumerate(found["rows"]):
        if row["status"] != "done":
            body.append((row["name"], "–", "–", "–", "–", f"failed: {row['reason']}"))
            continue
        spread = f" ({min(row['losses']):.4f} to {max(row['losses']):.4f})" if len(row["losses"]) > 1 else ""
        epochs = ", ".join(map(str, row["best_epochs"]))
        mark = "chosen" if place == found["chosen"] else "not compared" if row.get("apart") else ""
        of_rows = str(row.get("validation_rows", found["validation_rows"]))
        body.append((row["name"], f"{row['validation_loss']:.4f}{spread}", of_rows, epochs, f"{row['seconds']:.0f}", mark))
    widths = [max(len(line[column]) for line in (head, *body)) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in (head, *body)]
    snippet = f"\n\n{snippet_text(found)}" if found["snippet"] else ""
    return "\n".join(lines) + f"\n\n{found['sentence']}{snippet}"


def snippet_text(found: Mapping[str, Any]) -> str:
    """The chosen setting as lines of a plan."""
    return yaml.safe_dump(found["snippet"], sort_keys=False, allow_unicode=True).strip()
