"""Classifiers: what they refuse, labels that do not occur, uneven classes, probabilities; the penalty that validation rows choose."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import rooms

from adapters import answered
from adapters.base import methods
from adapters.classifier import Classifier, ClassifierSpec, TunedEncoder, TunedEncoderSpec
from adapters.labelled import label_of, labelled, labels_there
from adapters.lora import Lora, LoraSpec
from core.errors import MethodError, StoreError
from core.records import Example
from models.loading import DEFAULT_EMBEDDER, ModelSpec, load_embedder
from tests.training import contract
from training import heads
from training.heads import WEIGHTS

BOTH = pytest.mark.parametrize("kind", ["classifier", "tuned_encoder"])
FREE = {"labels": ()}


def check(kind: str, **changes: object) -> None:
    method = methods.get(kind)
    method(method.Spec(kind=kind)).check(rooms.setting(**changes))


def record(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(next(folder.rglob("training.json")).read_text())
    return found


@BOTH
def test_free_text_is_refused_with_what_works_instead(kind: str) -> None:
    with pytest.raises(MethodError, match=rf"{kind} needs a label set; the answers of these data are free text\. .*take nearest"):
        check(kind, labels=())


@BOTH
def test_one_class_only_is_refused_since_there_is_nothing_to_tell_apart(kind: str) -> None:
    lamps = [example for example in rooms.TRAIN if example.reference == "lighting"]
    with pytest.raises(MethodError, match=r"at least 2 of the 3 labels; all 8 are 'lighting'"):
        check(kind, train=lamps)


def test_the_tuned_encoder_needs_an_embedder_with_weights() -> None:
    method = TunedEncoder(TunedEncoderSpec(kind="tuned_encoder"))
    with pytest.raises(MethodError, match=r"got fake/hash-64\. Set model\.embedder"):
        method.check(rooms.setting(model=ModelSpec(id="fake/echo", embedder="fake/hash-64")))


def test_probabilities_are_of_the_whole_label_set_and_sum_to_one(tmp_path: Path) -> None:
    answers = rooms.said("classifier", tmp_path)
    assert len(answers) == len(rooms.TEST)
    for found in answers:
        assert tuple(found.grounds.probabilities) == rooms.LABELS
        assert sum(found.grounds.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert found.text == max(found.grounds.probabilities, key=found.grounds.probabilities.__getitem__)


def test_a_label_that_no_training_row_has_gets_probability_0_and_is_counted(tmp_path: Path) -> None:
    dry = [example for example in rooms.TRAIN if example.reference != "plumbing"]
    made = rooms.setting(train=dry)
    found = rooms.said("classifier", tmp_path, made=made)
    assert labels_there(made) == ("heating", "lighting")
    assert {answer.grounds.probabilities["plumbing"] for answer in found} == {0.0}
    assert "plumbing" not in {answer.text for answer in found}
    facts = record(tmp_path)["label_facts"]
    assert isinstance(facts, dict) and (facts["absent"], facts["labels"], facts["rows"], facts["most"]) == (1, 3, 16, 0.5)


def test_training_rows_without_a_label_are_left_out_and_named(tmp_path: Path) -> None:
    odd = replace(rooms.TRAIN[0], id="odd", reference="call somebody")
    rooms.said("classifier", tmp_path, made=rooms.setting(train=[*rooms.TRAIN, odd]))
    facts = record(tmp_path)["label_facts"]
    assert isinstance(facts, dict) and facts["not_labels"] == ["odd"] and facts["rows"] == 24


def test_balancing_gives_a_rare_label_more_weight(tmp_path: Path) -> None:
    rare = [*(e for e in rooms.TRAIN if e.reference == "heating"), next(e for e in rooms.TRAIN if e.reference == "lighting")]
    made, asked = rooms.setting(train=rare, validation=()), [rooms.fault(70, "lighting", "office")]
    shares = [rooms.said("classifier", tmp_path / str(on), asked, made, balance=on)[0].grounds.probabilities for on in (False, True)]
    assert shares[1]["lighting"] > shares[0]["lighting"] + 0.1


def test_the_penalty_is_the_one_with_the_lowest_validation_loss_unless_it_is_given(tmp_path: Path) -> None:
    rooms.said("classifier", tmp_path / "open")
    found = record(tmp_path / "open")
    tried = found["tried"]
    assert isinstance(tried, list) and len(tried) == 5
    assert found["penalty"] == min(tried, key=lambda one: one["validation_loss"])["penalty"]
    rooms.said("classifier", tmp_path / "given", penalty=3.0)
    assert record(tmp_path / "given")["penalty"] == 3.0
    rooms.said("classifier", tmp_path / "none", made=rooms.setting(validation=()))
    assert record(tmp_path / "none")["penalty"] == 0.1
    assert found["trainable_params"] == 3 * (64 + 1)
    assert found["labels"] == list(rooms.LABELS), "whoever is handed the weights must know what they name"


def test_it_keeps_what_applies_of_the_contract_of_every_trainable_kind(tmp_path: Path) -> None:
    """E19, F3: round trip, a loss below that of guessing, and an attempt that was cut off is begun anew and ends with the same weights."""
    assert contract.survives_json_and_yaml(ClassifierSpec(kind="classifier", penalty=0.5, balance=True))
    made = rooms.setting()
    (recipe,) = Classifier(ClassifierSpec(kind="classifier")).recipes(made)
    whole, again = tmp_path / "whole", tmp_path / "again"
    list(recipe.build(whole, ()))
    again.mkdir()
    data = (whole / WEIGHTS).read_bytes()
    (again / WEIGHTS).write_bytes(data[: len(data) // 2])
    with pytest.raises(StoreError, match=r"The head in again cannot be read\. Delete that folder and run again"):
        heads.load(again)
    list(recipe.build(again, ()))
    assert contract.equal(contract.weights(again), contract.weights(whole))
    tried = record(whole)["tried"]
    assert isinstance(tried, list) and min(one["train_loss"] for one in tried) < math.log(len(rooms.LABELS))


def test_an_own_instruction_is_read_with_the_question() -> None:
    own = [replace(example, instruction=f"Do {n}.") for n, example in enumerate(rooms.TRAIN)]
    assert labelled(rooms.setting(), own).texts == labelled(rooms.setting(), rooms.TRAIN).texts
    assert labelled(rooms.setting(instruction=""), own).texts[1].startswith("Do 1.\n\nThe lamp")


def test_a_seed_and_the_number_of_seeds_belong_to_the_tuned_one_alone() -> None:
    """A head has one optimum, so seeds of it would be the same run again."""
    assert "seeds" not in ClassifierSpec.model_fields and "seeds" in TunedEncoderSpec.model_fields
    one, three = (TunedEncoder(TunedEncoderSpec(kind="tuned_encoder", seeds=n)).recipes(rooms.setting())[0] for n in (1, 3))
    assert one.fingerprint == three.fingerprint, "the first of three seeds is the run with one"
    renamed = Classifier(ClassifierSpec(kind="classifier", name="mine")).recipes(rooms.setting())[0]
    assert renamed.fingerprint == Classifier(ClassifierSpec(kind="classifier")).recipes(rooms.setting())[0].fingerprint


@pytest.mark.real
@pytest.mark.parametrize("kind", ["classifier", "nearest"])
def test_the_embedded_encoder_knows_words_that_no_training_row_has(kind: str, tmp_path: Path, models_home: Path) -> None:
    embedder = load_embedder(DEFAULT_EMBEDDER, models_home, 1)
    made = rooms.setting(embedder=lambda: embedder, embedder_id=embedder.id)
    other = {
        "heating": "We are freezing, nothing gets warm.",
        "lighting": "It is dark, the bulb went out.",
        "plumbing": "Water leaks from a pipe.",
    }
    asked = [Example(label, "", text, label) for label, text in other.items()]
    assert [found.text for found in rooms.said(kind, tmp_path, asked, made)] == list(other)


def test_a_teachers_answers_are_learnt_as_labels_and_what_names_none_is_left_out(tmp_path: Path) -> None:
    """Distillation: the teacher says the next label for each row, so that what was learnt can only be its own."""
    made, after = rooms.setting(), dict(zip(rooms.LABELS, (*rooms.LABELS[1:], rooms.LABELS[0]), strict=True))
    method = Classifier(ClassifierSpec(kind="classifier", teacher="fake/echo", penalty=0.001))
    method.check(made)
    weights = method.recipes(made)[-1]
    said = [{"id": e.id, "text": f"It is {after[e.reference].upper()}.", "finish": "stop"} for e in made.train]
    said[0]["text"], said[1]["text"], said[2]["finish"] = "heating or lighting", "nobody", "length"
    folder = tmp_path / "said"
    folder.mkdir()
    (folder / answered.FILE).write_text("".join(json.dumps(row) + "\n" for row in said))
    out = tmp_path / "weights"
    list(weights.build(out, (folder,)))
    found = method.bind(made, (folder, out)).answer(made.train[3:])
    right = sum(one.text == after[e.reference] for one, e in zip(found, made.train[3:], strict=True))
    assert right >= 18, f"{right} of 21 as the teacher says, none as the references do"
    kept = record(out)
    assert kept["teacher"] == {"model": "fake/echo", "answers": 21, "dropped": {"no label": 2, "cut": 1}, "equal_to_reference": 0}
    assert "21 answers of the teacher fake/echo instead of the references; dropped: 2 no label and 1 cut" in str(kept["findings"])
    (folder / answered.FILE).write_text("".join(json.dumps({**row, "text": "heating"}) + "\n" for row in said))
    with pytest.raises(MethodError, match=r"at least 2 of the 3 labels; it names 'heating' alone"):
        method.taught(made, (folder,))


@BOTH
def test_the_key_without_a_teacher_is_that_of_before_there_were_any(kind: str) -> None:
    """E22 for artefacts."""
    made, method = rooms.setting(), methods.get(kind)
    (plain,) = method(method.Spec(kind=kind)).recipes(made)
    assert not {"teacher", "teacher_url", "schedule"} & plain.inputs["settings"].keys() and "teacher" not in plain.inputs
    answers, weights = method(method.Spec(kind=kind, teacher="fake/echo")).recipes(made)
    assert weights.fingerprint != plain.fingerprint
    lora = Lora(LoraSpec(kind="lora", teacher="fake/echo"))
    assert answers.fingerprint == lora.recipes(made)[0].fingerprint, "asked once for all"


def test_labels_are_read_whole_or_where_one_alone_is_named() -> None:
    assert label_of(" Heating. ", rooms.LABELS) == label_of("Call the heating people", rooms.LABELS) == "heating"
    assert label_of("heating, or lighting", rooms.LABELS) is label_of("preheating", rooms.LABELS) is label_of("", rooms.LABELS) is None
    assert label_of("very good", ("good", "very good")) == "very good"
