"""Pictures of every tab, for looking at: `python tests/ui/screenshots.py URL FOLDER [--tabs compare,data] [--dark]`.

Each tab is taken at 1280 and at 375 px wide, whole page. Prints what overflows sideways.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
TABS = {
    "compare": "Compare",
    "data": "Data",
    "prompting": "Prompting",
    "retrieval": "Retrieval",
    "finetuning": "Fine-tuning",
    "library": "Library",
}
WIDTHS = {"wide": 1280, "narrow": 375}
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def choose(page: Page, label: str) -> None:
    """Click a tab; at narrow widths it may stand in the overflow menu."""
    tab = page.get_by_role("tab", name=label, exact=True)
    if not tab.is_visible():
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown").get_by_text(label, exact=True).click()
    else:
        tab.click()
    page.wait_for_timeout(700)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tabs", default=",".join(TABS))
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--browser", default="/usr/bin/chromium")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=given.browser, args=FLAGS)
        for size, width in WIDTHS.items():
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if given.dark else "light")
            page.on("console", lambda message: print("console:", message.text[:300]) if message.type == "error" else None)
            page.goto(given.url)
            page.get_by_role("tab", name="Compare", exact=True).wait_for()
            page.wait_for_timeout(3500)
            for key in given.tabs.split(","):
                choose(page, TABS[key])
                page.screenshot(path=given.folder / f"{key}-{size}.png", full_page=True)
                over = page.evaluate(OVERFLOW)
                if over > 0:
                    print(f"{key} at {width} px is {over} px too wide")
        browser.close()


if __name__ == "__main__":
    main()
