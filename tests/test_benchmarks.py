"""The benchmarks run and print figures; how good those are is for a quiet machine to say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def run(script: str, model: Path, home: Path, *options: str) -> tuple[str, dict[str, Any]]:
    """What a benchmark prints and what it writes, on the smallest setting and without competitors that would be installed."""
    written = home / f"{script}.json"
    environment = {**os.environ, "BAKEOFF_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", f"benchmarks.{script}", "--model", str(model), "--threads", "1", "--json", str(written), *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(written.read_text())


def cells(printed: str, first: str) -> list[list[str]]:
    """The table rows that begin with `first`, without it."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines() if line.startswith("|")]
    return [row[1:] for row in rows if row[0] == first]


SMALL = ("--items", "4", "--new-tokens", "4", "--demonstrations", "1")


def test_the_generation_benchmark_prints_rates_and_ratios(tiny_model: Path, tmp_path: Path) -> None:
    printed, written = run("generation", tiny_model, tmp_path, *SMALL, "--rounds", "1", "--one-by-one", "2")
    for side in ("one by one", "Bakeoff"):
        measured = cells(printed, side)
        assert len(measured) == 2, "one row with mixed prompts, one with demonstrations"
        assert all(float(cell.replace(",", "")) > 0 for row in measured for cell in row)
    assert [row[1] for row in cells(printed, "one by one")] == ["1", "1"]
    assert {"processor", "instructions", "cores", "dtype", "threads", "versions", "load_average"} <= set(written["machine"])
    assert [len(result["sides"]) for result in written["results"]] == [2, 2]


def test_batched_answers_equal_one_by_one_answers_in_float32(tiny_model: Path, tmp_path: Path) -> None:
    _, written = run("generation", tiny_model, tmp_path, *SMALL, "--check")
    assert written["machine"]["dtype"] == "float32"
    assert [result["equal ids"] for result in written["results"]] == ["4 of 4", "4 of 4"]
    assert written["results"][1]["shared tokens"] > 100, "the demonstration is computed once"


def test_the_finetuning_benchmark_prints_rates_and_equal_losses(tiny_model: Path, tmp_path: Path) -> None:
    small = ("--steps", "2", "--batch-size", "4", "--max-tokens", "512", "--dtype", "float32", "--rounds", "1")
    printed, written = run("finetuning", tiny_model, tmp_path, *small)
    for side in ("Trainer, padded, float32", "Bakeoff"):
        (row,) = cells(printed, side)
        assert all(float(cell.replace(",", "")) > 0 for cell in row)
    assert [step["step"] for step in written["losses"]] == [1, 2]
    assert all(step["difference"] < 1e-5 for step in written["losses"])
    losses = [side["mean loss"] for side in written["speed"]["sides"]]
    assert abs(losses[0] - losses[1]) < 0.1, "both take the loss on the same tokens"


def test_the_layers_benchmark_times_both_sides_of_each_shortcut() -> None:
    import torch

    from benchmarks import layers

    for row in (layers.attention(torch.float32, 16, rounds=1), layers.output_layer(torch.float32, rounds=1)):
        assert all(value > 0 for value in row.values() if isinstance(value, float)) and "×" in row
