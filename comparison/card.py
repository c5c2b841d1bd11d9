"""The model card of trained weights: what they are, what they were trained with, how they scored, and how they are used. Facts of the report alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

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
)


def base_name(found: TrainedMethod) -> str:
    """The base as others can find it: its id on the Hub, or of a local folder only the name."""
    model_id = found.ready.setting.model_key.id
    return EMBEDDED[model_id].hub_id if model_id in EMBEDDED else str(found.report["environment"]["model"]["id"])


def card(found: TrainedMethod, merged: Merged | None = None) -> str:
    """Markdown with the Hub's front matter.

    Args:
        merged: given for the folder of a merged model.
    """
    whole = merged is not None or is_whole(found.weights)
    head: dict[str, Any] = {"library_name": "transformers" if whole else "peft", "pipeline_tag": "text-generation"}
    base = base_name(found)
    if "/" in base and found.entry["kind"] != "scratch":
        head["base_model"] = base
    head["tags"] = ["bakeoff", str(found.entry["kind"])]
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
        _use(base, whole),
    ]
    return found.plan.without_paths("\n\n".join(parts)) + "\n"


def _what(found: TrainedMethod, base: str, merged: Merged | None) -> str:
    kind = method_label({"name": found.entry["kind"], "kind": found.entry["kind"]})
    if found.entry["kind"] == "scratch":
        return f"A small model with random first weights, trained with Bakeoff on one task; it reads and writes the tokens of {markdown_cell(base)}."
    text = f"{kind} of {markdown_cell(base)}, trained and measured with Bakeoff on one task."
    if merged is not None:
        text += f" Merged: its logits differ from those of the adapter on its base by {merged.difference:.2g} of their spread."
    return text


def _scores(found: TrainedMethod) -> str:
    """The test scores of this method, beside those of the base that was only asked."""
    report = found.report
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
    rows = spec.get("train_rows") or counts["train"]
    facts = [f"{rows} training rows, {counts['validation']} validation rows, which chose epoch {training.get('best_epoch')}"]
    facts += [f"{name}: {spec[name]}" for name in TRAINED_WITH if spec.get(name) is not None]
    versions = ", ".join(f"{name} {environment['versions'].get(name)}" for name in ("torch", "transformers", "peft"))
    facts += [f"number type: {environment['dtype']}, on {environment['device']}", versions, f"fingerprint: {found.fingerprint}"]
    return "\n".join(f"- {markdown_cell(str(fact))}" for fact in facts)


def _use(base: str, whole: bool) -> str:
    if whole:
        code = 'from transformers import AutoModelForCausalLM, AutoTokenizer\n\nmodel = AutoModelForCausalLM.from_pretrained("FOLDER")\n'
        code += 'tokenizer = AutoTokenizer.from_pretrained("FOLDER")'
    else:
        code = "from peft import PeftModel\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        code += f'base = AutoModelForCausalLM.from_pretrained("{base}")\nmodel = PeftModel.from_pretrained(base, "FOLDER")\n'
        code += f'tokenizer = AutoTokenizer.from_pretrained("{base}")'
    return f"```python\n{code}\n```\n\nAsk in the tokenizer's chat template, with the task's instruction as the system turn."
