"""Stop, on every tab that answers: the answer ends, the model is free, and the next question is asked at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import choose, opened, strip_says

from ui import stops as stopping
from ui.stops import Stops

SOON_MS = 20_000


@pytest.fixture
def slow_folder(make_example: Callable[..., Path], deep_model: Path) -> Path:
    """The small example with a model that writes on and on."""
    fine_tune = "  - {kind: zero_shot}\n  - {kind: lora, epochs: 1, rank: 2, batch_size: 8}\n"
    model = {"fake/echo": f"{deep_model}, dtype: float32, threads: 1", "  - {kind: zero_shot}\n": fine_tune}
    return make_example(model, "generation: {max_new_tokens: 500}\n")


def writing(page: Any, place: str) -> None:
    """The answer is being written, and is not whole."""
    page.wait_for_function(
        "(place) => { const said = document.querySelector(place + ' .bk-said'); return said && !said.querySelector('.bk-caption') && said.innerText.length > 3; }",
        arg=place,
    )


@pytest.mark.browser
def test_a_stopped_answer_lets_the_next_one_be_asked_at_once(serve: Callable[..., str], chromium: Any, slow_folder: Path) -> None:
    from playwright.sync_api import expect

    page = opened(chromium, serve("--examples", str(slow_folder)))
    strip_says(page, "deep-llama")
    choose(page, "Prompting")
    page.locator("#ask_prompt .bk-panel").wait_for()
    for _ in range(2):
        page.locator("#ask").click()
        writing(page, "#ask_answer")
        page.locator("#ask_stop").click()
        expect(page.locator("#ask_said")).to_have_text("Stopped.")
        stopped = page.locator("#ask_answer .bk-said").inner_text()
        page.wait_for_timeout(1000)
        assert page.locator("#ask_answer .bk-said").inner_text() == stopped and page.locator("#ask_answer [data-done=no]").count() == 1
        expect(page.locator("#ask_said")).to_have_text("Stopped.")
    choose(page, "Retrieval")
    page.locator("#query textarea").fill("Where is the anvil of the tannery?")
    page.locator("#retrieval_ask").click()
    writing(page, "#retrieval_answer")
    page.locator("#retrieval_stop").click()
    expect(page.locator("#retrieval_said")).to_have_text("Stopped.")
    choose(page, "Prompting")
    page.locator("#ask").click()
    expect(page.locator("#ask_said")).to_have_text("")
    writing(page, "#ask_answer")
    page.locator("#ask_answer [data-done=yes]").wait_for(timeout=200_000)


@pytest.mark.browser
def test_a_chat_of_base_and_tuned_can_be_stopped(serve: Callable[..., str], chromium: Any, slow_folder: Path) -> None:
    from playwright.sync_api import expect

    page = opened(chromium, serve("--examples", str(slow_folder)))
    strip_says(page, "deep-llama")
    choose(page, "Fine-tuning")
    page.locator("#chat_stop").click()
    expect(page.locator("#chat_note")).to_have_text("Nothing is being answered.")
    page.locator("#launch").click()
    expect(page.locator("#tuned input")).to_have_value(re.compile("LoRA"), timeout=150_000)
    page.locator("#chat_text textarea").fill("Where is the anvil?")
    for _ in range(2):
        page.locator("#chat_send").click()
        expect(page.locator("#chat_note")).to_have_text("", timeout=SOON_MS)
        writing(page, "#chat_base")
        page.locator("#chat_stop").click()
        expect(page.locator("#chat_note")).to_have_text("Stopped.")


def test_an_answer_that_was_stopped_while_it_waited_does_not_begin() -> None:
    stops, begun = Stops(), []
    mine, other = stops.ticket(), stops.ticket()
    stops.call_off(mine)
    assert list(stops.until(mine, lambda: (begun.append(n) for n in (1,)))) == begun == []
    assert list(stops.until(other, lambda: (n for n in (1, 2)))) == [1, 2]


def test_steps_that_come_faster_than_a_page_redraws_are_passed_over_but_for_the_last() -> None:
    stops = Stops()
    assert list(stops.until(stops.ticket(), lambda: (n for n in range(1000)))) == [0, 999]


def test_a_stopped_answer_is_closed_at_its_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "EVERY_S", 0.0)
    stops, closed = Stops(), []

    def answer() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    mine = stops.ticket()
    steps = stops.until(mine, answer)
    assert [next(steps), next(steps)] == [0, 1]
    stops.call_off(mine)
    assert list(steps) == [] and closed == [True]


def test_tickets_are_not_kept_for_ever() -> None:
    stops = Stops()
    tickets = [stops.ticket() for _ in range(stopping.KEPT + 1)]
    for ticket in tickets:
        stops.call_off(ticket)
    assert (
        list(stops.until(tickets[0], lambda: (n for n in (1,)))) == [1] and list(stops.until(tickets[-1], lambda: (n for n in (1,)))) == []
    )
