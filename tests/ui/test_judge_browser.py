"""F16 in a real browser: a key that is typed on the page reaches the judge's server and stands nowhere else."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import LONG_MS, opened, ready_to_run, run_and_wait

pytestmark = pytest.mark.browser
CANARY = "sk-canary-7f3a91c04be255d1"


def unfold(page: Any, name: str) -> None:
    page.locator(f"#{name} > button, #{name} .label-wrap").first.click()


def field(page: Any, name: str) -> Any:
    return page.locator(f"#{name} input, #{name} textarea").first


def test_a_typed_key_judges_and_leaves_no_trace(
    serve: Callable[..., str], chromium: Any, examples_folder: Path, judge_server: Any, tmp_path: Path
) -> None:
    """F16: key field, /config, the page afterwards, logs, the store."""
    from playwright.sync_api import expect

    url = serve("--examples", str(examples_folder))
    page = opened(chromium, url)
    ready_to_run(page)
    run_and_wait(page)
    unfold(page, "judge_fold")
    expect(page.locator("#judge_result")).to_contain_text("No judge has marked")
    unfold(page, "judge_change")
    page.locator("#judge_kind").get_by_text("A server", exact=True).click()
    field(page, "judge_url").fill(judge_server.url)
    field(page, "judge_model").fill("m")
    key = page.locator("#judge_key input")
    assert key.get_attribute("type") == "password"
    key.fill(CANARY)
    field(page, "judge_url").focus()
    expect(page.locator("#judge_kept")).to_contain_text("memory alone")
    expect(key).to_have_value("")
    page.get_by_role("button", name="Judge again", exact=True).click()
    expect(page.locator("#judge_said")).to_contain_text("judged again")
    expect(page.locator("#table .bk-table")).to_contain_text("Judge, 1 to 5", timeout=LONG_MS)
    assert {headers.get("authorization") for headers in judge_server.headers} == {f"Bearer {CANARY}"}
    assert CANARY not in page.content()
    with urllib.request.urlopen(f"{url}config", timeout=30) as reply:
        assert CANARY.encode() not in reply.read()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    unfold(page, "judge_fold")
    expect(page.locator("#judge_result")).to_contain_text("127.0.0.1")
