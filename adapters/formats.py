"""The same prompt in other formats: what is said stays, how it is laid out changes.

How a prompt is laid out can decide a ranking by itself (Sclar et al. 2023, arXiv:2310.11324), so a comparison can be asked again in each of these.

    1  as a method words it (`adapters.prompts`)
    2  labelled: each user turn is "Input: …", and ends with "Output:"
    3  in one: the instruction stands in the first user turn instead of a system turn; where there is none, each user turn ends with "Answer:"
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.records import Message, Prompt

STAGE_VERSION = "1"
"""Bumped by hand when a format changes."""


def labelled(prompt: Prompt) -> Prompt:
    return _with_user_turns(prompt, lambda said: f"Input: {said}\n\nOutput:")


def in_one(prompt: Prompt) -> Prompt:
    first, *rest = prompt.messages
    if first.role != "system" or not rest:
        return _with_user_turns(prompt, lambda said: f"{said}\n\nAnswer:")
    return replace(prompt, messages=(Message(rest[0].role, f"{first.content}\n\n{rest[0].content}"), *rest[1:]))


OTHER_FORMATS: dict[int, Callable[[Prompt], Prompt]] = {2: labelled, 3: in_one}


def _with_user_turns(prompt: Prompt, change: Callable[[str], str]) -> Prompt:
    turns = (replace(m, content=change(m.content)) if m.role == "user" else m for m in prompt.messages)
    return replace(prompt, messages=tuple(turns))
