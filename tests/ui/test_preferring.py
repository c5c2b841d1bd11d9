"""Preference pairs that a person brings: what is kept, what is shown of them, and what is said of a file that cannot be used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from comparison.pairing import refuse_files
from comparison.plan import read_plan
from core.errors import PlanError
from ui import uploads
from ui.context import Context
from ui.handlers import preferring

ROWS = [{"prompt": f"Question {n}?", "chosen": f"Good {n}.", "rejected": f"Bad {n}."} for n in range(7)]


def written(path: Path, rows: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_a_file_of_pairs_is_kept_under_its_name_and_its_first_pairs_are_shown(ctx: Context, tmp_path: Path) -> None:
    found = preferring.bring(ctx, written(tmp_path / "our votes.jsonl", ROWS))
    assert Path(found.path).name == "our-votes.jsonl" and found.path.startswith(str(ctx.store.root))
    assert "7 pairs of our-votes.jsonl can be used." in found.html and "The first 5:" in found.html
    assert "Question 4?" in found.html and "Question 5?" not in found.html
    assert preferring.settings("dpo", found.path) == preferring.settings("grpo", found.path) == {"pairs": found.path}


def test_a_csv_does_as_well_and_rows_that_cannot_be_used_are_listed(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("prompt,chosen,rejected\nWhere?,Here.,There.\nWhen?,,Later.\nWhy?,So.,So.\n")
    html = preferring.bring(ctx, str(path)).html
    assert "1 pair of votes.csv can be used; 2 rows cannot" in html
    assert "Line 3: chosen is empty." in html and "Line 4: chosen and rejected are the same." in html


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("votes.jsonl", '{"prompt": "a", "choice": "b", "rejected": "c"}\n', "it lacks chosen"),
        ("votes.jsonl", "", "votes.jsonl"),
        ("votes.txt", "x", "A file must be one of"),
        ("votes.jsonl", '{"prompt": "a", "chosen": "b", "rejected": "b"}\n', "None of the 1 pairs"),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_what_a_row_is(ctx: Context, tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    found = preferring.bring(ctx, str(tmp_path / name))
    assert found.path == "" and said in found.html and "A row is, as JSONL" in found.html and 'role="alert"' in found.html


def test_without_a_file_the_pairs_are_synthetic_and_other_kinds_take_none(ctx: Context, tmp_path: Path) -> None:
    assert "synthetic" in preferring.bring(ctx, None).html
    path = written(tmp_path / "votes.jsonl", ROWS)
    assert preferring.settings("dpo", "") == preferring.settings("lora", path) == preferring.settings("dpo", "/gone.jsonl") == {}
    assert preferring.takes_pairs("dpo") and not preferring.takes_pairs("lora") and not preferring.takes_pairs("nonsense")


def test_pairs_are_text_and_never_raw_html(ctx: Context, tmp_path: Path) -> None:
    html = preferring.bring(ctx, written(tmp_path / "v.jsonl", [{"prompt": "<script>", "chosen": "<b>", "rejected": "x" * 900}])).html
    assert "<script>" not in html and "&lt;script&gt;" in html and "x" * 401 not in html


def test_where_the_app_is_shared_ones_own_upload_may_be_trained_on_and_no_other_file(ctx: Context, tmp_path: Path) -> None:
    """Another visitor's upload is as closed as any file of the machine."""
    first, second = (Context(replace(ctx.settings, public=True), f"session:{name}") for name in "ab")
    path = preferring.bring(first, written(tmp_path / "votes.jsonl", ROWS)).path
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps({"input": f"q{n}", "output": "a"}) + "\n" for n in range(9)))
    model = {"id": "fake/echo", "embedder": "fake/hash-64"}
    plan = read_plan({"name": "x", "data": {"path": str(data)}, "model": model, "methods": [{"kind": "dpo", "pairs": path}]})
    refuse_files(plan, public=True, own=lambda given: uploads.is_own(first, given))
    with pytest.raises(PlanError, match="Upload it on the Fine-tuning tab"):
        refuse_files(plan, public=True, own=lambda given: uploads.is_own(second, given))
    assert not uploads.is_own(first, f"{path}/../../../../../../etc/passwd")
