"""A spec's fields as form fields: label, help and range all come from the spec itself, so that a new method has its form at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

from core.specs import Spec

HIDDEN = frozenset({"kind", "name"})
LABELS = {"top_k": "Passages", "lr": "Learning rate", "seeds": "Seeds", "max_tokens": "Longest row, in tokens"}


class Field(NamedTuple):
    """One setting, as its JSON schema states it.

    Attributes:
        type: "integer", "number", "boolean", "string" or "choice".
        nullable: an empty field means "leave it to the default".
    """

    name: str
    label: str
    help: str
    type: str
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    nullable: bool = False


def fields(spec: type[Spec], *, leave_out: frozenset[str] = HIDDEN) -> list[Field]:
    """The settings that a form can show, in the spec's order; lists and mappings are left to plan files."""
    schema = spec.model_json_schema()
    found = (_field(name, about, schema.get("$defs", {})) for name, about in schema["properties"].items() if name not in leave_out)
    return [field for field in found if field is not None]


def _field(name: str, about: Mapping[str, Any], shared: Mapping[str, Any]) -> Field | None:
    options = [o for o in about.get("anyOf", [about]) if o.get("type") != "null"]
    inner = options[0]
    if "$ref" in inner:
        inner = shared.get(inner["$ref"].rsplit("/", 1)[-1], {})
    choices = tuple(str(c) for c in inner.get("enum", ()))
    kind = "choice" if choices else str(inner.get("type", ""))
    if kind not in ("integer", "number", "boolean", "string", "choice") or "const" in inner:
        return None
    low, high = inner.get("minimum", inner.get("exclusiveMinimum")), inner.get("maximum", inner.get("exclusiveMaximum"))
    nullable = "anyOf" in about
    return Field(name, label(name), about.get("description", ""), kind, about.get("default"), low, high, choices, nullable)


def label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " ").capitalize())


def component(field: Field, elem_id: str, value: Any = None) -> Component:
    """The input for one field; its range is checked again when the form becomes a spec."""
    value = field.default if value is None else value
    common: dict[str, Any] = {"label": field.label, "info": field.help, "elem_id": elem_id, "interactive": True}
    if field.type == "choice":
        return gr.Dropdown(list(field.choices), value=value, **common)
    if field.type == "boolean":
        return gr.Checkbox(value=bool(value), **common)
    if field.type in ("integer", "number"):
        return gr.Number(
            value=value,
            minimum=field.minimum,
            maximum=field.maximum,
            precision=0 if field.type == "integer" else None,
            step=step(field),
            **common,
        )
    return gr.Textbox(value=value or "", **common)


def step(field: Field) -> float:
    """What one press of an arrow changes: 1 for whole numbers, else a tenth of the default's magnitude (0.0001 for 0.001)."""
    if field.type == "integer":
        return 1
    return float(10.0 ** (math.floor(math.log10(abs(field.default))) - 1)) if field.default else 0.1


def build(
    spec: type[Spec],
    prefix: str,
    *,
    first: Sequence[str] = (),
    leave_out: frozenset[str] = frozenset(),
    only: frozenset[str] | None = None,
    rest_label: str = "All other settings",
) -> dict[str, Component]:
    """A form of the spec, or of `only` these fields: those named in `first` in a row, the others in an accordion. Field name to component."""
    known = {f.name: f for f in fields(spec, leave_out=HIDDEN | leave_out) if only is None or f.name in only}
    made: dict[str, Component] = {}

    def add(names: Sequence[str]) -> None:
        for name in names:
            made[name] = component(known[name], f"{prefix}_{name}")

    shown = [name for name in first if name in known] or list(known)
    with gr.Row(equal_height=False):
        add(shown)
    others = [name for name in known if name not in shown]
    if others:
        with gr.Accordion(rest_label, open=False, elem_id=f"{prefix}_rest"), gr.Row(equal_height=False):
            add(others)
    return made


def settings(spec: type[Spec], values: Mapping[str, Any], *, whole: bool = False) -> dict[str, Any]:
    """A form's values as a plan's settings. What was left empty is not written down, nor, unless `whole`, what equals the default."""
    out: dict[str, Any] = {}
    read: Mapping[str, Callable[[Any], Any]] = {"integer": _whole, "number": float, "boolean": bool, "string": str, "choice": str}
    for field in fields(spec):
        value = values.get(field.name)
        if value is None or value == "":
            continue
        value = read[field.type](value)
        if whole or value != field.default:
            out[field.name] = value
    return out


def _whole(value: Any) -> Any:
    """2.0 as 2; 2.5 stays, for the spec to refuse in its own words."""
    return int(value) if float(value).is_integer() else value
