"""How a prompt is worded: the only place. Training prompts are worded here too, so they begin exactly as the prompts that are asked.

    system      the instruction, where all examples share one
    user        a demonstration's input          } as often as there are demonstrations
    assistant   its reference                    }
    user        the passages, if any, then the question

Where examples have instructions of their own, there is no system turn and each user turn begins with its instruction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.errors import MethodError
from core.records import Example, Message, Passage, Prompt, Retrieved
from models.base import Codec
from retrieval.packing import pack

PROMPT_VERSION = "2"
"""Bumped by hand when the same example is worded differently."""


NOTHING_FOUND = Retrieved(Passage("", "", "No passage was found.", 0, 0), 0.0, 0)
"""What stands in the passages' place where none was found, so that the model knows that it was looked for."""


def user_turn(example: Example, instruction: str) -> str:
    """What the user says for one example, options included.

    Args:
        instruction: the instruction that all examples share and that is said elsewhere, or "".
    """
    said = example.question if instruction else "\n\n".join(part for part in (example.instruction, example.input) if part.strip())
    options = "\n".join(f"- {choice}" for choice in example.choices)
    return f"{said}\n\nOptions:\n{options}" if options else said


def with_passages(question: str, passages: Sequence[Retrieved]) -> str:
    """The last user turn with passages before the question; without passages it is the question alone.

    Plain words and no numbering: shown numbered passages, the small embedded model goes on numbering, and asking for the answer at the
    end keeps it from retelling the passages. Chosen on training questions of the support desk, never on test items.
    """
    if not passages:
        return question
    text = "\n\n".join(found.passage.text for found in passages)
    return f"Use the text to answer the question.\n\nText:\n{text}\n\nQuestion: {question}\nAnswer:"


def word(
    example: Example, instruction: str, demonstrations: Sequence[Example] = (), passages: Sequence[Retrieved] = ()
) -> tuple[Message, ...]:
    """The whole chat for one example."""
    chat = [Message("system", instruction)] if instruction else []
    for demonstration in demonstrations:
        chat += [Message("user", user_turn(demonstration, instruction)), Message("assistant", demonstration.reference)]
    return (*chat, Message("user", with_passages(user_turn(example, instruction), passages)))


ALPACA = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:"
)
ALPACA_WITHOUT_INPUT = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n### Response:"
)
"""The two prompts of Stanford Alpaca (Taori et al. 2023, github.com/tatsu-lab/stanford_alpaca), by which models tuned on such data are asked."""


def word_as_alpaca(
    example: Example, instruction: str, demonstrations: Sequence[Example] = (), passages: Sequence[Retrieved] = ()
) -> tuple[Message, ...]:
    """The same said by the Alpaca prompt, in one user turn: the chat's own marks stand around it, and the answer is the turn after it.

    The input holds the passages, if any, and the question; options stand behind it.
    """
    told, said = (instruction, user_turn(example, instruction)) if instruction else (example.instruction, user_turn(_bare(example), ""))
    told, said = (told, said) if told.strip() else (said, "")
    said = with_passages(said or told, passages) if passages else said
    form = ALPACA if said.strip() else ALPACA_WITHOUT_INPUT
    earlier = [m for d in demonstrations for m in (*word_as_alpaca(d, instruction), Message("assistant", d.reference))]
    return (*earlier, Message("user", form.format(instruction=told, input=said)))


def _bare(example: Example) -> Example:
    return replace(example, instruction="")


Words = Callable[[Example, str, Sequence[Example], Sequence[Retrieved]], tuple[Message, ...]]
"""`word`, or what says the same otherwise."""


def plain(example: Example, instruction: str, codec: Codec, budget: int, words: Words = word) -> Prompt:
    """The bare prompt.

    Args:
        budget: most tokens of the prompt.

    Raises:
        MethodError: it is longer than `budget`. Nothing is cut off a question to make it fit.
    """
    messages = words(example, instruction, (), ())
    tokens = len(codec.prompt_ids(messages))
    if tokens > budget:
        start = " ".join(example.question.split())[:60]
        raise MethodError(
            f"The prompt of example {example.id} (“{start}”) must have at most {budget} tokens; got {tokens}.",
            "Shorten or remove this example, lower generation.max_new_tokens, or choose a model with a longer context.",
        )
    return Prompt(messages)


def with_fitting_demonstrations(example: Example, instruction: str, demonstrations: Sequence[Example], codec: Codec, budget: int) -> Prompt:
    """A prompt with as many demonstrations as fit; the first ones go first, since the last stand next to the question.

    Raises:
        MethodError: it does not fit even without demonstrations.
    """
    for start in range(len(demonstrations)):
        kept = demonstrations[start:]
        messages = word(example, instruction, kept)
        if len(codec.prompt_ids(messages)) <= budget:
            return Prompt(messages, demo_ids=tuple(d.id for d in kept), dropped_demonstrations=start)
    return replace(plain(example, instruction, codec, budget), dropped_demonstrations=len(demonstrations))


def with_fitting_passages(
    example: Example, instruction: str, ranked: Sequence[Retrieved], codec: Codec, budget: int, cap: int | None = None, words: Words = word
) -> Prompt:
    """A prompt with the most relevant passages that fit. Where none was found it says so; where none fits it is the bare question.

    Args:
        ranked: found passages, best first.
        cap: most tokens of a prompt that holds passages; a bare question may be longer, up to `budget`.

    Raises:
        MethodError: it does not fit even without passages.
    """
    packed = pack(
        ranked or [NOTHING_FOUND],
        budget if cap is None else min(budget, cap),
        count=lambda messages: len(codec.prompt_ids(messages)),
        wrap=lambda passages: words(example, instruction, (), passages),
    )
    bare = plain(example, instruction, codec, budget, words) if not packed.kept else None
    messages = bare.messages if bare else words(example, instruction, (), packed.kept)
    return Prompt(messages, passages=packed.kept if ranked else (), dropped_passages=len(packed.dropped) if ranked else 0)
