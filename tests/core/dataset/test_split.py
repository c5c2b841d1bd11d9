"""Ids and splits depend on content and seed alone (E12, E31)."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset.leakage import normalise
from core.dataset.split import cut, identify, in_order, units
from core.records import Example

SHARES = {"train": 0.6, "validation": 0.15, "test": 0.25}

rows = st.builds(
    Example, st.just(""), st.just(""), st.sampled_from(["a", "A?", "b", "c", "d d", "D  d", "e", "f"]), st.sampled_from(["x", "y"]),
    group=st.sampled_from(["", "", "g1", "g2"]), columns=st.dictionaries(st.just("n"), st.sampled_from(["1", "2"])),
)  # fmt: skip
data = st.lists(rows, min_size=1, max_size=30)


def split(examples: list[Example], seed: int = 7, shares: dict[str, float] = SHARES) -> dict[str, list[Example]]:
    return cut(units(identify(examples), "", seed), shares)


def ask(text: str, group: str = "") -> Example:
    return Example("", "", text, "x", group=group)


@given(data, st.randoms(use_true_random=False))
def test_ids_and_splits_do_not_depend_on_row_order(examples: list[Example], shuffle: random.Random) -> None:
    """E31."""
    shuffled = list(examples)
    shuffle.shuffle(shuffled)
    assert split(shuffled) == split(examples)


@given(data, st.integers(0, 99), st.integers(0, 99))
def test_the_seed_moves_rows_but_keeps_ids(examples: list[Example], one: int, other: int) -> None:
    """E31: the same id for the same record under any seed."""
    first, second = split(examples, one), split(examples, other)
    assert {repr(e) for part in first.values() for e in part} == {repr(e) for part in second.values() for e in part}


@given(data)
def test_every_row_lands_in_exactly_one_split_under_a_unique_id(examples: list[Example]) -> None:
    """E31."""
    ids = [example.id for part in split(examples).values() for example in part]
    assert len(ids) == len(set(ids)) == len(examples)


@given(data, st.integers(0, 9))
def test_groups_and_duplicates_are_never_torn_apart(examples: list[Example], seed: int) -> None:
    """E12."""
    homes: dict[str, set[str]] = {}
    for name, part in split(examples, seed).items():
        for example in part:
            homes.setdefault(example.group or "text " + normalise(example.input), set()).add(name)
    assert all(len(found) == 1 for found in homes.values())


@given(data, st.integers(0, 9))
def test_every_split_gets_something_where_there_are_three_units(examples: list[Example], seed: int) -> None:
    splits = split(examples, seed)
    if len(units(identify(examples), "", seed)) >= 3:
        assert all(splits.values())
    assert splits["test"]


@pytest.mark.parametrize(
    ("n", "sizes"), [(100, (60, 15, 25)), (240, (144, 36, 60)), (10, (6, 2, 2)), (3, (1, 1, 1)), (2, (1, 0, 1)), (1, (0, 0, 1))]
)
def test_shares_are_met_by_count_of_rows(n: int, sizes: tuple[int, int, int]) -> None:
    splits = split([ask(str(place)) for place in range(n)])
    assert tuple(len(splits[name]) for name in SHARES) == sizes


@pytest.mark.parametrize(("shares", "empty"), [({"train": 0.0, "validation": 0.0, "test": 1.0}, ["train", "validation"]),
                                               ({"train": 1.0, "validation": 0.0, "test": 0.0}, ["validation", "test"])])  # fmt: skip
def test_a_split_without_a_share_stays_empty(shares: dict[str, float], empty: list[str]) -> None:
    splits = split([ask(str(place)) for place in range(20)], shares=shares)
    assert [name for name, part in splits.items() if not part] == empty


def test_one_large_group_counts_as_its_rows() -> None:
    examples = [*(ask(f"g{n}", "big") for n in range(50)), *(ask(f"s{n}") for n in range(50))]
    for seed in range(10):
        splits = split(examples, seed, {"train": 0.5, "validation": 0.0, "test": 0.5})
        assert 25 <= len(splits["test"]) <= 75
        assert len({name for name, part in splits.items() if any(e.group for e in part)}) == 1


def test_other_shares_of_train_and_validation_leave_the_test_set_alone() -> None:
    examples = [ask(str(place)) for place in range(200)]
    assert split(examples)["test"] == split(examples, shares={"train": 0.7, "validation": 0.05, "test": 0.25})["test"]


def test_another_seed_gives_another_test_set() -> None:
    examples = [ask(str(place)) for place in range(200)]
    assert split(examples, 1)["test"] != split(examples, 2)["test"]


def test_ids_are_hashes_of_the_content_with_an_ordinal_among_equals() -> None:
    """E31. The digits are fixed, since stored results are found by them."""
    found = identify(
        [Example("", "Say.", "a", "b"), Example("", "Say.", "a", "c"), Example("", "Say.", "a", "b"), Example("", "Say.", "a", "b")]
    )
    digest = found[0].id
    assert [example.id for example in found] == [digest, found[1].id, f"{digest}-1", f"{digest}-2"]
    assert digest == "ac26d529952fe4ec" and len(found[1].id) == 16


@given(data)
def test_the_order_within_a_split_is_that_of_the_seed(examples: list[Example]) -> None:
    ordered = in_order(identify(examples), "", 7)
    assert Counter(map(repr, ordered)) == Counter(map(repr, identify(examples)))
    assert in_order(ordered[::-1], "", 7) == ordered
