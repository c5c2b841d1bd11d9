"""The nouns: example, passage, prompt, answer, score. Plain frozen records that go to JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "direct"]


@dataclass(frozen=True)
class Example:
    """One row of the task.

    Attributes:
        id: hash of the content plus an ordinal among identical rows, so that it never depends on the row's place.
        instruction: what to do; often the same for all rows.
        input: what to do it on; may be empty.
        reference: the answer that counts as right.
        choices: the options of a multiple-choice row.
        group: rows of one group always land in the same split.
        columns: further columns of the row, as text, for slices and gold documents.
    """

    id: str
    instruction: str
    input: str
    reference: str
    choices: tuple[str, ...] = ()
    group: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def question(self) -> str:
        """What a retriever searches for: the input, or the instruction where there is no input."""
        return self.input or self.instruction


@dataclass(frozen=True)
class Section:
    """A stretch of a document, `document.text[start:end]`, that is one page of it or stands under one heading."""

    start: int
    end: int
    page: int | None = None
    heading: str = ""


@dataclass(frozen=True)
class Document:
    """One source text.

    Attributes:
        id: its path below the knowledge folder, with forward slashes; of a table's row "faq.csv/line-12", of a file in an archive "all.zip/a.md".
        sections: its pages (numbered from 1) or stretches under headings in order, where the file has such; they need not cover the text.
        about: what filters may ask for, like {"author": "…"}; as pairs in order.
    """

    id: str
    text: str
    sections: tuple[Section, ...] = ()
    about: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Passage:
    """A piece of a document: `text == document.text[start:end]`, offsets in characters; on which page or under which heading it begins."""

    id: str
    document: str
    text: str
    start: int
    end: int
    page: int | None = None
    heading: str = ""


@dataclass(frozen=True)
class Retrieved:
    """A passage that was found, with the score that ranked it (a cosine similarity unless the method ranks by something else) and its rank from 0."""

    passage: Passage
    score: float
    rank: int


@dataclass(frozen=True)
class Message:
    role: Role
    content: str


@dataclass(frozen=True)
class Prompt:
    """What a model is asked, and what it was made of.

    Attributes:
        messages: the chat, ending with the user's turn.
        demo_ids: ids of the training examples that stand in it as demonstrations, in order.
        passages: the passages that stand in it, in order.
        dropped_passages: how many found passages did not fit the token budget.
        dropped_demonstrations: how many chosen demonstrations did not fit it.
    """

    messages: tuple[Message, ...]
    demo_ids: tuple[str, ...] = ()
    passages: tuple[Retrieved, ...] = ()
    dropped_passages: int = 0
    dropped_demonstrations: int = 0

    @property
    def shortened(self) -> bool:
        """Whether something that was meant to stand in it had to be left out."""
        return bool(self.dropped_passages or self.dropped_demonstrations)


@dataclass(frozen=True)
class Grounds:
    """What a direct answer rests on, where no model was prompted.

    Attributes:
        nearest: id of the training example whose answer was given, with its question; "" where that is not how it was found.
        similarity: cosine of both questions (-1 to 1).
        probabilities: of each label, in the order of the label set; they sum to 1.
    """

    nearest: str = ""
    question: str = ""
    similarity: float | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What a method said to one example. Latency is kept apart (`Timing`), since it is never the same twice.

    Attributes:
        token_ids: ids of the completion, the end-of-turn id included where the model wrote it.
        finish_reason: "stop" (the model ended its turn), "length" (cut at max_new_tokens), "direct" (no generation).
        prompt_tokens: length of the prompt, special tokens included.
        grounds: of a direct answer; it has no prompt and no tokens.
    """

    example_id: str
    text: str
    token_ids: tuple[int, ...]
    finish_reason: FinishReason
    prompt: Prompt
    prompt_tokens: int
    grounds: Grounds | None = None

    @property
    def completion_tokens(self) -> int:
        return len(self.token_ids)


@dataclass(frozen=True)
class Score:
    """A number for one answer, in the range that its metric states."""

    value: float


@dataclass(frozen=True)
class Unscored:
    """No number, and why. Never a silent 0.

    Attributes:
        transient: another try may succeed (a model had no memory left), so it is not kept as this answer's score.
    """

    reason: str
    transient: bool = field(default=False, compare=False)


Scored = Score | Unscored


def to_json(record: Any) -> dict[str, Any]:
    """A record as JSON-ready values. An answer states its grounds only where it has some."""
    data = asdict(record)
    if isinstance(record, Answer) and record.grounds is None:
        del data["grounds"]
    return data


def example_from_json(data: Mapping[str, Any]) -> Example:
    return Example(**{**data, "choices": tuple(data.get("choices", ())), "columns": dict(data.get("columns", {}))})


def prompt_from_json(data: Mapping[str, Any]) -> Prompt:
    return Prompt(
        messages=tuple(Message(m["role"], m["content"]) for m in data["messages"]),
        demo_ids=tuple(data.get("demo_ids", ())),
        passages=tuple(Retrieved(Passage(**r["passage"]), r["score"], r["rank"]) for r in data.get("passages", ())),
        dropped_passages=data.get("dropped_passages", 0),
        dropped_demonstrations=data.get("dropped_demonstrations", 0),
    )


def answer_from_json(data: Mapping[str, Any]) -> Answer:
    return Answer(
        example_id=data["example_id"],
        text=data["text"],
        token_ids=tuple(data["token_ids"]),
        finish_reason=data["finish_reason"],
        prompt=prompt_from_json(data["prompt"]),
        prompt_tokens=data["prompt_tokens"],
        grounds=Grounds(**data["grounds"]) if data.get("grounds") else None,
    )
