"""Files to raw rows: encodings, line numbers, bad rows and limits (F26)."""

import bz2
import gzip
import io
import json
import lzma
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core.dataset.limits as limits
from core.dataset.readers import read_table
from core.dataset.rows import Table
from core.errors import DataError

TWO_ROWS = [{"input": "Wie heißt du?", "output": "Zoë"}, {"input": "b", "output": "c"}]
JSONL = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in TWO_ROWS)


def read(folder: Path, name: str, content: str | bytes) -> Table:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(folder / name, name)


def refusal(folder: Path, name: str, content: str | bytes) -> str:
    """The message of a file that is refused, which must take under 2 s of the processor (other programs' share does not count)."""
    start = time.process_time()
    with pytest.raises(DataError) as caught:
        read(folder, name, content)
    assert time.process_time() - start < 2
    assert caught.value.remedy
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.json"])
def test_encodings_with_a_byte_order_mark_are_recognised(encoding: str, name: str, tmp_path: Path) -> None:
    """F26: BOM and UTF-16."""
    text = {"a.jsonl": JSONL, "a.csv": "input,output\nWie heißt du?,Zoë\nb,c\n", "a.json": json.dumps(TWO_ROWS)}[name]
    table = read(tmp_path, name, text.encode(encoding))
    assert [row.values for row in table.rows] == TWO_ROWS
    assert table.columns == ("input", "output")


def test_big_endian_utf16_is_recognised_by_its_mark(tmp_path: Path) -> None:
    """F26."""
    assert len(read(tmp_path, "a.jsonl", b"\xfe\xff" + JSONL.encode("utf-16-be")).rows) == 2


def test_utf16_that_is_cut_is_refused(tmp_path: Path) -> None:
    assert "begins like utf-16-le but is not" in refusal(tmp_path, "a.jsonl", JSONL.encode("utf-16")[:-1])


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_mixed_newlines_keep_line_numbers(name: str, tmp_path: Path) -> None:
    """F26: LF, CRLF and CR in one file."""
    if name == "a.jsonl":
        table = read(tmp_path, name, '{"a": 1}\r\n{"a": 2}\r{"a": 3}\n\n{"a": 4}')
        assert [row.line for row in table.rows] == [1, 2, 3, 5]
    else:
        table = read(tmp_path, name, "a\r\n1\r2\n\n4")
        assert [row.line for row in table.rows] == [2, 3, 5]


def test_a_line_separator_inside_a_text_is_no_line_end(tmp_path: Path) -> None:
    table = read(tmp_path, "a.jsonl", '{"a": "x\u2028y\x0bz"}\n{"a": "b"}'.replace("\x0b", "\\u000b"))
    assert [row.line for row in table.rows] == [1, 2]


def test_each_bad_line_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    """F26: invalid JSON, wrong type, duplicate keys, deep nesting (10,000)."""
    lines = ['{"a": 1}', "{a: 2}", "[1, 2]", '{"a": 1, "a": 2}', '{"a": ' + "[" * 10_000 + "]" * 10_000 + "}", "9" * 5000, '{"a": 3}']
    lines.insert(5, '{"a": ' + "[" * 40 + "]" * 40 + "}")
    table = read(tmp_path, "a.jsonl", "\n".join(lines))
    assert [row.line for row in table.rows] == [1, 8]
    assert [row.line for row in table.bad] == [2, 3, 4, 5, 6, 7]
    for row, word in zip(table.bad, ["not valid JSON", "got a list", "key 'a' twice", "nested", "nested", "not valid JSON"], strict=True):
        assert word in row.reason


def test_a_json_list_keeps_line_numbers_of_its_items(tmp_path: Path) -> None:
    table = read(tmp_path, "a.json", '[\n {"a": 1},\n {"a": 2,\n  "b": 0},\n 5,\n {"a": 1, "a": 2},\n {"a": 3}\n]\n')
    assert [(row.line, row.values["a"]) for row in table.rows] == [(2, 1), (3, 2), (7, 3)]
    assert [row.line for row in table.bad] == [5, 6]


@pytest.mark.parametrize(
    "text",
    ['{"data": [{"a": 1}, {"a": 2}]}', '{"version": {"n": [1]},\n "data": [{"a": 1}, {"a": 2}], "more": null}', '{"a": 1}\n{"a": 2}\n'],
)
def test_json_may_wrap_its_rows_or_be_lines(text: str, tmp_path: Path) -> None:
    assert [row.values for row in read(tmp_path, "a.json", text).rows] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[{"a": 1}\n {"a": 2}]', "at line 2"),
        ('[{"a": 1},\n', "at line 2"),
        ('[{"a": 1}] x', "something follows"),
        ('{"rows": [1]}', "holds no list of rows"),
        ('{"data": [{"a": 1}]', "does not end"),
        ('{"data" [1]}', "a colon"),
        ("5", "holds no list of rows"),
        ("[" * 10_000 + "]" * 10_000, "nested deeper than 32"),
        ("[]", "has no rows"),
    ],
)
def test_a_broken_json_document_is_refused_with_its_place(text: str, word: str, tmp_path: Path) -> None:
    assert word in refusal(tmp_path, "a.json", text)


def test_csv_cells_may_hold_quotes_delimiters_and_newlines(tmp_path: Path) -> None:
    table = read(tmp_path, "a.csv", 'q,a\n"one, ""two""\nthree",x\ny,z\n')
    assert [(row.line, row.values) for row in table.rows] == [(2, {"q": 'one, "two"\nthree', "a": "x"}), (4, {"q": "y", "a": "z"})]


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ";"), ("a.csv", ","), ("a.tsv", "\t"), ("a.csv", "\t")])
def test_the_delimiter_is_taken_from_the_header(name: str, delimiter: str, tmp_path: Path) -> None:
    assert read(tmp_path, name, f"q{delimiter}a\n1{delimiter}2\n").columns == ("q", "a")


def test_csv_rows_of_another_length_or_with_open_quotes_are_reported(tmp_path: Path) -> None:
    """F26: never dropped silently; an open quote names the lines that it swallowed."""
    table = read(tmp_path, "a.csv", 'q,a\n1,2\n3\n4,5,6\n7,8\n"9,10\n11,12\n')
    assert [row.line for row in table.rows] == [2, 5]
    assert [(row.line, row.reason) for row in table.bad] == [
        (3, "has 1 cells; the header has 2"),
        (4, "has 3 cells; the header has 2"),
        (6, "a quote is opened and never closed, which swallows the lines 6 to 7"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.csv", "", "is empty"),
        ("a.jsonl", "\n \n", "has no rows"),
        ("a.csv", "q,a\n", "has a header but no rows"),
        ("a.csv", "q,q\n1,2\n", "column 'q' twice"),
        ("a.txt", "hello", "must end in one of"),
    ],
)
def test_files_without_rows_are_refused(name: str, content: str, word: str, tmp_path: Path) -> None:
    """F26: empty file, header only."""
    assert word in refusal(tmp_path, name, content)


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.jsonl", data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "packed"),
    [("gzip", gzip.compress(b"x", mtime=0)), ("zip", zipped(b"x")), ("bzip2", bz2.compress(b"x")), ("xz", lzma.compress(b"x"))],
    ids=["gzip", "zip", "bzip2", "xz"],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv.gz", "a.parquet"])
def test_compressed_files_are_refused_by_their_first_bytes(kind: str, packed: bytes, name: str, tmp_path: Path) -> None:
    """F26."""
    assert f"is compressed ({kind})" in refusal(tmp_path, name, packed)


def test_a_file_over_the_size_limit_is_refused_unread(tmp_path: Path) -> None:
    """F26: a 1 GB line. The file is sparse, so nothing is really written."""
    with (tmp_path / "a.jsonl").open("wb") as file:
        file.truncate(1_000_000_000)
    start = time.process_time()
    with pytest.raises(DataError, match=r"a\.jsonl has 1,000,000,000 bytes; at most 50,000,000 are taken"):
        read_table(tmp_path / "a.jsonl", "a.jsonl")
    assert time.process_time() - start < 2


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.json"])
def test_a_line_over_the_limit_is_refused_with_limit_and_value(name: str, tmp_path: Path) -> None:
    """F26."""
    row = json.dumps({"a": "x" * 2_000_000})
    text = {"a.jsonl": row, "a.csv": "a\n" + "x" * 2_000_000, "a.json": f"[{row}]"}[name]
    message = refusal(tmp_path, name, text)
    assert "2,000,0" in message and "at most 1,000,000 are taken" in message


def test_long_lines_are_measured_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINE_BYTES", 100)
    assert len(read(tmp_path, "a.jsonl", json.dumps({"a": "x" * 80})).rows) == 1
    assert "has 169 bytes" in refusal(tmp_path, "a.jsonl", json.dumps({"a": "ä" * 80}, ensure_ascii=False))


def test_a_million_columns_are_refused(tmp_path: Path) -> None:
    """F26. A header of a million names is over the limit of a line already; 1,001 short ones are not."""
    assert "at most 1,000,000 are taken" in refusal(tmp_path, "a.csv", ",".join(map(str, range(1_000_000))) + "\n")
    assert "has 1,001 columns; at most 1,000 are taken" in refusal(tmp_path, "a.csv", ",".join(map(str, range(1_001))) + "\n1\n")
    assert "Line 1 of a.jsonl has 1,001 columns" in refusal(tmp_path, "a.jsonl", json.dumps(dict.fromkeys(map(str, range(1_001)), 0)))


def test_too_many_rows_are_refused(tmp_path: Path) -> None:
    """F26, at the real limit; bad rows count too."""
    assert "has 100,001 rows or more; at most 100,000 are taken" in refusal(tmp_path, "a.jsonl", '{"a": "b"}\n' * 100_001)
    assert "at most 100,000 are taken" in refusal(tmp_path, "a.jsonl", "x\n" * 100_001)


@pytest.mark.parametrize(
    ("given_name", "word"),
    [
        ("nowhere.csv", "There is no file 'nowhere.csv'"),
        (".", "is a folder"),
        ("x" * 300 + ".csv", "cannot be opened"),
        ("a\0b.csv", "There is no file"),
    ],
)
def test_a_path_that_is_no_file_is_told_as_it_was_given(given_name: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / given_name, given_name)
    assert word in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=3), min_size=1))
def test_jsonl_comes_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]) -> None:
    table = read(tmp_path_factory.mktemp("law"), "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert [row.values for row in table.rows] == rows


@given(st.binary(min_size=1, max_size=60), st.sampled_from(["a.csv", "a.tsv", "a.json", "a.jsonl", "a.parquet"]))
def test_any_bytes_are_read_or_refused_but_never_crash(tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str) -> None:
    folder = tmp_path_factory.mktemp("law")
    try:
        table = read(folder, name, data)
    except DataError as error:
        assert error.remedy
    else:
        assert len(table.rows) + len(table.bad) > 0
