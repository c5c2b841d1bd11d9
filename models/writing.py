"""A model behind an OpenAI-compatible server that writes whole answers, for training rows: a teacher.

Retries, pauses, time limits and guarded addresses are those of `models.endpoint`. The key comes by BAKEOFF_TEACHER_KEY, and never leaves a
machine that other people use, too: there the address is somebody else's wish.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.errors import ModelError
from core.records import Message
from models import address
from models.endpoint import TRIES, Again, Endpoint, EndpointSpec, Hopeless

KEY = "BAKEOFF_TEACHER_KEY"


class Writing(NamedTuple):
    """`finish` is "stop", or "length" where the answer was cut."""

    text: str
    finish: str


@dataclass
class ServerWriter(Endpoint):
    """Asks for whole answers instead of marks. A server that fails ends the work: what it has written is kept, and it goes on from there."""

    def __post_init__(self) -> None:
        self.options = {"temperature": 0.0, "max_tokens": self.spec.max_tokens}

    def write(self, messages: Sequence[Message]) -> Writing:
        """One answer.

        Raises:
            ModelError: there is none after five tries.
        """
        try:
            choice = self._reply([{"role": m.role, "content": m.content} for m in messages]).choices[0]
        except Hopeless as error:
            raise ModelError(*map(_of_the_teacher, error.args)) from None
        except Again as error:
            raise ModelError(f"The teacher's endpoint {error} ({TRIES} tries).", "Run again later; what it has written is kept.") from None
        return Writing((choice.message.content or "").strip(), "length" if choice.finish_reason == "length" else "stop")


def _of_the_teacher(text: str) -> str:
    """A sentence of the endpoint's, which speaks of a judge."""
    for judges, teachers in {
        "the judge's": "The teacher's",
        "BAKEOFF_JUDGE_KEY or the page's field": KEY,
        "Judge again": "Run again",
        "judge.endpoint.url": "teacher_url",
        "its model": "teacher",
    }.items():
        text = text.replace(judges, teachers)
    return text


def server_writer(url: str, model: str, max_tokens: int) -> ServerWriter:
    """Nothing is asked by making one."""
    public = address.shared_machine()
    key = "" if public else os.environ.get(KEY, "").strip()
    return ServerWriter(EndpointSpec(url=url, model=model, max_tokens=max_tokens), key=key, public_only=public)
