"""GLUE-, SuperGLUE-, MMLU- and BIG-bench-style files load as they are. The samples beside this file were written for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.dataset import DataSpec, load_dataset, preview
from core.dataset.faults import RowFault
from core.dataset.layouts import choose_columns, guess, to_example
from core.errors import DataError
from core.specs import read_spec

SAMPLES = Path(__file__).parent / "samples"
RIDDLE_OPTIONS = ("a clock", "a river", "a hat")

# file, layout, first row's input, its reference, its options, columns kept beside
LAYOUTS: list[tuple[str, str, str, str, tuple[str, ...], set[str]]] = [
    ("glue_sst2.tsv", "sentence/label", "a tired plot with two good songs", "0", (), {"idx"}),
    ("glue_pair.jsonl", "GLUE sentence pair",
     "Sentence 1: The harbour was rebuilt in 1921.\nSentence 2: In 1921 the harbour was built anew.", "1", (), {"idx"}),
    ("glue_questions.jsonl", "GLUE question pair",
     "Question 1: How do I oil a bicycle chain?\nQuestion 2: What is the way to oil a bike's chain?", "1", (), {"idx"}),
    ("glue_question_sentence.jsonl", "GLUE question and sentence",
     "Question: When does the library open?\nSentence: Doors open at nine every weekday.", "entailment", (), {"idx"}),
    ("glue_premise.jsonl", "GLUE premise and hypothesis",
     "Premise: Two men carry a piano up the stairs.\nHypothesis: A piano is being moved.", "0", (), {"idx"}),
    ("superglue_boolq.jsonl", "SuperGLUE BoolQ",
     "The church dates from 1640. The town clock was added to the hall in 1702.\n\nQuestion: is the town clock older than the church",
     "false", (), {"idx"}),
    ("superglue_copa.jsonl", "SuperGLUE COPA", "The cyclist put on a raincoat.\nWhat was the cause?", "Dark clouds came up.",
     ("Dark clouds came up.", "The road was flat."), {"idx"}),
    ("superglue_wic.jsonl", "SuperGLUE WiC",
     "Word: bank\nSentence 1: We sat on the bank of the stream.\nSentence 2: The bank opens at ten.", "false", (), {"idx", "start1", "start2"}),
    ("superglue_multirc.jsonl", "SuperGLUE MultiRC",
     "Mira keeps nine hens and a goat.\n\nQuestion: What does Mira keep?\nProposed answer: a goat", "1", (), {"idx"}),
    ("superglue_record.jsonl", "SuperGLUE ReCoRD",
     "Ines Calder sailed the Petrel from Orkney to Bergen.\n\nFill in @placeholder: The Petrel belonged to @placeholder.", "Ines Calder",
     ("Ines Calder", "Petrel", "Orkney", "Bergen"), {"idx"}),
    ("superglue_wsc.jsonl", "SuperGLUE WSC",
     "The trunk did not fit the rack because it was too wide.\n\nDoes “it” stand for “The trunk”?", "1", (), {"idx", "span1_index", "span2_index"}),
    ("mmlu.csv", "MMLU, options A to D", "Which of these is a prime number, greater than ten?", "13", ("12", "13", "15", "21"), set()),
    ("mmlu_columns.csv", "MMLU, options A to D", "Which river reaches the sea first?", "one cannot say",
     ("the short one", "the long one", "neither", "one cannot say"), {"subject"}),
    ("mmlu_list.jsonl", "question/answer", "What is 1 + 1?", "2", ("0", "1", "2", "3"), {"subject"}),
    ("bigbench.json", "BIG-bench, scored options", "What has hands and no arms?", "a clock", RIDDLE_OPTIONS, set()),
    ("bigbench_hub.jsonl", "BIG-bench of the hub", "Q: Which is heavier? A:", "a brick", ("a leaf", "a brick"), {"idx"}),
]  # fmt: skip


@pytest.mark.parametrize(("file", "layout", "asked", "reference", "options", "beside"), LAYOUTS, ids=[row[0] for row in LAYOUTS])
def test_a_benchmarks_file_is_recognised_and_its_rows_become_examples(
    file: str, layout: str, asked: str, reference: str, options: tuple[str, ...], beside: set[str]
) -> None:
    found = preview(SAMPLES / file)
    assert (found.layout, found.bad_rows) == (layout, ())
    assert len(found.examples) == len(found.rows) > 1
    first = found.examples[0]
    assert (first.input, first.reference, first.choices) == (asked, reference, options)
    assert set(first.columns) == beside
    assert all(example.input and example.reference for example in found.examples)
    assert all(example.reference in example.choices for example in found.examples if example.choices)


def test_the_rows_of_a_file_cover_what_its_layout_allows() -> None:
    copa = preview(SAMPLES / "superglue_copa.jsonl").examples[1]
    assert copa.input.endswith("What happened as a result?") and copa.reference == "The room grew cold."
    scored, target, several = (preview(SAMPLES / "bigbench.json").examples[place] for place in (1, 2, 3))
    assert (scored.reference, target.reference, target.choices, several.reference) == ("a sponge", "D", (), "red")
    assert json.loads(several.columns["further answers"]) == ["green", "amber"]
    assert preview(SAMPLES / "superglue_record.jsonl").examples[1].columns["further answers"] == '["Bergen, Norway"]'
    by_place = preview(SAMPLES / "mmlu_list.jsonl").examples
    assert [example.reference for example in by_place] == ["2", "1", "0", "mercury"], "places in the whole file, though some are texts, too"


def test_rows_on_one_passage_share_a_group() -> None:
    first, second, other = preview(SAMPLES / "superglue_boolq.jsonl").examples
    assert first.group == second.group != other.group


def load(name: str, folder: Path = SAMPLES, **section: Any) -> Any:
    return load_dataset(read_spec(DataSpec, {"path": name, **section}, "data"), folder)


HALVES = {"train": 0.5, "validation": 0.0, "test": 0.5}


@pytest.mark.parametrize(
    ("file", "labels", "names"),
    [("glue_sst2.tsv", ["bad", "good"], {"bad", "good"}), ("glue_pair.jsonl", ["different", "same"], {"different", "same"}),
     ("glue_premise.jsonl", ["entailment", "neutral", "contradiction"], {"entailment", "neutral", "contradiction"}),
     ("glue_question_sentence.jsonl", ["entailment", "not_entailment"], {"entailment", "not_entailment"})],
)  # fmt: skip
def test_the_plans_labels_name_the_numbers_in_order(file: str, labels: list[str], names: set[str]) -> None:
    dataset = load(file, labels=labels, split=HALVES, instruction="Answer with one of: {labels}.")
    assert {example.reference for example in (*dataset.train, *dataset.test)} == names
    assert dataset.bad_count == 0 and dataset.labels == tuple(labels)


def test_numbers_stay_what_they_are_where_the_labels_are_numbers(tmp_path: Path) -> None:
    """STS-like marks, ratings: 1 of the labels 1 to 5 is 1 and not the second label."""
    (tmp_path / "stars.csv").write_text("text,label\n" + "".join(f"review {n} says {n * 7},{n % 5 + 1}\n" for n in range(20)))
    dataset = load("stars.csv", tmp_path, labels=["1", "2", "3", "4", "5"])
    assert {example.reference for example in (*dataset.train, *dataset.test)} <= {"1", "2", "3", "4", "5"} and dataset.bad_count == 0


def test_a_test_split_with_secret_labels_says_so_and_the_advice_works(tmp_path: Path) -> None:
    rows = [{"sentence": f"line {n} of the file", "label": -1, "idx": n} for n in range(6)]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=r"kept secret; take a split that has its labels"):
        load("test.jsonl", tmp_path)
    (tmp_path / "validation.jsonl").write_text("".join(json.dumps({**row, "label": row["idx"] % 2}) + "\n" for row in rows))
    assert sum(load("validation.jsonl", tmp_path).counts.values()) == 6


def test_a_lone_minus_one_among_other_labels_is_a_label(tmp_path: Path) -> None:
    (tmp_path / "moods.csv").write_text("sentence,label\n" + "".join(f"mood {n} of mine,{n % 3 - 1}\n" for n in range(12)))
    assert load("moods.csv", tmp_path).bad_count == 0


@pytest.mark.parametrize(
    ("choices", "answers", "expected"),
    [(["x", "y", "z"], ["y", "z"], ["y", "z"]), (["x", "y", "z"], ["B", "(C)"], ["y", "z"]), (["x", "y", "z"], [1, 2], ["y", "z"]),
     (["0", "1", "2"], ["2", "0"], ["2", "0"]), (["2", "1", "0"], ["0", "2"], ["0", "2"]), (["A", "B", "C"], ["B", "A"], ["B", "A"]),
     (["x", "y"], ["y", "A"], ["y", "x"]), (["x", "y"], ["7", "E"], ["7", "E"]), (["x", "y"], ["b", "y"], ["b", "y"])],
    ids=["texts", "letters", "places", "texts that are numbers", "texts win over places", "texts that are letters", "mixed", "none", "small letter"],
)  # fmt: skip
def test_the_right_option_is_told_by_text_letter_or_place_for_a_whole_file(
    tmp_path: Path, choices: list[str], answers: list[Any], expected: list[str]
) -> None:
    rows = [{"question": f"Which one, for the {n}th time?", "choices": choices, "answer": answer} for n, answer in enumerate(answers)]
    (tmp_path / "quiz.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [example.reference for example in preview(tmp_path / "quiz.jsonl").examples] == expected


def test_group_and_instruction_can_be_named_beside_a_benchmark_and_a_mapping_of_ones_own_wins() -> None:
    columns = ["question", "A", "B", "C", "D", "answer", "subject"]
    assert choose_columns(columns, {"group": "subject"}, "f") == (
        "MMLU, options A to D",
        {"question": "question", "a": "A", "b": "B", "c": "C", "d": "D", "answer": "answer", "group": "subject"},
    )
    assert choose_columns(columns, {"input": "question", "output": "answer"}, "f").layout == "mapped"
    assert guess(["premise", "hypothesis", "label", "group"]).columns["group"] == "group"


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"premise": "", "hypothesis": "x", "label": 1}, "column 'premise' is missing or empty"),
        ({"premise": "x", "hypothesis": ["y"], "label": 1}, "column 'hypothesis' must be text; got a list"),
        ({"premise": "x", "hypothesis": "y", "label": None}, "the output (column 'label') is missing or empty"),
        ({"premise": "x", "choice1": "a", "choice2": "", "question": "cause", "label": 0}, "column 'choice2' is missing or empty"),
        ({"question": "x", "A": "1", "B": "2", "C": "3", "D": None, "answer": "A"}, "column 'd' is missing or empty"),
        ({"question": "x", "options": "[1,", "answer": "A"}, "begins like a JSON list but is none"),
        ({"question": "x", "options": {"a": 1}, "answer": "A"}, "column 'options' must be a list; got a dict"),
        ({"input": "x", "target_scores": ["a"]}, "target_scores must be an object of options and numbers"),
        ({"input": "x", "target_scores": {"a": "much"}}, "target_scores must be an object of options and numbers"),
        ({"input": "x", "target_scores": {}, "target": []}, "the output (column 'target') is missing or empty"),
        ({"passage": "x", "query": "y", "entities": ["z"], "answers": []}, "answers are kept secret"),
    ],
)
def test_a_row_of_a_benchmark_that_cannot_be_used_says_why(row: dict[str, Any], word: str) -> None:
    """F26"""
    with pytest.raises(RowFault) as caught:
        to_example(row, guess(list(row)).columns)
    assert word in str(caught.value)


def test_a_header_of_six_columns_is_a_header_unless_a_question_ends_with_a_letter(tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text("question,w,x,y,z,A\nWho?,1,2,3,4,5\n")
    assert preview(tmp_path / "plain.csv").columns == ("question", "w", "x", "y", "z", "A")
    (tmp_path / "bare.csv").write_text("Who came first?,he,she,they,nobody,C\n")
    assert preview(tmp_path / "bare.csv").examples[0].reference == "they"
