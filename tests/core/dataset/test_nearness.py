"""Near duplicates by embedding from vectors alone (E10, E12): all pairs over a threshold, however many texts there are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.dataset import nearness
from core.dataset.leakage import find_leaks
from core.dataset.nearness import Near, near_pairs
from core.records import Example

EAST, NORTH = [1.0, 0.0], [0.0, 1.0]
ALMOST_EAST = [0.96, 0.28]


def unit(*rows: list[float]) -> np.ndarray:
    return np.asarray(rows, dtype=np.float32)


def test_pairs_at_the_threshold_count_and_the_nearest_comes_first() -> None:
    """E12: cosine 1 and 0.96 are near at 0.96, cosine 0.28 and 0 are not."""
    found = near_pairs(["t1", "t2"], unit(EAST, NORTH), ["a", "b"], unit(ALMOST_EAST, EAST), 0.96)
    assert found == [Near("t1", "b", 1.0), Near("t1", "a", 0.96)]


def test_of_several_texts_with_one_id_the_nearest_counts() -> None:
    assert near_pairs(["t"], unit(EAST), ["page", "page"], unit(ALMOST_EAST, EAST)) == [Near("t", "page", 1.0)]


def test_nothing_is_near_to_nothing() -> None:
    assert near_pairs([], unit().reshape(0, 2), ["a"], unit(EAST)) == []
    assert near_pairs(["t"], unit(EAST), [], unit().reshape(0, 2)) == []


@given(st.integers(0, 2**16), st.integers(1, 7), st.integers(1, 9))
def test_blocks_find_what_one_product_finds(seed: int, rows: int, columns: int) -> None:
    made = np.random.default_rng(seed).normal(size=(rows + columns, 3)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    ids = [f"t{n}" for n in range(rows)], [f"o{n}" for n in range(columns)]
    whole = near_pairs(ids[0], made[:rows], ids[1], made[rows:], 0.5)
    before, nearness.BLOCK = nearness.BLOCK, 2
    try:
        assert near_pairs(ids[0], made[:rows], ids[1], made[rows:], 0.5) == whole
    finally:
        nearness.BLOCK = before
    similar = np.round(made[:rows] @ made[rows:].T, 4)
    assert {(pair.test, pair.other) for pair in whole} == {
        (ids[0][i], ids[1][j]) for i in range(rows) for j in range(columns) if similar[i, j] >= np.float32(0.5)
    }


def test_a_pair_of_a_stricter_kind_is_no_near_duplicate_as_well() -> None:
    leaks = find_leaks([Example("t", "", "What is it?", "")], [("a", "what is it")])
    found = leaks.with_near([Near("t", "a", 1.0), Near("t", "b", 0.93)])
    report = found.to_report()
    assert [report[kind] for kind in ("exact", "normalised", "ngram", "embedding")] == [0, 1, 0, 1]
    assert report["items"]["embedding"] == [{"test": "t", "other": "b", "similarity": 0.93}]
    assert found.others() == {"a"}
    assert [(kind, pair.other, similarity) for kind, pair, similarity in found.everything()] == [
        ("normalised", "a", None),
        ("embedding", "b", 0.93),
    ]
