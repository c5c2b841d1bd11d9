"""E11: test items that were planted in the documents are found, named and cut out; knowledge stays."""

import time

from core.dataset.nearness import Near
from core.dataset.paragraphs import cleaned, paragraphs
from core.dataset.planted import find_planted
from core.records import Document, Example

ITEM = Example("t1", "", "What does a full laboratory test of the water cost?", "60 euros in advance")
OTHER = Example("t2", "", "How many followers may one lead bird have at most?", "23 birds")
HANDBOOK = "# Laboratory\n\nThe blue bottle must be filled to its shoulder straight from the tap in the morning, and posted on the same day, or it cannot be used."
KNOWLEDGE = (
    "For a whole analysis of what is in your keg we ask 60 euros in advance, which you send by letter or pay on the page of the club."
)


def page(*parts: str) -> Document:
    return Document("page.md", "\n\n".join(parts))


def counts(document: Document) -> tuple[int, int, int]:
    report = find_planted([ITEM, OTHER], [document]).to_report()
    return report["exact"], report["normalised"], report["ngram"]


def test_a_planted_question_with_its_answer_is_found_with_its_place() -> None:
    """E11: the pair names the document, the place is the paragraph, and it is said that the answer stands there, too."""
    planted = f"Someone asked: {ITEM.input.upper()} We said {ITEM.reference}."
    found = find_planted([ITEM, OTHER], [page(HANDBOOK, planted, KNOWLEDGE)])
    report = found.to_report()
    assert (report["normalised"], report["with_answer"]) == (1, 1)
    assert report["items"]["normalised"] == [{"test": "t1", "other": "page.md"}]
    assert [passage.text for passage in found.places[("t1", "page.md")]] == [planted]


def test_a_document_that_only_knows_the_answer_is_no_leak() -> None:
    """E11: that is what documents are for; long answers that stand there word for word are counted apart."""
    assert counts(page(HANDBOOK, KNOWLEDGE)) == (0, 0, 0)
    long = Example("t3", "", "Why?", "Fill the blue bottle to its shoulder straight from the tap")
    known = page("Do this: fill the blue bottle to its shoulder straight from the tap, then post it.")
    found = find_planted([long], [known])
    assert (found.answers, found.leaks.hits) == (("t3",), ())
    assert find_planted([ITEM], [page(HANDBOOK, KNOWLEDGE)]).to_report()["answers"] == 0


def test_a_run_of_words_over_question_and_answer_is_found() -> None:
    """E11: neither the whole question nor 13 of its words stand there, but 13 words of question and answer in a row do."""
    assert counts(page(HANDBOOK, "so: a full laboratory test of the water cost 60 euros in advance, and that was that with it.")) == (
        0,
        0,
        0,
    )
    item = Example("t1", "", "Does a full laboratory test of the water cost", "more than 60 euros in advance")
    found = find_planted([item], [page(HANDBOOK, "so a full laboratory test of the water cost more than 60 euros in advance, they say")])
    assert found.to_report()["ngram"] == 1


def test_a_question_as_heading_is_found_with_the_answer_below_it() -> None:
    found = find_planted([ITEM], [page(f"## {ITEM.input}", f"It is {ITEM.reference}. " + KNOWLEDGE, HANDBOOK)])
    (place,) = found.places[("t1", "page.md")]
    assert place.text.startswith("## What") and "in advance" in place.text
    assert found.to_report()["with_answer"] == 1


def test_a_question_that_a_blank_line_tears_apart_is_still_found() -> None:
    start, end = ITEM.input[:27], ITEM.input[27:]
    found = find_planted([ITEM], [page(HANDBOOK, KNOWLEDGE + " " + start.strip(), end.strip() + " " + HANDBOOK, KNOWLEDGE)])
    assert found.to_report()["normalised"] == 1
    assert len(found.places[("t1", "page.md")]) == 2


def test_a_near_duplicate_is_listed_with_its_paragraph() -> None:
    document = page(HANDBOOK, KNOWLEDGE)
    near = [(Near("t1", "page.md#1", 0.93), paragraphs(document)[1]), (Near("t1", "page.md#0", 0.91), paragraphs(document)[0])]
    found = find_planted([ITEM, OTHER], [document], near)
    report = found.to_report()
    assert (report["embedding"], report["items"]["embedding"]) == (1, [{"test": "t1", "other": "page.md", "similarity": 0.93}])
    assert {passage.text for passage in found.places[("t1", "page.md")]} == {KNOWLEDGE, HANDBOOK}
    assert find_planted([ITEM], [document]).to_report()["embedding"] is None


def test_cutting_the_places_out_leaves_nothing_to_find_and_all_else() -> None:
    """E11: `knowledge: {drop_leaks: true}` works on this."""
    document = page(
        HANDBOOK, f"Q: {ITEM.input} A: {ITEM.reference}.", KNOWLEDGE, f"And somebody wondered: {OTHER.input} It is 23 birds, as we hold it."
    )
    found = find_planted([ITEM, OTHER], [document])
    (left,) = cleaned([document], found.spans())
    assert left.text == f"{HANDBOOK}\n\n{KNOWLEDGE}"
    assert find_planted([ITEM, OTHER], [left]).leaks.hits == ()


def test_no_documents_give_nothing_away() -> None:
    found = find_planted([ITEM], [])
    assert (found.leaks.hits, found.places, found.answers) == ((), {}, ())


def test_five_thousand_questions_in_one_document_take_seconds() -> None:
    test = [Example(f"t{n}", "", f"Which colour has the flag of harbour number {n} in winter?", f"colour {n * 7}") for n in range(2_000)]
    document = page(*(f"{e.input} It has {e.reference}, as the list of the harbour master says." for e in test))
    begun = time.process_time()
    found = find_planted(test, [document])
    assert found.to_report()["normalised"] == found.to_report()["with_answer"] == 2_000
    assert time.process_time() - begun < 8
