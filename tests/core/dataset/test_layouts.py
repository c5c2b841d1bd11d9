"""Columns are recognised by name, mapped by the plan, and turned into text with care."""

import datetime
from typing import Any

import pytest

from core.dataset.faults import RowFault
from core.dataset.layouts import choose_columns, convert, guess, to_example
from core.dataset.rows import BadRow, RawRow, Table
from core.errors import PlanError


@pytest.mark.parametrize(
    ("columns", "layout", "mapping"),
    [
        (["instruction", "input", "output"], "alpaca", {"instruction": "instruction", "input": "input", "output": "output"}),
        (["instruction", "output"], "alpaca", {"instruction": "instruction", "output": "output"}),
        (["prompt", "completion"], "prompt/completion", {"input": "prompt", "output": "completion"}),
        (["id", "messages"], "chat", {"messages": "messages"}),
        (["question", "answer", "document"], "question/answer", {"input": "question", "output": "answer"}),
        (["text", "label", "group"], "text/label", {"input": "text", "output": "label", "group": "group"}),
        (["Input", "OUTPUT", "choices"], "input/output", {"input": "Input", "output": "OUTPUT", "choices": "choices"}),
        (["text", "team"], "", {}),
    ],
)
def test_common_layouts_are_recognised_by_their_columns(columns: list[str], layout: str, mapping: dict[str, str]) -> None:
    assert guess(columns) == (layout, mapping)


def test_a_mapping_overrides_the_guess_and_is_completed_by_it() -> None:
    assert choose_columns(["text", "team", "channel"], {"output": "team"}, "f").columns == {"input": "text", "output": "team"}
    assert choose_columns(["a", "b", "group"], {"input": "a", "output": "b"}, "f").columns == {
        "input": "a",
        "output": "b",
        "group": "group",
    }
    assert choose_columns(["messages", "topic"], {"group": "topic"}, "f").columns == {"messages": "messages", "group": "topic"}
    assert choose_columns(["input", "output"], {"output": "input", "input": "output"}, "f").columns == {
        "output": "input",
        "input": "output",
    }


def test_a_wrong_column_is_answered_with_the_nearest_and_the_advice_works() -> None:
    columns = ["text", "category"]
    with pytest.raises(PlanError) as caught:
        choose_columns(columns, {"input": "text", "output": "categry"}, "a.csv")
    assert caught.value.message == "data.columns.output must be a column of a.csv; got 'categry'."
    assert caught.value.remedy.startswith("Did you mean 'category'?")
    assert choose_columns(columns, {"input": "text", "output": "category"}, "a.csv").columns["output"] == "category"


def test_columns_that_fit_nothing_ask_for_a_mapping() -> None:
    with pytest.raises(PlanError, match=r"The columns of a\.csv \(foo, bar\) fit no known layout\. Say which is which"):
        choose_columns(["foo", "bar"], {}, "a.csv")
    with pytest.raises(PlanError, match="fit no known layout"):
        choose_columns(["foo", "bar"], {"output": "bar"}, "a.csv")


MAPPING = {"input": "q", "output": "a", "choices": "c", "group": "g"}


def test_further_columns_are_kept_as_text() -> None:
    row = {"q": "x", "a": "y", "g": 3, "document": "d.md", "n": 2.5, "none": None, "tags": ["a", 1], "ok": True, "nan": float("nan"),
           "day": datetime.date(2026, 1, 2)}  # fmt: skip
    example = to_example(row, MAPPING)
    assert example.group == "3"
    assert example.columns == {"document": "d.md", "n": "2.5", "tags": '["a", 1]', "ok": "true", "nan": "nan", "day": "2026-01-02"}


@pytest.mark.parametrize("value", [["x", "y"], "x|y", '["x", "y"]', " x | y |"])
def test_choices_may_be_a_list_or_text(value: Any) -> None:
    assert to_example({"q": "x", "a": "y", "c": value}, MAPPING).choices == ("x", "y")


def test_outer_white_space_and_line_ends_do_not_tell_rows_apart() -> None:
    assert to_example({"q": " x\r\ny\rz ", "a": "y\n"}, MAPPING) == to_example({"q": "x\ny\nz", "a": "y"}, MAPPING)


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"q": "x"}, "the output (column 'a') is missing or empty"),
        ({"q": "x", "a": "  "}, "the output (column 'a') is missing or empty"),
        ({"q": "", "a": "y"}, "the input (column 'q') is missing or empty"),
        ({"q": "x", "a": float("nan")}, "NaN and Infinity are no answers"),
        ({"q": float("-inf"), "a": "y"}, "must be text; got -inf"),
        ({"q": "x", "a": ["y"]}, "column 'a' must be text; got a list"),
        ({"q": {"x": 1}, "a": "y"}, "column 'q' must be text; got a dict"),
        ({"q": b"x", "a": "y"}, "got a bytes"),
        ({"q": "x\udce9", "a": "y"}, "bytes that are not UTF-8"),
        ({"q": "x", "a": "y", "c": {"text": []}}, "must be a list of options"),
        ({"q": "x", "a": "y", "c": "[1,"}, "begins like a JSON list but is none"),
        ({"q": "x", "a": "y", "other": "\ud800"}, "column 'other' holds bytes"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(row: dict[str, Any], word: str) -> None:
    """F26: NaN, Infinity, missing and empty output, wrong type."""
    with pytest.raises(RowFault) as caught:
        to_example(row, MAPPING)
    assert word in str(caught.value)


def test_numbers_and_truth_values_are_answers() -> None:
    assert [to_example({"q": "x", "a": value}, MAPPING).reference for value in (0, 1.5, True, False)] == ["0", "1.5", "true", "false"]


def test_bad_rows_of_reader_and_layout_come_in_the_order_of_their_lines() -> None:
    table = Table("f", ("q", "a"), (RawRow(1, {"q": "x", "a": ""}), RawRow(4, {"q": "x", "a": "z"})), (BadRow("f", 2, "broken"),))
    examples, bad = convert(table, {"input": "q", "output": "a"}, labels=["y"])
    assert examples == []
    assert [row.line for row in bad] == [1, 2, 4]
    assert bad[2].reason == "the output must be one of the plan's labels; got 'z'"
