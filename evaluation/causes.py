"""Why is an answer wrong? Every cause that applies, told by rules that can be read, and checked against labels given by hand.

`DEFINITIONS` says what each one is. "Its content is wrong" means that `evaluation.gold.agrees` does not hold. What counts as a wrong answer
is `evaluation.correctness`'s rule. Every wrong answer has at least one cause, since one whose content agrees has the wrong form.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.records import Example, FinishReason
from evaluation.abstention import abstains
from evaluation.accuracy import first_label, label_index
from evaluation.content import content_words, numbers
from evaluation.gold import Retrieval, agrees
from evaluation.language import in_other_language, language_of, misspellings, scripts
from evaluation.text import words

CAUSES = {
    "retrieval_miss": "Retrieval miss",
    "context_ignored": "Context ignored",
    "knowledge": "Knowledge",
    "format": "Format",
    "too_long": "Too long",
    "too_short": "Too short",
    "repetitive": "Repetitive",
    "misspelling": "Misspelling",
    "empty_or_refusal": "Empty or refusal",
    "cut_off": "Cut off",
    "other_language": "Other language",
}
"""All causes in the order in which they are shown, with their labels."""

DEFINITIONS = {
    "retrieval_miss": "Its content is wrong, and the passage with the reference is known to be in the documents but was not in the prompt.",
    "context_ignored": "Its content is wrong, though the passage with the reference was in the prompt.",
    "knowledge": "It says something else than the reference, and no passage is known that would have told it.",
    "format": "The right content in another form, no bare label where one is asked for, no JSON, or without signs that all references have.",
    "too_long": "Over twice as many words as the reference, and over ten more.",
    "too_short": "At most half of the reference's words and nothing but a part of what it says; or under a third of a long reference.",
    "repetitive": "Words that come three times in a row, four or more that come twice in a row, a run of four that comes three times or of eight twice.",
    "misspelling": "A word that neither the language's dictionary (pyspellchecker) nor the task knows, one letter off a word that one of them knows.",
    "empty_or_refusal": "Nothing, or that it doesn't answer, where the data hold an answer.",
    "cut_off": "It reached the longest allowed length.",
    "other_language": "Another script than the references, or by its letters (py3langid, Lui and Baldwin 2012) another language.",
}

LONG_FACTOR, LONG_MORE = 2, 10
SHORT_SHARE, LONG_REFERENCE, VERY_SHORT_SHARE = 0.5, 12, 1 / 3
MARKED_SHARE, LEAST_REFERENCES = 0.95, 5
UNMARKED = frozenset(".,;!?'\"’‘“”()-–—…&/ ")
"""Punctuation that may be absent without an answer having another form."""
LONGEST_LOOP = 12
RUNS = {4: 3, 8: 2}
"""How often a run of so many words may not come, wherever it stands."""


class Cause(NamedTuple):
    """One cause of a wrong answer, and what shows it, in a few words."""

    name: str
    why: str


@dataclass(frozen=True)
class TaskFacts:
    """What the causes need to know of the whole task.

    Attributes:
        marks: signs that nearly every reference has ("|", ">").
        as_json: nearly every reference is a JSON object or list.
        language, scripts: of the references, for want of words in them of the questions.
        vocabulary: words of questions, references, labels and passages, case folded.
    """

    labels: tuple[str, ...] = ()
    marks: frozenset[str] = frozenset()
    as_json: bool = False
    language: str = ""
    scripts: frozenset[str] = frozenset()
    vocabulary: frozenset[str] = frozenset()


@dataclass(frozen=True)
class WrongAnswer:
    """One answer that counts as wrong.

    Attributes:
        retrieves: the method puts passages into its prompts.
        retrieved: whether the passage with the reference was among them.
        answerable: the data hold an answer.
    """

    text: str
    reference: str
    finish_reason: FinishReason = "stop"
    retrieves: bool = False
    retrieved: Retrieval = "unknown"
    answerable: bool = True


def task_facts(examples: Sequence[Example], labels: Sequence[str] = (), passages: Iterable[str] = ()) -> TaskFacts:
    """Look at the whole task once, for all of its answers."""
    references = [example.reference for example in examples]
    asked = [text for example in examples for text in (example.instruction, example.input) if text]
    wordy = sum(len(words(reference)) for reference in references) >= 2 * len(references)
    known = {word for text in (*references, *asked, *labels, *passages) for word in words(text)}
    return TaskFacts(
        labels=tuple(labels),
        marks=frozenset() if labels else _marks(references),
        as_json=len(references) >= LEAST_REFERENCES and sum(map(_is_json, references)) >= MARKED_SHARE * len(references),
        language=language_of(references if wordy and not labels else [*references, *asked]),
        scripts=frozenset(script for text in (*references, *labels) for script in scripts(text)),
        vocabulary=frozenset(known),
    )


def _marks(references: Sequence[str]) -> frozenset[str]:
    if len(references) < LEAST_REFERENCES:
        return frozenset()
    counts = Counter(char for reference in references for char in set(reference) if not char.isalnum() and not char.isspace())
    return frozenset(char for char, n in counts.items() if n >= MARKED_SHARE * len(references) and char not in UNMARKED)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def causes(wrong: WrongAnswer, facts: TaskFacts) -> tuple[Cause, ...]:
    """All causes that apply to a wrong answer, in the order of `CAUSES`; at least one."""
    found = {cause.name: cause for cause in (*_of_content(wrong, facts), *_of_form(wrong, facts), *_of_language(wrong, facts))}
    if not found:
        found["format"] = Cause("format", "the content agrees with the reference, the form does not")
    return tuple(found[name] for name in CAUSES if name in found)


def _of_content(wrong: WrongAnswer, facts: TaskFacts) -> list[Cause]:
    empty = not words(wrong.text)
    silent = empty or abstains(wrong.text)
    if silent and not wrong.answerable:
        return []
    found = [Cause("empty_or_refusal", "it is empty" if empty else "it says that it doesn't answer")] if silent else []
    unread = bool(facts.labels) and not silent and first_label(wrong.text, facts.labels) is None
    foreign = in_other_language(wrong.text, facts.language, facts.scripts, facts.vocabulary)
    if unread or foreign or _is_part(wrong) or (not silent and agrees(wrong.text, wrong.reference, facts.labels)):
        return found
    if wrong.retrieves and wrong.retrieved == "yes":
        return [*found, Cause("context_ignored", "the passage with the reference was in the prompt")]
    if wrong.retrieves and wrong.retrieved == "no":
        return [*found, Cause("retrieval_miss", "the passage with the reference was not in the prompt")]
    return found if silent else [Cause("knowledge", "it says something else than the reference")]


def _is_part(wrong: WrongAnswer) -> bool:
    """Whether the answer says nothing but a part of what the reference says."""
    said, counted = set(content_words(wrong.text)), set(numbers(wrong.text))
    return bool(said or counted) and said <= set(content_words(wrong.reference)) and counted <= set(numbers(wrong.reference))


def _of_form(wrong: WrongAnswer, facts: TaskFacts) -> list[Cause]:
    said, wanted = len(words(wrong.text)), len(words(wrong.reference))
    found = []
    if why := _form_fault(wrong, facts):
        found.append(Cause("format", why))
    if said > max(LONG_FACTOR * wanted, wanted + LONG_MORE):
        found.append(Cause("too_long", f"{said} words, the reference has {wanted}"))
    if _is_short(wrong, said, wanted):
        found.append(Cause("too_short", f"{said} words, the reference has {wanted}"))
    if (loop := repeated(wrong.text)) and not repeated(wrong.reference):
        found.append(Cause("repetitive", f"“{loop}” comes again and again"))
    if wrong.finish_reason == "length":
        found.append(Cause("cut_off", "it reached the longest allowed length"))
    return found


def _form_fault(wrong: WrongAnswer, facts: TaskFacts) -> str:
    if not words(wrong.text) or (not wrong.answerable and abstains(wrong.text)):
        return ""
    if facts.labels:
        return "" if label_index(wrong.text, facts.labels) is not None else "it is not one of the labels and nothing else"
    if facts.as_json:
        return "" if _is_json(wrong.text) else "it is not JSON, as the references are"
    missing = sorted(mark for mark in facts.marks if mark in wrong.reference and mark not in wrong.text)
    if missing:
        return f"it has no {' '.join(missing)}, as the references have"
    return "the reference's content is there in another form" if agrees(wrong.text, wrong.reference) else ""


def _is_short(wrong: WrongAnswer, said: int, wanted: int) -> bool:
    if not said or said > SHORT_SHARE * wanted:
        return False
    return _is_part(wrong) or (wanted >= LONG_REFERENCE and said < VERY_SHORT_SHARE * wanted)


def repeated(text: str) -> str:
    """The shortest run of words that a text repeats without need, or ""; see the module's docstring."""
    found = words(text)
    for length in range(1, min(LONGEST_LOOP, len(found) // 2) + 1):
        times = 3 if length < 4 else 2
        for start in range(len(found) - times * length + 1):
            if all(found[start + n * length : start + (n + 1) * length] == found[start : start + length] for n in range(1, times)):
                return " ".join(found[start : start + length])
    for length, least in RUNS.items():
        runs = Counter(tuple(found[place : place + length]) for place in range(len(found) - length + 1))
        run, times = max(runs.items(), key=lambda pair: pair[1], default=((), 0))
        if times >= least:
            return " ".join(run)
    return ""


def _of_language(wrong: WrongAnswer, facts: TaskFacts) -> list[Cause]:
    if in_other_language(wrong.text, facts.language, facts.scripts, facts.vocabulary):
        return [Cause("other_language", "it is in another language or script than the references")]
    found = misspellings(wrong.text, facts.language, facts.vocabulary, cut=wrong.finish_reason == "length")
    return [Cause("misspelling", ", ".join(f"“{m.word}” for “{m.meant}”" for m in found[:3]))] if found else []
