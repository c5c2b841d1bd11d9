"""The way through the tabs: each ends with the button to the next, and one that lacks something has the button that mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import TABS, choose, opened, ready_to_run, strip_says

pytestmark = pytest.mark.browser

ONWARD = ("Data", "Prompting", "Retrieval", "Fine-tuning", "Compare")
BELOW = """(id) => {
  const button = document.getElementById(id);
  return [...button.closest('[role=tabpanel]').querySelectorAll('button, input, textarea')].at(-1) === button;
}"""


def test_each_tab_ends_with_the_button_to_the_next(serve: Callable[..., str], chromium: Any, examples_folder: Path) -> None:
    from playwright.sync_api import expect

    page = opened(chromium, serve("--examples", str(examples_folder)))
    ready_to_run(page)
    here = "Compare"
    for following in ONWARD:
        button = f"{here.lower().replace('-', '')}_onward"
        assert page.evaluate(BELOW, button), f"{here} ends with something else"
        page.locator(f"#{button}").click()
        expect(page.get_by_role("tab", name=following, exact=True)).to_have_attribute("aria-selected", "true")
        assert page.evaluate("() => window.scrollY") == 0
        if following == "Prompting":
            page.locator("#ask_prompt .bk-panel").wait_for()
        here = following
    choose(page, TABS[-1])
    page.locator("#library_onward").click()
    expect(page.get_by_role("tab", name="Compare", exact=True)).to_have_attribute("aria-selected", "true")


def test_without_a_task_each_tab_says_so_and_leads_to_the_data(
    serve: Callable[..., str], chromium: Any, tmp_path: Path, questions: Path
) -> None:
    from playwright.sync_api import expect

    page = opened(chromium, serve("--examples", str(tmp_path / "none")))
    strip_says(page, "No task yet")
    for label in ("Prompting", "Retrieval", "Fine-tuning"):
        choose(page, label)
        begin = page.locator(f"#{label.lower().replace('-', '')}_begin")
        expect(begin).to_be_visible()
        begin.click()
        expect(page.get_by_role("tab", name="Data", exact=True)).to_have_attribute("aria-selected", "true")
    choose(page, "Library")
    expect(page.locator("#library_begin")).to_be_visible()
    choose(page, "Data")
    page.get_by_role("radio", name="A file of mine").check()
    page.locator("#data_file input[type=file]").set_input_files(str(questions))
    page.locator("#data_preview .bk-panel").wait_for()
    page.get_by_role("button", name="Use this data", exact=True).click()
    strip_says(page, "mine")
    choose(page, "Prompting")
    expect(page.locator("#prompting_begin")).to_be_hidden()


def test_three_files_become_the_task_with_their_bad_rows_told(
    serve: Callable[..., str], chromium: Any, examples_folder: Path, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    page = opened(chromium, serve("--examples", str(examples_folder)))
    ready_to_run(page)
    choose(page, "Data")
    page.locator("#data_preview .bk-panel").wait_for()
    page.get_by_role("radio", name="A file for each split").check()
    for split, start in (("train", 0), ("test", 100), ("validation", 200)):
        rows = [f"Where is lamp {start + n}?,Behind door {17 * n % 97} of hall {start + n}." for n in range(12)]
        (tmp_path / f"my-{split}.csv").write_text("\n".join(["question,answer", *rows, "no answer here,", ""]))
    page.locator("#data_train input[type=file]").set_input_files(str(tmp_path / "my-train.csv"))
    expect(page.locator("#data_preview")).to_contain_text("There is no test file yet")
    expect(page.locator("#data_input input")).to_have_value("question")
    page.locator("#data_test input[type=file]").set_input_files(str(tmp_path / "my-test.csv"))
    expect(page.locator("#data_preview")).to_contain_text("2 rows were left out. In my-train.csv, line 14")
    page.locator("#data_validation_fold .label-wrap").click()
    page.locator("#data_validation input[type=file]").set_input_files(str(tmp_path / "my-validation.csv"))
    expect(page.locator("#data_preview")).to_contain_text("3 rows were left out")
    page.get_by_role("button", name="Use this data", exact=True).click()
    strip_says(page, "12 train / 12 validation / 12 test")
