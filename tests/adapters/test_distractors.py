"""Passages in training prompts: the gold one among distractors as often as was said, in an order that says nothing; questions stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Setting
from adapters.lora import Lora, LoraSpec
from adapters.prepared import Prepared, prepared
from adapters.specs import read_method_specs
from core.records import Document, Example, Passage
from models.fake import FakeCodec, turns

TASK = [Example(f"e{n}", "Answer in one word.", f"Which colour has lamp {n}?", f"colour{n}") for n in range(20)]
DOCUMENTS = [Document(f"{n}.md", f"Lamp {n} has the colour: colour{n}.") for n in range(20)]


def gold(examples: Sequence[Example], passages: Sequence[Passage]) -> Mapping[str, Sequence[Passage]]:
    """e0 has no known passage."""
    return {e.id: [p for p in passages if e.reference + "." in p.text] for e in examples if e.id != "e0"}


@pytest.fixture
def made(make_setting: Any) -> Setting:
    setting: Setting = replace(make_setting(train=TASK, documents=DOCUMENTS), gold=gold)
    return setting


def spec(**settings: Any) -> LoraSpec:
    found = read_method_specs([{"kind": "lora", "with_retrieval": True, "top_k": 3, "prompt_cap": 2048, **settings}])[0]
    assert isinstance(found, LoraSpec)
    return found


@pytest.fixture
def rows(made: Setting, tmp_path: Path) -> Any:
    def build(**settings: Any) -> Prepared:
        method = Lora(spec(**settings))
        folder = tmp_path / "index"
        if not folder.exists():
            list(method.recipes(made)[0].build(folder, []))
        return prepared(method.spec, made, method.finder(made, [folder]), {}, method.spec.seed, 4096)

    return build


def lamps(row: Any) -> list[str]:
    """The passages of a row's prompt, in order."""
    text = turns(row.prompt_ids)[-1].partition("Text:\n")[2].partition("\n\nQuestion:")[0]
    return text.split("\n\n")


def holding(found: Prepared) -> dict[str, bool]:
    return {row.id: any(f"colour{row.id[1:]}." in passage for passage in lamps(row)) for row in found.rows}


def test_by_default_training_prompts_hold_what_the_retriever_finds(rows: Any, made: Setting, tmp_path: Path) -> None:
    """E2. Token for token what would be asked for the same example."""
    found = rows()
    asked = Lora(spec()).bind(made, [tmp_path / "index", Path("weights")]).prompts(TASK)
    assert [row.prompt_ids for row in found.rows] == [FakeCodec().prompt_ids(prompt.messages) for prompt in asked]  # type: ignore[union-attr]
    assert found.record["passages"] is None


def test_every_known_gold_passage_is_there_with_share_1_and_none_with_share_0(rows: Any) -> None:
    always, never = rows(gold_share=1.0), rows(gold_share=0.0)
    known = [name for name in holding(always) if name != "e0"]
    assert all(holding(always)[name] for name in known) and not any(holding(never)[name] for name in known)
    assert all(len(lamps(row)) == 3 for found in (always, never) for row in found.rows)
    assert always.record["passages"] == {"gold": 19, "distractors_only": 0, "unknown": 1}
    assert never.record["passages"] == {"gold": 0, "distractors_only": 19, "unknown": 1}


def test_a_row_without_a_known_gold_passage_keeps_what_the_retriever_finds(rows: Any) -> None:
    first = {row.id: row for row in rows().rows}["e0"]
    assert {row.id: row for row in rows(gold_share=0.5).rows}["e0"] == first


def test_a_share_between_is_met_by_a_seeded_function_of_the_id(rows: Any) -> None:
    half = holding(rows(gold_share=0.5))
    assert 4 <= sum(half.values()) <= 16
    assert holding(rows(gold_share=0.5)) == half != holding(rows(gold_share=0.5, seed=1))
    more = holding(rows(gold_share=0.8))
    assert all(more[name] for name, there in half.items() if there), "a larger share adds gold passages and takes none away"


def test_the_place_of_the_gold_passage_is_not_always_the_same(rows: Any) -> None:
    places = {
        next(n for n, p in enumerate(lamps(row)) if f"colour{row.id[1:]}." in p) for row in rows(gold_share=1.0).rows if row.id != "e0"
    }
    assert places == {0, 1, 2}
