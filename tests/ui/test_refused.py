"""What cannot be trained is refused with the plan, by command and on the page alike: one plain message, and nothing is computed or stored.

A checkpoint cut in half is the fifth: what is finished is built anew and says so; an unfinished training goes on from the one before
(`tests/training/contract.py`), with a sentence of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_encoder import save_tiny_encoder
from tiny_t5 import save_tiny_t5

from adapters.base import Progress, Recipe
from comparison import jobs
from comparison.artefacts import obtain
from comparison.plan import read_plan
from comparison.ready import make_ready
from core import versions
from core.errors import BakeoffError
from ui.context import Context
from ui.handlers import estimating, finetuning
from ui.task import Task

Refused = Callable[..., str]


@pytest.fixture
def refused(ctx: Context, tmp_path: Path, tiny_model: Path) -> Refused:
    """The message and the remedy, the same from the command, Launch and Estimate."""
    lines = [f"Ticket {n} about the {('stove', 'lamp', 'door')[n % 3]},answer {n}" for n in range(24)]
    (tmp_path / "tickets.csv").write_text("input,output\n" + "\n".join(lines) + "\n")

    def of(kind: str, model: Path = tiny_model, split: dict[str, float] | None = None, **settings: Any) -> str:
        task = Task(
            name="Tickets",
            base=str(tmp_path),
            data={"path": "tickets.csv", "instruction": "Answer it.", **({"split": split} if split else {})},
            model={"id": str(model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"},
            rest={"generation": {"max_new_tokens": 4}},
            metrics=("token_f1",),
        )
        said = []
        plan = read_plan(task.plan([{"kind": kind, **settings}], ["token_f1"]), tmp_path)
        ways: list[Callable[[], Any]] = [
            lambda: make_ready(plan, ctx.store.models),
            lambda: finetuning.launch(ctx, task, kind, settings),
            lambda: list(estimating.estimate(ctx, task, kind, settings)),
        ]
        for way in ways:
            with pytest.raises(BakeoffError) as found:
                way()
            said.append(f"{found.value.message} {found.value.remedy}")
        assert len(set(said)) == 1 and jobs.listing(ctx.store, ctx.owner) == [] and not list(ctx.store.artefacts.glob("*"))
        return said[0]

    return of


def test_a_classifier_on_free_text_is_refused_with_what_works_instead(refused: Refused) -> None:
    for kind in ("classifier", "tuned_encoder"):
        assert refused(kind) == (
            f"{kind} needs a label set; the answers of these data are free text. State data.labels if they are classes, or take nearest, which "
            "works for any task."
        )


def test_virtual_tokens_and_other_kinds_for_decoders_are_refused_on_an_encoder_decoder(refused: Refused, tmp_path: Path) -> None:
    model = save_tiny_t5(tmp_path / "t5")
    for kind in ("prompt_tuning", "prefix_tuning"):
        assert refused(kind, model) == (
            f"{kind} needs a decoder-only model; got an encoder-decoder (t5). Choose lora for this model, or another model."
        )
    assert refused("scratch", model).startswith("scratch needs a decoder-only model; got an encoder-decoder (t5). Choose full")
    assert refused("lora", model, packing=True).startswith("packing needs a decoder-only model; this one has an encoder")


def test_nothing_is_trained_into_an_encoder_since_it_cannot_write(refused: Refused, tmp_path: Path) -> None:
    encoder = save_tiny_encoder(tmp_path / "bert", ["a", "ticket"])
    assert refused("prefix_tuning", encoder) == (
        f"The model '{encoder}' is an encoder (bert): it reads texts and cannot write answers. Name a decoder-only model, or an encoder-decoder "
        "of the T5 family; an encoder can be model.embedder, for classifier and tuned_encoder."
    )


def test_a_rank_over_the_layers_size_is_refused_with_that_size(refused: Refused) -> None:
    for kind in ("lora", "rslora", "dora"):
        assert refused(kind, rank=33) == (
            "rank must be at most the size of the smallest layer, 32 (model.layers.0.self_attn.k_proj); got 33. Lower rank to 32 or less; usual "
            "4 to 64."
        )


def test_what_goes_by_validation_rows_is_refused_without_them(refused: Refused) -> None:
    none = {"train": 0.7, "validation": 0.0, "test": 0.3}
    assert refused("lora", split=none, early_stopping=1) == (
        "early_stopping needs validation rows, whose loss it watches; there are none. Give the validation split a share (data.split.validation), "
        "or leave early_stopping out."
    )


def test_quantisation_that_is_not_installed_is_refused_with_the_command(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    there = versions.installed
    monkeypatch.setattr(versions, "installed", lambda name: None if name == "bitsandbytes" else there(name))
    for kind, held in (("qlora", {}), ("lora", {"weights": "nf4"})):
        assert refused(kind, **held) == (
            "weights: nf4 needs the library bitsandbytes, which is not installed. Install it: pip install bitsandbytes. Or leave `weights` at auto."
        )


def test_finished_weights_that_were_cut_in_half_are_set_aside_built_anew_and_this_is_said(ctx: Context) -> None:
    """F3 for what is finished: never loaded, never deleted."""

    def build(folder: Path, earlier: Any) -> Any:
        (folder / "adapter_model.safetensors").write_bytes(b"w" * 100)
        yield Progress("training")

    recipe = Recipe("weights", "f00d", {}, build)
    list(obtain(ctx.store, recipe, []))
    weights = ctx.store.artefacts / "f00d" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:50])
    told = [step.stage for step in obtain(ctx.store, recipe, []) if isinstance(step, Progress)]
    assert told[0] == "set a damaged weights aside (adapter_model.safetensors has 50 bytes, not 100), building it anew"
    assert weights.stat().st_size == 100 and len(list(ctx.store.artefacts.glob(".damaged-f00d-*"))) == 1
    assert json.loads((weights.parent / "MANIFEST.json").read_text())["files"]
