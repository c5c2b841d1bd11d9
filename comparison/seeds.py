"""A tuned method under several seeds (`seeds: 3`) is trained, asked and scored once for each, from its `seed` on.

The first has the method's own name, so its answers are the ones that are shown; the others are `lora.seed2`, `lora.seed3`, in files and score rows
of their own. Each is the very method that a plan with `seeds: 1` and that seed would run, so its weights and answers are found again by either.
What the method costs is what its first seed cost: that is what somebody would train and use. If one seed fails, the method has failed: a mean
over the seeds that happened to work would be of the lucky ones.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from adapters.base import Method
from comparison.events import Event, Progressed
from core.errors import MethodError

T = TypeVar("T")


class Member(NamedTuple):
    """A method under one of its seeds; `place` counts from 1 to `of`."""

    name: str
    method: Method
    seed: int
    place: int
    of: int


def member_names(name: str, spec: Mapping[str, Any]) -> list[str]:
    """The names of a method's answers, one for each seed; a dot stands in no method's name."""
    return [name, *(f"{name}.seed{place}" for place in range(2, int(spec.get("seeds") or 1) + 1))]


def members(name: str, method: Method) -> list[Member]:
    """The method under each of its seeds; one without a choice of seeds is its only member."""
    spec = method.spec
    names, first = member_names(name, spec.model_dump()), int(getattr(spec, "seed", 0))
    if len(names) == 1:
        return [Member(name, method, first, 1, 1)]
    under = [type(method)(spec.model_copy(update={"seeds": 1, "seed": first + step})) for step in range(len(names))]
    return [Member(n, m, first + step, step + 1, len(names)) for step, (n, m) in enumerate(zip(names, under, strict=True))]


def told(events: Generator[Event, None, T], member: Member, name: str) -> Generator[Event, None, T]:
    """A member's events under the method's name; stages say which seed it is, and curves are the first one's alone."""
    if member.of == 1:
        return (yield from events)
    try:
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                result: T = end.value
                return result
            changes: dict[str, Any] = {"method": name} if getattr(event, "method", "") else {}
            if isinstance(event, Progressed):
                changes |= {
                    "stage": f"seed {member.place} of {member.of}: {event.stage}",
                    "values": event.values if member.place == 1 else {},
                }
            yield replace(event, **changes)
    finally:
        events.close()


@contextmanager
def naming_the_seed(member: Member) -> Iterator[None]:
    """A failure says under which seed it came."""
    try:
        yield
    except MethodError as error:
        if member.of == 1:
            raise
        raise MethodError(f"Under seed {member.seed}: {error.message}", error.remedy) from error
