"""A/A run: the same method twice under another seed, as an ordinary comparison. It shows the noise floor.

What differs between the two differs for no reason that anybody would report, so a difference between methods that is no larger says
nothing. A tuned method gets another training seed, few-shot with drawn demonstrations another draw. Other prompting decodes greedily and would
answer the same again: its noise floor is 0 by construction, nothing is run, and what is left is which items the test set happens to hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from adapters.base import MethodSpec
from comparison.plan import Plan
from core.errors import PlanError, nearest

NAME_LENGTH, TITLE_LENGTH = 40, 100


class Twins(NamedTuple):
    """The plan's mapping with the method twice; `mapping` is None where the method answers the same again, and `why` says so."""

    method: str
    mapping: dict[str, Any] | None
    why: str = ""


def choices(specs: Sequence[MethodSpec]) -> list[str]:
    """Names of methods that another seed would change, those that are trained first."""
    able = [spec for spec in specs if _next_seed(spec) is not None]
    return [str(spec.name) for spec in sorted(able, key=lambda spec: not hasattr(spec, "seeds"))]


def twins(plan: Plan, name: str | None = None) -> Twins:
    """The plan of an A/A run of one method, by default the first that is trained, else the first that another seed changes.

    Raises:
        PlanError: there is no such method, or its answers are sampled.
    """
    specs = {str(spec.name): spec for spec in plan.methods}
    chosen = name or next(iter(choices(plan.methods)), plan.method_names[0])
    if chosen not in specs:
        raise PlanError(f"The comparison has no method '{chosen[:60]}'.", nearest(chosen, list(specs)))
    spec, raw = specs[chosen], plan.mapping["methods"][plan.method_names.index(chosen)]
    seed = _next_seed(spec)
    if seed is None:
        return Twins(chosen, None, _always_the_same(plan, chosen))
    second = {**raw, "name": f"{chosen[: NAME_LENGTH - 2]}-2", "seed": seed}
    title = f"A/A of {chosen}: {plan.spec.name}"[:TITLE_LENGTH]
    return Twins(chosen, {**plan.mapping, "name": title, "methods": [{**raw, "name": chosen}, second]})


def _next_seed(spec: MethodSpec) -> int | None:
    """The first seed that the method does not use; None where no seed changes its answers."""
    if not hasattr(spec, "seed") or getattr(spec, "selection", "random") != "random":
        return None
    return int(spec.seed) + int(getattr(spec, "seeds", 1))


def _always_the_same(plan: Plan, name: str) -> str:
    temperature = plan.spec.generation.temperature
    if temperature > 0:
        raise PlanError(
            f"{name} has no seed of its own; its answers are sampled (temperature {temperature:g}) with the plan's one.",
            "Run the plan again with another generation.seed, and lay both results side by side.",
        )
    return (
        f"Greedy decoding of the base model is deterministic: asked again, {name} answers the same, so its noise floor is 0 by construction. "
        "What is left is which items the test set holds"
    )
