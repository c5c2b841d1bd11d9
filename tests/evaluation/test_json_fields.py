from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.base import Resources, metrics
from evaluation.json_fields import field_f1, pairs, parsed
from evaluation.text import unfenced

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=6
)
RECORDS = st.dictionaries(st.text(max_size=3), VALUES, max_size=4)


@given(RECORDS, RECORDS)
def test_field_f1_is_symmetric_and_1_for_the_same_record(one: Any, other: Any) -> None:
    assert field_f1(one, other) == field_f1(other, one)
    assert 0 <= field_f1(one, other) <= 1 == field_f1(one, one)


def test_records_are_flattened_to_paths_and_values() -> None:
    assert pairs(parsed('{"A": {"b": [1, 1.0, "x"]}, "c": null}')) == {
        (("a", "b", "[]"), "number 1"): 2,
        (("a", "b", "[]"), "text x"): 1,
        (("c",), "value null"): 1,
    }


@pytest.mark.parametrize("text", ["[" * 100_000, '{"n": 1e99999999999999999999}', '{"n": Infinity}', "{", "12", '"x"', "null", ""])
def test_what_is_no_record_is_refused_and_scores_0(text: str, item: Any, value: Any) -> None:
    """Nesting without end, numbers out of all range: the answer's fault, never ours."""
    with pytest.raises(ValueError):
        parsed(text)
    row = item(text, '{"n": 1}')
    assert [value(metrics.get(name).score([row], Resources())[0]) for name in ("json_field_f1", "json_valid")] == [0.0, 0.0]


def test_numbers_far_out_are_still_numbers() -> None:
    assert field_f1(parsed('{"n": 1e9999999}'), parsed('{"n": 10e9999998}')) == 1.0
    assert field_f1(parsed('{"n": ' + "1" * 60 + "}"), parsed('{"n": ' + "1" * 59 + "2}")) == 0.0


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("```json\nx\n```", "x\n"),
        ("```\nx\n```", "x\n"),
        ("```x```", "x"),
        ("x", "x"),
        ("```", "```"),
        ("```a```\n```b```", "```a```\n```b```"),
    ],
)
def test_a_fence_around_the_whole_text_is_taken_off(text: str, inside: str) -> None:
    assert unfenced(text) == inside
