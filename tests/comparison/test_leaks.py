"""The leakage guard as a whole (E10, E11, E12): a planted duplicate of each kind, in each place, is counted, listed, and kept away where it can be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparison import leaks
from comparison.near import Nearness
from comparison.plan import read_plan
from comparison.ready import Ready, make_ready
from comparison.result import Result
from comparison.splits import data_entry, data_notes, search, to_search
from comparison.store import Store
from comparison.vectors import Vectors
from core.dataset import Leaks, Near
from core.errors import ModelError, PlanError
from core.records import Document
from models.fake import HashEmbedder
from ui.handlers.data import findings

Complete = Callable[..., tuple[str, list[Any]]]
QUESTION = "Which of the nine wardens keeps the silver lantern of the northern quarry in the winter months?"
PLANTED = {
    "exact": QUESTION,
    "normalised": "  which of the NINE wardens keeps the silver lantern of the northern quarry, in the winter months",
    "ngram": "Do you know which of the nine wardens keeps the silver lantern of the northern quarry, or nobody?",
    "embedding": "In the winter months which of the nine wardens of the northern quarry keeps the silver lantern?",
}
"""The last one has the words of the question in another order, which the fake embedder cannot tell from it."""
FILLER = ("apple", "boat", "cedar", "drum", "ember", "fern", "goose", "heron", "ivory", "jade", "kiln", "lark")


def write_files(folder: Path, train: str | None = None, page: str = "") -> dict[str, Any]:
    """A task of two test items and 24 training rows, in files of their own so that nothing moves; what is planted stands in one more."""
    rows = [{"input": f"{word} {n}: who painted the {word} number {n}?", "output": f"Painter {n}"} for n, word in enumerate(FILLER * 2)]
    rows += [{"input": train, "output": "Nobody"}] if train else []
    test = [
        {"input": QUESTION, "output": "Old Marta"},
        {"input": "How deep is the well behind the chapel of the ferry?", "output": "11 ells"},
    ]
    for name, found in (("train", rows), ("test", test)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found))
    (folder / "handbook").mkdir(exist_ok=True)
    (folder / "handbook" / "page.md").write_text(
        f"# The quarry\n\nIt was dug by hand and is closed on Sundays, as all wardens know.\n\n{page}\n"
    )
    return {
        "data": {"files": {"train": "train.jsonl", "test": "test.jsonl"}, "instruction": "Answer in a few words."},
        "knowledge": {"path": "handbook"},
        "model": {"id": "fake/echo", "embedder": "fake/hash-64"},
        "methods": [{"kind": "zero_shot"}, {"kind": "few_shot", "shots": 2}, {"kind": "rag", "top_k": 1}],
        "metrics": ["token_f1"],
    }


def ready(folder: Path, mapping: dict[str, Any]) -> Ready:
    return make_ready(read_plan(mapping, folder), folder / "models")


def counts(entry: dict[str, Any]) -> dict[str, int]:
    return {kind: entry[kind] for kind in PLANTED if entry[kind]}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_duplicate_planted_in_the_training_rows_is_found(tmp_path: Path, kind: str) -> None:
    """E12: each kind once, listed with its text; the strict ones are taken out of training, the near one stays unless the plan says drop."""
    found = search(made := ready(tmp_path, write_files(tmp_path, train=PLANTED[kind])))
    assert counts(found.leakage["train"]) == {kind: 1}
    (pair,) = [pair for pair in found.pairs if pair["place"] == "train"]
    assert (pair["kind"], pair["text"], pair["reference"], pair["gone"]) == (kind, PLANTED[kind].strip(), "Nobody", kind != "embedding")
    rows = [*made.dataset.train, *made.dataset.validation]
    assert any(e.reference == "Nobody" for e in rows) is (kind == "embedding")
    assert found.found["train"] == [pair["test"]]
    assert found.given_away.get("train", []) == ([pair["test"]] if kind == "embedding" else [])


@pytest.mark.parametrize("kind", PLANTED)
def test_a_duplicate_among_the_demonstrations_is_found(tmp_path: Path, kind: str) -> None:
    """E10: rows that few-shot may show. What is strict was taken out while loading, so it is planted behind that."""
    made = ready(tmp_path, write_files(tmp_path, train="A row to be replaced: who?"))
    data, places = made.dataset, [n for n, e in enumerate(made.dataset.train) if e.reference == "Nobody"]
    train = list(data.train)
    train[places[0]] = replace(train[places[0]], input=PLANTED[kind])
    found = search(replace(made, dataset=replace(data, train=tuple(train))))
    entry = found.leakage["demonstrations"]
    assert counts(entry) == {kind: 1}
    assert entry["items"][kind][0]["other"] == train[places[0]].id
    assert found.given_away["demonstrations"] == [entry["items"][kind][0]["test"]]


@pytest.mark.parametrize("kind", ["normalised", "ngram", "embedding"])
def test_a_duplicate_planted_in_the_documents_is_found_and_can_be_cut_out(tmp_path: Path, kind: str) -> None:
    """E11: found with its paragraph, its answer and its document; `drop_leaks` cuts it out of what every index is built from."""
    mapping = write_files(tmp_path, page=f"{PLANTED[kind]} It is Old Marta.")
    found = search(ready(tmp_path, mapping))
    entry = found.leakage["index"]
    assert (counts(entry), entry["with_answer"]) == ({kind: 1}, 1)
    (pair,) = [pair for pair in found.pairs if pair["place"] == "index"]
    assert (pair["other"], pair["answer"], pair["gone"]) == ("page.md", True, False)
    assert PLANTED[kind].strip()[:40] in pair["text"]
    assert any("knowledge.drop_leaks" in note for note in found.notes)
    cut = ready(tmp_path, {**mapping, "knowledge": {"path": "handbook", "drop_leaks": True}})
    assert "Marta" not in cut.documents[0].text and "closed on Sundays" in cut.documents[0].text
    after = search(cut)
    assert (after.leakage["index"], after.given_away, after.found["index"]) == (entry, {}, [pair["test"]])
    assert cut.documents_fingerprint != ready(tmp_path, mapping).documents_fingerprint


def test_a_whole_document_that_is_the_question_counts_as_exact(tmp_path: Path) -> None:
    """E11."""
    mapping = write_files(tmp_path)
    (tmp_path / "handbook" / "other.md").write_text(QUESTION)
    assert counts(search(ready(tmp_path, mapping)).leakage["index"]) == {"exact": 1}


def test_near_rows_are_dropped_where_the_plan_says_so(tmp_path: Path) -> None:
    """E12."""
    mapping = write_files(tmp_path, train=PLANTED["embedding"])
    mapping["data"]["near_duplicates"] = "drop"
    made = ready(tmp_path, mapping)
    found = search(made)
    assert not any(e.reference == "Nobody" for e in [*made.dataset.train, *made.dataset.validation])
    assert counts(found.leakage["train"]) == {"embedding": 1}
    assert counts(found.leakage["demonstrations"]) == {}
    assert (found.given_away, found.near["rows"]) == ({}, "drop")
    assert found.notes == ("1 training row that an embedder finds near a test item was taken out.",)


def test_without_an_embedder_three_kinds_are_counted_and_the_fourth_is_null_with_its_reason(tmp_path: Path) -> None:
    mapping = write_files(tmp_path, train=PLANTED["normalised"], page=PLANTED["normalised"])
    mapping["model"]["embedder"] = str(tmp_path / "nowhere")
    found = search(ready(tmp_path, mapping))
    assert found.leakage["train"]["embedding"] is found.leakage["index"]["embedding"] is None
    assert counts(found.leakage["train"]) == counts(found.leakage["index"]) == {"normalised": 1}
    assert found.near["reason"] and str(tmp_path) not in json.dumps(found.near)
    assert found.notes[0].startswith("Near duplicates by embedding were not looked for: ")
    mapping["data"]["near_duplicates"] = "drop"
    with pytest.raises(ModelError):
        ready(tmp_path, mapping)


def test_too_many_texts_are_not_embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comparison.near.MOST_TEXTS", 10)
    found = search(ready(tmp_path, write_files(tmp_path)))
    assert found.leakage["train"]["embedding"] is None
    assert "at most 10 texts; there are 26" in found.near["reason"]


def test_the_same_texts_are_embedded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run of the same data, and one with another method, loads no embedder for the guard."""
    mapping = write_files(tmp_path, train=PLANTED["embedding"], page=QUESTION)
    assert to_search(ready(tmp_path, mapping)) > 20
    first = search(ready(tmp_path, mapping))
    assert to_search(ready(tmp_path, mapping)) == 0
    monkeypatch.setattr(HashEmbedder, "embed", None)
    again = search(ready(tmp_path, {**mapping, "methods": [{"kind": "zero_shot"}]}))
    assert (again.leakage, again.pairs) == (first.leakage, first.pairs)


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    vectors = Vectors(tmp_path, "fake/hash-64", HashEmbedder)
    whole = vectors.of(["one", "two"])
    (file,) = (tmp_path / "vectors").iterdir()
    for damage in (b"", file.read_bytes()[:50], b"not an array"):
        file.write_bytes(damage)
        assert np.array_equal(vectors.of(["one", "two"]), whole)
    assert vectors.of([]).shape == (0, 0)


def test_a_passage_is_near_by_one_of_its_sentences(tmp_path: Path) -> None:
    page = Document(
        "d", f"The well is old and nobody goes there at night. {PLANTED['embedding']} Nobody knows. It has been so for long years."
    )
    nearness = Nearness(Vectors(tmp_path, "fake/hash-64", HashEmbedder), 0.9)
    ((near, passage),) = nearness.passages([("t", QUESTION)], [page])
    assert (near, passage.text) == (Near("t", "d#0", 1.0), page.text)
    assert nearness.passages([("t", QUESTION)], []) == []


def test_a_run_keeps_its_leaks_in_a_file_of_their_own(complete: Complete, tmp_path: Path, store: Store) -> None:
    """The report has counts and ids; texts stand in `leaks.json` alone, and the run says what it found."""
    comparison_id, _ = complete(read_plan(write_files(tmp_path, train=PLANTED["embedding"], page=QUESTION), tmp_path))
    result: Result = store.result(comparison_id)
    report, kept = result.report(), json.loads((result.folder / leaks.FILE).read_text())
    assert report["data"]["near_duplicates"]["from"] == 0.9
    assert sorted({pair["place"] for pair in kept["pairs"]} - {"demonstrations"}) == ["index", "train"]
    assert "silver lantern" not in json.dumps(report["data"])
    assert sum("by embedding, which stay: " in note for note in report["notes"]) == 1
    assert sum("to retrieve from, which stay: 1" in note for note in report["notes"]) == 1


def test_a_file_holds_a_thousand_pairs_of_a_kind_at_most_and_all_their_items(tmp_path: Path) -> None:
    pair = {"place": "index", "kind": "ngram"}
    found = leaks.Guarded({}, {}, [{**pair, "test": str(n)} for n in range(1_500)], {"index": [str(n) for n in range(1_500)]})
    leaks.write_leaks(tmp_path, found)
    kept = json.loads((tmp_path / leaks.FILE).read_text())
    assert (len(kept["pairs"]), len(kept["given_away"]["index"])) == (1_000, 1_500)


def test_a_threshold_beyond_one_is_refused(tmp_path: Path) -> None:
    mapping = write_files(tmp_path)
    mapping["data"]["near_from"] = 1.5
    with pytest.raises(PlanError, match="near_from"):
        ready(tmp_path, mapping)


def test_leaks_without_a_search_by_embedding_say_so() -> None:
    assert Leaks().to_report()["embedding"] is None


def test_training_rows_of_a_validation_file_are_told_of_in_the_report(tmp_path: Path) -> None:
    """E12."""
    row = {"input": "Who rang the bell of the old mill?", "output": "Old Marta"}
    mapping = write_files(tmp_path, row["input"])
    (tmp_path / "validation.jsonl").write_text(json.dumps(row) + "\n")
    mapping["data"]["files"]["validation"] = "validation.jsonl"
    found = ready(tmp_path, mapping)
    entry = data_entry(found, search(found))["in_validation"]
    assert (entry["rows"], entry["exact"], entry["normalised"], entry["ngram"]) == (1, 1, 0, 0)
    assert entry["items"]["exact"][0]["validation"] == found.dataset.validation[0].id
    assert "1 training row stands in the validation file, too (1 exact), and was not trained on." in list(data_notes(found))
    assert ("Training rows found again in the validation file", "1 exact; kept out of training") in findings(found.dataset)
