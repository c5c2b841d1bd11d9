"""Parquet: plain, nested, damaged, and bombs (F25)."""

import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import core.dataset.limits as limits
from core.dataset.readers import read_table
from core.errors import DataError


def write(path: Path, columns: dict[str, Any], **how: Any) -> Path:
    pq.write_table(pa.table(columns), path, **how)
    return path


def test_rows_are_numbered_and_types_kept(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    table = read_table(write(tmp_path / "a.parquet", {"messages": [chat, chat], "n": [1, 2], "t": ["x", None]}), "a.parquet")
    assert [row.line for row in table.rows] == [1, 2]
    assert [row.values for row in table.rows] == [{"messages": chat, "n": 1, "t": "x"}, {"messages": chat, "n": 2, "t": None}]


@pytest.mark.parametrize("nested", [False, True])
def test_a_bomb_is_refused_by_what_it_unfolds_to_and_not_by_its_footer(nested: bool, tmp_path: Path) -> None:
    """F25: a file of some kB that holds 2 GB of text while its footer claims some kB too."""
    text = pa.array(["x" * 20_000]).dictionary_encode().take(pa.array([0] * 100_000))
    column = pa.ListArray.from_arrays(pa.array(range(100_001), pa.int32()), text) if nested else text
    path = write(tmp_path / "bomb.parquet", {"input": column})
    footer = pq.ParquetFile(path).metadata.row_group(0).total_byte_size
    assert path.stat().st_size < 500_000 and footer < 1_000_000
    before = pa.total_allocated_bytes()
    with pytest.raises(DataError, match=r"bytes of text once unpacked; at most 200,000,000 are taken"):
        read_table(path, "bomb.parquet")
    assert pa.total_allocated_bytes() - before < 50_000_000


def test_one_huge_repeated_text_is_refused_before_it_is_unfolded(tmp_path: Path) -> None:
    """F25: within one batch of rows, too."""
    text = pa.array(["x" * 10_000_000]).dictionary_encode().take(pa.array([0] * 200))
    path = write(tmp_path / "bomb.parquet", {"input": text})
    tracemalloc.start()
    with pytest.raises(DataError, match=r"has 2,000,000,000 bytes of text"):
        read_table(path, "bomb.parquet")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000


def test_rows_and_columns_are_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F25 and F26."""
    with pytest.raises(DataError, match="has 100,001 rows or more"):
        read_table(write(tmp_path / "a.parquet", {"a": [1] * 100_001}), "a.parquet")
    with pytest.raises(DataError, match="has 1,001 columns; at most 1,000"):
        read_table(write(tmp_path / "a.parquet", {str(n): [1] for n in range(1_001)}), "a.parquet")
    monkeypatch.setattr("core.dataset.parquet.MAX_FOOTER_ENTRIES", 500)
    with pytest.raises(DataError, match="has more than 500 columns"):
        read_table(write(tmp_path / "a.parquet", {str(n): [1] for n in range(501)}), "a.parquet")


def test_the_cap_of_text_counts_every_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", {"a": ["xx"] * 10, "b": ["yyy"] * 10})
    monkeypatch.setattr(limits, "MAX_TEXT_BYTES", 50)
    assert len(read_table(path, "a.parquet").rows) == 10
    monkeypatch.setattr(limits, "MAX_TEXT_BYTES", 49)
    with pytest.raises(DataError, match="has 50 bytes of text once unpacked"):
        read_table(path, "a.parquet")


def test_extension_types_are_not_loaded(tmp_path: Path) -> None:
    """F25."""
    column = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}']))
    with pytest.raises(DataError, match=r"'input' of a\.parquet has an extension type"):
        read_table(write(tmp_path / "a.parquet", {"input": column}), "a.parquet")


@pytest.mark.parametrize("keep", [5, 100, -10])
def test_a_damaged_file_is_refused(keep: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"a": ["text"] * 100})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_table(path, "a.parquet")


def test_pages_that_are_damaged_are_refused_or_read_but_never_crash(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"a": [f"text {n}" for n in range(100)]})
    whole = path.read_bytes()
    refused = 0
    for place in range(4, len(whole) - 8, 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            read_table(path, "a.parquet")
        except DataError:
            refused += 1
    assert refused > 10


def test_no_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no rows"):
        read_table(write(tmp_path / "a.parquet", {"a": pa.array([], pa.string())}), "a.parquet")
