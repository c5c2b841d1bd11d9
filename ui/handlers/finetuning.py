"""The Fine-tuning tab: a comparison whose only method is the fine-tune, its curves, and a chat with base and tuned model side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from adapters.base import Direct
from adapters.tuned import TunedSpec
from adapters.zero_shot import ZeroShot, ZeroShotSpec
from comparison.result import Result
from comparison.stopped import of_result
from core.errors import StoreError
from core.files import manifest_fault
from core.records import Example
from ui import forms, present, progress
from ui.context import Context
from ui.forms import Field
from ui.grounds import basis
from ui.handlers import asking, library, runs
from ui.handlers.asking import Asked, Desk
from ui.handlers.compare import own
from ui.handlers.methods import Offer, offers
from ui.markup import render
from ui.progress import Curve
from ui.task import Task, from_plan

FIRST = ("epochs", "learning_rate", "rank", "virtual_tokens", "batch_size")
LISTED = 20


class Pair(NamedTuple):
    """The same prompt answered by base and tuned model, as HTML, and the prompt."""

    base: str
    tuned: str
    prompt: str


def kinds() -> list[Offer]:
    """Registered methods that train."""
    return [offer for offer in offers() if not offer.preset and offer.spec.trains]


def about(kind: str) -> str:
    """What a kind is, in a sentence of its spec, as HTML."""
    spec = next((offer.spec for offer in kinds() if offer.kind == kind), None)
    text = str(spec.model_fields["kind"].description or "") if spec else ""
    return render("caption", text=text) if text else ""


def shared_settings() -> dict[str, Field]:
    """The settings beside the first that every tuned kind has alike, so that one form of them does for all of those."""
    tuned = [{field.name: field for field in forms.fields(offer.spec)} for offer in kinds() if issubclass(offer.spec, TunedSpec)]
    return {name: field for name, field in tuned[0].items() if name not in FIRST and all(other.get(name) == field for other in tuned)}


def takes_shared(kind: str) -> bool:
    return any(offer.kind == kind and issubclass(offer.spec, TunedSpec) for offer in kinds())


def launch(ctx: Context, task: Task, kind: str, settings: Mapping[str, Any]) -> str:
    """Start a comparison of this one method; its id.

    Raises:
        BakeoffError: a setting, the data or the model is wrong.
    """
    plan = task.plan([{"kind": kind, **settings}], list(task.metrics))
    return runs.start(ctx, task, {**plan, "name": f"{task.name}, {present.method_label({'name': kind, 'kind': kind})}"[:100]})


def curves(ctx: Context, comparison_id: str) -> Curve:
    """The newest curves of a run: of the method that trains now, or trained last. Empty before the first step."""
    found = progress.curves(own(ctx, comparison_id).events())
    trained = [curve for curve in found.values() if "loss" in curve]
    return trained[-1] if trained else {}


def stop(ctx: Context, comparison_id: str) -> str:
    """End a run, and say what was kept of it."""
    if not comparison_id:
        return "Nothing runs now."
    kept = [one for one in runs.stop(ctx, comparison_id) if "." not in one.method]
    if runs.look(ctx, comparison_id).readable:
        return "That run is done already."
    said = " ".join(f"{one.words.capitalize()}: {one.kept}, to chat with below." for one in kept)
    return said or "Stopped. No epoch had ended, so nothing was kept; Resume on the Library tab goes on."


def trained(ctx: Context) -> list[tuple[str, str]]:
    """(label, "id/method") of this owner's fine-tunes that are finished or were stopped after an epoch, newest first."""
    found: list[tuple[str, str]] = []
    for row in library.rows(ctx)[: 5 * LISTED]:
        if row.status in ("done", "cancelled", "interrupted") and len(found) < LISTED:
            found += [(f"{row.name} · {label} · {row.created}", f"{row.id}/{name}") for name, label in _of_run(own(ctx, row.id))]
    return found


def _of_run(result: Result) -> list[tuple[str, str]]:
    """(name, label) of the fine-tunes of one run."""
    if not result.report_names():
        kept = [one for one in of_result(result) if "." not in one.method]
        kinds = {str(m.get("name") or m["kind"]): str(m["kind"]) for m in result.plan()["methods"]}
        names = {one.method: {"name": one.method, "kind": kinds.get(one.method, one.method)} for one in kept}
        return [(one.method, f"{present.method_label(names[one.method])}, {one.words}") for one in kept]
    methods = [m for m in result.report()["methods"] if m["status"] == "done" and m.get("training")]
    return [(m["name"], present.method_label(m)) for m in methods]


def curves_of(ctx: Context, key: str) -> Curve:
    """The curves of a finished fine-tune."""
    result, name = _result(ctx, key)
    found = progress.curves(result.events()).get(name)
    return found or progress.report_curves(_training(result, name).get("curves") or [])


def findings_of(ctx: Context, key: str) -> list[str]:
    """What the doctor said of a finished fine-tune."""
    result, name = _result(ctx, key)
    if not result.report_names():
        return [f"{one.words.capitalize()}; {one.kept}." for one in of_result(result) if one.method == name]
    return [f"{finding['text']} {finding['remedy']}" for finding in _training(result, name).get("findings") or ()]


def _training(result: Result, name: str) -> Mapping[str, Any]:
    """A method's training section; empty without a report."""
    entries = result.report()["methods"] if result.report_names() else []
    return next((m.get("training") or {} for m in entries if m["name"] == name), {})


def _result(ctx: Context, key: str) -> tuple[Result, str]:
    comparison_id, _, name = key.partition("/")
    return own(ctx, comparison_id), name


def _bench(ctx: Context, key: str) -> tuple[Desk, list[Path]]:
    """The method of a finished fine-tune with its artefacts, which must be there: nothing is trained here.

    Raises:
        StoreError: they are gone, or the data have changed since.
    """
    result, name = _result(ctx, key)
    plan = result.plan()
    spec = next((m for m in plan["methods"] if name in (m.get("name"), m.get("kind"))), None)
    if spec is None:
        raise StoreError(f"That comparison has no method '{name[:40]}'.", "Choose another fine-tune.")
    stopped = next((one for one in of_result(result) if one.method == name and not result.report_names()), None)
    spec = {**spec, "stop_after": stopped.epoch} if stopped else spec
    at = asking.desk(ctx, from_plan(plan, result.folder), spec, environment=result.environment())
    paths = [ctx.store.artefacts / recipe.fingerprint for recipe in at.method.recipes(at.setting)]
    if any(manifest_fault(path, hashes=False) for path in paths):
        raise StoreError("The weights of this fine-tune are not there any more, or its data have changed.", "Launch it again.")
    return at, paths


def chat(ctx: Context, key: str, text: str) -> Iterator[Pair]:
    """Both answers as they are written, the base model's first.

    Raises:
        BakeoffError: no fine-tune is chosen, or the text is empty.
    """
    if not key:
        raise StoreError("There is no fine-tune to chat with yet.", "Launch one, and wait until it is done.")
    at, paths = _bench(ctx, key)
    bound, example = at.method.bind(at.setting, paths), asking.own_example(at.dataset, text)
    if isinstance(bound, Direct):
        yield from _beside_direct(at, bound, example)
        return
    asked = asking.word(at, bound, example)
    prompt = render("prompt", turns=asking.turns(asked.prompt), facts=[f"{len(asked.ids):,} tokens"])
    shown = Pair(_answer("Base", "", "Loading the model"), _answer("Tuned", "", "Waiting for the base model"), prompt)
    yield shown
    for text in _stream(at, asked._replace(adapter=None)):
        shown = shown._replace(base=_answer("Base", text))
        yield shown
    for text in _stream(at, asked):
        shown = shown._replace(tuned=_answer("Tuned", text))
        yield shown


def _beside_direct(at: Desk, bound: Direct, example: Example) -> Iterator[Pair]:
    """The base model's answer to the bare prompt, and that of a method that has none, which comes first: it takes no time."""
    asked = asking.word(at, ZeroShot(ZeroShotSpec(kind="zero_shot")).bind(at.setting, []), example)
    prompt = render("prompt", turns=asking.turns(asked.prompt), facts=[f"{len(asked.ids):,} tokens", "asked of the base model alone"])
    found = bound.answer([example])[0]
    shown = Pair(
        _answer("Base", "", "Loading the model"), _answer("Tuned", found.text) + render("grounds", basis=basis(found.grounds)), prompt
    )
    yield shown
    for text in _stream(at, asked):
        shown = shown._replace(base=_answer("Base", text))
        yield shown


def _stream(at: Desk, asked: Asked) -> Iterator[str]:
    text = ""
    for text in asking.stream(at, asked):
        yield text
    if not text:
        yield "(an empty answer)"


def _answer(label: str, text: str, waiting: str = "") -> str:
    return render("said", label=label, text=text, waiting=waiting)
