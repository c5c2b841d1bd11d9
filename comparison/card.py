"""The model card of trained weights: what they are, what they were trained with, how they scored, and how they are used. Facts of the report alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from comparison.card_use import HEADS, how_to_use
from comparison.naming import method_label
from comparison.table import markdown_cell, score_cell
from models.weights import EMBEDDED
from models.whole_weights import is_whole

if TYPE_CHECKING:
    from comparison.trained import TrainedMethod
    from models.merging import Merged

TRAINED_WITH = (
    "seed",
    "epochs",
    "learning_rate",
    "batch_size",
    "rank",
    "alpha",
    "dropout",
    "virtual_tokens",
    "layers",
    "width",
    "weights",
    "weight_decay",
    "beta",
    "steps",
    "answers",
    "temperature",
    "kl",
    "after_sft",
)


def base_name(found: TrainedMethod) -> str:
    """What it was trained from, as others can find it: an id on the Hub, or of a local folder only the name."""
    if found.entry["kind"] in HEADS:
        embedder = str(found.report["environment"]["embedder"])
        return EMBEDDED[embedder].hub_id if embedder in EMBEDDED else embedder
    model_id = found.ready.setting.model_key.id
    return EMBEDDED[model_id].hub_id if model_id in EMBEDDED else str(found.report["environment"]["model"]["id"])


def card(found: TrainedMethod, merged: Merged | None = None) -> str:
    """Markdown with the Hub's front matter.

    Args:
        merged: given for the folder of a merged model.
    """
    whole = merged is not None or is_whole(found.weights)
    kind, spec, base = str(found.entry["kind"]), found.entry.get("spec") or {}, base_name(found)
    head: dict[str, Any] = {"library_name": "transformers" if whole else "peft", "pipeline_tag": "text-generation"}
    if kind in HEADS:
        head = {"library_name": "sentence-transformers", "pipeline_tag": "text-classification"}
    if "/" in base and kind != "scratch":
        head["base_model"] = base
    head["tags"] = ["bakeoff", kind, *(["stopped-early"] if found.stopped else [])]
    label = method_label(found.entry)
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False)}---",
        f"# {markdown_cell(str(found.report['name']))}: {markdown_cell(label)}",
        _what(found, base, merged),
        "## How it scored",
        _scores(found),
        "## How it was trained",
        _training(found),
        "## How to use it",
        how_to_use(kind, spec, base, found.weights, whole=whole),
    ]
    return found.plan.without_paths("\n\n".join(parts)) + "\n"


def _what(found: TrainedMethod, base: str, merged: Merged | None) -> str:
    kind = method_label({"name": found.entry["kind"], "kind": found.entry["kind"]})
    if found.entry["kind"] == "scratch":
        return f"A small model with random first weights, trained with Bakeoff on one task; it reads and writes the tokens of {markdown_cell(base)}."
    text = f"{kind} of {markdown_cell(base)}, trained and measured with Bakeoff on one task."
    if pairs := (found.entry.get("training") or {}).get("pairs"):
        text += f" It was trained on preferences: {_pairs(pairs)}."
    if merged is not None:
        text += f" Merged: its logits differ from those of the adapter on its base by {merged.difference:.2g} of their spread."
    return f"{text}{_unfinished(found)}"


def _unfinished(found: TrainedMethod) -> str:
    """Weights that were stopped are never taken for finished ones."""
    if found.stopped is None:
        return ""
    return f"\n\n**{found.stopped.words.capitalize()}**: not finished. These are the weights of {found.stopped.unit} {found.stopped.best_epoch}."


def _scores(found: TrainedMethod) -> str:
    """The test scores of this method, beside those of the base that was only asked."""
    report = found.report
    if found.stopped is not None:
        return "Its training was stopped, so it was asked no test items, and there are no scores."
    plain = next((m for m in report["methods"] if m["kind"] == "zero_shot" and m["status"] == "done"), None)
    columns = [m for m in (found.entry, plain) if m is not None]
    rows = [["metric", *(method_label(m) for m in columns)]]
    for name, metric in report["metrics"].items():
        rows.append([name, *(score_cell({**m, "letters": {}}, name, metric, None) for m in columns)])
    lines = [f"| {' | '.join(markdown_cell(cell) for cell in row)} |" for row in rows]
    table = "\n".join([lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]])
    counts = report["data"]["counts"]
    return f"{table}\n\nOn {counts['test']} test items that it was not trained on; means with 95 % intervals."


def _training(found: TrainedMethod) -> str:
    counts, spec, environment = found.report["data"]["counts"], found.entry.get("spec") or {}, found.report["environment"]
    training: Mapping[str, Any] = found.entry.get("training") or {}
    lengths = (training.get("preparation") or {}).get("lengths")  # without what filters left out, with rows of other tasks
    rows = lengths["rows"] - lengths["over"] - lengths["unworded"] if lengths else spec.get("train_rows") or counts["train"]
    chose = f", which chose epoch {training['best_epoch']}" if training.get("best_epoch") else ""
    pairs: Mapping[str, Any] | None = training.get("pairs")
    rows_said = f"{rows} training rows, {counts['validation']} validation rows{chose}"
    facts = [_chosen_by(pairs, training, rows) if pairs else rows_said]
    facts += [f"{name}: {spec[name]}" for name in TRAINED_WITH if spec.get(name) is not None]
    dtype = "float32" if found.entry["kind"] in HEADS else environment["dtype"]
    versions = ", ".join(f"{name} {environment['versions'].get(name)}" for name in ("torch", "transformers", "peft"))
    facts += [f"number type: {dtype}, on {environment['device']}", versions, f"fingerprint: {found.fingerprint}"]
    return "\n".join(f"- {markdown_cell(str(fact))}" for fact in facts)


def _pairs(pairs: Mapping[str, Any]) -> str:
    """How many there were, and whether a person was asked."""
    source = (
        "synthetic (the reference against the base model's wrong answer; no person was asked)"
        if pairs["synthetic"]
        else "from a file of votes"
    )
    by = ", by way of a reward model" if pairs.get("reward_model") else ""
    return f"{pairs['train']} pairs, {source}{by}"


def _chosen_by(pairs: Mapping[str, Any], training: Mapping[str, Any], rows: int) -> str:
    """What the weights were made of, and why these are kept."""
    best = training.get("best_epoch")
    if pairs.get("reward_model"):
        steps = training.get("curves") or [{"step": best}]
        return f"{_pairs(pairs)}; it rewarded drawn answers to {rows} training questions, up to step {steps[-1]['step']}"
    if not pairs["held_out"]:
        return f"{_pairs(pairs)}; none was held out, and the last epoch, {best}, is kept"
    return f"{_pairs(pairs)}; {pairs['held_out']} more were held out, which chose epoch {best}"
