"""Further files of training rows: read like the task's, and cleared of everything that the task is tested on."""

import json

import pytest

from core.dataset import ColumnsSpec, DataSpec, cleared, rows_of_file
from core.errors import DataError, PlanError
from core.records import Example

LONG = "The ferry to the eastern island leaves at nine from the second pier each weekday morning"
TEST = (
    Example("t1", "Answer.", "Which lamp is red?", "the left one"),
    Example("t2", "Answer.", LONG, "nine"),
)
VALIDATION = (Example("v1", "Answer.", "Which lamp is blue?", "the right one"),)


def write(folder, rows):
    path = folder / "other.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return DataSpec(path=str(path), instruction="Say it shorter.")


def test_planted_test_rows_are_found_in_a_mix_and_taken_out(tmp_path):
    """E12, E10. Exact, in other case and spaces, with a trailing sign, within a longer text; another instruction does not hide them."""
    planted = ["Which lamp is red?", "which  LAMP is red", "Which lamp is red??", f"Note: {LONG}, so hurry."]
    spec = write(tmp_path, [{"input": text, "output": "x"} for text in [*planted, "Where is the ferry?", "Which lamp is blue?"]])
    rows = cleared(rows_of_file(spec, tmp_path), TEST, VALIDATION, "Answer.")
    assert [e.input for e in rows.examples] == ["Where is the ferry?"]
    report = rows.to_report()
    assert {kind: report["leakage"][kind] for kind in ("exact", "normalised", "ngram")} == {"exact": 1, "normalised": 2, "ngram": 1}
    assert rows.taken_out == 4 and report["in_validation"] == 1 and report["rows"] == 1
    assert {pair["test"] for pairs in report["leakage"]["items"].values() for pair in pairs} == {"t1", "t2"}


def test_near_duplicates_go_too_where_the_plan_drops_them(tmp_path):
    from core.dataset import Near

    spec = write(tmp_path, [{"input": "Red is which lamp", "output": "x"}, {"input": "Another thing", "output": "y"}])
    found = rows_of_file(spec, tmp_path)
    near = [Near("t1", found.examples[0].id, 0.93)]
    assert len(cleared(found, TEST, (), "Answer.", lambda test, others: near).examples) == 1
    assert len(cleared(found, TEST, (), "Answer.").examples) == 2


def test_a_mix_of_nothing_but_test_rows_is_refused(tmp_path):
    spec = write(tmp_path, [{"input": "Which lamp is red?", "output": "x"}])
    with pytest.raises(DataError, match=r"None of the 1 rows of other\.jsonl can be mixed .*1 exact"):
        cleared(rows_of_file(spec, tmp_path), TEST, (), "Answer.")


def test_rows_get_the_files_instruction_and_bad_ones_are_counted(tmp_path):
    spec = write(tmp_path, [{"input": "a", "output": "b"}, {"input": "no answer"}, {"input": "c", "output": "d", "instruction": "Own."}])
    rows = rows_of_file(spec, tmp_path)
    assert {e.instruction for e in rows.examples} == {"Say it shorter.", "Own."}
    assert rows.bad_count == 1 and rows.bad[0].line == 2 and len({e.id for e in rows.examples}) == 2


def test_a_file_that_is_not_there_or_has_other_columns_is_one_plain_message(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        rows_of_file(DataSpec(path=str(tmp_path / "gone.jsonl")), tmp_path)
    spec = write(tmp_path, [{"input": "a", "output": "b"}])
    with pytest.raises(PlanError, match=r"must be a column of other\.jsonl; got 'question'"):
        rows_of_file(spec.model_copy(update={"columns": ColumnsSpec(input="question")}), tmp_path)
