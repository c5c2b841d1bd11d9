"""Sweeps: one fine-tune under several settings, each trained on the training rows, and the best chosen by validation loss alone.

A sweep is a plan with a `sweep` section, run like any other, but no test item is ever asked: what the test set says of the chosen setting is
for the comparison that comes after, which finds its weights again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product
from typing import Any, NamedTuple

import yaml
from pydantic import Field

from adapters.base import MethodSpec, methods
from comparison.naming import method_label
from core.errors import PlanError, nearest
from core.specs import Spec, read_spec

MOST_TRAININGS = 48
NOT_SWEPT = frozenset({"kind", "name", "seed", "seeds", "max_tokens", "stop_after", "mix", "pairs"})
"""Not settings of training, such that change which validation rows the losses are of, or files, which are read before the sweep begins."""
NEED_ROWS = ("rehearsal_alpha",)
"""Settings above 0 have further rows loaded with the data, so the plan's method has the largest value of its sweep."""


class SweepSpec(Spec):
    """Says that a plan is a sweep over its only method."""

    over: dict[str, tuple[Any, ...]] = Field(min_length=1, description="Settings and the values to try: {rank: [4, 8], epochs: [2, 3]}.")


class Point(NamedTuple):
    """One setting of a sweep: its name for people, what was set, and the whole spec."""

    name: str
    settings: dict[str, Any]
    spec: MethodSpec


def sweep_plan(
    mapping: Mapping[str, Any], over: Mapping[str, Sequence[Any]], *, method: str | None = None, seeds: int = 1
) -> dict[str, Any]:
    """The plan of a sweep: the given plan with one fine-tune alone, without judge and primary metric.

    Args:
        mapping: a plan; relative paths stay relative.
        over: setting to values.
        method: the fine-tune's name or kind in the plan, or a kind; by default the plan's first fine-tune, else lora.
        seeds: how often each setting is trained.

    Raises:
        PlanError: there is no such fine-tune or setting, or a value is wrong.
    """
    base = _base(list(mapping.get("methods") or ()), method)
    if "seeds" in methods.get(str(base["kind"])).Spec.model_fields:
        base = {**base, "seeds": seeds}
    rest = {key: value for key, value in mapping.items() if key not in ("methods", "judge", "curve", "primary", "sweep")}
    rest["metrics"] = [metric for metric in mapping.get("metrics") or () if metric != "judge"]
    points(base, over)
    widest = {key: max(over[key]) for key in NEED_ROWS if key in over}
    plan = {
        **rest,
        "name": f"{mapping.get('name') or 'Comparison'}, sweep of {method_label({'name': base.get('name') or base['kind'], 'kind': base['kind']})}"[
            :100
        ],
        "methods": [{**base, **widest}],
        "sweep": {"over": {key: list(values) for key, values in over.items()}},
    }
    return plan if rest["metrics"] else {key: value for key, value in plan.items() if key != "metrics"}


def _base(entries: Sequence[Mapping[str, Any]], wanted: str | None) -> dict[str, Any]:
    import adapters  # noqa: F401  (registers the methods)

    trained = [dict(entry) for entry in entries if _trains(str(entry.get("kind")))]
    if wanted is None:
        return next(iter(trained), {"kind": "lora"})
    named = next((entry for entry in trained if wanted in (entry.get("name"), entry["kind"])), None)
    if named is not None:
        return named
    if not _trains(wanted):
        kinds = [kind for kind, _ in methods.items() if _trains(kind)]
        raise PlanError(f"A sweep needs a fine-tune; '{wanted[:60]}' is neither one of the plan nor a kind.", nearest(wanted, kinds))
    return {"kind": wanted}


def _trains(kind: str) -> bool:
    return kind in methods and "epochs" in methods.get(kind).Spec.model_fields


def points(base: Mapping[str, Any], over: Mapping[str, Sequence[Any]]) -> list[Point]:
    """Every combination of the values, in their order.

    Raises:
        PlanError: a setting or a value is wrong, or there are too many trainings.
    """
    kind = str(base["kind"])
    Spec = methods.get(kind).Spec
    known = [name for name in Spec.model_fields if name not in NOT_SWEPT]
    if not over:
        raise PlanError("A sweep needs at least one setting with values to try.", "For example --set rank=4,8.")
    for key, values in over.items():
        if key not in known:
            raise PlanError(f"{kind} has no setting '{key[:60]}' that can be swept.", nearest(key, known))
        if not values:
            raise PlanError(f"The sweep over {key} has no values.", f"For example --set {key}=1,2.")
    settings = [dict(zip(over, combination, strict=True)) for combination in product(*over.values())]
    trainings = len(settings) * int(base.get("seeds") or 1)
    if trainings > MOST_TRAININGS:
        raise PlanError(f"A sweep may train {MOST_TRAININGS} times; this one would {trainings} times.", "Try fewer values or seeds.")
    found = [Point(words(chosen), chosen, read_spec(Spec, {**base, **chosen}, "sweep")) for chosen in settings]
    for point in found:
        if [other.name for other in found].count(point.name) > 1:
            raise PlanError(f"The sweep names '{point.name}' twice.", "Give each value once.")
    return found


def words(settings: Mapping[str, Any]) -> str:
    """ "rank 8, learning rate 5e-4": settings for people, without full stops."""
    return ", ".join(f"{key.replace('_', ' ')} {_plain(value)}" for key, value in settings.items())


def _plain(value: Any) -> str:
    if not isinstance(value, float) or isinstance(value, bool):
        return str(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    mantissa = f"{'-' if sign else ''}{''.join(map(str, digits))}"
    return mantissa if exponent == 0 else f"{mantissa}e{exponent}"


def check_rows(validation_rows: int) -> None:
    """Raises:
    PlanError: there are no validation rows to choose by.
    """
    if not validation_rows:
        raise PlanError(
            "A sweep chooses by validation loss, and there are no validation rows.",
            "Give the validation split a share (data.split.validation), or a file of its own (data.files.validation).",
        )


def read_values(texts: Sequence[str]) -> dict[str, list[Any]]:
    """ "rank=4,8" and the like as settings with their values.

    Raises:
        PlanError: one is not of that form, or names a setting again.
    """
    found: dict[str, list[Any]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not equals or not key.strip() or not values.strip():
            raise PlanError(f"A sweep's setting must be name=value,value; got '{text[:60]}'.", "For example --set rank=4,8.")
        if key.strip() in found:
            raise PlanError(f"The sweep names {key.strip()} twice.", "Put all its values into one list.")
        found[key.strip()] = [_value(part.strip()) for part in values.split(",") if part.strip()]
    return found


def _value(text: str) -> Any:
    """A number where it is one (5e-4 as well, which YAML takes for text), else what YAML makes of it."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise PlanError(f"A sweep's value is not valid YAML; got '{text[:60]}'.", "Put text with special signs in quotes.") from None
