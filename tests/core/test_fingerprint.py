"""Hashes that stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.fingerprint import fingerprint

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values, min_size=2))
def test_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    assert fingerprint(dict(reversed(value.items()))) == fingerprint(value)


@given(st.lists(st.integers(), min_size=2, unique=True))
def test_order_of_lists_matters(value: list[int]) -> None:
    assert fingerprint(value[::-1]) != fingerprint(value)


def test_the_hash_never_changes_between_versions_of_this_code() -> None:
    assert fingerprint({"b": [1, 2.5, None], "a": "ä"}) == "324d0f98e8e7b390bd24bc556eff388b"


@pytest.mark.parametrize("value", [{"a": object()}, {"a": {1, 2}}])
def test_what_json_has_no_form_for_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        fingerprint(value)


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        fingerprint(float("nan"))
