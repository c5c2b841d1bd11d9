"""Documents in paragraphs: nothing is lost, what leads on stays with what follows, and what is cut out is gone."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.dataset.paragraphs import LONGEST, cleaned, paragraphs, sentences, without
from core.records import Document, Section

FAQ = (
    "# Questions\n\n## What does a test cost?\n\nSixty euros, paid in advance, and the result comes by post within ten days of our having it.\n\n"
    "The blue bottle must be filled to its shoulder straight from the tap in the morning and posted on that day.\n"
)


def texts(text: str) -> list[str]:
    return [passage.text for passage in paragraphs(Document("d", text))]


def test_a_heading_and_a_question_stay_with_what_follows() -> None:
    found = texts(FAQ)
    assert [text.split()[-1] for text in found] == ["it.", "day."]
    assert found[0].startswith("# Questions\n\n## What does")


def test_a_paragraph_that_no_embedder_reads_whole_is_cut_between_sentences() -> None:
    long = " ".join(f"This is sentence number {n} of a paragraph without any break." for n in range(60))
    found = texts(long)
    assert len(found) > 3
    assert all(len(text) <= LONGEST and text.startswith("This is") and text.endswith("break.") for text in found)
    assert " ".join(found) == long


def test_a_text_without_any_sentence_end_stays_whole() -> None:
    assert texts("word " * 400) == [("word " * 400).rstrip()]
    assert texts("") == texts(" \n\n ") == []


@given(st.text(alphabet="ab.?\n #:。", max_size=300))
def test_paragraphs_hold_every_sign_of_the_document_in_order(text: str) -> None:
    document = Document("d", text)
    found = paragraphs(document)
    assert "".join("".join(p.text for p in found).split()) == "".join(text.split())
    assert all(p.text == text[p.start : p.end] for p in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_sentences_and_lines_are_told_apart() -> None:
    assert sentences('He asked "why?" Nobody knew. - one\n- two') == ['He asked "why?', "Nobody knew.", "- one", "- two"]
    assert sentences("你好。再见。") == ["你好。", "再见。"]
    assert sentences("no end") == ["no end"]


def test_what_is_cut_out_is_gone_and_the_rest_stays() -> None:
    document = Document("d", FAQ)
    first, second = paragraphs(document)
    left = without(document, [(first.start, first.end)])
    assert left is not None and left.text == second.text
    assert without(document, [(first.start, first.end), (second.start, second.end)]) is None
    assert without(document, []) == Document("d", FAQ.rstrip())
    other = Document("e", "Stays.")
    assert cleaned([document, other], {"d": [(0, len(FAQ))]}) == (other,)


def test_pages_and_headings_move_with_what_is_left_of_them() -> None:
    text = "First page.\n\nIts leak.\n\nSecond page.\n\nThird page, all leak."
    places = [("First", "leak.", 1), ("Second", "page.\n\nThird", 2), ("Third", "all leak.", 3)]
    sections = tuple(Section(text.index(a), text.index(b, text.index(a)) + len(b.split("\n")[0]), page) for a, b, page in places)
    leaks = [(text.index("Its"), text.index("Second")), (text.index("Third"), len(text))]
    left = without(Document("d", text, sections, (("team", "people"),)), leaks)
    assert left is not None and left.text == "First page.\n\nSecond page." and left.about == (("team", "people"),)
    assert [(left.text[s.start : s.end], s.page) for s in left.sections] == [("First page.", 1), ("Second page.", 2)]


@given(st.text(alphabet="ab \n", max_size=40), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=4), st.integers(0, 40))
def test_a_section_over_a_cut_holds_its_own_words_and_no_others(text: str, cuts: list[tuple[int, int]], middle: int) -> None:
    middle = min(middle, len(text))
    spans = [(min(a, b), min(max(a, b), len(text))) for a, b in cuts if min(a, b) < len(text)]
    left = without(Document("d", text, (Section(0, middle, 1), Section(middle, len(text), 2))), spans)
    gone = {place for a, b in spans for place in range(a, b)}
    for page, stretch in ((1, range(middle)), (2, range(middle, len(text)))):
        found = [s for s in left.sections if s.page == page] if left else []
        kept = "".join(text[place] for place in stretch if place not in gone)
        assert "".join("".join(left.text[s.start : s.end] for s in found).split()) == "".join(kept.split()) if left else not kept.strip()
