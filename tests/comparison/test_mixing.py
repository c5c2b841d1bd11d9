"""Prepared training rows as a part of a comparison: mixed files guarded like the task's own, and a report that says what was done to the rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison.events import Event, Prepared
from comparison.plan import read_plan
from comparison.ready import make_ready
from comparison.share import scores_only
from comparison.splits import data_notes
from comparison.store import Store
from core.dataset import DataSpec, load_dataset
from core.errors import DataError, PlanError
from evaluation.probing import probe_set

WORDS = ("stove", "ladder", "parcel", "window", "ticket", "engine", "basket", "mirror")
LABELS = ("billing", "repair", "lost and found")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 tickets; beside them, rows of another task, five of which are test rows in some disguise."""
    place = tmp_path_factory.mktemp("tickets")
    rows = [f'"My {WORDS[n % 8]} number {n * 7} went {WORDS[(n * 3 + 1) % 8]}-side up",{LABELS[n % 3]}' for n in range(40)]
    (place / "tickets.csv").write_text("input,output\n" + "\n".join(rows) + "\n")
    test = load_dataset(DataSpec(path="tickets.csv"), place).test
    planted = [test[0].input, test[1].input.upper(), f"  {test[2].input} ", f"{test[3].input}?", test[4].input.replace(" ", "  ")]
    other = [{"text": text, "short": "x"} for text in [*planted, *(f"Shorten the note about {word}s" for word in WORDS)]]
    (place / "other.jsonl").write_text("".join(json.dumps(row) + "\n" for row in other))
    (place / "pages").mkdir()
    for word in WORDS:
        (place / "pages" / f"{word}.md").write_text(f"A {word} belongs to the hall. Tell the {word} desk of it.\n")
    return place


MIX = {"path": "other.jsonl", "weight": 0.25, "columns": {"input": "text", "output": "short"}, "instruction": "Shorten it."}


def plan_of(tiny_model: Path, *methods: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": {"path": "tickets.csv", "instruction": "Route to one of: {labels}."},
        "knowledge": {"path": "pages"},
        "model": {"id": str(tiny_model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"},
        "methods": list(methods),
        "metrics": ["accuracy"],
        "generation": {"max_new_tokens": 16},
    }


def test_planted_test_rows_in_a_mixed_file_are_all_found_and_none_is_trained_on(folder: Path, tiny_model: Path, tmp_path: Path) -> None:
    """E12. Exact, in upper case, with spaces around (which reading takes off) and within, with a question mark; counted in the report and told of."""
    plan = read_plan(plan_of(tiny_model, {"kind": "lora", "mix": [MIX]}), folder)
    ready = make_ready(plan, tmp_path)
    (rows,) = ready.setting.mixes.values()
    assert rows.taken_out == 5 and len(rows.examples) == 8
    assert not {e.question for e in rows.examples} & {e.question for e in ready.dataset.test}
    assert "5 rows of other.jsonl stand in the test set (2 exact, 3 normalised) and were taken out of the mix." in list(data_notes(ready))


def test_rows_of_the_general_probe_are_never_mixed_into_training(folder: Path, tiny_model: Path, tmp_path: Path) -> None:
    """E12: a model that was trained on the probe would look as if it had forgotten nothing."""
    asked = next(item for _, item in probe_set().items()).question
    rows = [{"text": text, "short": "x"} for text in (asked.upper(), "Shorten the note about doors")]
    (tmp_path / "probe.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = read_plan(plan_of(tiny_model, {"kind": "lora", "mix": [{**MIX, "path": str(tmp_path / "probe.jsonl")}]}), folder)
    ready = make_ready(plan, tmp_path)
    (found,) = ready.setting.mixes.values()
    assert [e.input for e in found.examples] == ["Shorten the note about doors"]
    assert found.to_report()["in_probe"] == 1
    assert "1 rows of probe.jsonl stand in the general probe and were taken out of the mix." in list(data_notes(ready))


def test_rehearsed_rows_near_test_items_go_where_the_plan_drops_them(folder: Path, tiny_model: Path, tmp_path: Path) -> None:
    """E12: a test item with its words in another order, which the fake embedder cannot tell from it."""
    test = load_dataset(DataSpec(path="tickets.csv"), folder).test
    near = " ".join(reversed(test[0].input.split()))
    rows = [{"input": text, "output": "x"} for text in (near, "What is a fjord?")]
    (tmp_path / "general.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    mapping = plan_of(tiny_model, {"kind": "lora", "rehearsal_alpha": 0.2}) | {"rehearsal": {"path": str(tmp_path / "general.jsonl")}}

    def kept(**data: Any) -> list[str]:
        ready = make_ready(read_plan({**mapping, "data": {**mapping["data"], **data}}, folder), tmp_path)
        assert ready.setting.general is not None
        return [e.input for e in ready.setting.general.examples]

    assert kept() == [near, "What is a fjord?"]
    assert kept(near_duplicates="drop") == ["What is a fjord?"]


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"path": "gone.jsonl"}, DataError, r"lora\.mix\.0: There is no file 'gone\.jsonl'"),
        ({"columns": {"input": "textt"}}, PlanError, r"lora\.mix\.0: columns\.input must be a column of other\.jsonl; got 'textt'.*Did you mean 'text'"),
        ({"instruction": "One of {labels}."}, PlanError, r"lora\.mix\.0: instruction speaks of \{labels\}"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_mixed_file_is_said_with_its_place(
    change: dict[str, Any], error: type[Exception], said: str, folder: Path, tiny_model: Path, tmp_path: Path
) -> None:
    plan = read_plan(plan_of(tiny_model, {"kind": "lora", "mix": [{**MIX, **change}]}), folder)
    with pytest.raises(error, match=said):
        make_ready(plan, tmp_path)


PREPARED = {
    "kind": "lora", "rank": 2, "epochs": 1, "batch_size": 8, "with_retrieval": True, "top_k": 2, "gold_share": 0.5, "template": "alpaca",
    "instructions": ["Route to one of: {labels}.", "Which team out of {labels}?"], "mix": [MIX], "packing": True,
    "filters": ["already_right", "noisy", "near_duplicates"], "noise_by": "trained", "duplicates_from": 0.99,
}  # fmt: skip


def test_a_run_prepares_its_rows_and_the_report_says_how(
    folder: Path, tiny_model: Path, store: Store, complete: Callable[..., tuple[str, list[Event]]]
) -> None:
    """E2, E12 from plan to report: screened by its answers and by the loss after one epoch, filtered, worded, mixed, packed and asked."""
    plan = read_plan(plan_of(tiny_model, PREPARED), folder)
    comparison_id, events = complete(plan)
    report = store.result(comparison_id).report()
    assert [(m["status"], m["reason"]) for m in report["methods"]] == [("done", "")]
    found = report["methods"][0]["training"]["preparation"]
    assert found["template"] == "alpaca" and found["wordings"] == 2 and found["rows"] == report["data"]["counts"]["train"]
    assert found["kept"] == found["rows"] - len(found["dropped"])
    assert sum(found["passages"].values()) == found["kept"] and set(found["counts"]) == set(PREPARED["filters"])
    assert found["mix"][0]["drawn"] == found["lengths"]["rows"] - found["kept"] > 0
    assert report["data"]["mix"][0]["leakage"]["exact"] == 2
    assert [event.kind for event in events if isinstance(event, Prepared)] == ["index", "screening", "answers", "weights"]
    assert str(folder) not in json.dumps(report)
    alone = json.dumps(scores_only(report))
    assert not any(private in alone for private in ("Which team out of", "other.jsonl", *(row["id"] for row in found["dropped"])))
    prompt = next(iter(store.result(comparison_id).answers("lora").answers.values())).prompt
    assert prompt.messages[0].content.startswith("Below is an instruction") and "Route to one of: billing" in prompt.messages[0].content
