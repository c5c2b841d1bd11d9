import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.corruptions import FLUFF, KINDS, corrupted, exchanged, negated, padded, pleading, shuffled, truncated

TEXT = "The pump is kept in hall 3 behind the gate"


def test_each_kind_spoils_what_it_says() -> None:
    spoilt = shuffled(TEXT)
    assert spoilt is not None and spoilt != TEXT and sorted(spoilt.split()) == sorted(TEXT.split())
    assert truncated(TEXT) == "The pump is"
    assert negated(TEXT) == "The pump is not kept in hall 3 behind the gate"
    longer = padded(TEXT)
    assert longer is not None and TEXT in longer and sum(sentence in longer for sentence in FLUFF) == 3
    assert exchanged(TEXT, [TEXT.upper(), "", "Hall 4"]) == "Hall 4"
    assert pleading("Hall 4", 5).splitlines()[0] == "Hall 4" and pleading("Hall 4", 5).endswith("5")


@pytest.mark.parametrize(
    ("text", "opposite"),
    [
        ("It does not leak.", "It does leak."),
        ("billing", "Not billing"),
        ("Press the red button twice", "It is not true that press the red button twice"),
        ("手を洗う", None),
        ("42", None),
        ("not", None),
    ],
)
def test_the_opposite_is_said_where_it_can_be(text: str, opposite: str | None) -> None:
    assert negated(text) == opposite


@pytest.mark.parametrize("label", ["billing", "two words", ""])
def test_a_label_is_not_shuffled_or_cut(label: str) -> None:
    assert shuffled(label) is None and truncated(label) is None


def test_a_label_is_still_spoilt_by_another_label_its_opposite_and_fluff() -> None:
    assert set(corrupted("billing", ["repair", "billing"])) == {"negated", "padded", "exchanged"}


def test_equal_references_are_not_exchanged() -> None:
    assert "exchanged" not in corrupted(TEXT, [TEXT] * 5)


@settings(deadline=None)
@given(st.text(max_size=80), st.lists(st.text(max_size=20), max_size=5))
def test_a_corruption_differs_from_the_text_and_is_the_same_each_time(text: str, others: list[str]) -> None:
    found = corrupted(text, others)
    assert found == corrupted(text, others) and set(found) <= set(KINDS)
    assert all(" ".join(other.lower().split()) != " ".join(text.lower().split()) for other in found.values())
