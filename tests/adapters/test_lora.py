"""LoRA's own part: rows worded as they are asked, a fingerprint of all that the weights depend on, rows that do not fit."""

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.base import Setting, methods
from adapters.lora import Lora, LoraSpec
from adapters.rows import worded_each
from adapters.specs import read_method_specs
from adapters.tuned import training_rows
from core.errors import MethodError
from core.records import Document, Example
from models.base import GenerationConfig, ModelIdentity
from models.fake import FakeCodec, HashEmbedder

EXAMPLES = [Example(f"e{i}", "Answer.", f"What colour is lamp {i}?", f"colour {i}") for i in range(6)]
DOCUMENTS = [Document("lamps.md", "\n\n".join(f"Lamp {i} shines in colour {i} over the quay." for i in range(6)))]


def setting(context=4096, new_tokens=64, **changes):
    identity = ModelIdentity("some/model", "1", "float32", "cpu", 1, "hash", context)
    made = Setting(
        instruction="Answer.", train=EXAMPLES[:4], validation=EXAMPLES[4:5], documents=DOCUMENTS, model_key=identity,
        embedder_id="fake/hash-64", codec=FakeCodec, embedder=HashEmbedder, generation=GenerationConfig(max_new_tokens=new_tokens),
    )  # fmt: skip
    return replace(made, **changes)


def weights_key(spec, made):
    return Lora(spec).recipes(made)[-1].fingerprint


@pytest.mark.parametrize("entry", [{"kind": "lora"}, {"kind": "lora", "with_retrieval": True, "top_k": 2}])
def test_the_prompt_that_is_asked_begins_the_training_row(entry, tmp_path):
    """E2. For the same example, token for token, alone and with retrieved passages."""
    spec, made = read_method_specs([entry])[0], setting()
    method = methods.get("lora")(spec)
    folders = []
    for recipe in method.recipes(made)[:-1]:
        list(recipe.build(tmp_path, folders))
        folders.append(tmp_path)
    rows = training_rows(made, method.finder(made, folders), EXAMPLES).rows
    asked = method.bind(made, [*folders, Path("weights")]).prompts(EXAMPLES)
    codec = FakeCodec()
    for row, prompt, example in zip(rows, asked, EXAMPLES, strict=True):
        assert row.prompt_ids == codec.prompt_ids(prompt.messages)
        assert row.completion_ids == codec.completion_ids(example.reference)
        assert bool(prompt.passages) == spec.with_retrieval


def test_the_key_of_the_weights_changes_with_all_they_depend_on():
    """E22 for artefacts."""
    made, spec = setting(), LoraSpec(kind="lora")
    keys = [weights_key(spec, made)]
    keys += [
        weights_key(spec.model_copy(update=change), made) for change in ({"rank": 4}, {"epochs": 9}, {"seed": 1}, {"with_retrieval": True})
    ]
    other = [
        {"train": EXAMPLES[:3]}, {"validation": ()}, {"instruction": "Say."},
        {"model_key": replace(made.model_key, revision="2")}, {"model_key": replace(made.model_key, dtype="bfloat16")},
    ]  # fmt: skip
    keys += [weights_key(spec, replace(made, **change)) for change in other]
    assert len(set(keys)) == len(keys)
    with_passages = spec.model_copy(update={"with_retrieval": True})
    assert weights_key(with_passages, made) != weights_key(with_passages, setting(context=300, new_tokens=200))
    assert weights_key(with_passages, made) != weights_key(with_passages, replace(made, documents=[Document("a", "other words")]))


def test_the_key_of_the_weights_ignores_the_name_and_settings_of_retrieval_that_is_off():
    """The same fine-tune under another name trains nothing anew."""
    made = setting()
    one, other = LoraSpec(kind="lora"), LoraSpec(kind="lora", name="tuned", top_k=9)
    assert weights_key(one, made) == weights_key(other, made)


def test_a_row_that_does_not_fit_is_left_out_and_the_others_are_trained_on():
    made = setting(context=200, new_tokens=20)
    long = Example("long", "Answer.", "word " * 100, "x")
    rows = training_rows(made, None, [*EXAMPLES[:2], long])
    assert [row.id for row in rows.rows] == ["e0", "e1"] and rows.left_out == ("long",)
    with pytest.raises(MethodError, match="None of 1 training examples fits"):
        training_rows(made, None, [long])


def test_a_row_whose_answer_runs_beyond_the_context_is_left_out_and_counted(tmp_path):
    """Within max_tokens, but a model with learnt positions has none for its last tokens."""
    made = setting()
    fits = max(len(made.codec().prompt_ids(p.messages)) for _, p in worded_each(made, None, made.train)) + 64
    made = replace(made, model_key=replace(made.model_key, context_length=fits), generation=GenerationConfig(max_new_tokens=40))
    first, second = made.train[:2]
    made = replace(made, train=[replace(first, reference="a" * fits), second], validation=[replace(second, reference="a" * fits), first])
    told = Lora(LoraSpec(kind="lora")).told(made, tmp_path, [])
    assert [row.id for row in told.job.train] == [second.id] and told.job.left_out == (first.id,)
    assert [row.id for row in told.job.validation] == [first.id]
    assert told.record["lengths"]["unworded"] == 1
    last = [replace(second, reference="a" * 60)]
    assert not training_rows(made, None, last).left_out
    with pytest.raises(MethodError, match="None of 1 training examples fits the model"):
        training_rows(replace(made, virtual_tokens=10), None, last)


def test_the_rows_that_a_validation_loss_is_of_change_with_the_wording(tmp_path):
    """For sweeps: the trainer leaves rows over max_tokens out, so a longer wording is measured on fewer."""
    made = setting()
    made = replace(made, validation=[replace(made.train[0], id="long", input="lamp " * 20), replace(made.train[1], id="short")])

    def measured(**settings):
        method = Lora(LoraSpec(kind="lora", max_tokens=200, **settings))
        job = method.job(made, tmp_path, [])
        assert method.measured(made, []) == tuple(row.id for row in job.validation if row.length <= 200)
        return method.measured(made, [])

    assert measured() == ("long", "short")
    assert measured(instructions=("Name the colour of this lamp, please. " * 3,)) == ("short",)


def test_what_cannot_be_tuned_is_refused_before_anything_runs():
    method = Lora(LoraSpec(kind="lora"))
    with pytest.raises(MethodError, match="needs a model with weights"):
        method.check(setting(model_key=ModelIdentity("fake/echo", "1", "none", "cpu", 1, "h", 8192)))
    with pytest.raises(MethodError, match="at least 1 training example"):
        method.check(setting(train=()))
    with pytest.raises(MethodError, match="needs documents"):
        Lora(LoraSpec(kind="lora", with_retrieval=True)).check(setting(documents=()))


def test_fewer_training_rows_are_the_first_of_more_and_all_of_them_are_the_same_weights():
    """Learning curves: subsets are nested, and the last point of a curve reuses what was trained without one."""
    made, spec = setting(), LoraSpec(kind="lora")
    few, more = (Lora(spec.model_copy(update={"train_rows": n})).fewer(made).train for n in (2, 3))
    assert few == more[:2] == EXAMPLES[:2]
    assert weights_key(spec.model_copy(update={"train_rows": 4}), made) == weights_key(spec, made)
    assert weights_key(spec.model_copy(update={"train_rows": 3}), made) == weights_key(spec, setting(train=EXAMPLES[:3]))
    with pytest.raises(MethodError, match="at most the 4 training examples; got 5"):
        Lora(spec.model_copy(update={"train_rows": 5})).check(made)
