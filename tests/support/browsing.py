"""What a person does on the page, for the browser tests: open it, choose a tab, run, read what stands there."""

from __future__ import annotations

import re
from typing import Any

TABS = ("Compare", "Data", "Prompting", "Retrieval", "Fine-tuning", "Library")
LONG_MS = 90_000


def opened(chromium: Any, url: str, width: int = 1280) -> Any:
    """A page in a clean context of its own, ready to be used."""
    page = chromium.new_context(viewport={"width": width, "height": 900}).new_page()
    page.set_default_timeout(30_000)
    page.goto(url)
    page.get_by_role("tab", name="Compare", exact=True).wait_for()
    page.locator("#task_strip .bk-strip").wait_for()
    return page


def choose(page: Any, label: str) -> None:
    """Click a tab; at narrow widths it may stand in the overflow menu."""
    tab = page.get_by_role("tab", name=label, exact=True)
    if tab.is_visible():
        tab.click()
    else:
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown").get_by_text(label, exact=True).click()


def strip_says(page: Any, text: str) -> None:
    from playwright.sync_api import expect

    expect(page.locator("#task_strip")).to_contain_text(text)


def ready_to_run(page: Any, model: str = "echo") -> None:
    """The small example's task stands in the strip and in the form."""
    from playwright.sync_api import expect

    strip_says(page, model)
    expect(page.get_by_role("checkbox", name=re.compile("^RAG"))).to_be_checked()
    expect(page.get_by_role("checkbox", name=re.compile("^Few-shot"))).not_to_be_checked()


def run_and_wait(page: Any, timeout_ms: int = LONG_MS) -> None:
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("#run_lines .bk-run, #run_lines .bk-empty").first.wait_for()
    page.locator("#table .bk-table").wait_for(timeout=timeout_ms)


def open_share(page: Any) -> None:
    """Unfold what makes links to the result."""
    page.locator("#share_fold > button, #share_fold .label-wrap").first.click()
    page.get_by_label("With prompts and answers").wait_for()


def link_of(page: Any) -> str:
    """The link that stands under the result, once the browser has made it whole."""
    from playwright.sync_api import expect

    link = page.locator("#share_link input, #share_link textarea")
    expect(link).to_have_value(re.compile(r"^http"))
    value: str = link.input_value()
    return value


def table_of(page: Any) -> list[str]:
    texts: list[str] = page.locator("#table .bk-table tr").all_inner_texts()
    return [re.sub(r"\s+", " ", text).strip() for text in texts]


def shown(page: Any) -> dict[str, Any]:
    """All that tells what came out."""
    verdict = re.sub(r"\s+", " ", page.locator("#verdict h2").inner_text())
    return {"verdict": verdict, "table": table_of(page)}
