"""The general probe: its items, their rules, and that what models rehearse is not what they are asked."""

from __future__ import annotations

from collections import Counter

import pytest

from core.dataset import find_leaks, normalise
from core.errors import PlanError
from core.records import Example
from core.specs import read_spec
from evaluation.probing import KINDS, ProbeItem, last_number, probe_set
from training.rehearsal import general_examples

ITEMS = [item for _, item in probe_set().items()]


def test_there_are_42_items_of_each_kind_and_no_id_or_question_twice() -> None:
    assert {kind: len(items) for kind, items in probe_set().kinds.items()} == dict.fromkeys(KINDS, 42)
    assert len(ITEMS) >= 150
    assert max(Counter(item.id for item in ITEMS).values()) == 1
    assert max(Counter(normalise(item.question) for item in ITEMS).values()) == 1
    assert all(item.id.startswith(f"{kind}-") for kind, item in probe_set().items())


def test_no_two_questions_are_one_template_filled_in() -> None:
    """At most three begin with the same four words, and no two differ in a single word."""
    starts = Counter(" ".join(normalise(item.question).split()[:4]) for item in ITEMS)
    assert max(count for start, count in starts.items() if start.count(" ") == 3) <= 6
    bags = [frozenset(normalise(item.question).split()) for item in ITEMS]
    alike = [(ITEMS[a].id, ITEMS[b].id) for a in range(len(bags)) for b in range(a) if len(bags[a] ^ bags[b]) <= 2 and len(bags[a]) > 6]
    assert alike == []


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.id)
def test_every_rule_accepts_its_sample_and_rejects_the_wrong_answer_silence_and_the_question_itself(item: ProbeItem) -> None:
    assert item.accepts(item.sample)
    assert not item.accepts(item.wrong)
    assert not item.accepts("") and not item.accepts(" \n")
    assert not item.accepts(item.question), "a model that repeats the question knows nothing"


@pytest.mark.parametrize("answer", ["billing", "Route to: repair", "I don't know.", "yes no yes no", "1 2 3 4 5 6 7 8 9 10"])
def test_an_answer_of_the_task_is_right_almost_nowhere(answer: str) -> None:
    assert sum(item.accepts(answer) for item in ITEMS) <= 0.05 * len(ITEMS)


@pytest.mark.parametrize(
    ("condition", "right", "wrong"),
    [
        ({"accept": ["da vinci"]}, "By Leonardo da Vinci!", "davinci"),
        ({"accept": ["ice"]}, "Ice.", "It is nice."),
        ({"accept_all": ["blue", "yellow"]}, "yellow and blue", "blue"),
        ({"accept": ["rain"], "reject": ["snow"]}, "rain", "rain and snow"),
        ({"says": ["1 2 3"], "lines": 3}, "1\n2\n\n3\n", "1 2 3"),
        ({"number": 1000}, "That makes 1,000.", "1000 or 1001"),
        ({"contains": ["[moon]"]}, "Here: [moon]", "[Moon ]"),
        ({"starts": ["Sure"]}, "  Sure, here.", "sure, here."),
        ({"ends": ["?"]}, "Who is it?", "Who is it? Me."),
        ({"ends": ["home"]}, "We go home.", "We go home now."),
        ({"words": [2, 2]}, "Hello, you!", "Hello"),
        ({"sentences": 2}, "It is 3.5 m. It is long.", "It is 3.5 m long."),
        ({"entries": 2, "each": ["cat", "dog"]}, "1. Cat\n2. Dog", "cat\ncat"),
        ({"entries": 2, "separator": ",", "each": ["cat", "dog"]}, "dog, cat.", "dog, cat, cow"),
        ({"case": "upper"}, "WHITE!", "White"),
        ({"case": "lower"}, "monday", "Monday"),
        ({"json_object": {"a": 1}}, '{"a": 1}', '{"a": 1'),
    ],
)
def test_each_condition_by_hand(condition: dict[str, object], right: str, wrong: str) -> None:
    item = read_spec(ProbeItem, {"id": "x", "question": "?", "sample": right, "wrong": wrong, **condition})
    assert item.accepts(right) and not item.accepts(wrong)


def test_the_last_number_counts_and_words_only_where_there_are_no_digits() -> None:
    assert last_number("2 + 3 = 5.") == 5 and last_number("-4") == -4 and last_number("half: 0.5") == 0.5
    assert last_number("Seven, no: eight") == 8 and last_number("two of 9") == 9 and last_number("H2O") is None


def test_a_misspelt_condition_is_refused_with_the_nearest() -> None:
    with pytest.raises(PlanError, match="acept") as caught:
        read_spec(ProbeItem, {"id": "x", "question": "?", "sample": "a", "wrong": "b", "acept": ["a"]}, "facts")
    assert "accept" in caught.value.remedy


def test_the_general_text_has_over_2000_words() -> None:
    assert len(probe_set().text.split()) >= 2000


def test_rehearsed_rows_are_100_or_more_and_share_no_item_with_the_probe() -> None:
    """By the same text, the same after normalising, a question that stands within, and runs of 13 words; nor with the general text."""
    rows = general_examples()
    assert len(rows) >= 100 and len({row.id for row in rows}) == len(rows) and all(row.reference.strip() for row in rows)
    probe = [Example(item.id, "", item.question, item.sample) for item in ITEMS]
    texts = [(row.id, f"{row.input}\n{row.reference}") for row in rows]
    assert list(find_leaks(probe, [(row.id, row.input) for row in rows]).everything()) == []
    assert list(find_leaks(probe, texts, contained=True).everything()) == []
    assert list(find_leaks(rows, [("text", probe_set().text)], contained=True).everything()) == []
    assert not {normalise(row.input) for row in rows} & {normalise(item.question) for item in ITEMS}
