"""Which option a multiple-choice row's answer means, and which label a number stands for.

Files name the right option by its text, by a letter (A is the first) or by its place counted from 0, and mostly without saying which. A
whole file is read in one way: "2" among the options 1, 2 and 3 is a text in a file of texts, and the third option in a file of places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.records import Example

Reading = Callable[[str, Sequence[str]], int | None]


def by_text(answer: str, options: Sequence[str]) -> int | None:
    return options.index(answer) if answer in options else None


def by_letter(answer: str, options: Sequence[str]) -> int | None:
    """ "B" or "(B)"; capital letters only."""
    letter = answer.strip("(). ")
    place = ord(letter) - ord("A") if len(letter) == 1 else -1
    return place if 0 <= place < min(len(options), 26) else None


def by_place(answer: str, options: Sequence[str]) -> int | None:
    """Counted from 0."""
    place = int(answer) if answer.isascii() and answer.isdecimal() and len(answer) < 4 else -1
    return place if 0 <= place < len(options) else None


READINGS: tuple[Reading, ...] = (by_text, by_letter, by_place)


def with_option_texts(examples: Sequence[Example]) -> list[Example]:
    """The examples with the right option's text as reference, where it was given as a letter or a place; all others as they are.

    The first reading that explains every row with options counts for the whole file; where none does, each row is read by itself.
    """
    rows = [e for e in examples if e.choices]
    whole = next((read for read in READINGS if all(read(e.reference, e.choices) is not None for e in rows)), None)
    return [_settled(e, (whole,) if whole else READINGS) if e.choices else e for e in examples]


def _settled(example: Example, readings: Sequence[Reading]) -> Example:
    for read in readings:
        place = read(example.reference, example.choices)
        if place is not None:
            return replace(example, reference=example.choices[place])
    return example


def with_label_name(example: Example, labels: Sequence[str]) -> Example:
    """The example with the label that its number stands for, as GLUE's files have them; unless the labels are numbers themselves."""
    if example.reference in labels or any(label.isdecimal() for label in labels):
        return example
    place = by_place(example.reference, labels)
    return example if place is None else replace(example, reference=labels[place])
