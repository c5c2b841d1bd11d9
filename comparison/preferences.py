"""Votes as preference pairs, the rows that preference training reads: `prompt`, `chosen`, `rejected`.

The prompt is the question in its zero-shot wording (`adapters/prompts.py`): the texts of the chat's turns, an empty line between them. It is the
same for both answers, whatever demonstrations or passages stood in the prompts that they were written to; a pair is of use only with one prompt.
Each pair of answers stands once, as most of its raters saw it.
"""

from __future__ import annotations

from typing import NamedTuple

from adapters.prompts import word
from comparison import lines
from comparison.result import Result
from comparison.votes import decisions, read_votes
from core.errors import StoreError


class Preferences(NamedTuple):
    """Rows in the order of voting, and how many pairs of answers gave none.

    Attributes:
        ties: no side has most votes.
        same: both answers have the same text.
    """

    rows: list[dict[str, str]]
    ties: int
    same: int

    def to_jsonl(self) -> str:
        return lines.to_bytes(self.rows).decode("utf-8", "surrogatepass")

    def in_words(self) -> str:
        """ "18 preference pairs; left out: 3 ties, 1 with two equal answers"."""
        pairs = f"{len(self.rows)} preference pair{'s' if len(self.rows) != 1 else ''}"
        ties = f"{self.ties} tie{'s' if self.ties != 1 else ''}" if self.ties else ""
        left = ", ".join(part for part in (ties, f"{self.same} with two equal answers" if self.same else "") if part)
        return f"{pairs}; left out: {left}" if left else pairs


def preferences(result: Result) -> Preferences:
    """What people preferred in a comparison.

    Raises:
        StoreError: nobody has voted yet.
    """
    found = decisions(read_votes(result.folder))
    if not found.decided and not found.ties:
        raise StoreError("Nobody has said yet which answer is better.", "Make a review link, and pass it on.")
    splits = result.splits()
    examples = {example.id: example for example in splits.test}
    texts = {name: result.answers(name).answers for d in found.decided for name in (d.better, d.worse)}
    rows, same = [], 0
    for example, better, worse in found.decided:
        chosen, rejected = texts[better].get(example), texts[worse].get(example)
        if example not in examples or chosen is None or rejected is None:
            continue
        if chosen.text.strip() == rejected.text.strip():
            same += 1
            continue
        prompt = "\n\n".join(message.content for message in word(examples[example], splits.instruction))
        rows.append({"prompt": prompt, "chosen": chosen.text, "rejected": rejected.text})
    return Preferences(rows, found.ties, same)
