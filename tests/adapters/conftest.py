"""A small made-up task on the fake model: what every test of a method starts from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Bound, Method, Setting, methods
from core.records import Document, Example
from core.specs import read_spec
from models.base import GenerationConfig, ModelIdentity
from models.fake import FakeCodec, HashEmbedder

INSTRUCTION = "Answer in one word."
FACTS = [
    ("Which bird is on the long crate?", "heron"),
    ("Which bird is on the owl box?", "owl"),
    ("What colour is the bench charger?", "grey"),
    ("What colour is the pink sheet?", "pink"),
    ("How many crates are there?", "three"),
    ("How many nights does the battery last?", "eleven"),
    ("What opens last?", "wagtail"),
    ("Größe des Segels?", "groß"),
]


def example(place: int, question: str, reference: str, instruction: str = INSTRUCTION, **more: Any) -> Example:
    return Example(f"id{place}", instruction, question, reference, **more)


TRAIN = [example(i, *fact) for i, fact in enumerate(FACTS)]
TEST = [example(100 + i, f"{question} Please tell me.", answer) for i, (question, answer) in enumerate(FACTS)]
DOCUMENTS = [Document(f"{i}.md", f"# Note {i}\n\n{question[:-1]}: it is {answer}.") for i, (question, answer) in enumerate(FACTS)]


def of_the_task(
    instruction: str = INSTRUCTION,
    train: Sequence[Example] = TRAIN,
    documents: Sequence[Document] = DOCUMENTS,
    context: int = 8192,
    model_id: str = "made-up/model",
) -> Setting:
    key = ModelIdentity(model_id, "1", "none", "cpu", 1, FakeCodec.template_hash, context)
    return Setting(
        instruction=instruction,
        train=train,
        validation=[],
        documents=documents,
        model_key=key,
        embedder_id=HashEmbedder.id,
        codec=FakeCodec,
        embedder=HashEmbedder,
        generation=GenerationConfig(max_new_tokens=64),
    )


@pytest.fixture(scope="session")
def make_setting() -> Callable[..., Setting]:
    """The task's setting, with what a test wants otherwise."""
    return of_the_task


@pytest.fixture(scope="session")
def setting() -> Setting:
    return of_the_task()


@pytest.fixture(scope="session")
def train() -> list[Example]:
    return TRAIN


@pytest.fixture(scope="session")
def questions() -> list[Example]:
    """Test examples: each asks one of the training facts in other words."""
    return TEST


@pytest.fixture
def bound(tmp_path: Path) -> Callable[..., Bound]:
    """A method made from settings, checked, its indexes built, and bound. Weights are an empty folder: prompts do not look into it."""

    def make(kind: str, setting: Setting, **settings: Any) -> Bound:
        method: Method = methods.get(kind)(read_spec(methods.get(kind).Spec, {"kind": kind, **settings}))
        method.check(setting)
        folders: list[Path] = []
        for recipe in method.recipes(setting):
            folder = tmp_path / recipe.fingerprint
            if recipe.kind == "index":
                list(recipe.build(folder, tuple(folders)))
            folders.append(folder)
        return method.bind(setting, folders)

    return make
