"""Specs: the small frozen records that a plan is made of, and the one place that words their errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import PlanError, nearest

S = TypeVar("S", bound="Spec")


class Spec(BaseModel):
    """A frozen record that refuses unknown keys. Each field's description is the form's help text."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def read_spec(kind: type[S], data: Any, where: str = "") -> S:
    """Validate `data` strictly.

    Args:
        where: the dotted path of `data` in the plan, for the message ("methods.0").

    Raises:
        PlanError: one plain message for the first thing that is wrong.
    """
    if not isinstance(data, Mapping):
        raise PlanError(f"{where or kind.__name__} must be a mapping of settings; got {_short(data)}.", "Write it as key: value lines.")
    try:
        return kind.model_validate(dict(data))
    except ValidationError as error:
        raise _plain(kind, error, where) from None


def _plain(kind: type[Spec], error: ValidationError, where: str) -> PlanError:
    faults = error.errors()
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])  # a misspelt key is also a missing one
    place = ".".join(str(part) for part in ((where,) if where else ()) + first["loc"]) or kind.__name__
    if first["type"] == "extra_forbidden":
        return PlanError(f"{place} is not a setting that exists.", nearest(str(first["loc"][-1]), _fields(kind, first["loc"][:-1])))
    if first["type"] == "missing":
        return PlanError(f"{place} is missing.", f"Add it: {_help(kind, first['loc'])}")
    text = first["msg"].removeprefix("Value error, ").removeprefix("Input ").removeprefix("String ")
    joined = f"{place} {text}" if text.startswith(("should", "must")) else f"{place}: {text}"
    return PlanError(f"{joined.replace(' should ', ' must ', 1)}; got {_short(first['input'])}.", _help(kind, first["loc"]))


def _model_at(kind: type[Spec], loc: tuple[Any, ...]) -> type[BaseModel]:
    model: type[BaseModel] = kind
    for part in loc:
        field = model.model_fields.get(str(part))
        options = [] if field is None else [field.annotation, *getattr(field.annotation, "__args__", ())]
        inner = [o for o in options if isinstance(o, type) and issubclass(o, BaseModel)]
        if inner:
            model = inner[0]
    return model


def _fields(kind: type[Spec], loc: tuple[Any, ...]) -> list[str]:
    return list(_model_at(kind, loc).model_fields)


def _help(kind: type[Spec], loc: tuple[Any, ...]) -> str:
    names = [str(part) for part in loc if isinstance(part, str)]
    field = _model_at(kind, loc[:-1]).model_fields.get(names[-1]) if names else None
    return (field.description or "") if field else ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
