"""Which passage holds the reference, and whether it was retrieved and used."""

from __future__ import annotations

import pytest

from core.records import Document, Example, Passage
from evaluation.gold import agrees, holds, known_in, named_documents, retrieved, same_document, windows

LAKES = Document("valley/lakes.md", "# Lakes\n\nCorven is the highest lake, at 1,912 metres. Mirren lies lower. Eels live in both.")
HUTS = Document("huts.md", "The hut below Corven sleeps 14. It opens in June. Bring your own bread.")


def example(reference: str, question: str = "Which lake lies highest?", **columns: str) -> Example:
    return Example("e", "", question, reference, columns=columns)


def passage(document: Document) -> Passage:
    return Passage(f"{document.id}#0", document.id, document.text, 0, len(document.text))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"document": "a.md"}, ("a.md",)),
        ({"Source": "a.md; b.md|c.md"}, ("a.md", "b.md", "c.md")),
        ({"documents": '["a.md", "b.md"]'}, ("a.md", "b.md")),
        ({"passage": "[broken"}, ("[broken",)),
        ({"document": " ", "team": "x"}, ()),
        ({}, ()),
    ],
)
def test_the_data_may_name_the_document(columns: dict[str, str], expected: tuple[str, ...]) -> None:
    assert named_documents(example("x", **columns)) == expected


def test_a_document_goes_by_its_path_the_end_of_it_or_its_bare_name() -> None:
    for named in ("valley/lakes.md", "lakes.md", "Lakes", "/data/valley/lakes.md"):
        assert same_document(named, "valley/lakes.md"), named
    for named in ("huts.md", "akes.md", "other/lakes.md", ""):
        assert not same_document(named, "valley/lakes.md"), named


def test_a_short_reference_counts_only_beside_the_question() -> None:
    assert holds("The ferry takes 6 days to the island.", "6 days", "How long does the ferry take?")
    assert not holds("Bread keeps for 6 days in a bin.", "6 days", "How long does the ferry take?")
    assert not holds("The ferry takes 16 days.", "6 days", "How long does the ferry take?")
    assert not holds("anything", "")


def test_a_paraphrase_is_held_with_all_its_numbers_and_most_of_its_words() -> None:
    assert holds(LAKES.text, "The highest lake is Corven, at 1912 metres")
    assert not holds(LAKES.text, "The highest lake is Corven, at 1913 metres")
    assert not holds(LAKES.text, "Pike live in Mirren since the flood")


@pytest.mark.parametrize(
    ("answer", "reference", "same"),
    [
        ("60 metres", "At least 60 metres", True),
        ("sixty metres", "At least 60 metres", True),
        ("12 metres", "At least 60 metres", False),
        ("It isn't Corven", "Corven", False),
        ("The comb must point uphill.", "Uphill", True),
        ("yes", "Yes", True),
        ("no", "Yes", False),
        ("", "Yes", False),
        ("", "", True),
    ],
)
def test_an_answer_agrees_by_content_whatever_its_form(answer: str, reference: str, same: bool) -> None:
    assert agrees(answer, reference) is same


def test_with_labels_the_first_one_that_is_named_counts() -> None:
    assert agrees("The claims team", "claims", ("claims", "berths")) and not agrees("berths, then claims", "claims", ("claims", "berths"))


def test_retrieved_is_no_only_where_the_passage_is_known_to_be_elsewhere() -> None:
    asked = example("Corven")
    known = known_in([asked], windows(LAKES))
    assert list(known) == ["e"] and all("Corven" in found.text for found in known["e"])
    assert retrieved(asked, [passage(LAKES)], False) == "yes"
    assert retrieved(asked, [passage(Document("x.md", "Eels live deep."))], True) == "no"
    assert retrieved(asked, [passage(Document("x.md", "Eels live deep."))], False) == "unknown"
    assert retrieved(asked, [], True) == "no"


def test_a_named_document_decides_which_passage_may_be_gold() -> None:
    asked = example("14", "How many does the hut below Corven sleep?", document="huts.md")
    assert retrieved(asked, [passage(HUTS)], False) == "yes"
    assert retrieved(asked, [passage(LAKES)], False) == "no"
    label = example("hut", document="huts.md")
    assert retrieved(label, [passage(HUTS)], False, ("hut", "lake")) == "yes"
    assert retrieved(example("hut"), [passage(HUTS)], False, ("hut", "lake")) == "unknown"


def test_windows_are_exact_cuts_and_an_empty_document_has_none() -> None:
    cut = list(windows(LAKES))
    assert cut and all(LAKES.text[w.start : w.end] == w.text for w in cut)
    assert list(windows(Document("e", ""))) == [] and known_in([example("x")], []) == {}
