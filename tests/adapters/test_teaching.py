"""Distillation: a fine-tune on a teacher's answers, asked once, the useless ones dropped and counted."""

import json
from dataclasses import replace

import pytest

from adapters import answered
from adapters.lora import Lora, LoraSpec
from adapters.teaching import taught
from core.errors import MethodError
from core.specs import read_spec
from models import writing
from models.fake import FakeCodec


def lora(**settings):
    return Lora(read_spec(LoraSpec, {"kind": "lora", **settings}))


def write(folder, rows):
    folder.mkdir(exist_ok=True)
    (folder / answered.FILE).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_the_rows_are_the_teachers_words_and_validation_stays_on_the_references(setting, tmp_path):
    made = replace(setting, validation=setting.train[6:], train=setting.train[:6])
    said = write(tmp_path / "said", [{"id": e.id, "text": f"teacher {n}", "finish": "stop"} for n, e in enumerate(made.train)])
    job = lora(teacher="fake/echo").job(made, tmp_path / "out", [said])
    codec = FakeCodec()
    assert [row.completion_ids for row in job.train] == [codec.completion_ids(f"teacher {n}") for n in range(6)]
    assert [row.completion_ids for row in job.validation] == [codec.completion_ids(e.reference) for e in made.validation]
    assert [row.prompt_ids for row in job.train] == [row.prompt_ids for row in lora().job(made, tmp_path / "out", []).train]


def test_noise_is_not_told_by_the_references_where_a_teachers_answers_are_learnt(setting):
    with pytest.raises(MethodError, match=r"lora\.filters: noisy goes by the loss of the references"):
        lora(teacher="fake/echo", filters=["noisy"]).check(setting)
    lora(teacher="fake/echo", filters=["empty", "already_right"]).check(setting)


def test_cut_empty_and_missing_answers_are_dropped_and_counted(setting, tmp_path):
    names = [e.id for e in setting.train]
    rows = [
        {"id": names[0], "text": setting.train[0].reference, "finish": "stop"},
        {"id": names[1], "text": "and so on and", "finish": "length"},
        {"id": names[2], "text": " ", "finish": "stop"},
    ]
    spec = LoraSpec(kind="lora", teacher="org/teacher")
    found = taught(spec, setting, write(tmp_path / "a", rows))
    assert [e.id for e in found.setting.train] == names[:1]
    assert found.record == {
        "model": "org/teacher", "answers": 1, "dropped": {"cut": 1, "empty": 1, "not asked for want of room": 5}, "equal_to_reference": 1,
    }  # fmt: skip
    assert "Trained on 1 answers of the teacher org/teacher" in found.added_to({"notes": ["x"]})["notes"][1]
    with pytest.raises(MethodError, match=r"of 8 answers none can be learnt \(7 not asked for want of room, 1 cut\)"):
        taught(spec, setting, write(tmp_path / "b", rows[1:2]))


def test_a_teacher_of_this_machine_answers_once_and_its_answers_are_part_of_the_key(setting, tmp_path):
    """E22 for artefacts."""
    answers, weights = lora(teacher="fake/echo").recipes(setting)
    assert (answers.kind, weights.kind) == ("answers", "weights")
    list(answers.build(tmp_path, ()))
    assert set(answered.read(tmp_path)) == {e.id for e in setting.train}
    alone = lora().recipes(setting)[-1].fingerprint
    other = lora(teacher="fake/slow-1").recipes(setting)[-1].fingerprint
    assert len({weights.fingerprint, alone, other}) == 3
    assert lora(teacher="fake/echo", rank=4).recipes(setting)[0].fingerprint == answers.fingerprint


def test_a_teacher_behind_a_server_is_asked_for_whole_answers_with_its_own_key(setting, tmp_path, judge_server, monkeypatch):
    """F15: the judge's key is never sent to a teacher."""
    monkeypatch.setenv("BAKEOFF_JUDGE_KEY", "the-judges")
    monkeypatch.setenv(writing.KEY, "the-teachers")
    judge_server.script = ["heron", "", "owl"]
    method = lora(teacher="big", teacher_url=judge_server.url)
    method.check(setting)
    list(method.recipes(setting)[0].build(tmp_path, ()))
    said = answered.read(tmp_path)
    assert [said[e.id].text for e in setting.train] == ["heron", ""] + ["owl"] * 6
    assert {h["authorization"] for h in judge_server.headers} == {"Bearer the-teachers"}
    request = judge_server.requests[0]
    assert request["max_tokens"] == 64 and "logprobs" not in request and request["messages"][-1]["content"] == setting.train[0].input


def test_a_teachers_server_that_refuses_is_said_as_such_and_what_was_written_is_kept(setting, tmp_path, judge_server):
    judge_server.script = ["heron", (401, {}, b"{}")]
    recipe = lora(teacher="big", teacher_url=judge_server.url).recipes(setting)[0]
    with pytest.raises(Exception, match=r"The teacher's endpoint refuses the key \(401\)\. Give a valid one by BAKEOFF_TEACHER_KEY"):
        list(recipe.build(tmp_path, ()))
    assert [s.text for s in answered.read(tmp_path).values()] == ["heron"]


def test_a_teacher_that_is_not_there_is_refused_before_anything_runs(setting, monkeypatch):
    """F14 for teachers."""
    for settings, said in [
        ({"teacher": "fake/none"}, "no fake model"),
        ({"teacher": "big", "teacher_url": "http://user:secret@host/v1"}, "teacher_url"),
    ]:
        with pytest.raises(MethodError, match=said) as refused:
            lora(**settings).check(setting)
        assert "secret" not in str(refused.value)
    monkeypatch.setattr("models.address.shared_machine", lambda: True)
    with pytest.raises(MethodError, match=r"lora\.teacher"):
        lora(teacher="big", teacher_url="http://127.0.0.1:9/v1").check(setting)
    with pytest.raises(Exception, match="teacher_url needs teacher"):
        lora(teacher_url="http://host/v1")
