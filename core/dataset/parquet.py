"""Parquet to raw rows, with the memory bounded by what is decoded and not by what the footer claims.

Repeated texts are stored once in Parquet, so a file of 200 kB can hold gigabytes. Text columns are therefore read as dictionaries
(each text once, plus its places), the size of the texts is summed from their lengths, and only a batch within the limits is unfolded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import core.dataset.limits as limits
from core.dataset.rows import RawRow
from core.errors import DataError

BATCH_ROWS = 256
MAX_FOOTER_ENTRIES = 20_000


def parquet_rows(path: Path, shown: str) -> Iterator[RawRow]:
    """Rows numbered from 1.

    Raises:
        DataError: over a limit, damaged, or with columns of an extension type.
    """
    import pyarrow as pa

    number, text_bytes = 0, 0
    try:
        for batch in _open(path, shown).iter_batches(batch_size=BATCH_ROWS, use_threads=False):
            limits.check_rows(shown, number + batch.num_rows)
            text_bytes += sum(_decoded_bytes(column) for column in batch.columns)
            limits.check_text(shown, text_bytes)
            for values in batch.to_pylist():
                number += 1
                yield RawRow(number, values)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise DataError(f"{shown} cannot be read as Parquet: {first}.", "Write the file anew, or save it as CSV or JSONL.") from error


def _open(path: Path, shown: str) -> Any:
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path, thrift_container_size_limit=MAX_FOOTER_ENTRIES)
    except OSError as error:
        if "Exceeded size limit" in str(error):
            what = f"{shown} has more than {MAX_FOOTER_ENTRIES:,} columns or row groups; at most {limits.MAX_COLUMNS:,} columns are taken."
            raise DataError(what, "Keep the columns that the task needs.") from error
        raise
    _check_schema(file, shown)
    leaves = [file.schema.column(place) for place in range(len(file.schema))]
    texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    return pq.ParquetFile(path, thrift_container_size_limit=MAX_FOOTER_ENTRIES, read_dictionary=texts)


def _check_schema(file: Any, shown: str) -> None:
    names = file.schema_arrow.names
    limits.check_columns(shown, max(len(names), len(file.schema)))
    limits.check_rows(shown, file.metadata.num_rows)
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{shown} has the column '{name}' twice.", "Give each column a name of its own.")
    for field in file.schema_arrow:
        if _is_extension(field.type):
            what = f"Column '{field.name}' of {shown} has an extension type, which is not read."
            raise DataError(what, "Save the column as plain text or leave it out.")


def _is_extension(kind: Any) -> bool:
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return True
    return any(_is_extension(kind.field(place).type) for place in range(kind.num_fields))


def _decoded_bytes(column: Any) -> int:
    """Bytes of the column once each text is written out, without writing it out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        lengths = pc.binary_length(column.dictionary)
        return pc.sum(lengths.take(column.indices)).as_py() or 0
    if pa.types.is_struct(kind):
        return sum(_decoded_bytes(part) for part in column.flatten())
    if pa.types.is_map(kind):
        return _decoded_bytes(column.keys) + _decoded_bytes(column.items)
    if pa.types.is_nested(kind):
        return _decoded_bytes(column.flatten())
    return int(column.nbytes)
