import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import tokenize as rouge_tokenize

from evaluation.text import answer_tokens, canonical, normalise, words

SCRIPTS = ["Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Korean"]


def squad(text: str) -> str:
    """SQuAD's normal form, in its four published steps."""
    text = "".join(char for char in text.lower() if char not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


@given(st.text(alphabet=string.ascii_letters + string.punctuation + " \n", max_size=60))
def test_without_digits_ascii_text_has_squads_normal_form(text: str) -> None:
    if squad(text):
        assert normalise(text) == squad(text)
    else:
        assert bool(normalise(text)) == bool(text.strip()), "where nothing else is left, articles and signs stay"


@given(st.text(max_size=60) | st.text(alphabet="a5.,-*$ –−", max_size=12))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(max_size=60))
def test_only_blank_text_has_no_tokens(text: str) -> None:
    assert bool(answer_tokens(text)) == bool(canonical(text).strip())


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=80))
def test_words_of_ascii_text_are_rouge_scores_tokens(text: str) -> None:
    """E14"""
    assert words(text) == rouge_tokenize.tokenize(text, None)


@pytest.mark.parametrize("script", SCRIPTS)
def test_marks_never_cut_a_word(script: str, golden: Any) -> None:
    text = golden("scripts")[script].replace("o'clock", "oclock")
    assert len(words(text)) == len(text.split())


def test_unspaced_scripts_are_cut_by_character_with_its_marks() -> None:
    assert words("咖啡馆 9点") == ["咖", "啡", "馆", "9", "点"]
    assert words("กี่") == ["กี่"]
    assert answer_tokens("用Python写") == ["用", "python", "写"]


def test_invisible_characters_do_not_matter() -> None:
    assert normalise("\ufeffno\u200bthing\u200e") == "nothing"


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert normalise("cafe\u0301") == normalise("caf\u00e9")
