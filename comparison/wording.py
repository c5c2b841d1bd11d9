"""Prompts for all test items, with a reason for each that has none."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from adapters.base import Bound, Direct
from core.errors import MethodError
from core.records import Example, Prompt


def prompting(bound: Bound | Direct, name: str) -> Bound:
    """The method as one that words prompts.

    Raises:
        MethodError: it answers directly.
    """
    if isinstance(bound, Direct):
        raise MethodError(f"{name} must have prompts to be asked otherwise; it answers directly.", "Leave it out.")
    return bound


def load_for(bound: Bound, examples: Sequence[Example]) -> None:
    """Word one prompt for nothing, so that an index and an embedder that are loaded at the first call are not in the time of the others."""
    with suppress(MethodError):  # it is worded again, and then its failure counts
        bound.prompts(examples[:1])


def worded(bound: Bound, examples: Sequence[Example]) -> tuple[dict[str, Prompt], dict[str, str]]:
    """A prompt for each example, and a reason for each that has none. One overlong item must not take the others with it.

    Raises:
        MethodError: no example can be asked.
    """
    try:
        return {e.id: prompt for e, prompt in zip(examples, bound.prompts(examples), strict=True)}, {}
    except MethodError as error:
        prompts: dict[str, Prompt] = {}
        failures: dict[str, str] = {}
        for example in examples:
            try:
                prompts[example.id] = bound.prompts([example])[0]
            except MethodError as reason:
                failures[example.id] = reason.message
        if not prompts:
            raise error
        return prompts, failures
