"""Where a reader would pause: each place between two tokens is graded, and windows of tokens end at the best place near their limit.

A heading counts from a quarter of the size on, so that a small section stays whole and begins with its own heading instead of losing
it to the passage before; the overlap never reaches back over a heading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum

Span = tuple[int, int]

_FENCE = re.compile(r"^ {0,3}(```|~~~).*?(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^ {0,3}(?P<mark>#{1,6}[ \t]+\S)|^(?P<under>\S[^\n]*)\n([=~^-])\3{2,}[ \t]*$", re.MULTILINE)
_LIST_NUMBER = re.compile(r"(\A|\n)[ \t]*\d{1,3}\.\Z")
_ENDS, _WIDE_ENDS, _CLOSERS = ".!?…", "。！？", "\"'”’»)]"


class Grade(IntEnum):
    """How good a place is for a cut, worst first."""

    INSIDE = 0  # the next token is a part of the same character
    TOKEN = 1
    WORD = 2
    LINE = 3
    SENTENCE = 4
    PARAGRAPH = 5
    HEADING = 6


def windows(boundaries: Sequence[Grade], size: int, overlap: int) -> list[tuple[int, int]]:
    """Token ranges [first, after) that cover all tokens, none longer than `size`, each ending later than the one before.

    Args:
        boundaries: the grade of the place before each token.
    """
    ranges: list[tuple[int, int]] = []
    first = cut = 0
    while len(boundaries) - first > size:
        cut = _cut(boundaries, first, cut, size)
        ranges.append((first, cut))
        first = _next_start(boundaries, first, cut, overlap)
    return [*ranges, (first, len(boundaries))]


def _cut(boundaries: Sequence[Grade], first: int, previous: int, size: int) -> int:
    limit = first + size
    for grade in sorted(Grade, reverse=True):
        least = size // 4 if grade is Grade.HEADING else size // 2
        for place in range(limit, max(first + least, previous + 1) - 1, -1):
            if boundaries[place] >= grade:
                return place
    return limit


def _next_start(boundaries: Sequence[Grade], first: int, cut: int, overlap: int) -> int:
    if boundaries[cut] is Grade.HEADING:
        return cut
    reach = range(max(cut - overlap, first + 1), cut)
    for grade in (Grade.SENTENCE, Grade.LINE, Grade.WORD):
        for place in reach:
            if boundaries[place] >= grade:
                return place
    return cut


def grades(text: str, spans: Sequence[Span]) -> list[Grade]:
    """The grade of the place before each token; the first place counts as a heading."""
    headings = _heading_starts(text)
    return [Grade.HEADING if not i else _grade(text, spans[i - 1], spans[i], headings) for i in range(len(spans))]


def _grade(text: str, before: Span, after: Span, headings: set[int]) -> Grade:
    if after[0] <= before[0] or after[0] < before[1]:
        return Grade.INSIDE
    if after[0] in headings:
        return Grade.HEADING
    gap = text[before[1] : after[0]]
    if gap.count("\n") > 1:
        return Grade.PARAGRAPH
    tail = text[max(0, before[1] - 8) : before[1]]
    said = tail.rstrip(_CLOSERS)[-1:]
    if said and (said in _WIDE_ENDS or (said in _ENDS and gap and not _LIST_NUMBER.search(tail))):
        return Grade.SENTENCE
    if "\n" in gap:
        return Grade.LINE
    return Grade.WORD if gap else Grade.TOKEN


def _heading_starts(text: str) -> set[int]:
    """Where `# …` and underlined headings begin, outside of code fences."""
    fences = [m.span() for m in _FENCE.finditer(text)]
    found = (m.start("mark") if m["mark"] else m.start("under") for m in _HEADING.finditer(text))
    return {start for start in found if not any(a <= start < b for a, b in fences)}
