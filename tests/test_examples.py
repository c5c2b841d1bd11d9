"""Every bundled plan runs, cut short; and the examples are as varied as their README files say."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from comparison.plan import read_plan
from core.dataset import load_dataset
from retrieval.documents import load_documents

ROOT = Path(__file__).resolve().parents[1]
NAMES = ["support_desk", "ticket_routing", "house_style"]
SHORT = ["data.limit.train=8", "data.limit.validation=2", "data.limit.test=3", "generation.max_new_tokens=4"]


def run(plan: Path, store: Path, *settings: str):
    changes = [part for setting in [*SHORT, *settings] for part in ("--set", setting)]
    command = [sys.executable, "-m", "comparison", "run", str(plan), "--store", str(store), "--json", *changes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_plan_runs_on_the_fake_model(name, tmp_path):
    plan = ROOT / "examples" / name / "plan.yaml"
    kept = [m for m in read_plan(plan).mapping["methods"] if m["kind"] != "lora"]
    report = run(
        plan,
        tmp_path,
        "model.id=fake/echo",
        "model.embedder=fake/hash-64",
        f"methods={json.dumps(kept)}",
        "metrics=[token_f1]",
        "primary=token_f1",
    )
    assert [m["n"] for m in report["methods"]] == [3] * len(kept)


def test_all_five_methods_of_a_bundled_plan_run_on_a_tiny_real_model(tiny_model, tmp_path):
    plan = ROOT / "examples" / "house_style" / "plan.yaml"
    settings = [f"model.id={tiny_model}", "model.embedder=fake/hash-64", "metrics=[chrf, token_f1]"]
    report = run(plan, tmp_path, *settings, *(f"methods.{place}.epochs=1" for place in (3, 4)))
    assert [m["status"] for m in report["methods"]] == ["done"] * 5
    tuned = [m for m in report["methods"] if m["kind"] == "lora"]
    assert len(tuned) == 2 and all(m["cost"]["trainable_params"] > 0 and m["training"]["best_epoch"] == 1 for m in tuned)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_enough_varied_items_and_no_leaks(name):
    folder = ROOT / "examples" / name
    plan = read_plan(folder / "plan.yaml")
    data = load_dataset(plan.spec.data, folder)
    rows = [*data.train, *data.validation, *data.test]
    assert len(rows) >= 192 and len(data.test) >= 48 and data.bad_count == 0
    openings = {tuple(row.input.lower().split()[:5]) for row in rows}
    assert len(openings) >= 0.9 * len(rows)
    assert data.leakage["train"]["exact"] == data.leakage["train"]["normalised"] == data.leakage["train"]["ngram"] == 0
    assert "CC0" in (folder / "README.md").read_text()


def test_the_support_desk_asks_each_fact_once_and_its_handbook_holds_the_answers():
    folder = ROOT / "examples" / "support_desk"
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]
    documents = {d.id: d.text for d in load_documents(folder / "handbook").documents}
    assert len(documents) >= 40
    assert len({row["group"] for row in rows}) == len(rows)
    assert all(row["document"] in documents for row in rows)
    verbatim = sum(row["output"].lower().rstrip(".") in documents[row["document"]].lower() for row in rows)
    assert verbatim >= 0.8 * len(rows)


def test_ticket_routing_has_six_to_eight_balanced_labels():
    with (ROOT / "examples" / "ticket_routing" / "tickets.csv").open(newline="") as file:
        labels = [row["team"] for row in csv.DictReader(file)]
    counts = {label: labels.count(label) for label in set(labels)}
    assert 6 <= len(counts) <= 8 and min(counts.values()) >= 24


def test_every_house_style_reference_keeps_to_the_format():
    """Run through the example's own script of the evaluate library, as a plan does."""
    from core.records import Score
    from evaluation.base import Item, Resources

    folder = ROOT / "examples" / "house_style"
    metric = next(m for m in read_plan(folder / "plan.yaml").metrics if m.info.name == "format_ok")
    rows = [json.loads(line) for line in (folder / "notes.jsonl").read_text().splitlines()][:20]
    items = [Item(str(i), row["input"], row["output"], row["output"]) for i, row in enumerate(rows)]
    assert metric.score(items, Resources()) == [Score(1.0)] * 20
    assert metric.score([Item("x", "", "Somebody fell into the harbour.", rows[0]["output"])], Resources()) == [Score(0.0)]
