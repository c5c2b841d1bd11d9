"""The page in a real browser: what a person does, start to end, and what a hostile file must not do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from browsing import TABS, choose, link_of, open_share, opened, ready_to_run, run_and_wait, shown, strip_says, table_of

pytestmark = pytest.mark.browser

WIDE = {"width": 1280, "height": 900}


def test_a_comparison_made_on_the_page_looks_the_same_behind_its_link(
    serve: Callable[..., str], chromium: Any, examples_folder: Path
) -> None:
    page = opened(chromium, serve("--examples", str(examples_folder)))
    page.get_by_role("button", name=re.compile("Lost things")).click()
    ready_to_run(page)
    run_and_wait(page)
    mine = shown(page)
    assert any(row.startswith("Token F1") for row in mine["table"])
    assert "RAG" in mine["table"][0] and "Zero-shot" in mine["table"][0]
    item = page.locator("#item_page .bk-question").inner_text()
    open_share(page)
    page.get_by_label("With prompts and answers").check()
    page.get_by_role("button", name="Copy link", exact=True).first.click()
    address = link_of(page)
    assert re.search(r"\?comparison=[\w-]{22,}$", address)

    other = opened(chromium, address)
    other.locator("#table .bk-table").wait_for()
    assert shown(other) == mine
    assert other.locator("#item_page .bk-question").inner_text() == item
    assert not other.locator("#run").is_visible(), "a frozen result offers no run"
    assert not other.get_by_label("With prompts and answers").is_visible(), "what was shared is the owner's to choose"
    other.get_by_role("button", name="Make a comparison of my own", exact=True).click()
    other.locator("#run").wait_for()

    page.get_by_label("With prompts and answers").uncheck()
    page.locator("#share_link").wait_for(state="hidden")


def test_a_link_without_rows_shows_scores_and_no_texts(serve: Callable[..., str], chromium: Any, examples_folder: Path) -> None:
    page = opened(chromium, serve("--examples", str(examples_folder)))
    ready_to_run(page)
    run_and_wait(page)
    open_share(page)
    page.get_by_role("button", name="Copy link", exact=True).first.click()
    other = opened(chromium, link_of(page))
    other.locator("#table .bk-table").wait_for()
    assert "Only the scores were shared" in other.locator("#item_page").inner_text()
    assert "door" not in other.content()


def test_a_closed_link_opens_the_plain_message(serve: Callable[..., str], chromium: Any, examples_folder: Path) -> None:
    from playwright.sync_api import expect

    page = opened(chromium, serve("--examples", str(examples_folder)))
    ready_to_run(page)
    run_and_wait(page)
    open_share(page)
    expect(page.locator("#share_list")).to_contain_text("No link to this result has been made yet.")
    page.locator("#share_expiry input").click()
    page.get_by_role("option", name="After a week", exact=True).click()
    page.get_by_role("button", name="Copy link", exact=True).first.click()
    address = link_of(page)
    row = page.locator("#share_list tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("scores only")
    expect(row).not_to_contain_text("no end")
    opened(chromium, address).locator("#table .bk-table").wait_for()
    page.locator("#share_close").click()
    expect(page.locator("#share_said")).to_contain_text("The link is closed.")
    expect(row).to_contain_text("closed")
    expect(page.locator("#share_closing")).to_be_hidden()
    late = opened(chromium, address)
    expect(late.locator("#arrived")).to_contain_text("This link opens nothing: it is mistyped, was closed, or its result is gone.")
    assert "Run" in late.locator("#run").inner_text(), "and the first example is there to go on with"


def test_a_reloaded_page_finds_its_run_again_and_stop_ends_it(
    serve: Callable[..., str], chromium: Any, make_example: Callable[..., Path]
) -> None:
    from playwright.sync_api import expect

    folder = make_example({"fake/echo": "fake/slow-3000"}, "batch: {max_rows: 1}\n")
    page = opened(chromium, serve("--examples", str(folder)))
    ready_to_run(page, "slow-3000")
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("#run_strip").get_by_text("Running Lost things").wait_for()
    page.reload()
    page.locator("#run_strip").get_by_text("Running Lost things").wait_for()
    choose(page, "Fine-tuning")
    expect(page.locator("#launch")).to_have_text("Running")
    assert page.locator("#launch").is_disabled(), "and the button says why"
    page.get_by_role("button", name="Stop", exact=True).first.click()
    choose(page, "Compare")
    page.locator("#run_notice").get_by_text("The run was stopped").wait_for()
    assert page.get_by_role("button", name="Run", exact=True).is_enabled()
    expect(page.locator("#launch")).to_have_text("Launch")


def test_wrong_input_gives_one_plain_message(serve: Callable[..., str], chromium: Any, examples_folder: Path, tmp_path: Path) -> None:
    page = opened(chromium, serve("--examples", str(examples_folder)))
    ready_to_run(page)
    choose(page, "Data")
    page.get_by_role("button", name="Split sizes and seed").click()
    for name, share in (("Train", "0.2"), ("Validation", "0.1"), ("Test", "0.7")):
        page.get_by_label(name, exact=True).fill(share)
        page.get_by_label(name, exact=True).blur()
    page.locator("#data_instruction textarea").fill("Say it in verse.")
    page.get_by_role("button", name="Use this data", exact=True).click()
    strip_says(page, "10 train")
    page.wait_for_timeout(800)
    assert page.locator("#data_instruction textarea").input_value() == "Say it in verse.", "the form shows what the task has"
    assert page.get_by_label("Test", exact=True).input_value() == "0.7"
    choose(page, "Compare")
    page.get_by_role("checkbox", name=re.compile("^Few-shot")).check()
    page.get_by_role("button", name="Metrics and settings").click()
    page.locator("#settings_few_shot button").first.click()
    page.locator("#settings_few_shot input[type=number]").first.fill("32")
    page.locator("#settings_few_shot input[type=number]").first.blur()
    page.get_by_role("button", name="Run", exact=True).click()
    said = page.locator("#run_notice")
    said.get_by_text("few_shot.shots must be at most the").wait_for()
    assert said.locator("p").count() == 1

    bad = tmp_path / "bad.csv"
    bad.write_text("colour,shape\nred,round\nblue,square\n")
    choose(page, "Data")
    page.get_by_role("radio", name="A file of mine").check()
    page.locator("#data_file input[type=file]").set_input_files(str(bad))
    alert = page.locator("#data_preview [role=alert]")
    alert.wait_for()
    assert alert.count() == 1 and "colour" in alert.inner_text()


def test_no_tab_scrolls_sideways_on_a_phone(serve: Callable[..., str], chromium: Any, examples_folder: Path) -> None:
    page = opened(chromium, serve("--examples", str(examples_folder)), width=375)
    ready_to_run(page)
    run_and_wait(page)
    for label in TABS:
        choose(page, label)
        page.wait_for_timeout(400)
        over = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{label} is {over} px too wide"


def test_nothing_in_data_runs_and_nobody_else_is_asked(serve: Callable[..., str], chromium: Any, examples_folder: Path) -> None:
    url = serve("--examples", str(examples_folder))
    hosts: set[str | None] = set()
    page = chromium.new_context(viewport=WIDE).new_page()
    page.on("request", lambda request: hosts.add(urlparse(request.url).hostname) if request.url.startswith("http") else None)
    page.goto(url)
    ready_to_run(page)
    run_and_wait(page)
    for _ in range(14):
        page.get_by_role("button", name="Next", exact=True).click()
        page.wait_for_timeout(60)
    for label in TABS[1:]:
        choose(page, label)
        page.wait_for_timeout(300)
    choose(page, "Prompting")
    page.get_by_role("radio", name="My own text").check()
    page.get_by_label("Text", exact=True).first.fill("Who keeps the sign? <img src=x onerror=window.pwned=5>")
    page.get_by_role("button", name="Ask", exact=True).first.click()
    page.locator("#ask_answer [data-done=yes]").wait_for()
    choose(page, "Retrieval")
    page.get_by_label("Question").last.fill("What does the sign say?")
    page.get_by_role("button", name="Ask", exact=True).last.click()
    page.locator("#retrieval_answer [data-done=yes]").wait_for()
    assert "onerror" in page.locator("#found").inner_text(), "the hostile text is shown as text"
    assert page.evaluate("() => window.pwned") is None
    assert hosts == {"127.0.0.1"}


def test_two_visitors_keep_their_own_task(serve: Callable[..., str], chromium: Any, examples_folder: Path, tmp_path: Path) -> None:
    """F20, through the page: what one brings stays in that one's session."""
    url = serve("--examples", str(examples_folder))
    pages = {name: opened(chromium, url) for name in ("aardvark", "buffalo")}
    for round_ in range(2):
        for name, page in pages.items():
            path = tmp_path / f"{name}{round_}.csv"
            path.write_text("question,answer\n" + "".join(f"{name} asks {i} of {round_}?,{name} says {i}\n" for i in range(12)))
            choose(page, "Data")
            page.get_by_role("radio", name="A file of mine").check()
            page.locator("#data_file input[type=file]").first.set_input_files(str(path))
            page.locator("#data_preview").get_by_text(f"of {round_}?").wait_for()
            page.get_by_role("button", name="Use this data", exact=True).click()
            strip_says(page, f"{name}{round_}")
            page.locator("#data_file").get_by_label("Clear").click() if round_ == 0 else None
    for name, other in (("aardvark", "buffalo"), ("buffalo", "aardvark")):
        strip_says(pages[name], f"{name}1")
        assert other not in pages[name].content()


@pytest.mark.real
def test_the_embedded_model_runs_on_eight_items_through_the_page(
    serve: Callable[..., str], chromium: Any, tmp_path: Path, questions: Path
) -> None:
    from playwright.sync_api import expect

    page = opened(chromium, serve("--examples", str(tmp_path / "none")))
    zero_shot = page.get_by_role("checkbox", name=re.compile("^Zero-shot"))
    zero_shot.uncheck()
    choose(page, "Data")
    page.get_by_role("radio", name="A file of mine").check()
    page.locator("#data_file input[type=file]").set_input_files(str(questions))
    page.locator("#data_preview .bk-panel").wait_for()
    page.get_by_role("button", name="Use this data", exact=True).click()
    strip_says(page, "smollm2-135m-instruct")
    choose(page, "Compare")
    expect(zero_shot).to_be_checked()  # the form is that of the new data now, and will not be filled again
    page.get_by_role("button", name="Metrics and settings").click()
    page.get_by_label("Test items at most").fill("8")
    page.get_by_label("Test items at most").blur()
    run_and_wait(page, 400_000)
    answered = next(row for row in table_of(page) if row.startswith("Items answered"))
    assert answered.count("8 of 8") == 2
    assert page.locator("#item_page .bk-answer .bk-text").first.inner_text().strip()
