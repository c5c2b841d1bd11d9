"""F27, F28: what every format promises, held by one list of checks over all of them. A folder with all files is read once, by the real child."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import made_files
import pytest

from core.records import Document, Section
from retrieval.documents import SUFFIXES, FileReport, LoadedDocuments, load_documents
from retrieval.reading.base import formats, of_suffix
from retrieval.reading.html import text_of
from retrieval.reading.markdown import heading_sections

NAMES = list(made_files.good())
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
TEXTS = {
    "plain.txt": "Leave is thirty days.\nGrüße 大小",
    "plain.rst": "Leave\n=====\n\nThirty days.",
    "guide.md": "Before.\n\n# Leave\n\nThirty days.\n\n## Sick leave\n\nTell by nine.",
    "guide.html": "Before.\n\n# Leave\n\nThirty days.\n\n## Sick leave\n\n- Tell by nine.",
    "book.pdf": "First page\n\nThird page",
    "letter.docx": "Before.\n\n# Leave\n\nThirty_days * 2",
    "deck.pptx": "# Leave\nThirty days.\n\n# Sick leave\nTell by nine.",
    "book.xlsx": "## Leave\n\n| country | days |\n| --- | --- |\n| NA | 30.123456789 |\n|  | 7 |\n\n## Sick\n\n| tell | by nine |\n| --- | --- |",
    "rows.csv/line-2": "Leave is thirty days.",
    "rows.csv/line-3": "Two\nlines",
    "rows.tsv/line-2": "Leave is thirty days.",
    "rows.jsonl/line-1": "Leave is thirty days.",
    "rows.jsonl/line-3": "Tell by nine.",
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedDocuments:
    """Sound files, and of each kind one that is empty, cut in half, a picture, or in Latin-1."""
    folder = tmp_path_factory.mktemp("files")
    for name, content in made_files.good().items():
        files = {name: content, f"empty-{name}": b"", f"picture-{name}": PICTURE, f"latin-{name}": b"text\n\xe9t\xe9 \xe0 la plage"}
        for title, data in {**files, f"half-{name}": content[: len(content) // 2]}.items():
            (folder / title).write_bytes(data)
    return load_documents(folder)


def of(loaded: LoadedDocuments, name: str) -> list[Document]:
    return [d for d in loaded.documents if d.id == name or d.id.startswith(f"{name}/")]


def told(loaded: LoadedDocuments, name: str) -> FileReport:
    return next(file for file in loaded.files if file.path == name)


def test_every_format_has_a_file_here() -> None:
    assert {found[0] for name in NAMES if (found := of_suffix(Path(name).suffix))} == set(formats.names())
    assert set(SUFFIXES) >= {".txt", ".md", ".html", ".pdf", ".docx", ".pptx", ".xlsx", ".csv", ".jsonl", ".zip"}


@pytest.mark.parametrize("name", NAMES)
def test_the_right_text_comes_out(loaded: LoadedDocuments, name: str) -> None:
    assert {d.id: d.text for d in of(loaded, name)} == {key: text for key, text in TEXTS.items() if key.split("/")[0] == name}


@pytest.mark.parametrize("name", NAMES)
def test_sections_are_in_bounds_in_order_and_not_blank(loaded: LoadedDocuments, name: str) -> None:
    for document in of(loaded, name):
        place = 0
        for section in document.sections:
            assert place <= section.start < section.end <= len(document.text)
            assert document.text[section.start : section.end].strip()
            place = section.end


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bytes_give_the_same_document_here_and_in_the_child(loaded: LoadedDocuments, name: str) -> None:
    found = of_suffix(Path(name).suffix)
    assert found is not None
    pieces = found[1].read(made_files.good()[name], "").pieces
    assert [(p.text, p.sections, p.about) for p in pieces] == [(d.text, d.sections, d.about) for d in of(loaded, name)]


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_file_is_said_to_be_empty(loaded: LoadedDocuments, name: str) -> None:
    assert not of(loaded, f"empty-{name}") and told(loaded, f"empty-{name}").notes == ("empty",)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_with_a_wrong_ending_gives_one_line_and_no_text(loaded: LoadedDocuments, name: str) -> None:
    report = told(loaded, f"picture-{name}")
    assert not of(loaded, report.path) and len(report.notes) == 1 and "\n" not in report.notes[0] and len(report.notes[0]) < 400


@pytest.mark.parametrize("name", [n for n in NAMES if n.split(".")[1] in ("pdf", "docx", "pptx", "xlsx")])
def test_half_a_file_is_damaged_and_costs_only_itself(loaded: LoadedDocuments, name: str) -> None:
    """F27."""
    report = told(loaded, f"half-{name}")
    assert not of(loaded, report.path) and any(word in report.notes[0] for word in ("damaged", "no text layer"))


@pytest.mark.parametrize("name", ["plain.txt", "plain.rst", "guide.md"])
def test_text_that_is_not_utf8_is_said_so(loaded: LoadedDocuments, name: str) -> None:
    assert told(loaded, f"latin-{name}").notes == ("not UTF-8 or UTF-16 text",)


def test_rows_that_are_not_utf8_are_named_by_their_lines(loaded: LoadedDocuments) -> None:
    assert told(loaded, "latin-rows.csv").notes == ("no row can be read; line 2 is not UTF-8",)


def test_pages_and_headings_and_sheets_are_told(loaded: LoadedDocuments) -> None:
    def places(name: str) -> list[tuple[int | None, str]]:
        return [(section.page, section.heading) for section in of(loaded, name)[0].sections]

    assert places("book.pdf") == [(1, ""), (3, "")]
    assert places("deck.pptx") == [(1, "Leave"), (2, "Sick leave")]
    assert places("guide.md") == places("guide.html") == [(None, "Leave"), (None, "Sick leave")]
    assert places("letter.docx") == [(None, "Leave")]
    assert places("book.xlsx") == [(None, "Leave"), (None, "Sick")]
    assert places("plain.txt") == []


def test_the_report_counts_what_a_file_gave(loaded: LoadedDocuments) -> None:
    assert told(loaded, "book.pdf") == FileReport("book.pdf", 1, 4, 3, "page", ("page 2 has no text layer",))
    assert told(loaded, "rows.csv") == FileReport("rows.csv", 2, 6, 2, "row")
    assert told(loaded, "guide.md") == FileReport("guide.md", 1, 11)


def test_the_other_columns_of_a_row_are_what_filters_ask_for(loaded: LoadedDocuments) -> None:
    assert [d.about for d in of(loaded, "rows.csv")] == [(("team", "people"),), (("team", "desk"),)]
    assert [d.about for d in of(loaded, "rows.jsonl")] == [(("year", "2024"), ("tags", '["a"]')), ()]


def refusal(suffix: str, data: bytes, column: str = "") -> str:
    found = of_suffix(suffix)
    assert found is not None
    with pytest.raises(Exception) as caught:
        found[1].read(data, column)
    return str(caught.value)


def test_a_pdf_with_a_password_is_refused_and_one_without_a_reading_password_is_read() -> None:
    """F27: encrypted."""
    assert refusal(".pdf", made_files.pdf(["Secret"], password="horse")) == "encrypted; save it without a password"


def test_a_scan_is_said_to_have_no_text_layer() -> None:
    """F27: not indexed as an empty document."""
    assert refusal(".pdf", made_files.pdf(["", ""])).startswith("no text layer found on its 2 pages, as in a scan")


def test_ten_thousand_pages_are_refused() -> None:
    """F27: before any of them is read."""
    assert refusal(".pdf", many_pages(10_000)) == "has 10,000 pages; at most 2,000 are read, so split it"


def many_pages(count: int) -> bytes:
    """Written by hand: a tree of pages that are all the same object's kin would be slow to write by a library."""
    kids = " ".join(f"{4 + number} 0 R" for number in range(count))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Count {count} /Kids [{kids}] >>", "<< >>"]
    objects += ["<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"] * count
    text, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(text))
        text += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    return (
        f"{text}xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(text)}\n%%EOF".encode()
    )


HOSTILE = """<body onload="alert(1)"><p>Kept &lt;b&gt; text</p><script>alert(2)</script><style>p{}</style><!-- hidden -->
<img src="https://tracker.example/x.png" onerror="alert(3)" alt="A map"><a href="javascript:alert(4)">a link</a>
<form action="https://evil.example"><input value="typed"><button>Send</button></form><iframe src="https://evil.example"></iframe><svg onload="alert(5)"></svg>"""


def test_of_hostile_html_only_words_are_left() -> None:
    """F28: no script, address, form or attribute; what was written as text stays text."""
    text = text_of(HOSTILE)
    assert "Kept <b> text" in text and "a link" in text
    assert not any(word in text for word in ("alert", "http", "javascript", "hidden", "onerror", "p{}", "evil", "tracker", "typed"))


def test_html_without_end_in_depth_still_gives_its_words() -> None:
    """F28: ten thousand tags in each other."""
    assert "deep" in text_of("<div>" * 10_000 + "deep" + "</div>" * 10_000)


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("# A\n```\n# no\n```\n# B #", ["A", "B"]),
        ("~~~~\n# no\n~~~\n# no\n~~~~\n# yes", ["yes"]),
        ("---\ntitle: x\n---\n# A", ["A"]),
        ("Title\n=====\n\nText\n\n- item\n---\n| a |\n| --- |\n", ["Title"]),
        ("#no\n    # no\n####### no\n#\t yes", ["yes"]),
        ("```\n# never closed", []),
        ("", []),
    ],
)
def test_headings_of_markdown(text: str, headings: list[str]) -> None:
    found = heading_sections(text)
    assert [s.heading for s in found] == headings
    assert all(isinstance(s, Section) and text[s.start : s.end].strip() for s in found)


@pytest.mark.parametrize(
    ("data", "column", "said"),
    [
        (b"q,a\n1,2\n", "", "has no column 'text'; it has q, a. Name the one with the text: knowledge.text_column"),
        (b"q,a\n1,2\n", "body", "has no column 'body'; it has q, a."),
        (b"text\n", "", "cannot be read: it has a header but no rows."),
        (b"text,team\n,x\na,b,c\n", "", "no row can be read; line 2 has no text in 'text'; line 3 has 3 cells; the header has 2"),
    ],
)
def test_a_table_without_texts_says_what_is_missing(data: bytes, column: str, said: str) -> None:
    assert said in refusal(".csv", data, column)


def test_bad_rows_are_counted_and_named_and_the_others_are_read() -> None:
    """F26: in a table of documents, too."""
    data = b'{"text": "one"}\n{"text": \n[1]\n{"text": ""}\n{"text": "two", "a": {"b": [1]}}\n'
    read: Any = formats.get("jsonl").read(data, "")
    assert [(p.part, p.text) for p in read.pieces] == [("line-1", "one"), ("line-5", "two")]
    assert (
        read.parts == 5 and read.notes[0].startswith("3 rows were not read: line 2 is not valid JSON") and "line 3 must be" in read.notes[0]
    )


def test_a_named_column_is_the_text() -> None:
    read = formats.get("csv").read(b"id,answer,text\n1,yes,no\n", "answer")
    assert read.pieces[0].text == "yes" and read.pieces[0].about == (("id", "1"), ("text", "no"))
