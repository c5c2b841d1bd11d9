"""Which of a few short texts a model says next: marks 1 to 5, or A and B. What a judge needs of a model, whether it runs here or elsewhere.

Where log-probabilities are to be had, nothing is parsed. Where only a reply is, `option_in` reads it strictly: the reply must be nothing
but the option, in one of the few forms in which models dress a mark. A number that merely stands somewhere in a reply is not a mark, since
an answer that is being graded can get a model to repeat what it says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.records import Message
from models.base import Ids, LanguageModel


class Unreadable(Exception):
    """The model was asked and gave no choice that can be read. Asking again would most likely give the same."""


class Chooser(Protocol):
    """A model that chooses."""

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> tuple[float, ...]:
        """Log-probability (natural log, not normalised; minus infinity where nothing is known of it) of each option as the reply.

        Raises:
            Unreadable: see there.
        """
        ...


@dataclass(frozen=True)
class LocalChooser:
    """A `LanguageModel` of this machine: nothing is generated, each option's log-probability is asked for."""

    model: LanguageModel

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> tuple[float, ...]:
        continuations = without_turn_end([tuple(self.model.codec.completion_ids(option)) for option in options])
        prompt = self.model.codec.prompt_ids(messages)
        longest = self.model.identity.context_length - max(len(ids) for ids in continuations)
        if len(prompt) > longest:
            raise Unreadable(f"the judge's prompt has {len(prompt)} tokens and its model reads {longest}")
        found = tuple(self.model.logprobs(prompt, continuations))
        if len(found) != len(options):
            raise Unreadable(f"the judge gave {len(found)} log-probabilities for {len(options)} choices")
        return found


def without_turn_end(whole: Sequence[Ids]) -> list[Ids]:
    """Ids of each text as the assistant's words, without what ends the turn, which would add its own probability."""
    shortest = min(len(ids) for ids in whole)
    same = 0
    while same < shortest - 1 and len({ids[-1 - same] for ids in whole}) == 1:
        same += 1
    return [ids[: len(ids) - same] for ids in whole]


THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
WORDS = r"(?:final\s+)?(?:overall\s+)?(?:grade|score|mark|rating|verdict|answer|choice|winner)"
DRESSED = (
    r"{option}",
    WORDS + r"\s*(?:is|:|=)?\s*{option}",
    r"\{{\s*[\"']?" + WORDS + r"[\"']?\s*:\s*[\"']?{option}[\"']?\s*\}}",
    r"(?:i(?:'d| would)? (?:give|grade|rate|choose|pick)(?: (?:it|this))?(?: an?)?(?: " + WORDS + r"(?: of)?)?)\s*{option}",
)
DECORATION = " \t\r\n*_`#\"'“”‘’.!,;:()[]<>「」。"


def option_in(reply: str, options: Sequence[str]) -> int | None:
    """The place of the option that a reply consists of, or None where it says none, several, or something besides.

    A mark may come dressed: "**4**", "Grade: 4", "4/5", "4 out of 5", "4.0", '{"score": 4}', "[[A]]", "4 - good". Of several lines the
    first one counts; a last line may be the end of an answer that is repeated.
    """
    text = THOUGHT.sub("", reply).strip()
    lines = [line for line in (_undressed(line) for line in text.splitlines()) if line]
    if not lines:
        return None
    whole = _undressed(" ".join(text.split()))
    for candidate in dict.fromkeys([whole, lines[0]]):
        found = {place for place, option in enumerate(options) if _says(candidate, option, len(options))}
        if len(found) == 1:
            return found.pop()
    return None


def _undressed(line: str) -> str:
    line = re.sub(r"^```\w*|```$", "", line.strip()).strip()
    return line if line.startswith("{") else line.strip(DECORATION).replace("**", "")


def _says(text: str, option: str, options: int) -> bool:
    shape = re.escape(option)
    shape = rf"{shape}(?:\.0+)?(?:\s*(?:/|out of|of)\s*{options})?" if option.isdigit() else rf"(?:(?:answer|option|response)\s+)?{shape}"
    after = r"(?:\s*[-–—:(=]\s*[^\d\n]*)?$"  # "4 - mostly right": a gloss without any other number
    return any(re.match(form.format(option=f"[\\[(*\"']*{shape}[\\])*\"']*") + after, text, re.IGNORECASE) for form in DRESSED)
