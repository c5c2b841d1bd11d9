"""What a result says of its data: counts, leakage, rows left out, and the test examples themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from comparison.leaks import Guarded, guarded, in_documents, to_embed
from comparison.mixing import mix_entries, mix_notes
from comparison.pairing import pairs_entries, pairs_notes
from comparison.ready import Ready
from comparison.result import Result
from core.dataset.leakage import KINDS
from core.errors import StoreError
from core.files import write_json
from core.records import to_json


def search(ready: Ready) -> Guarded:
    """What gives test items away in rows and documents, as they were before anything was cut out of these."""
    found = ready.planted or in_documents(ready.dataset, ready.documents, ready.nearness)
    drop = ready.plan.spec.data.near_duplicates == "drop"
    guard = guarded(ready.dataset, found, ready.nearness, drop_rows=drop, cut_documents=ready.planted is not None)
    near = {key: ready.plan.without_paths(value) if isinstance(value, str) else value for key, value in guard.near.items()}
    return replace(guard, near=near)


def to_search(ready: Ready) -> int:
    """How many texts `search` has to embed, which may take a while."""
    return to_embed(ready.dataset, () if ready.planted else ready.documents, ready.nearness)


def data_entry(ready: Ready, found: Guarded) -> dict[str, Any]:
    """The report's `data`."""
    dataset = ready.dataset
    return {
        "counts": dataset.counts,
        "leakage": found.leakage,
        "in_validation": dataset.in_validation,
        "near_duplicates": found.near,
        "bad_rows": {"count": dataset.bad_count, "first": [asdict(row) for row in dataset.bad_rows]},
        "labels": list(dataset.labels),
        "instruction": dataset.instruction,
        "columns": dict(dataset.columns_used),
        "mix": mix_entries(ready.setting.mixes),
        "pairs": pairs_entries(ready.setting.pairs),
        "documents": {"count": len(ready.documents), "skipped": list(ready.skipped)},
        "fingerprint": dataset.fingerprint,
    }


def data_notes(ready: Ready) -> Iterator[str]:
    """Sentences on what was left out of the data and of the documents."""
    bad, skipped = ready.dataset.bad_rows, ready.skipped
    if bad:
        yield f"{ready.dataset.bad_count} rows of the data were left out; the first: line {bad[0].line}: {bad[0].reason}."
    yield from _twice(ready.dataset.in_validation)
    yield from mix_notes(ready.setting.mixes)
    yield from pairs_notes(ready.setting.pairs)
    if skipped:
        yield f"{len(skipped)} files of the documents were not read; the first: {skipped[0]['path']}: {skipped[0]['reason']}."


def _twice(found: dict[str, Any]) -> Iterator[str]:
    if rows := found.get("rows"):
        kinds = ", ".join(f"{found[kind]} {kind}" for kind in KINDS if found[kind])
        stand, were = ("row stands", "was") if rows == 1 else ("rows stand", "were")
        yield f"{rows} training {stand} in the validation file, too ({kinds}), and {were} not trained on."


def write_splits(folder: Path, ready: Ready) -> None:
    """The test examples whole, so that a result can be read without its sources; of the others the ids.

    Raises:
        StoreError: the data have changed since the comparison was started.
    """
    dataset, path = ready.dataset, folder / "splits.json"
    if path.exists():
        if Result(folder).splits().about["fingerprint"] != dataset.fingerprint:
            remedy = "Run the plan anew; a result must be about one data set."
            raise StoreError(f"The data of {folder.name} have changed since it was started.", remedy)
        return
    splits = {
        "test": [to_json(example) for example in dataset.test],
        "train": [example.id for example in dataset.train],
        "validation": [example.id for example in dataset.validation],
        "labels": list(dataset.labels),
        "instruction": dataset.instruction,
        "about": {"counts": dataset.counts, "fingerprint": dataset.fingerprint},
    }
    write_json(path, splits)
