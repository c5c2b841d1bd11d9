"""F21, F27, F28, F31: documents that a person brings, and what the page says of each."""

from __future__ import annotations

from pathlib import Path

import made_files
import pytest

from core.errors import DataError
from retrieval.documents import SUFFIXES, FileReport, load_documents
from ui import uploads
from ui.context import Context
from ui.handlers import documents, retrieval, taskdata
from ui.task import Task, from_plan


def brought(folder: Path, files: dict[str, bytes]) -> list[str]:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in files]


def test_the_report_says_of_every_file_what_was_read_or_why_not(ctx: Context, tmp_path: Path) -> None:
    """F27: a scan and a locked file have their line, and the others go on."""
    files = {
        "guide.md": b"# Leave\n\nThirty days.",
        "book.pdf": made_files.good()["book.pdf"],
        "scan.pdf": made_files.pdf([""]),
        "faq.csv": b"text\none\n\xe9\n",
        "all.zip": made_files.zipped({"../up.md": "x", "in.md": "inside", "<b>.md": "named so"}),
    }
    task = retrieval.add(ctx, Task(), brought(tmp_path / "up", files))
    html, names = retrieval.listing(ctx, task)
    assert names == ["all.zip/<b>.md", "all.zip/in.md", "book.pdf", "faq.csv/line-2", "guide.md"]
    assert "<b>5 documents</b> · 12 words" in html and "<summary>5 files read, 2 not whole, 2 not read</summary>" in html
    for name, said in {
        "all.zip/../up.md": "its name leads out of the archive",
        "scan.pdf": "no text layer found on its 1 page, as in a scan; run text recognition (OCR) on it first",
        "book.pdf": "3 pages, 4 words; page 2 has no text layer",
        "faq.csv": "2 rows, 1 word; 1 row was not read: line 3 is not UTF-8",
        "all.zip/&lt;b&gt;.md": "2 words",
    }.items():
        assert f'<th scope="row">{name}</th><td>{said}</td>' in html
    assert html.index("scan.pdf") < html.index("book.pdf") < html.index("guide.md"), "what was not read comes first"


def test_the_column_with_the_text_is_named_and_kept_in_the_plan(ctx: Context, tmp_path: Path) -> None:
    paths = brought(tmp_path / "up", {"faq.csv": b"question,answer\nWhen?,At nine.\n"})
    with pytest.raises(DataError, match="has no column 'text'; it has question, answer"):
        retrieval.add(ctx, Task(), paths)
    task = retrieval.add(ctx, Task(), paths, " answer ")
    assert [d.text for d in taskdata.documents(task)] == ["At nine."]
    assert task.plan([], [])["knowledge"] == {"path": str(task.documents), "text_column": "answer"}
    assert from_plan(task.plan([], []), tmp_path).text_column == "answer"
    other = documents.name_column(task, "question")
    assert [d.text for d in taskdata.documents(other)] == ["When?"]
    with pytest.raises(DataError, match="has no column 'nothing'"):
        documents.name_column(task, "nothing")
    assert documents.name_column(Task(), "answer") == Task()


@pytest.mark.parametrize("name", ["CON.md", "nul.txt", "com1.pages.md"])
def test_a_name_that_windows_keeps_for_a_device_becomes_another(ctx: Context, tmp_path: Path, name: str) -> None:
    """F21."""
    folder = uploads.keep_documents(ctx, brought(tmp_path / "up", {name: b"text"}))
    assert [path.name for path in folder.iterdir()] == [f"document-{name}"]


def test_html_that_was_dropped_is_shown_as_text(ctx: Context, tmp_path: Path) -> None:
    """F28: what its author wrote as text with angle brackets reaches the page escaped, too."""
    page = b"<h1>Leave</h1><script>alert(1)</script><p>Write &lt;img src=x onerror=alert(2)&gt;</p>"
    task = retrieval.add(ctx, Task(), brought(tmp_path / "up", {"page.html": page}))
    (found,) = load_documents(task.documents or Path()).documents
    assert found.text == "# Leave\n\nWrite <img src=x onerror=alert(2)>"


def test_formats_and_limits_are_said() -> None:
    """F31: before something is dropped, and each format by its name."""
    said = documents.limits()
    assert all(suffix.removeprefix(".") in said for suffix in SUFFIXES)
    for limit in ("50 MB", "2,000 pages", "20 million characters", "20 s of a processor", "512 MiB", "200 million characters"):
        assert limit in said


def test_words_for_a_file() -> None:
    assert documents.told(FileReport("a.md", 1, 1)) == "1 word"
    assert documents.told(FileReport("a.pptx", 1, 2_000, 3, "slide")) == "3 slides, 2,000 words"
