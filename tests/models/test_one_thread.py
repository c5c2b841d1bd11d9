"""Streamed answers, taken step by step from threads that change, and dropped half-way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from core.records import Message
from models.base import Batch, GenerationConfig
from models.loading import ModelSpec, load_model
from models.one_thread import in_one_thread

LONG = GenerationConfig(max_new_tokens=400)
SHORT = GenerationConfig(max_new_tokens=8)
WAIT_S = 20


def elsewhere(act: Callable[[], Any]) -> Any:
    """What `act` gives in a thread that has not been used before."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act).result(WAIT_S)


def test_all_steps_run_in_one_thread_whoever_takes_them() -> None:
    def steps() -> Generator[int, None, None]:
        for _ in range(3):
            yield threading.get_ident()

    found = in_one_thread(steps)
    assert len({elsewhere(lambda: next(found)) for _ in range(3)}) == 1
    assert list(found) == []


def test_a_lock_is_let_go_when_the_iterator_is_dropped() -> None:
    lock, closed = threading.RLock(), threading.Event()

    def steps() -> Generator[int, None, None]:
        with lock:
            try:
                while True:
                    yield 1
            finally:
                closed.set()

    found = in_one_thread(steps)
    elsewhere(lambda: next(found))
    elsewhere(found.close)  # type: ignore[attr-defined]
    assert closed.wait(WAIT_S)
    assert elsewhere(lambda: lock.acquire(timeout=WAIT_S))


def test_an_error_comes_out_where_the_steps_are_taken() -> None:
    def steps() -> Generator[int, None, None]:
        yield 1
        raise KeyError("two")

    found = in_one_thread(steps)
    assert next(found) == 1
    with pytest.raises(KeyError, match="two"):
        next(found)


@pytest.fixture(scope="module")
def model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_model(ModelSpec(id=str(tiny_model), dtype="float32", threads=1), tmp_path_factory.mktemp("home"))


def ids_of(model: Any, text: str) -> tuple[int, ...]:
    found: tuple[int, ...] = model.codec.prompt_ids([Message("user", text)])
    return found


def test_a_stopped_answer_lets_the_next_question_be_asked_at_once(model: Any) -> None:
    long, short = ids_of(model, "Tell me everything."), ids_of(model, "Why?")
    before = model.generate(Batch((0,), (short,), 0), SHORT)
    asked = model.stream(long, LONG)
    elsewhere(lambda: [next(asked) for _ in range(3)])
    elsewhere(asked.close)
    assert elsewhere(lambda: model.generate(Batch((0,), (short,), 0), SHORT)) == before
    assert elsewhere(lambda: list(model.stream(short, SHORT)))[-1] == before[0].text


def test_a_stream_taken_by_many_threads_ends_with_the_answer_and_leaves_them_as_they_were(model: Any) -> None:
    ids = ids_of(model, "Name the longest river.")
    asked, texts = model.stream(ids, SHORT), []
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        for turn in range(100):
            text, inside = (one, other)[turn % 2].submit(lambda: (next(asked, None), torch.is_inference_mode_enabled())).result(WAIT_S)
            assert not inside, "torch's inference mode stays in the thread that computes"
            if text is None:
                break
            texts.append(text)
    assert texts[-1] == model.generate(Batch((0,), (ids,), 0), SHORT)[0].text
