"""The wrapper around handlers."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from core.errors import DataError
from ui.context import Context, Settings
from ui.guard import guard

REQUEST: Any = SimpleNamespace(username=None, session_hash="s1", query_params={"comparison": "abc"})


def test_a_handler_is_told_whose_request_it_is() -> None:
    ctx: Context = guard(Settings(public=True), lambda ctx, x: ctx)(REQUEST, 1)
    assert ctx.owner == "session:s1" and ctx.wanted == "abc"


def test_what_a_person_did_wrong_is_said_with_its_remedy_and_as_text() -> None:
    def bad(ctx: Context) -> None:
        raise DataError("Row 3 holds <b>.", "Mend it.")

    with pytest.raises(gr.Error) as said:
        guard(Settings(), bad)(REQUEST)
    assert said.value.message == "Row 3 holds &lt;b&gt;. Mend it."


def test_a_bug_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    def bug(ctx: Context) -> None:
        raise KeyError("secret")

    with caplog.at_level(logging.ERROR), pytest.raises(gr.Error) as said:
        guard(Settings(), bug)(REQUEST)
    assert "secret" not in said.value.message and "bug in Bakeoff" in said.value.message
    mark = said.value.message.split()[-1].strip(".")
    assert mark in caplog.text and "KeyError" in caplog.text


def test_a_stream_stays_a_generator_function_and_is_guarded_in_the_middle() -> None:
    def stream(ctx: Context) -> Iterator[int]:
        yield 1
        raise DataError("No more.", "Stop.")

    wrapped = guard(Settings(), stream)
    assert inspect.isgeneratorfunction(wrapped)
    run = wrapped(REQUEST)
    assert next(run) == 1
    with pytest.raises(gr.Error, match=r"No more\. Stop\."):
        next(run)
