"""The plan's `knowledge`: what it names is read, rows and members each as a document, and what was not is told in the notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import made_files
import pytest

from comparison.plan import read_plan
from comparison.ready import make_ready
from comparison.splits import data_notes
from core.errors import DataError, PlanError


@pytest.fixture
def folder(tmp_path: Path, task: Path) -> Path:
    (tmp_path / "questions.jsonl").write_bytes((task / "questions.jsonl").read_bytes())
    (tmp_path / "pages").mkdir()
    return tmp_path


def test_a_table_gives_a_document_for_each_row_with_its_columns(folder: Path, mapping: dict[str, Any]) -> None:
    (folder / "faq.csv").write_text("answer,team\nThe key hangs behind the door.,gate\nAsk at nine.,desk\n")
    knowledge = {"path": "faq.csv", "text_column": "answer"}
    ready = make_ready(read_plan({**mapping, "knowledge": knowledge}, folder), folder / "models")
    assert [(d.id, d.about) for d in ready.documents] == [("faq.csv/line-2", (("team", "gate"),)), ("faq.csv/line-3", (("team", "desk"),))]
    with pytest.raises(DataError, match=r"faq\.csv: has no column 'text'; it has answer, team\. Name the one .* knowledge\.text_column"):
        make_ready(read_plan({**mapping, "knowledge": {"path": "faq.csv"}}, folder), folder / "models")
    with pytest.raises(PlanError, match=r"knowledge\.text_column"):
        read_plan({**mapping, "knowledge": {**knowledge, "text_column": ""}}, folder)


def test_what_was_not_read_or_not_whole_is_in_the_notes(folder: Path, mapping: dict[str, Any]) -> None:
    """F27: a page without text and a scan are told, and never searched as empty ones."""
    for name, content in {
        "book.pdf": made_files.good()["book.pdf"],
        "scan.pdf": made_files.pdf([""]),
        **{f"{n}.jsonl": b'{"text": "good"}\nbad\n' for n in range(3)},
    }.items():
        (folder / "pages" / name).write_bytes(content)
    ready = make_ready(read_plan({**mapping, "knowledge": {"path": "pages"}}, folder), folder / "models")
    assert [d.id for d in ready.documents] == ["0.jsonl/line-1", "1.jsonl/line-1", "2.jsonl/line-1", "book.pdf"]
    assert [one["path"] for one in ready.skipped] == ["scan.pdf"]
    assert any("1 files of the documents were not read; the first: scan.pdf: no text layer found" in note for note in data_notes(ready))
    assert ready.notes[0].startswith("0.jsonl was not read whole: 1 row was not read: line 2 is not valid JSON")
    assert ready.notes[3] == "1 more file was not read whole."
