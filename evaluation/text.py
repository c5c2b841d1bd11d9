"""How metrics see text: one normal form and one way to cut words, for all metrics and all scripts.

The normal form follows SQuAD's scorer (Rajpurkar et al. 2016: lower case, no punctuation, no English articles, single spaces), since
published exact match and token F1 mean that. It leaves it in four places, each because SQuAD's rule calls a wrong answer right, or a right
one wrong:

- Numbers keep their sign and decimal point: SQuAD makes 12.25 equal to 1225 and -5 equal to 5. Commas between thousands still go.
- Unicode: NFKC and case folding; punctuation of every script, not only of ASCII; marks stay with their letters (Python's `\\w` drops the
  vowel signs of Devanagari and would cut each word there).
- Chinese, Japanese, Thai, Lao, Khmer, Burmese and Tibetan put no space between words, so each of their characters counts as a word.
- A text of nothing but punctuation or articles ("?", "A") keeps them, so that different ones do not all become the same empty text.
"""

from __future__ import annotations

import re
import string
import unicodedata
from bisect import bisect_right

ARTICLES = frozenset({"a", "an", "the"})
JOINING = frozenset(string.punctuation) | frozenset("’‘ʼ‐‑")
"""Deleted where they stand, as SQuAD does ("don't" is "dont"). Punctuation outside this set becomes a space."""

_UNSPACED = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x3005, 0x3007),  # ideographic iteration mark and zero
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31BF),  # Bopomofo, extended
    (0x31F0, 0x31FF),  # Katakana, extended
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
    (0xA980, 0xA9DF),  # Javanese
    (0xF900, 0xFAFF),  # Han, compatibility
    (0x1AFF0, 0x1B16F),  # Kana, supplements
    (0x20000, 0x3FFFF),  # Han, further extensions
)
_STARTS = [start for start, _ in _UNSPACED]
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_RANGE_DASH = re.compile(r"(?<=\d)[-–—](?=\d)")


def canonical(text: str) -> str:
    """NFKC, case folded, without invisible format characters (joiners, direction marks, byte-order mark)."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", without_format(text)).casefold())


def without_format(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def is_unspaced(char: str) -> bool:
    """Whether it belongs to a script that puts no spaces between words; its digits do not count."""
    code = ord(char)
    if code < 0x0E00:
        return False
    place = bisect_right(_STARTS, code) - 1
    return code <= _UNSPACED[place][1] and unicodedata.category(char) != "Nd"


def mostly_unspaced(text: str) -> bool:
    """Whether more than half of its letters belong to scripts without spaces between words."""
    letters = [char for char in text if is_word_character(char)]
    return 2 * sum(map(is_unspaced, letters)) > len(letters)


def is_word_character(char: str) -> bool:
    """A letter, a mark on one, or a digit."""
    return unicodedata.category(char)[0] in "LMN"


def words(text: str) -> list[str]:
    """Runs of letters, marks and digits, case folded; each character of an unspaced script by itself, with its marks.

    On ASCII text these are the tokens of rouge_score before stemming.
    """
    text = canonical(text)
    if text.isascii():
        return re.findall(r"[a-z0-9]+", text)
    found: list[str] = []
    inside = ""
    for char in text:
        if not is_word_character(char):
            inside = ""
        elif inside and unicodedata.category(char)[0] == "M":
            found[-1] += char
        elif is_unspaced(char):
            found.append(char)
            inside = "character"
        elif inside == "word":
            found[-1] += char
        else:
            found.append(char)
            inside = "word"
    return found


def normalise(text: str) -> str:
    """The normal form in which answers are compared; see the module's docstring."""
    return " ".join(answer_tokens(text))


def answer_tokens(text: str) -> list[str]:
    """The normal form's tokens. Empty only where the text is blank."""
    text = canonical(text).replace("−", "-")
    tokens = _split_unspaced(_without_punctuation(text).split())
    return [token for token in tokens if token not in ARTICLES] or tokens or text.split()


def unfenced(text: str) -> str:
    """What stands in the single code fence that the whole text is, or the text itself."""
    text = text.strip()
    if len(text) < 6 or not (text.startswith("```") and text.endswith("```")) or "```" in text[3:-3]:
        return text
    language, _, rest = text[3:-3].partition("\n")
    return rest if rest and (language.strip().isalnum() or not language.strip()) else text[3:-3]


def _without_punctuation(text: str) -> str:
    text = _RANGE_DASH.sub(" ", text)
    kept: list[str] = []
    for place, char in enumerate(text):
        last = kept[-1] if kept else " "
        if char in ".,-" and _belongs_to_number(char, last, text[place + 1 : place + 3]):
            kept.append(char)
        else:
            kept.extend(_replacement(char))
    return _THOUSANDS.sub(lambda found: found[0].replace(",", ""), "".join(kept))


def _belongs_to_number(char: str, last: str, following: str) -> bool:
    """Whether a point, comma or hyphen is part of a number, given what was kept before it and the two characters after it."""
    fresh = not is_word_character(last) and last not in ".,-"
    if char == "-":
        return fresh and re.match(r"\.?\d", following) is not None
    return following[:1].isdecimal() and (last.isdecimal() or (char == "." and (fresh or last == "-")))


def _replacement(char: str) -> str:
    if char in JOINING:
        return ""
    return " " if not char.isascii() and unicodedata.category(char)[0] == "P" else char


def _split_unspaced(tokens: list[str]) -> list[str]:
    cut: list[str] = []
    for token in tokens:
        if token.isascii():
            cut.append(token)
            continue
        spaced = True
        for place, char in enumerate(token):
            mark = place > 0 and unicodedata.category(char)[0] == "M"
            unspaced = is_unspaced(char)
            if place == 0 or (not mark and (unspaced or not spaced)):
                cut.append(char)
            else:
                cut[-1] += char
            spaced = spaced if mark else not unspaced
    return cut
