"""Pictures of every tab, for looking at: `make screenshots`, or `python tests/ui/screenshots.py URL FOLDER [--tabs compare,data] [--dark]`.

Each tab is taken at 1280 and at 375 px wide, whole page. For the URL "own" the app is started, on a store that is thrown away.
Prints what overflows sideways, and ends with 1 where something does.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (Path(__file__).parent / "chromium.flags").read_text().split()
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
START_S = 90
OWN = "own"


@contextmanager
def served() -> Iterator[str]:
    """The address of an app of our own; ended with all that it started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/"
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, "app.py", "--port", url.rsplit(":")[-1].strip("/"), "--store", store]
        app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            deadline = time.monotonic() + START_S
            while not answers(url):
                if app.poll() is not None or time.monotonic() > deadline:
                    sys.exit("The app did not start.")
                time.sleep(0.2)
            yield url
        finally:
            os.killpg(app.pid, signal.SIGTERM)
            app.wait(20)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def choose(page: Page, label: str) -> None:
    """Click a tab; at narrow widths it may stand in the overflow menu."""
    tab = page.get_by_role("tab", name=label, exact=True)
    if not tab.is_visible():
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown").get_by_text(label, exact=True).click()
    else:
        tab.click()
    page.wait_for_timeout(700)


def take(browser: Browser, url: str, folder: Path, tabs: list[str], *, dark: bool) -> int:
    """All tabs at both widths; how many of them are too wide."""
    wide = 0
    for size, width in WIDTHS.items():
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
        page.on("console", lambda message: print("console:", message.text[:300]) if message.type == "error" else None)
        page.goto(url)
        page.get_by_role("tab", name="Compare", exact=True).wait_for()
        page.wait_for_timeout(3500)
        for key in tabs:
            choose(page, TABS[key])
            page.screenshot(path=folder / f"{key}-{size}.png", full_page=True)
            over = page.evaluate(OVERFLOW)
            if over > 0:
                print(f"{key} at {width} px is {over} px too wide")
                wide += 1
        page.close()
    return wide


def main() -> int:
    parser = argparse.ArgumentParser(description="Take a picture of every tab at two widths.")
    parser.add_argument("url", help=f"of a page that runs already, or '{OWN}': the app is started")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--tabs", default=",".join(TABS), help="which, by their keys")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--browser", default="/usr/bin/chromium")
    given = parser.parse_args()
    if not Path(given.browser).exists():
        sys.exit(f"There is no browser at {given.browser}. Install it (apt-get install chromium), or name another with --browser.")
    given.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play, play.chromium.launch(executable_path=given.browser, args=FLAGS) as browser:
        tabs = given.tabs.split(",")
        with served() if given.url == OWN else nullcontext(given.url) as url:
            wide = take(browser, url, given.folder, tabs, dark=given.dark)
    print(f"{2 * len(tabs)} pictures in {given.folder}")
    return 1 if wide else 0


if __name__ == "__main__":
    sys.exit(main())
