"""A chat to one question and its answer.

The last assistant turn is the reference and the last user turn before it is the question. What was said earlier is
folded into the input as plain text, so that all methods see one turn, whatever their templates do with several.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from core.dataset.faults import RowFault, as_text

ROLES = ("system", "user", "assistant")
NAMES = {"user": "User", "assistant": "Assistant"}


class Folded(NamedTuple):
    instruction: str
    input: str
    reference: str


def fold_chat(messages: Any) -> Folded:
    """Turns to the three fields of an example.

    Raises:
        RowFault: it is not a list of {role, content}, or lacks a user's turn or an assistant's after it.
    """
    turns = _turns(messages)
    system = "\n".join(text for role, text in turns if role == "system")
    talk = [turn for turn in turns if turn[0] != "system"]
    last = max((place for place, (role, _) in enumerate(talk) if role == "assistant"), default=-1)
    if last < 0:
        raise RowFault("the chat has no assistant turn")
    if not any(role == "user" for role, _ in talk[:last]):
        raise RowFault("the chat has no user turn before the assistant's last one")
    before = talk[:last]
    question = before[0][1] if len(before) == 1 else "\n".join(f"{NAMES[role]}: {text}" for role, text in before)
    return Folded(system, question, talk[last][1])


def _turns(messages: Any) -> list[tuple[str, str]]:
    if not isinstance(messages, list):
        raise RowFault(f"messages must be a list of {{role, content}}; got a {type(messages).__name__}")
    turns = []
    for number, message in enumerate(messages, 1):
        if not isinstance(message, dict) or "role" not in message or "content" not in message:
            raise RowFault(f"turn {number} must be an object with role and content")
        if message["role"] not in ROLES:
            raise RowFault(f"the role of turn {number} must be one of {', '.join(ROLES)}; got {str(message['role'])[:40]!r}")
        turns.append((str(message["role"]), as_text(message["content"], f"the content of turn {number}")))
    return turns
