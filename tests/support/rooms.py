"""A task with three labels that single words give away, on the hash embedder: what tests of label methods start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.base import Direct, DirectAnswer, Setting, methods
from core.records import Example
from core.specs import read_spec
from models.base import ModelIdentity
from models.fake import FakeCodec, HashEmbedder

LABELS = ("heating", "lighting", "plumbing")
SAID = {"heating": "The radiator is cold", "lighting": "The lamp flickers", "plumbing": "The tap drips"}
PLACES = ("attic", "cellar", "kitchen", "hall", "porch", "study", "garage", "nursery")
WORDS = sorted({word for text in (*SAID.values(), *PLACES, "in the .") for word in text.split()})


def fault(place: int, label: str, where: str = "", **more: Any) -> Example:
    return Example(f"r{place:02d}", "Who must come?", f"{SAID[label]} in the {where or PLACES[place % len(PLACES)]}.", label, **more)


TRAIN = [fault(place, LABELS[place % 3]) for place in range(24)]
VALIDATION = [fault(30 + place, LABELS[place % 3], "bath") for place in range(6)]
TEST = [fault(60 + place, LABELS[place % 3], f"office {place}") for place in range(9)]


def setting(**changes: Any) -> Setting:
    made = Setting(
        instruction="Who must come?",
        train=TRAIN,
        validation=VALIDATION,
        documents=(),
        model_key=ModelIdentity("made-up/model", "1", "none", "cpu", 1, FakeCodec.template_hash, 8192),
        embedder_id=HashEmbedder.id,
        codec=FakeCodec,
        embedder=HashEmbedder,
        labels=LABELS,
    )
    return replace(made, **changes)


def bound(kind: str, made: Setting, folder: Path, **settings: Any) -> Direct:
    """The method, checked, its artefacts built below the folder, ready to answer."""
    method = methods.get(kind)(read_spec(methods.get(kind).Spec, {"kind": kind, **settings}))
    method.check(made)
    paths: list[Path] = []
    for recipe in method.recipes(made):
        paths.append(folder / recipe.fingerprint)
        if not paths[-1].exists():
            list(recipe.build(paths[-1], tuple(paths[:-1])))
    ready = method.bind(made, paths)
    assert isinstance(ready, Direct)
    return ready


def said(kind: str, folder: Path, examples: Sequence[Example] = TEST, made: Setting | None = None, **settings: Any) -> list[DirectAnswer]:
    return bound(kind, made or setting(), folder, **settings).answer(examples)
