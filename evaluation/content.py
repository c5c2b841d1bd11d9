"""What a text says, as far as words show it: its content words, numbers, names and statements.

Groundedness, causes of errors and the search for the passage with the reference all rest on these, so that they mean the same everywhere.
They are lexical: no model reads the text. "Three" and "3" are the same number, "chained" and "chains" the same word; "car" and "automobile"
are not, and who did what to whom is not seen at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from evaluation.language import is_english
from evaluation.text import answer_tokens, canonical, words

_LITTLE = """
a about above after again all also am an and any are as at be because been before being below between both but by can could did do
does doing done down during each few for from further had has have having he her here hers him his how i if in into is it its itself
just let may me might more most much must my of off on once one only or other our ours out over own per please same shall she should
so some such than that the their theirs them then there these they this those through to too under until up upon us very was we were
what when where which while who whom whose why will with within would you your yours im ive ill id youre youve youll theyre theyve
weve were hes shes its thats theres whats lets yes ok okay answer answers question questions"""
STOP_WORDS = frozenset(_LITTLE.split())
"""English words that carry little; "answer" and "question" are among them, since answers like to begin with them. Words of other languages
are all kept. "no" and "not" are content."""

_DENIALS = """
no not never none cannot cant dont doesnt didnt wont isnt arent wasnt werent shouldnt mustnt couldnt wouldnt havent hasnt hadnt"""
NEGATIONS = frozenset(_DENIALS.split())
_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBER_WORDS = {word: n for n, word in enumerate(_UNITS.split()) if n > 1} | {word: 10 * n for n, word in enumerate(_TENS.split(), 2)}
"""From two on: "one" is a pronoun more often than a number, and "zero" is rare."""

_APOSTROPHE = re.compile(r"(?<=\w)['’ʼ](?=\w)")
_POSSESSIVE = re.compile(r"['’ʼ]s?$", re.IGNORECASE)
_CODE = re.compile(r"(?<![\w-])[^\W\d_][\w-]*\d[\w-]*")
_RANGE = re.compile(r"(?<=\d)\s?[-–—]\s?(?=\d)")
_TIME = re.compile(r"(?<![\w:.])\d{1,2}:\d{2}(?![\d:])")
_NUMBER = re.compile(r"(?<![\w.,])(?:(?<![^\s(])[-−])?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)(?![\d])")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=\S)|(?<=[。！？])\s*(?=\S)|\n+\s*")
_NO_END = re.compile(r"(?:\b(?:e\.g|i\.e|approx|no|nr|vs|dr|mr|mrs|ms|st|fig)|(?:^|\s)[^\W\d_])\.$", re.IGNORECASE)
_LIST_MARK = re.compile(r"^(?:[-*•#]+|\(?\d{1,2}[.)])(?:\s+|$)")
_NO_DENIAL = re.compile(r"\b(?:no (?:more|less|fewer|later|sooner|longer) than|not only|not just|if not|whether or not)\b|^no[,.!] +(?=\S)")
_WORD = re.compile(r"[^\W_](?:[\w.&-]*[^\W_])?(?:['’]\w+)?")
HEADING_WORDS, HEADING_SHARE = 4, 0.75
ENDS = (".", "!", "?", ",", ";")
OPENING = ('"', "“", "‘", "(", "«", ": ")


@lru_cache(maxsize=1)
def _porter() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("porter")


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Porter's stem of an English-looking word of more than three letters; any other word as it is."""
    return str(_porter().stemWord(word)) if len(word) > 3 and word.isascii() else word


@lru_cache(maxsize=20_000)
def content_words(text: str) -> tuple[str, ...]:
    """Stems of the words that carry meaning, in order: no stop words, no numbers; codes ("EN-3") whole."""
    text = _APOSTROPHE.sub("", canonical(text))
    found = [code[0] for code in _CODE.finditer(text)]
    rest = words(_CODE.sub(" ", text))
    return (*found, *(stem(w) for w in rest if w not in STOP_WORDS and w not in NUMBER_WORDS and not w[0].isdecimal()))


@lru_cache(maxsize=20_000)
def numbers(text: str) -> tuple[str, ...]:
    """The numbers in one form: "1,200", "1200.0" and "1200" are equal, so are "twenty-two" and "22"; times as "7:05". No digits of codes."""
    text = _RANGE.sub(" ", _CODE.sub(" ", canonical(text)))
    found = [time[0].lstrip("0") for time in _TIME.finditer(text)]
    found += [_plain(number[0]) for number in _NUMBER.finditer(_TIME.sub(" ", text))]
    return tuple(found) + tuple(_spelt(words(text)))


def _plain(number: str) -> str:
    number = number.replace("−", "-")
    grouped = re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", number)
    value = Decimal(number.replace(",", "" if grouped else ".")).normalize()
    return format(value, "f")


def _spelt(found: list[str]) -> Iterator[str]:
    place = 0
    while place < len(found):
        value = NUMBER_WORDS.get(found[place])
        following = NUMBER_WORDS.get(found[place + 1]) if place + 1 < len(found) else None
        if value is not None and value >= 20 and following is not None and following < 10:
            value, place = value + following, place + 1
        if value is not None:
            yield str(value)
        place += 1


def sentences(text: str) -> list[str]:
    """The text cut behind full stops and at line ends, without list marks."""
    found: list[str] = []
    for part in _SENTENCE_END.split(text.strip()):
        if found and _NO_END.search(found[-1]):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return [_LIST_MARK.sub("", part).strip() for part in found]


def statements(text: str) -> list[str]:
    """The sentences that say something: each has a content word or a number."""
    return [part for part in sentences(text) if content_words(part) or numbers(part)]


@lru_cache(maxsize=20_000)
def names(text: str) -> tuple[str, ...]:
    """Names of people, places, things: runs of capitalised words, words in capitals, and codes ("EN-3").

    A capital that begins a sentence says nothing, so a first word counts only before a second capitalised one, and if it is no English word
    ("Ask Marit Oakes"). A line that is capitalised throughout is a heading. Scripts without capitals have no names here; German nouns all are.
    """
    found = [code[0] for code in _CODE.finditer(text) if any(char.isupper() for char in code[0])]
    for sentence in sentences(text):
        found += _runs(_CODE.sub(" , ", sentence))
    return tuple(dict.fromkeys(found))


def _runs(sentence: str) -> Iterator[str]:
    spans = list(_WORD.finditer(sentence))
    capital = [_is_capitalised(span[0]) for span in spans]
    if len(spans) >= HEADING_WORDS and sum(capital) >= HEADING_SHARE * len(spans) and not sentence.endswith(ENDS):
        return
    place = 0
    while place < len(spans):
        end = place
        while end < len(spans) and capital[end] and (end == place or not sentence[spans[end - 1].end() : spans[end].start()].strip()):
            end += 1
        run = [span[0] for span in spans[place:end]]
        begins = place == 0 or sentence[: spans[place].start()].endswith(OPENING)
        if begins and len(run) == 1 and not _shouted(run[0]):
            run = []
        elif begins and run and (canonical(run[0]) in STOP_WORDS or (run[0].istitle() and is_english(run[0].lower()))):
            run = run[1:]
        name = _POSSESSIVE.sub("", " ".join(run))
        if len(name) > 1 and canonical(name) not in STOP_WORDS | NEGATIONS:
            yield name
        place = max(end, place + 1)


def _is_capitalised(word: str) -> bool:
    return word[0].isupper() and _APOSTROPHE.split(word)[0] != "I"


def _shouted(word: str) -> bool:
    return len(word) > 1 and word.isupper()


def negated(text: str) -> bool:
    """Whether a statement denies something; "no more than three" and the "No," that begins an answer deny nothing."""
    return not NEGATIONS.isdisjoint(answer_tokens(_NO_DENIAL.sub(" ", canonical(text))))


def stands_in(name: str, text: str) -> bool:
    """Whether the name's words stand in the text in a row, whatever their case."""
    inner, outer = words(_POSSESSIVE.sub("", name)), words(text)
    return any(outer[start : start + len(inner)] == inner for start in range(len(outer) - len(inner) + 1)) if inner else False
