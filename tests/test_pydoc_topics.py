"""The example on Python's language reference: every question has its gold topic, and the answer stands in it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from comparison.plan import read_plan
from core.dataset import load_dataset
from evaluation.gold import holds
from retrieval.documents import load_documents

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "pydoc_topics"
WRITTEN_FOR = (3, 11)


@pytest.fixture(scope="module")
def topics(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pydoc") / "topics"
    done = subprocess.run([sys.executable, FOLDER / "write_topics.py", folder], capture_output=True, text=True, check=True)
    assert f"{len(list(folder.iterdir()))} topics" in done.stdout
    return {document.id: document.text for document in load_documents(folder).documents}


@pytest.fixture(scope="module")
def questions():
    return [json.loads(line) for line in (FOLDER / "questions.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_reference_has_many_topics_and_no_text_twice(topics):
    assert len(topics) >= 65 and len(set(topics.values())) == len(topics)
    assert {"compound.txt", "specialnames.txt", "execmodel.txt"}.isdisjoint(topics)


def test_sixty_different_questions_name_a_topic_that_is_there(topics, questions):
    assert len(questions) == len({row["input"] for row in questions}) == 60
    assert len({row["document"] for row in questions}) >= 45 and all(row["document"] in topics for row in questions)
    assert all(len(row["output"].split()) <= 20 for row in questions)


def test_each_answer_stands_in_its_topic(topics, questions):
    """Word for word in the Python that they were written for; another's texts may be worded a little otherwise."""
    without = [row["input"] for row in questions if not holds(topics[row["document"]], row["output"], row["input"])]
    assert len(without) <= (0 if sys.version_info[:2] == WRITTEN_FOR else 6), without


def test_the_plan_compares_four_ways_of_searching_on_all_questions():
    plan = read_plan(FOLDER / "plan.yaml")
    assert [(m.kind, m.name) for m in plan.methods][1:] == [("rag", name) for name in ("dense", "bm25", "hybrid", "hybrid_mmr")]
    data = load_dataset(plan.spec.data, FOLDER)
    assert len(data.test) == 60 and data.bad_count == 0 and not data.train
    assert all(example.columns["document"] for example in data.test)
