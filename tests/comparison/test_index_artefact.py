"""An index in the store: refused when damaged, built again from the documents, with what is known of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cards import SPEC, Counting, document

from adapters.base import Progress, Recipe
from comparison.artefacts import Artefact, obtain
from comparison.store import Store
from retrieval.index import FaissIndex, build_index, index_fingerprint


def recipe(embedder: Counting, first: int, after: int) -> Recipe:
    documents = [document(i) for i in range(first, after)]
    key = index_fingerprint(documents, SPEC, embedder.id)

    def build(folder: Path, earlier: object) -> object:
        return (Progress(*step) for step in build_index(folder, documents, SPEC, embedder, store=folder.parent))

    return Recipe("index", key, {}, build)  # type: ignore[arg-type]


def made(store: Store, of: Recipe) -> tuple[list[str], Artefact]:
    *steps, artefact = obtain(store, of, [])
    assert isinstance(artefact, Artefact)
    return [step.stage for step in steps if isinstance(step, Progress)], artefact


@pytest.mark.parametrize("name", ["index.faiss", "passages.jsonl", "passages.offsets.npy", "index.json"])
@pytest.mark.parametrize("how", ["truncated", "other bytes"])
def test_a_damaged_index_is_set_aside_and_built_again_without_embedding(store: Store, name: str, how: str) -> None:
    """F30: sizes and hashes of the MANIFEST; the embeddings are known, so building again is quick."""
    embedder = Counting()
    _, artefact = made(store, recipe(embedder, 0, 12))
    file = artefact.path / name
    data = file.read_bytes()
    file.write_bytes(data[:-3] if how == "truncated" else bytes([data[0] ^ 1]) + data[1:])
    embedder.texts.clear()
    stages, again = made(store, recipe(embedder, 0, 12))
    assert stages[0].startswith(f"set a damaged index aside ({name if how == 'truncated' else 'the content of ' + name}")
    assert (again.reused, embedder.texts) == (False, [])
    assert FaissIndex.load(again.path, embedder).search([document(7).text], 1)[0][0].passage.document == "0007.md"


def test_a_changed_folder_begins_with_the_index_that_is_there(store: Store) -> None:
    embedder = Counting()
    _, first = made(store, recipe(embedder, 0, 12))
    embedder.texts.clear()
    _, second = made(store, recipe(embedder, 2, 14))
    assert sorted(embedder.texts) == [document(12).text, document(13).text]
    assert json.loads((second.path / "index.json").read_text())["started_from"] == first.fingerprint
