"""Preference pairs from a file: what is read, what is refused, and that no test item gets into training by them."""

import json

import pytest

from core.dataset.pairs import as_example, cleared_pairs, read_pairs
from core.errors import DataError, PlanError
from core.records import Example

TOLD = "Answer in one word."


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def pair(prompt, chosen="yes", rejected="no"):
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def test_pairs_are_read_and_bad_rows_are_counted_with_their_line(tmp_path):
    rows = [pair("one?"), pair("one?"), pair("two?", "same", " same "), pair("three?", "", "x"), {**pair("four?"), "chosen": ["yes"]}]
    found = read_pairs(write(tmp_path / "votes.jsonl", rows))
    assert [(p.prompt, p.chosen, p.rejected) for p in found.pairs] == [("one?", "yes", "no")]
    assert [(row.line, row.reason) for row in found.bad] == [
        (3, "chosen and rejected are the same"), (4, "chosen is empty"), (5, "chosen must be a text; got list"),
    ]  # fmt: skip
    assert found.bad_count == 3 and found.file == "votes.jsonl"


def test_a_file_without_usable_pairs_or_with_other_columns_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"None of the 1 pairs of a\.jsonl can be used\. Line 1: chosen and rejected are the same"):
        read_pairs(write(tmp_path / "a.jsonl", [pair("one?", "x", "x")]))
    with pytest.raises(PlanError, match="it lacks rejected"):
        read_pairs(write(tmp_path / "b.jsonl", [{"prompt": "a", "chosen": "b", "reject": "c"}]))
    with pytest.raises(DataError, match="no file"):
        read_pairs(tmp_path / "absent.jsonl")


def test_pairs_on_test_items_are_taken_out_however_the_prompt_words_them(tmp_path):
    """E12. Exact, in other case and spacing, behind the shared instruction, behind other words, and before options."""
    test = [
        Example("t1", TOLD, "Which bird is on the long crate?", "heron"),
        Example("t2", TOLD, "What opens last?", "wagtail", choices=("wagtail", "heron")),
    ]
    rows = [
        pair(f"{TOLD}\n\nWhich bird is on the long crate?"), pair("which  bird is on the LONG crate"),
        pair("Please be brief. Which bird is on the long crate? Thank you."), pair(f"{TOLD}\n\nWhat opens last?\n\nOptions:\n- wagtail\n- heron"),
        pair(f"{TOLD}\n\nHow many crates are there?"),
    ]  # fmt: skip
    found = cleared_pairs(read_pairs(write(tmp_path / "v.jsonl", rows)), test, TOLD)
    assert [p.prompt for p in found.pairs] == [rows[-1]["prompt"]]
    assert found.taken_out == 4 and found.to_report()["taken_out"] == 4
    assert {hit["test"] for kind in ("exact", "normalised") for hit in found.to_report()["leakage"]["items"][kind]} == {"t1", "t2"}


def test_pairs_that_are_all_about_test_items_are_refused_with_what_to_do(tmp_path):
    """Votes on a comparison, used to train for that very comparison."""
    test = [Example("t1", TOLD, "Which bird is on the long crate?", "heron")]
    found = read_pairs(write(tmp_path / "votes.jsonl", [pair(f"{TOLD}\n\nWhich bird is on the long crate?")]))
    with pytest.raises(DataError, match=r"None of the 1 pairs of votes\.jsonl may be trained on.*Collect votes on other items"):
        cleared_pairs(found, test, TOLD)


def test_a_prompt_becomes_the_example_that_it_was_worded_from(tmp_path):
    """E2. Exported votes hold the zero-shot prompt as text; worded again it is the same chat."""
    from adapters.prompts import word

    for instruction in (TOLD, ""):
        example = Example("x", instruction or "Say it.", "How many crates?", "three", choices=("two", "three"))
        chat = word(example, instruction)
        rows = [pair("\n\n".join(message.content for message in chat), "three", "two")]
        found = read_pairs(write(tmp_path / "v.jsonl", rows)).pairs[0]
        assert word(as_example(found, instruction), instruction) == chat
