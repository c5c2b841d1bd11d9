"""Preference pairs as rows: which answers count as wrong, what is held out, and that prompts are those that are asked."""

import json
from dataclasses import replace

import pytest

from adapters import answered, pairing
from adapters.base import methods
from adapters.dpo import Dpo, DpoSpec
from adapters.grpo import Grpo, GrpoSpec
from adapters.pairing import is_wrong, paired
from adapters.prompts import word
from adapters.rewarding import RewardSpec
from core.dataset.pairs import PairsOfFile, PreferencePair
from core.errors import MethodError
from core.specs import read_spec
from models.fake import FakeCodec, FakeModel


def votes(count=6, instruction="Answer in one word."):
    pairs = tuple(PreferencePair(f"p{n}", f"{instruction}\n\nWhich hall is number {n}?", f"hall {n}", "no idea") for n in range(count))
    return PairsOfFile("votes.jsonl", pairs)


@pytest.fixture
def with_votes(setting):
    return replace(setting, pairs={"/somewhere/votes.jsonl": votes()})


SPEC = RewardSpec(pairs="/somewhere/votes.jsonl", held_out=0.2)


def write_answers(folder, texts, finish="stop"):
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"id": name, "text": text, "finish": finish} for name, text in texts.items()]
    (folder / answered.FILE).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.mark.parametrize(
    ("answer", "reference", "wrong"),
    [
        ("heron", "heron", False),
        ("Heron.", "heron", False),
        ("It is the heron, I think", "heron", False),
        ("owl", "heron", True),
        ("", "heron", True),
        ("the door opens at nine", "the door opens at ten", False),
        ("the gate shuts", "the door opens at ten", True),
    ],
)
def test_an_answer_is_wrong_only_where_it_neither_holds_the_reference_nor_is_near_it(answer, reference, wrong):
    assert is_wrong(answer, reference) is wrong


def test_prompts_of_pairs_are_worded_and_encoded_as_they_are_asked(with_votes):
    """E2, E3: token for token, with the end of turn behind both answers."""
    found = paired(SPEC, with_votes, None, None)
    codec = FakeCodec()
    asked = Dpo(DpoSpec(pairs=SPEC.pairs)).bind(with_votes, [None])
    for row in (*found.train, *found.held_out):
        pair = next(p for p in votes().pairs if p.id == row.id)
        example = pairing.as_example(pair, with_votes.instruction)
        assert (
            row.prompt_ids
            == codec.prompt_ids(word(example, with_votes.instruction))
            == codec.prompt_ids(asked.prompts([example])[0].messages)
        )
        assert row.chosen_ids == codec.completion_ids(pair.chosen) and row.rejected_ids == codec.completion_ids(pair.rejected)
    assert (len(found.train), len(found.held_out)) == (5, 1)
    assert found.record["source"] == "votes.jsonl" and not found.record["synthetic"]


def test_pairs_of_one_prompt_are_held_out_together_and_few_prompts_are_all_trained_on(setting):
    twice = tuple(replace(p, id=f"{p.id}-{n}", rejected=f"wrong {n}") for p in votes().pairs for n in range(2))
    found = paired(SPEC, replace(setting, pairs={SPEC.pairs: PairsOfFile("v", twice)}), None, None)
    assert len(found.held_out) == 2 and len({row.prompt_ids for row in found.held_out}) == 1
    assert not {row.prompt_ids for row in found.held_out} & {row.prompt_ids for row in found.train}
    few = paired(SPEC, replace(setting, pairs={SPEC.pairs: votes(4)}), None, None)
    assert (len(few.train), len(few.held_out)) == (4, 0)


def test_synthetic_pairs_set_the_reference_against_the_wrong_answer_and_say_so(setting, tmp_path):
    said = {e.id: e.reference if n < 3 else "a lamp" for n, e in enumerate(setting.train)}
    found = paired(RewardSpec(held_out=0.0), setting, None, write_answers(tmp_path / "a", said))
    codec = FakeCodec()
    assert [row.id for row in found.train] == [e.id for e in setting.train[3:]]
    assert all(row.rejected_ids == codec.completion_ids("a lamp") for row in found.train)
    assert found.record["synthetic"] and found.record["answered_right"] == 3
    assert "synthetic pairs" in pairing.in_words(found.record) and "no person was asked" in pairing.in_words(found.record)
    cut = paired(RewardSpec(held_out=0.0), setting, None, write_answers(tmp_path / "b", said, "length"))
    assert cut.train[0].rejected_ids == codec.completion_ids("a lamp")[:-1]


def test_a_base_model_that_is_always_right_leaves_no_synthetic_pairs(setting, tmp_path):
    right = write_answers(tmp_path, {e.id: e.reference for e in setting.train})
    with pytest.raises(MethodError, match=r"no synthetic pairs: the base model answers all 8 training rows right.*Name a file"):
        paired(RewardSpec(), setting, None, right)


def test_the_base_answers_are_asked_once_and_go_on_where_they_were_cut_off(setting, tmp_path):
    """E22 for artefacts, and contract 5: a resumed pass ends with the same answers."""
    model = FakeModel("fake/echo")
    made = replace(setting, language_model=lambda: model)
    recipe = pairing.base_answers(RewardSpec(), made, lambda earlier: None, {})
    list(recipe.build(tmp_path, ()))
    whole = (tmp_path / answered.FILE).read_text()
    assert {json.loads(line)["id"] for line in whole.splitlines()} == {e.id for e in setting.train}
    asked = model.batches
    list(recipe.build(tmp_path, ()))
    assert model.batches == asked and (tmp_path / answered.FILE).read_text() == whole
    (tmp_path / answered.FILE).write_text(whole[: len(whole) // 2])
    list(recipe.build(tmp_path, ()))
    assert answered.read(tmp_path) == {row["id"]: answered.Said(row["text"], row["finish"]) for row in map(json.loads, whole.splitlines())}
    other = pairing.base_answers(RewardSpec(), replace(made, train=made.train[:3]), lambda earlier: None, {})
    assert other.fingerprint != recipe.fingerprint


def test_what_comes_before_the_weights_and_what_they_depend_on(setting, with_votes):
    """E22: the pairs count by what they say, not by where they lie; the name counts for nothing."""
    kinds = lambda method, made: [recipe.kind for recipe in method.recipes(made)]  # noqa: E731
    assert kinds(Dpo(DpoSpec()), setting) == ["answers", "weights"]
    assert kinds(Dpo(DpoSpec(pairs=SPEC.pairs)), with_votes) == ["weights"]
    assert kinds(Dpo(DpoSpec(with_retrieval=True, after_sft=True)), setting) == ["index", "answers", "start", "weights"]
    assert kinds(Grpo(GrpoSpec()), setting) == ["answers", "reward", "weights"]
    key = lambda made, **changes: Dpo(DpoSpec(pairs=SPEC.pairs, **changes)).recipes(made)[-1].fingerprint  # noqa: E731
    elsewhere = replace(setting, pairs={"/else.jsonl": votes()})
    assert key(with_votes) == Dpo(DpoSpec(pairs="/else.jsonl", name="mine")).recipes(elsewhere)[-1].fingerprint
    other = replace(setting, pairs={SPEC.pairs: votes(5)})
    assert len({key(with_votes), key(other), key(with_votes, beta=0.5), key(with_votes, seed=3), key(with_votes, after_sft=True)}) == 5


def test_grpo_and_the_metric_share_the_reward_model_of_the_same_pairs(setting):
    from adapters.rewarding import bare_answers, reward_recipe

    spec = RewardSpec()
    assert Grpo(GrpoSpec()).recipes(setting)[1].fingerprint == reward_recipe(spec, setting, bare_answers(spec, setting)).fingerprint


def test_the_lora_before_it_is_the_one_that_a_plan_with_lora_trains(setting):
    start = next(r for r in Dpo(DpoSpec(after_sft=True)).recipes(setting) if r.kind == "start")
    lora = methods.get("lora")(read_spec(methods.get("lora").Spec, {"kind": "lora"}))
    assert start.fingerprint == lora.recipes(setting)[-1].fingerprint


def test_grpo_has_its_own_defaults():
    """Two parents state a batch size; the kind's own counts."""
    assert (GrpoSpec().batch_size, GrpoSpec().learning_rate, DpoSpec().batch_size) == (2, 1e-4, 4)


def test_the_teachers_answer_is_the_chosen_one_of_synthetic_pairs(setting, tmp_path):
    said = {e.id: f"as taught: {n}" for n, e in enumerate(setting.train)}
    base = {e.id: "no idea" for e in setting.train}
    paths = {"answers": write_answers(tmp_path / "base", base), "teacher": write_answers(tmp_path / "said", dict(list(said.items())[1:]))}
    method = Dpo(DpoSpec(teacher="fake/echo", held_out=0.0))
    assert list(method.parts(setting)) == ["answers", "teacher"]
    job, record = method.job(setting, None, paths, tmp_path / "out")
    codec = FakeCodec()
    assert {row.id: row.chosen_ids for row in job.train} == {name: codec.completion_ids(text) for name, text in list(said.items())[1:]}
    assert record["teacher"]["dropped"] == {"not asked for want of room": 1}
    assert "the answer of the teacher fake/echo against the base model's wrong answer" in pairing.in_words(record)
    plain = Dpo(DpoSpec(held_out=0.0))
    assert plain.recipes(setting)[-1].fingerprint != method.recipes(setting)[-1].fingerprint
    assert "the reference against" in pairing.in_words(plain.job(setting, None, {"answers": paths["answers"]}, tmp_path / "out")[1])


def test_a_teacher_beside_a_file_of_pairs_is_refused(with_votes, monkeypatch):
    with pytest.raises(MethodError, match=r"dpo\.pairs brings chosen answers along"):
        Dpo(DpoSpec(pairs=SPEC.pairs, teacher="fake/echo")).check(with_votes)


def test_a_pair_that_is_longer_than_the_context_is_left_out(with_votes):
    rows, _, _ = paired(SPEC, with_votes, None, None)
    longest = max(row.length for row in rows)
    short = replace(with_votes, model_key=replace(with_votes.model_key, context_length=longest - 1 + 64))
    found = paired(SPEC, replace(short, generation=short.generation.model_copy(update={"max_new_tokens": 1})), None, None)
    assert len(found.train) + len(found.held_out) == 6
    tight = replace(short, model_key=replace(with_votes.model_key, context_length=longest - 1))
    tight = replace(tight, generation=short.generation.model_copy(update={"max_new_tokens": 1}))
    with pytest.raises(MethodError, match="fits the model"):
        paired(SPEC, tight, None, None)
