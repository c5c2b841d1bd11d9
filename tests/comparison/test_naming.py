"""Methods go by one name everywhere: labels, sentences, terminal and exports."""

from __future__ import annotations

import pytest

from comparison.naming import in_words, method_label, said, sentence_names


@pytest.mark.parametrize(
    ("name", "kind", "label"),
    [
        ("zero_shot", "zero_shot", "Zero-shot"),
        ("lora_rag", "lora", "LoRA + retrieval"),
        ("few_shot-2", "few_shot", "Few-shot 2"),
        ("lora-3", "lora", "LoRA 3"),
        ("my_long_prompt", "zero_shot", "my long prompt"),
        ("new_kind", "new_kind", "New kind"),
        ("few_shot-x", "few_shot", "few shot-x"),
    ],
)
def test_a_method_is_called_by_its_kind_or_by_the_name_that_somebody_gave_it(name: str, kind: str, label: str) -> None:
    assert method_label({"name": name, "kind": kind}) == label


def test_within_a_sentence_shots_are_written_small_and_acronyms_stay() -> None:
    assert [said(label) for label in ("Zero-shot", "Few-shot 2", "RAG", "LoRA + retrieval", "A")] == [
        "zero-shot",
        "few-shot 2",
        "RAG",
        "LoRA + retrieval",
        "A",
    ]
    assert sentence_names([{"name": "rag", "kind": "rag"}, {"name": "zero_shot", "kind": "zero_shot"}]) == {
        "rag": "RAG",
        "zero_shot": "zero-shot",
    }


def test_a_sentence_with_names_in_words_stays_as_it_is() -> None:
    text = "RAG answers best on this task. Zero-shot and LoRA + retrieval can't be told apart from few-shot 2."
    assert in_words(text) == text
    assert in_words("zero_shot: 3 items; see lora_rag.") == "Zero-shot: 3 items; see LoRA + retrieval."
