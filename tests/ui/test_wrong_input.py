"""What is wrong on the page is said once, in one plain message with the remedy, and nothing is stored."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import choose, opened, ready_to_run, strip_says

from comparison import jobs
from comparison.store import Store

pytestmark = pytest.mark.browser


def use_file(page: Any, path: Path) -> None:
    choose(page, "Data")
    page.get_by_role("radio", name="A file of mine").check()
    page.locator("#data_file input[type=file]").set_input_files(str(path))
    page.locator("#data_preview .bk-panel").wait_for()
    page.get_by_role("button", name="Use this data", exact=True).click()
    strip_says(page, path.stem)


def refused(page: Any, *, ticked: str = "") -> str:
    """What stands at the Run button after it was pressed: one message."""
    choose(page, "Compare")
    if ticked:
        page.get_by_role("checkbox", name=re.compile(f"^{ticked}")).check()
    page.get_by_role("button", name="Run", exact=True).click()
    said = page.locator("#run_notice p")
    said.wait_for()
    assert said.count() == 1
    text: str = said.inner_text()
    return text


def test_no_documents_no_such_model_and_no_test_items_are_said_where_they_are(
    serve: Callable[..., str], chromium: Any, tmp_path: Path, questions: Path
) -> None:
    from playwright.sync_api import expect

    page = opened(chromium, serve("--examples", str(tmp_path / "none")))
    choose(page, "Compare")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#run_notice")).to_contain_text("There is nothing to run on: no task is chosen. Open an example, or bring data")
    choose(page, "Data")
    page.locator("#data_model input").fill("org/not-there")
    page.locator("#data_model input").press("Enter")
    use_file(page, questions)
    said = refused(page)
    assert said.startswith("The model 'org/not-there' is not on this machine") and "Check the network" in said
    choose(page, "Prompting")
    expect(page.locator("#ask_prompt [role=alert]")).to_have_count(1)
    expect(page.locator("#ask_prompt")).to_contain_text("'org/not-there' is not on this machine")

    choose(page, "Data")
    page.locator("#data_model input").fill("fake/echo")
    page.locator("#data_model input").press("Enter")
    page.get_by_role("button", name="Use this data", exact=True).click()
    strip_says(page, "echo")
    said = refused(page, ticked="RAG")
    assert said.startswith("rag needs documents to search; got 0. Drop some on the page's Retrieval tab")
    choose(page, "Retrieval")
    page.locator("#query textarea").fill("Where?")
    page.locator("#search").click()
    expect(page.locator("#retrieval_progress")).to_contain_text("There are no documents to search. Drop some in the box above")

    choose(page, "Data")
    page.get_by_role("button", name="Split sizes and seed").click()
    for name, share in (("Train", "0.8"), ("Validation", "0.2"), ("Test", "0")):
        page.get_by_label(name, exact=True).fill(share)
        page.get_by_label(name, exact=True).blur()
    alert = page.locator("#data_preview [role=alert]")
    expect(alert).to_contain_text("There are no test items, so nothing can be compared.")
    expect(alert).to_have_count(1)
    page.get_by_role("button", name="Use this data", exact=True).click()
    expect(page.locator("#data_said")).to_contain_text("This data cannot be used yet.")
    assert jobs.listing(Store(tmp_path / "home")) == [], "nothing is half stored"


def test_documents_that_hold_no_text_are_refused_at_their_field(
    serve: Callable[..., str], chromium: Any, examples_folder: Path, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    page = opened(chromium, serve("--examples", str(examples_folder)))
    ready_to_run(page)
    choose(page, "Retrieval")
    expect(page.locator("#documents")).to_contain_text("8 documents")
    (tmp_path / "blank.md").write_text(" \n")
    page.locator("#documents_file input[type=file]").set_input_files(str(tmp_path / "blank.md"))
    expect(page.locator("#documents_refused [role=alert]")).to_contain_text("The documents must hold at least one readable text")
    expect(page.locator("#documents")).to_contain_text("8 documents")
