"""Which language a text is in, and which of its words are misspelt. Offline, both by small packages with their data inside.

*Language.* First the script: an answer in Cyrillic to a task in Latin is in another language, whatever its words. Within one script
py3langid decides (Lui and Baldwin 2012, langid.py: naive Bayes over byte n-grams, 97 languages, 4.6 MB). It is unsure on a few words, so an
answer counts as another language only where it has at least four words, over a quarter of them unknown to the task and the language's
dictionary, and the other language is ahead by a margin (10 in log-likelihood).

*Spelling.* A word is misspelt where neither pyspellchecker's dictionary nor the task itself knows it, and one change of a letter makes it a
word that one of them knows. Names, codes, abbreviations and invented words are unknown too, but rarely one letter off, and are left alone.
Dictionaries are there for English, Spanish, French, Portuguese, German, Italian, Dutch, Russian, Arabic, Latvian, Basque and Persian; in
other languages nothing is called misspelt.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from evaluation.text import words

DICTIONARIES = frozenset({"en", "es", "fr", "pt", "de", "it", "nl", "ru", "ar", "lv", "eu", "fa"})
LEAST_WORDS = 4
KNOWN_SHARE = 0.75
LEAST_MARGIN = 10.0
SAMPLE, SAMPLE_WORDS = 20_000, 3_000
ENGLISH_SHARE = 0.85
SHORTEST = 4
COMMON = 10_000
ENDINGS = ("ers", "ness", "able", "less", "ing", "er", "ed", "ly", "s")
_PLAIN_WORD = re.compile(r"(?<![\w'’@*#./-])[^\W\d_]+(?![\w'’@/-]|\.\w)")


class Misspelling(NamedTuple):
    """A word and what it may have been meant to be."""

    word: str
    meant: str


def scripts(text: str) -> Counter[str]:
    """How many letters of each script there are: LATIN, CYRILLIC, CJK, HIRAGANA…"""
    return Counter(_script(char) for char in text if char.isalpha())


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    return unicodedata.name(char, "UNKNOWN").split(" ")[0].split("-")[0]


@lru_cache(maxsize=4096)
def ranked(text: str) -> tuple[tuple[str, float], ...]:
    """Languages with their log-likelihoods, the likeliest first."""
    import py3langid

    return tuple((str(language), float(score)) for language, score in py3langid.rank(text))


def language_of(texts: Iterable[str]) -> str:
    """The language of a task's texts together, as an ISO 639-1 code; "" where they hold no words."""
    found = [word for text in texts for word in words(text[:SAMPLE]) if word[0].isalpha()][:SAMPLE_WORDS]
    if len(found) >= LEAST_WORDS and sum(_in_dictionary(word, "en") for word in found) >= ENGLISH_SHARE * len(found):
        return "en"  # the commonest case needs no model
    return ranked(" ".join(found))[0][0] if found else ""


def in_other_language(text: str, language: str, task_scripts: Iterable[str], vocabulary: frozenset[str]) -> bool:
    """Whether an answer is in another language than its task; see the module's docstring.

    Args:
        language: of the task's references, by `language_of`.
        task_scripts: the scripts of the task's texts.
        vocabulary: words of the task, case folded.
    """
    found = scripts(text)
    if not found:
        return False
    if found.most_common(1)[0][0] not in set(task_scripts):
        return True
    said = [word for word in words(text) if word[0].isalpha()]
    if len(said) < LEAST_WORDS or not language:
        return False
    known = sum(word in vocabulary or _in_dictionary(word, language) for word in said)
    if known >= KNOWN_SHARE * len(said):
        return False
    order = dict(ranked(" ".join(said)))
    best = max(order, key=lambda code: order[code])
    return best != language and order[best] - order.get(language, float("-inf")) >= LEAST_MARGIN


def misspellings(text: str, language: str, vocabulary: frozenset[str], *, cut: bool = False) -> list[Misspelling]:
    """The misspelt words of a text, in order.

    Args:
        vocabulary: the task's own words, case folded: those of its questions, references and passages.
        cut: the text was cut, so its last word may be half a word.
    """
    if language not in DICTIONARIES:
        return []
    found = list(_PLAIN_WORD.finditer(text))
    if cut and found and not text[found[-1].end() :].strip():
        found.pop()
    plain = {match[0].lower(): match[0][0].isupper() and match.start() > 0 for match in reversed(found)}
    unknown = [
        word
        for word, name in reversed(plain.items())
        if len(word) >= SHORTEST and not name and word.casefold() not in vocabulary and not _in_dictionary(word, language)
    ]
    return [Misspelling(word, meant) for word in unknown if (meant := _meant(word, language, vocabulary))]


def is_english(word: str) -> bool:
    """Whether a word in small letters is a common one of English; the dictionary lists rare names, too."""
    return int(_checker("en")[word]) >= COMMON


def _meant(word: str, language: str, vocabulary: frozenset[str]) -> str:
    """The word that is one letter away: the task's own first, then the commonest; "" where there is none."""
    checker = _checker(language)
    near: Sequence[str] = sorted(checker.edit_distance_1(word))
    own = [other for other in near if other in vocabulary and len(other) >= SHORTEST]
    listed = [other for other in near if other in checker and len(other) >= SHORTEST]
    return own[0] if own else max(listed, key=lambda other: int(checker[other])) if listed else ""


def _in_dictionary(word: str, language: str) -> bool:
    """Whether it is listed, or is a listed word with an English ending ("scam", "scammer")."""
    if language not in DICTIONARIES:
        return False
    checker = _checker(language)
    if word in checker or language != "en":
        return word in checker
    stems = [word.removesuffix(ending) for ending in ENDINGS if word.endswith(ending) and len(word) - len(ending) >= SHORTEST]
    return any(form in checker for stem in stems for form in (stem, f"{stem}e", stem[:-1] if stem[-1] == stem[-2] else stem))


@lru_cache(maxsize=4)
def _checker(language: str) -> Any:
    from spellchecker import SpellChecker

    return SpellChecker(language=language, distance=1)
