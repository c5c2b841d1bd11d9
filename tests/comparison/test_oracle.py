"""The oracle re-run on the fake model, which answers with what stands in its prompt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison import jobs, share
from comparison.again import last_state
from comparison.events import Answered, Note, Started
from comparison.oracle import LEFT_OUT, gold_passages, oracle
from comparison.oracle_loss import oracle_name
from comparison.plan import Plan, read_plan
from comparison.reindex import reindex
from comparison.rescore import rescore
from comparison.store import Store
from core.errors import PlanError, StoreError
from core.records import Example, Passage

METHODS = [{"kind": "zero_shot"}, {"kind": "rag", "top_k": 1, "chunk_size": 16, "chunk_overlap": 0}]
Complete = Callable[..., Any]


@pytest.fixture
def plan(mapping: dict[str, Any], tmp_path: Path) -> Plan:
    """Half of the questions are answered by a line of the handbook in so many words."""
    rows = [
        {"input": f"Which hall keeps object {n}?", "output": f"Cabinet {n} of hall {n % 5}" if n % 2 else f"Nobody knows {n}"}
        for n in range(40)
    ]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "handbook").mkdir()
    text = "\n\n".join(f"Object {n} is in Cabinet {n} of hall {n % 5}." for n in range(1, 40, 2))
    (tmp_path / "handbook" / "halls.md").write_text(text)
    return read_plan({**mapping, "methods": METHODS}, tmp_path)


def test_it_asks_with_the_gold_passage_and_adds_losses_to_a_new_report(plan: Plan, store: Store, complete: Complete) -> None:
    comparison_id, _ = complete(plan)
    result = store.result(comparison_id)
    before = result.report()
    events = list(oracle(store, comparison_id))
    assert isinstance(events[0], Started) and events[0].methods == ("rag.oracle",), "zero-shot retrieves nothing"
    saved = result.answers(oracle_name("rag"))
    examples = {example.id: example for example in result.splits().test}
    for example_id, answer in saved.answers.items():
        assert [examples[example_id].reference in found.passage.text for found in answer.prompt.passages] == [True]
    assert saved.failures and set(saved.failures.values()) == {LEFT_OUT}
    after = result.report()
    assert result.report_names()[-1] == "report.2.json" and result.report("report.json") == before
    entry = next(method for method in after["methods"] if method["name"] == "rag")["oracle"]
    assert entry["n"] == len(saved.answers) and entry["left_out"] == len(saved.failures)
    row = entry["scores"]["token_f1"]
    assert row["actual"] + row["retrieval_loss"] + row["generator_loss"] == pytest.approx(1.0)
    assert "oracle" not in after["methods"][0] and after["pairwise"] == before["pairwise"]
    assert last_state(result, "oracle")["state"] == "done" and jobs.status(store, comparison_id).state == "done"


def test_the_second_time_nothing_is_generated(plan: Plan, store: Store, complete: Complete) -> None:
    comparison_id, _ = complete(plan)
    assert any(isinstance(event, Answered) and event.generated for event in oracle(store, comparison_id))
    assert not any(isinstance(event, Answered) for event in oracle(store, comparison_id))
    assert store.result(comparison_id).report_names()[-1] == "report.2.json", "nothing new is no new report"


def test_reports_written_later_keep_what_it_found(plan: Plan, store: Store, complete: Complete) -> None:
    comparison_id, _ = complete(plan)
    list(oracle(store, comparison_id))
    list(rescore(store, comparison_id, ["rouge1"]))
    list(rescore(store, comparison_id, ["chrf"]))
    method = store.result(comparison_id).report()["methods"][1]
    assert set(method["oracle"]["scores"]) == {"token_f1", "exact_match"} and "chrf" in method["scores"]
    list(oracle(store, comparison_id))
    assert "chrf" in store.result(comparison_id).report()["methods"][1]["oracle"]["scores"]


def test_a_rebuilt_database_still_knows_its_answers(plan: Plan, store: Store, complete: Complete) -> None:
    comparison_id, _ = complete(plan)
    list(oracle(store, comparison_id))
    reindex(store)
    with store.database.read() as db:
        methods = {row["method"] for row in db.execute("SELECT method FROM batches")}
    assert methods == {"zero_shot", "rag", "rag.oracle"}
    assert jobs.status(store, comparison_id).state == "done"


def test_what_it_cannot_do_is_said_and_leaves_the_comparison_as_it_was(plan: Plan, store: Store, complete: Complete) -> None:
    comparison_id, _ = complete(plan)
    with pytest.raises(PlanError, match=r"zero_shot.*|rag"):
        list(oracle(store, comparison_id, ["zero_shot"]))
    result = store.result(comparison_id)
    assert result.report_names() == ["report.json"] and last_state(result, "oracle")["state"] == "failed"
    assert jobs.status(store, comparison_id).state == "done"


def test_without_retrieval_it_says_what_to_add(mapping: dict[str, Any], task: Path, store: Store, complete: Complete) -> None:
    comparison_id, _ = complete(read_plan(mapping, task))
    with pytest.raises(StoreError, match="retrieves") as caught:
        list(oracle(store, comparison_id))
    assert "rag" in caught.value.remedy


def test_items_without_a_known_passage_leave_a_note_and_no_numbers(
    mapping: dict[str, Any], tmp_path: Path, store: Store, complete: Complete
) -> None:
    (tmp_path / "questions.jsonl").write_text(
        "".join(json.dumps({"input": f"What is {n}?", "output": f"Thing {n}"}) + "\n" for n in range(20))
    )
    (tmp_path / "handbook").mkdir()
    (tmp_path / "handbook" / "a.md").write_text("Nothing of the kind stands here.")
    comparison_id, _ = complete(read_plan({**mapping, "methods": METHODS}, tmp_path))
    notes = [event.text for event in oracle(store, comparison_id) if isinstance(event, Note)]
    assert notes and "no item" in notes[0].lower()
    assert all("oracle" not in method for method in store.result(comparison_id).report()["methods"])


def test_changed_data_are_refused(plan: Plan, store: Store, complete: Complete, tmp_path: Path) -> None:
    comparison_id, _ = complete(plan)
    path = tmp_path / "questions.jsonl"
    path.write_text(path.read_text() + json.dumps({"input": "And now?", "output": "Something else"}) + "\n")
    with pytest.raises(StoreError, match="changed"):
        list(oracle(store, comparison_id))


def test_of_several_passages_the_nearest_to_the_question_is_taken() -> None:
    example = Example("e", "", "When does the north ferry leave?", "At nine in the morning")
    texts = ["The south ferry leaves at nine in the morning.", "The north ferry leaves at nine in the morning.", "Rain."]
    passages = [Passage(str(n), "a.md", text, 0, len(text)) for n, text in enumerate(texts)]
    assert gold_passages([example], passages, ())["e"].id == "1"
    assert gold_passages([example], passages[2:], ()) == {}


def test_a_share_of_the_scores_alone_shows_no_text_of_it(plan: Plan, store: Store, complete: Complete) -> None:
    comparison_id, _ = complete(plan)
    list(oracle(store, comparison_id))
    told = json.dumps(share.scores_only(store.result(comparison_id).report()))
    assert "retrieval_loss" in told and "Cabinet" not in told and "halls.md" not in told


def test_the_command_prints_the_losses(command: Callable[..., Any], write_plan: Callable[..., Path], tmp_path: Path) -> None:
    done = command("run", write_plan(methods=METHODS), "--json")
    comparison_id = json.loads(done.stdout)["id"]
    found = command("oracle", comparison_id, "--json")
    assert found.returncode == 0, found.stderr
    assert "retrieval_loss" in json.loads(found.stdout)["rag"]
    wrong = command("oracle", comparison_id, "--method", "few_shot")
    assert wrong.returncode == 2 and "few_shot" in wrong.stderr
    assert json.loads(command("list", "--json").stdout)[0]["status"] == "done"
