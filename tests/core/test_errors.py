"""The error tree and the hint with the nearest name."""

import pytest

from core.errors import BakeoffError, Cancelled, DataError, MethodError, ModelError, PlanError, StoreError, nearest


def test_message_and_remedy_are_shown_together_and_kept_apart() -> None:
    error = DataError("x.csv is empty.", "Give a file with rows.")
    assert str(error) == "x.csv is empty. Give a file with rows."
    assert (error.message, error.remedy) == ("x.csv is empty.", "Give a file with rows.")


@pytest.mark.parametrize(
    ("kind", "code"), [(PlanError, 2), (DataError, 2), (ModelError, 2), (StoreError, 2), (MethodError, 3), (Cancelled, 130)]
)
def test_each_error_ends_a_command_with_the_documented_exit_code(kind: type[BakeoffError], code: int) -> None:
    assert issubclass(kind, BakeoffError)
    assert kind("what").exit_code == code


def test_nearest_names_the_closest_and_lists_all() -> None:
    assert nearest("shotz", ["top_k", "shots"]) == "Did you mean 'shots'? Known: shots, top_k."


def test_nearest_does_not_guess_what_is_far_off() -> None:
    assert nearest("zzz", ["shots"]) == "Known: shots."
    assert nearest("zzz", []) == "Known: none."
