"""The table of names."""

import pytest

from core.errors import PlanError
from core.registry import Registry


@pytest.fixture
def fruits() -> Registry[int]:
    registry: Registry[int] = Registry("fruit")
    registry.add("pear", 1)
    registry.add("apple", 2)
    return registry


def test_entries_come_back_in_the_order_of_registration(fruits: Registry[int]) -> None:
    assert fruits.names() == ["pear", "apple"]
    assert list(fruits.items()) == [("pear", 1), ("apple", 2)]
    assert fruits.get("apple") == 2
    assert "pear" in fruits and "plum" not in fruits


def test_unknown_name_is_answered_with_the_nearest_and_the_list(fruits: Registry[int]) -> None:
    with pytest.raises(PlanError) as caught:
        fruits.get("aple")
    assert caught.value.message == "There is no fruit 'aple'."
    assert caught.value.remedy == "Did you mean 'apple'? Known: apple, pear."


def test_a_name_cannot_be_taken_twice(fruits: Registry[int]) -> None:
    with pytest.raises(ValueError, match="registered twice"):
        fruits.add("pear", 3)
    assert fruits.get("pear") == 1
