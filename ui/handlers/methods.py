"""The Compare form: which methods and metrics can be ticked, with which settings, and the plan's sections that a filled form stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from adapters.base import MethodSpec
from adapters.preparation import PreparationSettings
from adapters.teaching import TeacherSettings
from core.errors import PlanError
from training.settings import TrainingSettings
from ui import forms, present
from ui.task import Task

PLANNED = "plan:"
WITH_VARIANT = "lora"
FEW = frozenset(("epochs", "steps", "rank", "virtual_tokens", "pairs", "with_retrieval", "weights"))
"""What this form shows of a fine-tune other than LoRA; the Fine-tuning tab has all, and a plan's other settings stay as they are."""
UNUSUAL = frozenset(PreparationSettings.model_fields) | frozenset(TeacherSettings.model_fields)
UNUSUAL |= frozenset(TrainingSettings.model_fields) - {"epochs", "learning_rate", "batch_size", "seed", "early_stopping"}
JUDGE = "judge"
Values = Mapping[str, Mapping[str, Any]]


class Offer(NamedTuple):
    """A method that can be ticked. `preset` is what sets a variant apart from its kind."""

    name: str
    label: str
    kind: str
    spec: type[MethodSpec]
    preset: Mapping[str, Any]


class Form(NamedTuple):
    """What the form shows: (label, key) choices, ticked keys, and each offer's settings."""

    choices: list[tuple[str, str]]
    ticked: list[str]
    values: dict[str, dict[str, Any]]
    metric_choices: list[tuple[str, str]]
    metrics: list[str]


def offers() -> list[Offer]:
    """Every registered method, and LoRA with retrieval; other fine-tunes have retrieval as a setting."""
    import adapters  # noqa: F401  (registers them)
    from adapters.base import methods

    found = []
    for kind, method in methods.items():
        found.append(Offer(kind, present.method_label({"name": kind, "kind": kind}), kind, method.Spec, {}))
        if kind == WITH_VARIANT:
            name = f"{kind}_rag"
            found.append(Offer(name, present.method_label({"name": name, "kind": kind}), kind, method.Spec, {"with_retrieval": True}))
    order = list(present.KIND_WORDS)
    return sorted(found, key=lambda offer: order.index(offer.name) if offer.name in order else len(order))


def shown(offer: Offer) -> frozenset[str]:
    """The settings of an offer that this form shows."""
    known = frozenset(field.name for field in forms.fields(offer.spec)) - set(offer.preset)
    return known & FEW if offer.spec.trains and offer.kind != WITH_VARIANT else known - UNUSUAL


def choices(task: Task, values: Values) -> list[tuple[str, str]]:
    """(label, key) of everything that can be ticked; labels hold the key settings."""
    found = [(chip(offer, values.get(offer.name, {})), offer.name) for offer in offers()]
    return found + [(_planned_chip(spec), key) for key, spec in _assign(task)[1].items()]


def _planned_chip(spec: Mapping[str, Any]) -> str:
    name = str(spec.get("name") or spec.get("kind", ""))
    return _titled(present.method_label({"name": name, "kind": spec.get("kind", "")}), present.key_setting(spec))


def _assign(task: Task) -> tuple[dict[str, Mapping[str, Any]], dict[str, Mapping[str, Any]]]:
    """The task's methods as those that fill an offer's form, and those that stay as the plan has them; both by key."""
    known = offers()
    filling: dict[str, Mapping[str, Any]] = {}
    staying: dict[str, Mapping[str, Any]] = {}
    for place, spec in enumerate(task.methods):
        offer = _offer_of(spec, known)
        if offer is not None and offer.name not in filling and spec.get("name") in (None, offer.name):
            filling[offer.name] = spec
        else:
            staying[f"{PLANNED}{place}"] = spec
    return filling, staying


def plan(
    task: Task, ticked: Sequence[str], values: Values, metrics: Sequence[str], limit: float | None, forgetting: bool = False
) -> dict[str, Any]:
    """The whole plan that a filled form stands for."""
    whole = task.plan(collect(task, ticked, values), collect_metrics(task, metrics))
    rest = {k: v for k, v in (task.data.get("limit") or {}).items() if k != "test"}
    caps = {**rest, **({"test": int(limit)} if limit else {})}
    data = {k: v for k, v in task.data.items() if k != "limit"}
    if JUDGE not in metrics:
        whole.pop(JUDGE, None)
    whole.pop("forgetting", None)
    whole |= {"forgetting": True} if forgetting else {}
    return {**whole, "data": {**data, "limit": caps} if caps else data}


def _offer_of(spec: Mapping[str, Any], known: Sequence[Offer]) -> Offer | None:
    wanted = (spec.get("kind"), bool(spec.get("with_retrieval")))
    return next((o for o in known if (o.kind, bool(o.preset.get("with_retrieval"))) == wanted), None)


def fill(task: Task) -> Form:
    """The form for a task: the first method of each offer fills it, further ones of the same offer stay as the plan has them."""
    filling, staying = _assign(task)
    values = {name: {k: v for k, v in spec.items() if k not in ("kind", "name")} for name, spec in filling.items()}
    metric_choices, metrics = _metrics(task)
    ticked = [*filling, *staying] or [offer.name for offer in offers()[:2]]
    return Form(choices(task, values), ticked, values, metric_choices, metrics)


def chip(offer: Offer, values: Mapping[str, Any]) -> str:
    """A method's label with its key settings."""
    defaults = {name: field.default for name, field in offer.spec.model_fields.items()}
    settings = {**defaults, **offer.preset, **{k: v for k, v in values.items() if v is not None}}
    return _titled(offer.label, present.key_setting(settings))


def _titled(label: str, setting: str) -> str:
    return f"{label} · {setting}" if setting else label


def _metrics(task: Task) -> tuple[list[tuple[str, str]], list[str]]:
    import evaluation  # noqa: F401
    from evaluation.base import metrics

    choices = [(present.metric_label(name), name) for name in metrics.names()]
    ticked = []
    for place, metric in enumerate([*task.metrics, *_graded(task)]):
        if isinstance(metric, str):
            ticked.append(metric)
        else:
            choices.append((str(metric.get("name") or metric.get("evaluate")), f"{PLANNED}{place}"))
            ticked.append(f"{PLANNED}{place}")
    known = {key for _, key in choices}
    return choices, [m for m in ticked if m in known] or [m for m in ("token_f1", "exact_match", "rougeL") if m in known]


def _graded(task: Task) -> list[str]:
    """A plan with a judge's section is graded, whether its metrics name the judge or not."""
    return [JUDGE] if task.rest.get(JUDGE) is not None and JUDGE not in task.metrics else []


def collect(task: Task, ticked: Sequence[str], values: Values) -> list[dict[str, Any]]:
    """The plan's methods for a filled form, in the form's order.

    Args:
        values: by offer, the settings that differ from the defaults.

    Raises:
        PlanError: nothing is ticked, or something that the form does not have.
    """
    if not ticked:
        raise PlanError("A comparison needs at least one method; none is ticked.", "Tick two or more to compare them.")
    known, planned = {offer.name: offer for offer in offers()}, _assign(task)[0]
    out: list[dict[str, Any]] = []
    order = [*known, *(f"{PLANNED}{place}" for place in range(len(task.methods)))]
    for key in sorted(set(ticked), key=lambda k: order.index(k) if k in order else -1):
        if key in known:
            offer = known[key]
            settings = {k: v for k, v in values.get(key, {}).items() if k not in offer.preset and v is not None}
            named = {"name": offer.name} if offer.name != offer.kind else {}
            hidden = {k: v for k, v in planned.get(key, {}).items() if k not in {"kind", "name", *offer.preset, *shown(offer)}}
            out.append({"kind": offer.kind, **named, **offer.preset, **hidden, **settings})
        elif key.startswith(PLANNED):
            out.append(dict(_planned(task.methods, key)))
        else:
            raise PlanError(f"There is no method '{key[:60]}' in this form.", "Reload the page.")
    return out


def collect_metrics(task: Task, ticked: Sequence[str]) -> list[Any]:
    """The plan's metrics for a filled form.

    Raises:
        PlanError: nothing is ticked.
    """
    if not ticked:
        raise PlanError("A comparison needs at least one metric; none is chosen.", "Choose Token F1, for example.")
    return [_planned(task.metrics, key) if key.startswith(PLANNED) else key for key in ticked]


def _planned(entries: Sequence[Any], key: str) -> Any:
    place = key.removeprefix(PLANNED)
    if not place.isdigit() or int(place) >= len(entries):
        raise PlanError(f"The plan has no entry '{key[:60]}' any more.", "Reload the page.")
    return entries[int(place)]
