"""Answers are append-only: a torn tail costs one batch and nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comparison.answers import AnswerWriter, read_answers, read_timings
from core.records import Answer, Message, Passage, Prompt, Retrieved

PASSAGE = Retrieved(Passage("p", "page.md", "a line\nand another", 0, 18), 0.12345678901234567, 0)


def answer(name: str, text: str = "said") -> Answer:
    prompt = Prompt((Message("user", f"What of {name}?"),), demo_ids=("d",), passages=(PASSAGE,), dropped_passages=1)
    return Answer(name, text, (115, 257), "stop", prompt, 9)


def write(folder: Path, batches: list[list[str]]) -> AnswerWriter:
    writer = AnswerWriter(folder, "rag")
    writer.open()
    writer.start({"basis": "b", "method_key": "k"}, {"x9": "too long"})
    for number, names in enumerate(batches):
        writer.add(f"key{number}", [answer(name) for name in names], 0.5)
    return writer


def test_answers_come_back_equal_before_and_after_packing(tmp_path: Path) -> None:
    writer = write(tmp_path, [["a", "b"], ["c"]])
    before = read_answers(tmp_path, "rag")
    writer.finish(100.0)
    after = read_answers(tmp_path, "rag")
    assert before.answers == after.answers == {name: answer(name) for name in "abc"}
    assert after.failures == {"x9": "too long"}
    assert (before.complete, after.complete) == (False, True)
    assert not (tmp_path / "answers" / "rag.jsonl").exists()


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0, 1))
def test_cut_at_any_byte_only_whole_batches_are_left(share: float) -> None:
    """F1, on the file: whatever a kill leaves of it, what is read is a beginning of what was written."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = write(folder, [["a", "b"], ["c", "d"], ["e"]])
        whole = writer.plain.read_bytes()
        writer.plain.write_bytes(whole[: int(share * len(whole))])
        saved = writer.open()
        assert list(saved.batches) == [f"key{n}" for n in range(len(saved.batches))]
        assert list(saved.answers) == list("abcde")[: len(saved.answers)]
        rest = [["a", "b"], ["c", "d"], ["e"]][len(saved.batches) :]
        if not saved.head:
            writer.start({"basis": "b", "method_key": "k"}, {"x9": "too long"})
        elif not saved.failures:
            writer.start(saved.head, {"x9": "too long"})
        for number, names in enumerate(rest, len(saved.batches)):
            writer.add(f"key{number}", [answer(n) for n in names], 0.5)
        assert writer.plain.read_bytes() == whole


def test_answers_without_their_marker_do_not_count(tmp_path: Path) -> None:
    writer = write(tmp_path, [["a"]])
    with writer.plain.open("ab") as file:
        file.write(writer.plain.read_bytes().splitlines(keepends=True)[2])
    assert list(read_answers(tmp_path, "rag").answers) == ["a"]


def test_time_is_shared_out_over_a_batch_and_stands_in_its_own_file(tmp_path: Path) -> None:
    writer = write(tmp_path, [["a", "b"], ["c"]])
    writer.finish(123.4, 0.75)
    timings = read_timings(tmp_path, "rag")
    assert timings.latency_s == {"a": 0.25, "b": 0.25, "c": 0.5}
    assert timings.generate_s == pytest.approx(1.0)
    assert timings.stages == {"peak_memory_mb": 123.4, "word_s": 0.75}
    assert b"0.5" not in (tmp_path / "answers" / "rag.jsonl.gz").read_bytes()


def test_the_same_answers_are_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, [["a", "b"], ["c"]]).finish(1.0 if name == "one" else 2.0)
        files.append((tmp_path / name / "answers" / "rag.jsonl.gz").read_bytes())
    assert files[0] == files[1]


def test_a_half_packed_file_of_a_killed_run_is_thrown_away(tmp_path: Path) -> None:
    """F1: a kill in the middle of packing leaves no litter that exports would copy."""
    writer = write(tmp_path, [["a", "b"]])
    left = tmp_path / "answers" / ".rag.jsonl.gz.4711.tmp"
    left.write_bytes(b"half")
    assert list(writer.open().answers) == ["a", "b"]
    assert not left.exists()
