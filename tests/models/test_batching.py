"""Batches are a function of prompts and policy."""

from hypothesis import given
from hypothesis import strategies as st

from models.base import BatchPolicy
from models.batching import compose, shared_prefix

prompts_of_ids = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=30).map(tuple), min_size=1, max_size=40)
policies = st.builds(BatchPolicy, max_rows=st.integers(1, 9), max_padded_tokens=st.integers(16, 200), min_shared_prefix=st.integers(1, 6))


@given(prompts_of_ids, policies, st.integers(1, 20))
def test_every_prompt_stands_in_exactly_one_batch(prompts, policy, reserve):
    batches = compose(prompts, policy, reserve)
    assert sorted(row for batch in batches for row in batch.rows) == list(range(len(prompts)))
    assert all(prompts[row] == ids for batch in batches for row, ids in zip(batch.rows, batch.prompt_ids, strict=True))


@given(prompts_of_ids, policies, st.integers(1, 20))
def test_batches_keep_to_rows_and_padded_tokens(prompts, policy, reserve):
    for batch in compose(prompts, policy, reserve):
        assert len(batch.rows) <= policy.max_rows
        padded = (max(map(len, batch.prompt_ids)) - batch.shared + reserve) * len(batch.rows)
        assert len(batch.rows) == 1 or padded <= policy.max_padded_tokens


@given(prompts_of_ids, policies, st.randoms())
def test_batches_do_not_depend_on_the_order_of_the_prompts(prompts, policy, source):
    shuffled = prompts.copy()
    source.shuffle(shuffled)
    assert [b.prompt_ids for b in compose(prompts, policy, 4)] == [b.prompt_ids for b in compose(shuffled, policy, 4)]


@given(prompts_of_ids, st.integers(1, 5))
def test_the_shared_prefix_is_common_to_all_and_leaves_something_to_read(prompts, minimum):
    count = shared_prefix(prompts, minimum)
    assert count == 0 or count >= minimum
    assert len({p[:count] for p in prompts}) == 1 and all(len(p) > count for p in prompts)


def test_a_shared_prefix_is_as_long_as_it_can_be():
    assert shared_prefix([(1, 2, 3, 4), (1, 2, 3, 5, 6)], 2) == 3
    assert shared_prefix([(1, 2, 3, 4), (1, 2, 3, 5, 6)], 4) == 0
    assert shared_prefix([(1, 2, 3)], 1) == 0
