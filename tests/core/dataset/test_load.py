"""From the `data` section to three clean splits (E12, E31, F26)."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.dataset import Dataset, DataSpec, Near, load_dataset, normalise
from core.errors import DataError, PlanError
from core.specs import read_spec

LONG = "how do I hang the north sail of the collector when the wind comes from the sea"
Row = dict[str, Any]


def questions(n: int, start: int = 0) -> list[Row]:
    return [
        {"question": f"What is thing {place}?", "answer": f"It is {place}.", "document": f"{place}.md"} for place in range(start, start + n)
    ]


def write(path: Path, rows: list[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def load(folder: Path, rows: list[Row] | None = None, **section: Any) -> Dataset:
    """Load `rows` from one file, or what the section names."""
    if rows is not None:
        write(folder / "a.jsonl", rows)
        section["path"] = "a.jsonl"
    return load_dataset(read_spec(DataSpec, section, "data"), folder)


def test_one_file_is_cut_into_three_splits(tmp_path: Path) -> None:
    data = load(tmp_path, questions(40))
    assert data.counts == {"train": 24, "validation": 6, "test": 10}
    assert data.columns_used == {"input": "question", "output": "answer"}
    assert data.test[0].columns.keys() == {"document"}
    assert (data.instruction, data.labels, data.bad_count) == ("", (), 0)


def test_nothing_depends_on_the_order_of_rows(tmp_path: Path) -> None:
    """E31."""
    rows = [*questions(40), *questions(3)]
    first = load(tmp_path, rows)
    random.Random(1).shuffle(rows)
    assert load(tmp_path, rows) == first


def test_a_limit_keeps_the_first_rows_with_the_same_ids(tmp_path: Path) -> None:
    """E31; and the training rows do not change with the number of test items."""
    whole = load(tmp_path, questions(40))
    part = load(tmp_path, questions(40), limit={"test": 4, "train": 3})
    assert part.test == whole.test[:4]
    assert part.train == whole.train[:3]
    assert part.validation == whole.validation
    assert part.fingerprint != whole.fingerprint


def test_another_seed_changes_the_split_but_no_id(tmp_path: Path) -> None:
    """E31."""
    one, other = load(tmp_path, questions(40)), load(tmp_path, questions(40), split={"seed": 8})
    assert one.test != other.test
    assert {e.id for part in (one.train, one.validation, one.test) for e in part} == {
        e.id for part in (other.train, other.validation, other.test) for e in part
    }


def test_three_files_of_three_kinds_keep_their_rows(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", questions(8))
    (tmp_path / "b.csv").write_text("question,answer\n" + "".join(f"b {n},x\n" for n in range(4)))
    pq.write_table(pa.table({"question": [f"c {n}" for n in range(6)], "answer": ["x"] * 6}), tmp_path / "c.parquet")
    data = load(tmp_path, files={"train": "a.jsonl", "validation": "b.csv", "test": "c.parquet"})
    assert data.counts == {"train": 8, "validation": 4, "test": 6}
    assert {e.input[0] for e in data.test} == {"c"}


def test_without_a_validation_file_its_share_is_cut_from_train(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", questions(100))
    write(tmp_path / "c.jsonl", questions(10, 1000))
    data = load(tmp_path, files={"train": "a.jsonl", "test": "c.jsonl"})
    assert data.counts == {"train": 85, "validation": 15, "test": 10}


PLANTED = {
    "exact": ["Why does the red code blink?", LONG],
    "normalised": ["why does the RED code blink", "Why  does the red code\tblink?", "Why does the red code blink??", LONG.upper()],
    "ngram": [f"Hello, {LONG}. Thanks a lot"],
}


def test_planted_duplicates_are_found_counted_and_taken_out(tmp_path: Path) -> None:
    """E12: exact, case, white space, trailing "?", and a run of 13 words."""
    write(tmp_path / "c.jsonl", [{"question": text, "answer": "y"} for text in PLANTED["exact"]] + questions(8, 1000))
    planted = [{"question": text, "answer": "y"} for texts in PLANTED.values() for text in texts]
    write(tmp_path / "a.jsonl", questions(20) + planted)
    write(tmp_path / "b.jsonl", questions(5, 500) + planted[2:3])
    data = load(tmp_path, files={"train": "a.jsonl", "validation": "b.jsonl", "test": "c.jsonl"})
    assert {kind: data.leakage["train"][kind] for kind in ("exact", "normalised", "ngram")} == {"exact": 2, "normalised": 5, "ngram": 1}
    assert data.counts == {"train": 20, "validation": 5, "test": 10}
    test = {normalise(e.input) for e in data.test}
    assert not test & {normalise(e.input) for e in (*data.train, *data.validation)}
    listed = {pair["other"] for pairs in data.leakage["train"]["items"].values() for pair in pairs}
    assert len(listed) == 8 and not listed & {e.id for e in (*data.train, *data.validation, *data.test)}


def test_training_rows_that_stand_in_the_validation_file_are_taken_out_and_counted(tmp_path: Path) -> None:
    """E12: else the rows that choose the best epoch are those that were learnt."""
    write(tmp_path / "c.jsonl", questions(10, 1000))
    write(tmp_path / "b.jsonl", questions(8, 500) + [{"question": text, "answer": "y"} for text in PLANTED["exact"]])
    planted = [{"question": text, "answer": "y"} for texts in PLANTED.values() for text in texts]
    write(tmp_path / "a.jsonl", questions(20) + planted)
    data = load(tmp_path, files={"train": "a.jsonl", "validation": "b.jsonl", "test": "c.jsonl"})
    assert data.counts == {"train": 20, "validation": 10, "test": 10}
    assert {kind: data.in_validation[kind] for kind in ("rows", "exact", "normalised", "ngram")} == {
        "rows": 7, "exact": 2, "normalised": 4, "ngram": 1,
    }  # fmt: skip
    pairs = [pair for found in data.in_validation["items"].values() for pair in found]
    assert {pair["validation"] for pair in pairs} == {e.id for e in data.validation if e.reference == "y"}
    assert not {pair["train"] for pair in pairs} & {e.id for e in data.train}
    assert data.leakage["train"]["exact"] == 0
    alone = load(tmp_path, files={"train": "a.jsonl", "test": "c.jsonl"})
    assert alone.in_validation["rows"] == 0 and sum(alone.counts.values()) == 37


def test_in_one_file_duplicates_share_a_split_so_that_none_leak(tmp_path: Path) -> None:
    """E12: the split is by group and content before anything else."""
    rows = questions(30) + [{"question": row["question"].upper(), "answer": row["answer"]} for row in questions(30)]
    data = load(tmp_path, rows)
    assert sum(data.counts.values()) == 60
    assert [data.leakage["train"][kind] for kind in ("exact", "normalised", "ngram")] == [0, 0, 0]


def test_rows_of_one_group_share_a_split(tmp_path: Path) -> None:
    rows = [{**row, "group": f"g{place % 6}"} for place, row in enumerate(questions(60))]
    data = load(tmp_path, rows)
    homes = [{e.group for e in part} for part in (data.train, data.validation, data.test)]
    assert sum(map(len, homes)) == 6 and all(homes)


def test_three_percent_bad_rows_are_counted_and_the_first_twenty_listed(tmp_path: Path) -> None:
    """F26."""
    lines = [json.dumps(row) for row in questions(1000)]
    for place in range(0, 1000, 33):
        lines[place] = ["{broken", '{"question": "x"}', '{"question": "x", "answer": NaN}', '{"question": "x", "answer": ["y"]}'][place % 4]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    data = load(tmp_path, path="a.jsonl")
    assert data.bad_count == 31
    assert [row.line for row in data.bad_rows] == list(range(1, 1000, 33))[:20]
    assert sum(data.counts.values()) == 969
    assert "not valid JSON" in data.bad_rows[0].reason and data.bad_rows[0].file == "a.jsonl"
    assert {"NaN" in row.reason for row in data.bad_rows} == {True, False}


def test_bytes_that_are_not_utf8_spoil_only_their_row(tmp_path: Path) -> None:
    """F26."""
    (tmp_path / "a.csv").write_bytes(b"question,answer\n" + b"".join(b"q%d,a\n" % n for n in range(9)) + "é,b\n".encode("latin-1"))
    data = load(tmp_path, path="a.csv")
    assert (data.bad_count, data.bad_rows[0].line) == (1, 11)
    assert "not UTF-8" in data.bad_rows[0].reason


def test_only_bad_rows_are_refused_with_the_first_reason(tmp_path: Path) -> None:
    """F26."""
    with pytest.raises(DataError, match=r"None of the 2 rows of a\.jsonl can be used\. Line 1: the output \(column 'answer'\) is missing"):
        load(tmp_path, [{"question": "x", "answer": ""}, {"question": "y", "answer": None}])
    (tmp_path / "b.jsonl").write_text("{\n[\n")
    with pytest.raises(DataError, match=r"None of the 2 rows of b\.jsonl can be used\. Line 1: is not valid JSON"):
        load(tmp_path, path="b.jsonl")


def test_labels_are_found_and_written_into_the_instruction(tmp_path: Path) -> None:
    rows = [{"text": f"message {n}", "label": "ab"[n % 2]} for n in range(20)]
    data = load(tmp_path, rows, instruction="Classify {this} as one of: {labels}")
    assert data.labels == ("a", "b")
    assert data.instruction == data.test[0].instruction == "Classify {this} as one of: a, b"


def test_an_explicit_label_set_keeps_its_order_and_refuses_other_answers(tmp_path: Path) -> None:
    rows = [{"text": f"message {n}", "label": "ab"[n % 2]} for n in range(20)] + [{"text": "odd", "label": "z"}]
    data = load(tmp_path, rows, labels=["b", "c", "a"], instruction="One of {labels}.")
    assert data.labels == ("b", "c", "a")
    assert data.instruction == "One of b, c, a."
    assert (data.bad_count, data.bad_rows[0].line) == (1, 21)


def test_the_plans_instruction_needs_a_label_set_if_it_speaks_of_one(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="form no label set"):
        load(tmp_path, questions(20), instruction="One of {labels}.")


def test_the_datas_own_instruction_stays_and_braces_in_it_are_plain_text(tmp_path: Path) -> None:
    rows = [{"instruction": "" if n % 2 else "Use {labels}.", "input": f"x{n}", "output": "y"} for n in range(20)]
    data = load(tmp_path, rows, instruction="Do it.")
    assert {e.instruction for e in (*data.train, *data.validation, *data.test)} == {"Do it.", "Use {labels}."}
    assert data.instruction == ""


def test_the_same_input_under_another_instruction_is_another_question(tmp_path: Path) -> None:
    write(
        tmp_path / "a.jsonl",
        [{"instruction": "Spell.", "input": "Haus", "output": "x"}, {"instruction": "Sing.", "input": "Tor", "output": "x"}],
    )
    write(tmp_path / "c.jsonl", [{"instruction": "Translate.", "input": "Haus", "output": "y"}])
    data = load(tmp_path, files={"train": "a.jsonl", "test": "c.jsonl"}, split={"train": 0.75, "validation": 0, "test": 0.25})
    assert data.counts == {"train": 2, "validation": 0, "test": 1}


def test_chats_are_loaded(tmp_path: Path) -> None:
    rows = [{"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}]} for n in range(12)]
    data = load(tmp_path, rows)
    assert sum(data.counts.values()) == 12
    assert data.test[0].reference == data.test[0].input.replace("q", "a")


def test_no_test_items_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There are no test items"):
        load(tmp_path, questions(20), split={"train": 0.85, "validation": 0.15, "test": 0})


def test_a_missing_file_is_told_as_given(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file 'nowhere\.jsonl'\. Check the spelling"):
        load(tmp_path, path="nowhere.jsonl")


def test_a_wrong_column_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="Did you mean 'answer'"):
        load(tmp_path, questions(20), columns={"output": "anser"})


def test_the_fingerprint_follows_contents_and_columns(tmp_path: Path) -> None:
    rows = questions(20)
    first = load(tmp_path, rows).fingerprint
    assert load(tmp_path, rows).fingerprint == first
    rows[3]["document"] = "other.md"
    assert load(tmp_path, rows).fingerprint != first


def test_examples_can_be_written_as_utf8_whatever_the_file_held(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"question": "\\ud83d\\ude00 q", "answer": "a"}\n{"question": "\\ud800", "answer": "b"}\n' * 3)
    data = load(tmp_path, path="a.jsonl")
    assert data.bad_count == 3
    assert all(e.input.encode() for e in (*data.train, *data.validation, *data.test))


def test_near_duplicates_are_taken_out_where_the_plan_says_so_whatever_the_limit(tmp_path: Path) -> None:
    """E12: drop takes rows out of train and validation, keep leaves them; a limit on the test set changes nothing of it."""
    rows = [f'{{"input": "Which town has bridge {n}?", "output": "Town {n}"}}\n' for n in range(24)]
    (tmp_path / "rows.jsonl").write_text("".join(rows))

    def near(test: Sequence[tuple[str, str]], others: Sequence[tuple[str, str]]) -> list[Near]:
        seen.append((len(test), len(others)))
        return [Near(test[0][0], others[0][0], 0.95)]

    seen: list[tuple[int, int]] = []
    kept = load_dataset(DataSpec(path="rows.jsonl"), tmp_path, near)
    assert (seen, kept.leakage["train"]["embedding"], kept.taken_out) == ([], None, ())
    spec = DataSpec.model_validate({"path": "rows.jsonl", "near_duplicates": "drop"})
    dropped = load_dataset(spec, tmp_path, near)
    limited = load_dataset(DataSpec.model_validate({**spec.model_dump(), "limit": {"test": 2}}), tmp_path, near)
    (gone,) = dropped.taken_out
    assert {e.id for e in kept.train} - {e.id for e in dropped.train} == {gone.id}
    assert dropped.leakage["train"]["embedding"] == 1
    assert [e.id for e in limited.train] == [e.id for e in dropped.train]
    assert seen == [(len(kept.test), len(kept.train) + len(kept.validation))] * 2
    assert kept.fingerprint != dropped.fingerprint
