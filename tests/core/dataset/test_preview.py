"""What the page shows of a file before it is loaded."""

import json
from pathlib import Path

import pytest

from core.dataset import preview
from core.errors import DataError, PlanError


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    (tmp_path / "tickets.csv").write_text("text,team\n" + "".join(f"message {n},blue\n" for n in range(30)) + "empty,\n")
    return tmp_path / "tickets.csv"


def test_a_known_layout_is_named_and_its_first_twenty_rows_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"question": f"q{n}", "answer": "a", "more": n}) + "\n" for n in range(30)))
    shown = preview(path)
    assert (shown.layout, shown.columns) == ("question/answer", ("question", "answer", "more"))
    assert shown.mapping == {"input": "question", "output": "answer"}
    assert shown.rows[0] == {"question": "q0", "answer": "a", "more": 0}
    assert len(shown.rows) == len(shown.examples) == 20


def test_an_unknown_layout_still_shows_rows_and_columns_to_map(tickets: Path) -> None:
    shown = preview(tickets)
    assert (shown.layout, shown.mapping, shown.examples) == ("", {}, ())
    assert shown.columns == ("text", "team") and len(shown.rows) == 20


def test_a_mapping_gives_examples(tickets: Path) -> None:
    shown = preview(tickets, {"input": "text", "output": "team"})
    assert shown.layout == "mapped"
    assert (shown.examples[0].input, shown.examples[0].reference) == ("message 0", "blue")


def test_half_a_mapping_is_kept_while_the_rest_is_missing(tickets: Path) -> None:
    shown = preview(tickets, {"input": "text"})
    assert (shown.layout, shown.mapping) == ("", {"input": "text"})


def test_wrong_columns_and_fields_are_refused(tickets: Path) -> None:
    with pytest.raises(PlanError, match="Did you mean 'team'"):
        preview(tickets, {"input": "text", "output": "teem"})
    with pytest.raises(PlanError, match="Did you mean 'output'"):
        preview(tickets, {"outputs": "team"})


def test_bad_rows_among_the_first_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"input": "x", "output": "y"}\nbroken\n{"input": "x", "output": ""}\n')
    assert [row.line for row in preview(path).bad_rows] == [2, 3]


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file 'a\.csv'"):
        preview(tmp_path / "a.csv")
