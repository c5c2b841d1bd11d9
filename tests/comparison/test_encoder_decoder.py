"""A comparison on an encoder-decoder: a tiny random T5 stands in, since no weights of the family are here; its scores mean nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_t5 import save_tiny_t5

from comparison.plan import read_plan
from comparison.ready import make_ready
from comparison.store import Store
from core.errors import PlanError


def test_methods_share_one_path_on_an_encoder_decoder_and_what_does_not_fit_says_so(
    complete: Callable[..., tuple[str, list[Any]]], store: Store, tmp_path: Path
) -> None:
    """E2: prompts, a fine-tune and the label's log-likelihood; virtual tokens are refused with the plan. F22: the run's name is a name."""
    model = save_tiny_t5(tmp_path / "tiny-t5")
    labels = ("billing", "repair", "lost and found")
    rows = [f'"My parcel number {n * 7} went {("up", "down")[n % 2]}",{labels[n % 3]}' for n in range(20)]
    (tmp_path / "tickets.csv").write_text("input,output\n" + "\n".join(rows) + "\n")
    plan = {
        "name": "; touch planted $(touch planted)",
        "data": {"path": "tickets.csv", "instruction": "Route to one of: {labels}."},
        "model": {"id": str(model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"},
        "methods": [{"kind": "few_shot", "shots": 2}, {"kind": "lora", "rank": 2, "epochs": 1}],
        "metrics": ["accuracy", "label_probability"],
        "generation": {"max_new_tokens": 4},
    }
    comparison_id, _ = complete(read_plan(plan, tmp_path), store)
    report = store.result(comparison_id).report()
    few_shot, lora = report["methods"]
    assert [few_shot["status"], lora["status"]] == ["done", "done"]
    with pytest.raises(PlanError, match=r"prompt_tuning needs a decoder-only model; got an encoder-decoder \(t5\)"):
        make_ready(read_plan({**plan, "methods": [{"kind": "prompt_tuning"}]}, tmp_path), store.models)
    assert all(method["scores"]["label_probability"]["n"] == method["n"] > 0 for method in (few_shot, lora))
    assert lora["cost"]["trainable_params"] > 0 and report["environment"]["template_hash"]
    assert report["name"] == plan["name"] and not list(Path.cwd().glob("planted")) and not list(tmp_path.rglob("planted"))
