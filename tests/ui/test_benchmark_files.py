"""The Data tab takes a benchmark's file as it is: there are no columns to map, and the preview shows the question with its options."""

from pathlib import Path

import pytest

from ui.context import Context
from ui.handlers import data
from ui.task import Task

SAMPLES = Path(__file__).resolve().parents[1] / "core" / "dataset" / "samples"


@pytest.mark.parametrize(
    ("file", "layout", "shown"),
    [("superglue_copa.jsonl", "SuperGLUE COPA", "Options:"), ("mmlu.csv", "MMLU, options A to D", "Options:"), ("bigbench.json", "BIG-bench, scored options", "?"),
     ("glue_premise.jsonl", "GLUE premise and hypothesis", "Hypothesis:"), ("mmlu_list.jsonl", "question/answer", "Options:")],
)  # fmt: skip
def test_a_benchmarks_file_needs_no_mapping(ctx: Context, file: str, layout: str, shown: str) -> None:
    kept, name = data.keep(ctx, str(SAMPLES / file))
    draft = data.Draft(kept=kept, name=name, train=0.5, validation=0.0, test=0.5)
    found = data.columns(ctx, draft)
    assert found.layout == layout
    draft = draft._replace(input=found.input, output=found.output)
    seen = data.look(ctx, draft)
    assert seen.usable and shown in seen.preview, seen
    assert "columns" not in data.as_task(ctx, draft, Task(), "").data or layout == "question/answer"
