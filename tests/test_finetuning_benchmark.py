"""The fine-tuning benchmark's arithmetic by hand, its fairness, and its GPU path on a tiny shape without a GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import utilisation
from benchmarks.finetuning import losses_apart, parse
from benchmarks.trainers import labels_of, packed_lengths, padded
from training.job import TrainingRow

ROOT = Path(__file__).parent.parent
ROW = TrainingRow(id="1", prompt_ids=(5, 6, 7), completion_ids=(8, 1))


def run(home: Path, *options: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    written = home / "written.json"
    environment = {**os.environ, "BAKEOFF_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.finetuning", "--threads", "1", "--json", str(written), *options]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True), written


def test_needed_operations_are_counted_as_the_issue_says() -> None:
    """By hand: 1 layer of width 4 and inner size 8, 2 heads of which 1 is shared, a vocabulary of 10; a row of 5 tokens, 2 answered."""
    sizes: dict[str, int | float] = {
        "hidden_size": 4, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 10
    }  # fmt: skip
    shape = utilisation.shape_of(sizes)
    assert shape == (2 * 16 + 2 * 4 * 2 + 3 * 4 * 8, 40, 1, 4) == (144, 40, 1, 4)
    assert utilisation.lora_flops(shape, [ROW]) == 4 * (144 * 5 + 40 * 2) + 6 * 4 * 25
    assert utilisation.utilisation(600.0, 2.0, 1000.0) == pytest.approx(0.3)


@pytest.mark.parametrize(("name", "billions"), [("1b", 1.10), ("7b", 7.24)])
def test_the_published_shapes_have_their_published_parameters(name: str, billions: float) -> None:
    """Embedding and output layer counted once each; norms left out. The papers say 1.1B and 7B."""
    shape = utilisation.shape_of(utilisation.PUBLIC[name].sizes)
    assert (shape.body + 2 * shape.head) / 1e9 == pytest.approx(billions, abs=0.005)
    assert "arXiv" in utilisation.PUBLIC[name].source


@pytest.mark.parametrize("name", list(utilisation.PUBLIC))
def test_a_shape_counts_the_matrices_that_transformers_builds(name: str) -> None:
    """On the meta device: no weights are made."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    public = utilisation.PUBLIC[name]
    config = AutoConfig.for_model(public.family, **public.sizes, tie_word_embeddings=False)
    with torch.device("meta"):
        made = AutoModelForCausalLM.from_config(config)
    matrices = sum(p.numel() for n, p in made.named_parameters() if p.dim() == 2 and "embed" not in n and "lm_head" not in n)
    shape = utilisation.shape_of(public.sizes)
    assert (shape.body, shape.head) == (matrices, made.get_output_embeddings().weight.numel())


def test_the_measured_rate_is_operations_over_time() -> None:
    assert utilisation.matrix_rate("cpu", size=32, repeats=3) > 0


def test_random_rows_are_the_same_each_time_and_within_their_length() -> None:
    rows = utilisation.random_rows(300, 20, 64)
    assert rows == utilisation.random_rows(300, 20, 64) and len({row.id for row in rows}) == 20
    assert all(32 <= row.length <= 64 and row.completion_ids[-1] == 0 and max(row.prompt_ids) < 300 for row in rows)


def test_losses_are_compared_as_a_share_of_the_smallest() -> None:
    assert losses_apart([2.0, 2.03, 2.04]) == pytest.approx(0.02)


def test_rivals_see_the_rows_that_we_see() -> None:
    assert labels_of(ROW) == [-100, -100, -100, 8, 1]
    assert padded(ROW, 7, 0) == {
        "input_ids": [5, 6, 7, 8, 1, 0, 0], "attention_mask": [1] * 5 + [0] * 2, "labels": [-100, -100, -100, 8, 1, -100, -100]
    }  # fmt: skip


def test_packed_sequences_are_filled_best_fit_first() -> None:
    assert packed_lengths([5, 4, 3, 2], 7) == [0, 0]
    assert packed_lengths([5, 5], 7) == [2, 2]


def test_the_gpu_command_says_plainly_that_there_is_no_gpu(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    done, _ = run(tmp_path, "--gpu")
    assert done.returncode != 0 and "--gpu needs a CUDA device" in done.stderr and "--random tiny" in done.stderr
    assert parse(["--gpu"]).max_tokens == 1024 and parse(["--gpu"]).profile


def test_the_gpu_paths_code_runs_on_a_tiny_shape_with_trl_and_a_profile(tmp_path: Path) -> None:
    """All four sides, their utilisation, validation losses within 2 % of each other, and where the time goes."""
    pytest.importorskip("trl")
    small = ("--steps", "3", "--batch-size", "2", "--max-tokens", "48", "--rounds", "1", "--validation-rows", "4", "--dtype", "float32")
    done, path = run(tmp_path, "--random", "tiny", "--with-trl", "--profile", *small)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(path.read_text())["tiny"]
    assert [side["side"] for side in found["sides"]] == ["Trainer, padded, float32", "trl, defaults", "trl, packed", "Bakeoff"]
    for side in found["sides"]:
        assert side["steps"] == 3 and side["s per epoch"] > 0 and side["peak memory, MB"] > 0
        assert side["utilisation"] == pytest.approx(found["flops per epoch"] / side["s per epoch"] / found["matrix rate"], rel=1e-6)
    assert found["validation losses apart"] < 0.02
    assert "aten::" in done.stdout and "of each other" in done.stdout
