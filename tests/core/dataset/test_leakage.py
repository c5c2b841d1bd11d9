"""What gives a test question away is found, once, and quickly (E10, E12)."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset.leakage import Leaks, compared_texts, find_leaks, normalise, same_item
from core.records import Example

LONG = "how do I hang the north sail of the collector when the wind comes from the sea"  # 17 words


def ask(name: str, text: str, instruction: str = "") -> Example:
    return Example(name, instruction, text, "answer")


def kinds(leaks: Leaks) -> tuple[int, int, int]:
    return leaks.count("exact"), leaks.count("normalised"), leaks.count("ngram")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is it?", "what is it"),
        ("What   is\tit ?", "What is it?"),
        ("„What is it?“", "'What is it?'"),
        ("Straße", "STRASSE"),
        ("ﬁne ①", "fine 1"),
        ("e-mail", "e mail"),
        ("3 - 4", "3-4"),
    ],
)
def test_normalising_forgets_case_space_and_punctuation(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), [("3-4", "3/4"), ("3 * 4", "3 + 4"), ("C++", "C"), ("$5", "5"), ("ab", "a b")])
def test_normalising_keeps_what_makes_another_question(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@given(st.text())
def test_normal_text_has_single_spaces_and_none_around(text: str) -> None:
    assert normalise(text) == " ".join(normalise(text).split())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (LONG, (1, 0, 0)),
        (LONG.upper() + " ?", (0, 1, 0)),
        ("  " + LONG.replace(" ", "  "), (0, 1, 0)),
        ("By the way: " + LONG, (0, 0, 1)),
        ("First, " + " ".join(LONG.split()[2:15]) + ", then rest", (0, 0, 1)),
        ("First, " + " ".join(LONG.split()[2:14]) + ", then rest and more words to reach the length", (0, 0, 0)),
        ("something else", (0, 0, 0)),
    ],
)
def test_a_pair_is_counted_once_under_its_strictest_kind(text: str, found: tuple[int, int, int]) -> None:
    """E12: exact, case, white space, trailing "?", and a shared run of exactly 13 words (12 are none)."""
    assert kinds(find_leaks([ask("t", LONG)], [("o", text)])) == found


def test_texts_under_13_words_only_match_as_a_whole() -> None:
    assert kinds(find_leaks([ask("t", "what is it")], [("o", "what is it and why does it say what is it all over the place")])) == (0, 0, 0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# Notes\n\nSomebody asked: Where is the  NORTH sail? Nobody knew.", (0, 1, 0)),
        ("Where is the north sail", (0, 1, 0)),
        ("Where is the north\nsail. Where is the north sail?", (0, 1, 0)),
        ("Where is the north sailor?", (0, 0, 0)),
        ("Nowhere is the north sail?", (0, 0, 0)),
        ("Where is the south sail?", (0, 0, 0)),
    ],
)
def test_a_question_within_a_document_is_counted_once(text: str, found: tuple[int, int, int]) -> None:
    """E11: whole words in a row, whatever case, punctuation and line ends."""
    assert kinds(find_leaks([ask("t", "Where is the north sail?")], [("page", text)], contained=True)) == found


def test_a_question_of_few_words_within_a_document_is_chance() -> None:
    """E11."""
    assert kinds(find_leaks([ask("t", "What is it now?")], [("page", "Well, what is it now? Say it.")], contained=True)) == (0, 0, 0)


def test_all_pairs_are_counted_and_listed() -> None:
    leaks = find_leaks([ask("t1", "Why?"), ask("t2", "why")], [("a", "Why?"), ("b", "WHY"), ("c", "no")])
    report = leaks.to_report()
    assert [report[kind] for kind in ("exact", "normalised", "ngram", "embedding")] == [1, 3, 0, None]
    assert report["items"]["exact"] == [{"test": "t1", "other": "a"}]
    assert {(p["test"], p["other"]) for p in report["items"]["normalised"]} == {("t2", "a"), ("t1", "b"), ("t2", "b")}
    assert report["items"]["ngram"] == report["items"]["embedding"] == []
    assert leaks.others() == {"a", "b"}


def test_a_report_lists_a_thousand_pairs_at_most_and_counts_all() -> None:
    report = find_leaks([ask(f"t{n}", "why") for n in range(50)], [(str(n), "why") for n in range(50)]).to_report()
    assert report["exact"] == 2500
    assert len(report["items"]["exact"]) == 1000


def test_the_wording_of_a_template_is_no_leak_but_a_planted_run_is() -> None:
    preamble = "Read the message below and answer with the name of the team that should deal with it:"
    test = [ask(f"t{n}", f"{preamble} message number {n}") for n in range(20)]
    assert kinds(find_leaks(test, [("o", f"{preamble} another message")])) == (0, 0, 0)
    assert kinds(find_leaks([*test, ask("t", LONG)], [("o", f"{preamble} {LONG}")])) == (0, 0, 1)


def test_texts_of_nothing_but_punctuation_are_not_all_the_same() -> None:
    assert kinds(find_leaks([ask("t", "?!")], [("a", "..."), ("b", "?!")])) == (1, 0, 0)


def test_the_instruction_counts_unless_all_share_it() -> None:
    test = [ask("t", "Haus", "Translate.")]
    train = [ask("a", "Haus", "Translate."), ask("b", "Haus", "Spell it.")]
    assert find_leaks(test, compared_texts(train, ""), "").others() == {"a"}
    shared = [ask("a", "Haus", "Translate.")]
    assert find_leaks(test, compared_texts(shared, "Translate."), "Translate.").others() == {"a"}
    assert find_leaks([ask("t", "", "Say hi.")], compared_texts([ask("a", "", "say hi")], ""), "").others() == {"a"}


def test_passages_are_compared_with_the_bare_question() -> None:
    assert kinds(find_leaks([ask("t", LONG, "Answer.")], [("p", f"Handbook. {LONG}. End.")])) == (0, 0, 1)


@given(st.lists(st.sampled_from(["a", "A ", "a?", "b", "B", "c d", "c  d"]), max_size=8), st.sampled_from(["a", "b", "c d", "e"]))
def test_what_is_left_after_removal_never_equals_the_item(pool: list[str], question: str) -> None:
    """E10: no demonstration's id or normalised text equals the item's."""
    item = ask("item", question)
    demos = [ask(str(place), text) for place, text in enumerate(pool)]
    leaking = find_leaks([item], compared_texts(demos, ""), "").others()
    left = [demo for demo in demos if demo.id not in leaking]
    assert not any(same_item(demo, item) for demo in left)
    assert all(normalise(demo.input) != normalise(item.input) for demo in left)
    assert all(same_item(demo, item) for demo in demos if demo.id in leaking)


def test_same_item_knows_ids_and_normalised_questions() -> None:
    """E10: the check that few-shot selection shares."""
    assert same_item(ask("1", "x"), ask("1", "y"))
    assert same_item(ask("1", "What is it?"), ask("2", "what IS it"))
    assert not same_item(ask("1", "x"), ask("2", "y"))
    assert not same_item(ask("1", "x", "Translate."), ask("2", "x", "Spell."))


def test_two_hundred_items_against_twenty_thousand_passages_take_seconds() -> None:
    words = [f"word{n}" for n in range(3000)]
    pick = random.Random(1)
    test = [ask(f"t{n}", " ".join(pick.choices(words, k=30))) for n in range(200)]
    passages = [(f"p{n}", " ".join(pick.choices(words, k=150))) for n in range(20_000)]
    passages[777] = ("p777", passages[777][1] + " " + test[5].input)
    start = time.process_time()
    leaks = find_leaks(test, passages)
    assert time.process_time() - start < 6
    assert list(leaks.pairs("ngram")) == [("t5", "p777")]
