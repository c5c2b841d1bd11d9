"""Files of every format that documents come in, written by code: each of `GOOD` says what `EXPECTED` holds."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache


def pdf(pages: Sequence[str], password: str = "") -> bytes:
    """A page for each text; a blank text gives a page without a text layer. Texts are of one line, in ASCII."""
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = PdfWriter()
    font = DictionaryObject(
        {NameObject(f"/{k}"): NameObject(f"/{v}") for k, v in {"Type": "Font", "Subtype": "Type1", "BaseFont": "Helvetica"}.items()}
    )
    for text in pages:
        page = writer.add_blank_page(612, 792)
        if text:
            stream = DecodedStreamObject()
            stream.set_data(f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode())
            page[NameObject("/Contents")] = stream
            page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})})
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    return saved(writer.write)


def saved(write: object) -> bytes:
    """What a library writes into a file."""
    target = io.BytesIO()
    write(target)  # type: ignore[operator]
    return target.getvalue()


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org"


def docx(paragraphs: Sequence[tuple[str, str]]) -> bytes:
    """Paragraphs, each (style, text); the style is "Heading 1" or "Normal"."""
    body = "".join(
        f'<w:p><w:pPr><w:pStyle w:val="{style.replace(" ", "")}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>' for style, text in paragraphs
    )
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{name.replace(" ", "")}"><w:name w:val="{name}"/></w:style>'
        for name in ("Normal", "Heading 1")
    )
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    office = f"{RELATIONS}/officeDocument/2006/relationships"
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{RELATIONS}/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{kind}.document.main+xml"/>'
            f'<Override PartName="/word/styles.xml" ContentType="{kind}.styles+xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{RELATIONS}/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/_rels/document.xml.rels": f'<Relationships xmlns="{RELATIONS}/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{office}/styles" Target="styles.xml"/></Relationships>',
            "word/styles.xml": f'<w:styles xmlns:w="{WORD}">{styles}</w:styles>',
            "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
        }
    )


def pptx(slides: Sequence[tuple[str, str]]) -> bytes:
    """Slides, each (title, text)."""
    from pptx import Presentation

    deck = Presentation()
    for title, text in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, text
    return saved(deck.save)


def xlsx(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    return saved(book.save)


@cache
def good() -> dict[str, bytes]:
    """A sound file of each format, by the name that it should have."""
    return {
        "plain.txt": "Leave is thirty days.\r\nGrüße 大小".encode(),
        "plain.rst": b"Leave\n=====\n\nThirty days.",
        "guide.md": b"Before.\n\n# Leave\n\nThirty days.\n\n## Sick leave\n\nTell by nine.",
        "guide.html": b"<html><head><title>t</title><script>evil()</script></head><body><p>Before.</p><h1>Leave</h1><p>Thirty <b>days</b>."
        b"</p><h2>Sick leave</h2><ul><li>Tell by nine.</li></ul></body></html>",
        "book.pdf": pdf(["First page", "", "Third page"]),
        "letter.docx": docx([("Normal", "Before."), ("Heading 1", "Leave"), ("Normal", "Thirty_days * 2")]),
        "deck.pptx": pptx([("Leave", "Thirty days."), ("Sick leave", "Tell by nine.")]),
        "book.xlsx": xlsx({"Leave": [["country", "days"], ["NA", 30.123456789], [None, 7]], "Empty": [], "Sick": [["tell", "by nine"]]}),
        "rows.csv": b'text,team,empty\nLeave is thirty days.,people,\n"Two\nlines",desk,\n',
        "rows.tsv": b"body\tteam\nLeave is thirty days.\tpeople\n",
        "rows.jsonl": b'{"text": "Leave is thirty days.", "year": 2024, "tags": ["a"]}\n\n{"text": "Tell by nine.", "year": null}\n',
    }
