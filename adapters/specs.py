"""A plan's list of methods to specs with unique names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.base import MethodSpec, methods
from core.errors import PlanError
from core.specs import read_spec


def read_method_specs(entries: Sequence[Any]) -> list[MethodSpec]:
    """Validate each entry by its kind, and name those that have no name: the kind, then kind-2 and so on.

    Raises:
        PlanError: an entry is wrong; the message says which and where.
    """
    if not entries:
        raise PlanError("methods must list at least one method; got none.", f"Known: {', '.join(methods.names())}.")
    specs = [_read(entry, f"methods.{place}") for place, entry in enumerate(entries)]
    taken: set[str] = set()
    for place, spec in enumerate(specs):
        if spec.name in taken:
            raise PlanError(f"methods.{place}.name must be unique; got '{spec.name}' a second time.", "Give each method a name of its own.")
        taken |= {spec.name} if spec.name else set()
    return [_named(spec, taken) for spec in specs]


def _read(entry: Any, where: str) -> MethodSpec:
    if not isinstance(entry, Mapping):
        return read_spec(MethodSpec, entry, where)
    kind = entry.get("kind")
    if not isinstance(kind, str):
        got = "is missing" if kind is None else f"must be the name of a method; got {kind!r}"
        raise PlanError(f"{where}.kind {got}.", f"Known: {', '.join(methods.names())}.")
    return read_spec(methods.get(kind).Spec, entry, where)


def _named(spec: MethodSpec, taken: set[str]) -> MethodSpec:
    """The spec with a name, which is added to `taken`."""
    if spec.name:
        return spec
    usual = type(spec).model_fields["weights"].default
    kind = spec.kind if spec.weights == usual else f"{spec.kind}_{spec.weights}"
    name, number = kind, 1
    while name in taken:
        number += 1
        name = f"{kind}-{number}"
    taken.add(name)
    return spec.model_copy(update={"name": name})
