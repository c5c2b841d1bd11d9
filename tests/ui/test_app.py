"""Starting the app."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from ui import page
from ui.context import Settings

ROOT = Path(__file__).resolve().parents[2]


def start(*arguments: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "BAKEOFF_HOME": str(tmp_path / "home")}
    return subprocess.run([sys.executable, "app.py", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)


def test_a_port_in_use_ends_in_one_plain_message(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = start("--port", str(port), tmp_path=tmp_path)
    assert ended.returncode == 2 and ended.stdout == ""
    assert f"Port {port}" in ended.stderr and f"--port {port + 1}" in ended.stderr and ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--port", "99999"), "must be from 0 to 65535; got 99999"),
        (("--host", "192.0.2.1", "--port", "0"), "Nothing can listen on 192.0.2.1"),
    ],
)
def test_an_address_that_cannot_be_is_said_for_what_it_is(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    ended = start(*arguments, tmp_path=tmp_path)
    assert ended.returncode == 2 and said in ended.stderr and ended.stderr.count("\n") == 1


def test_a_store_that_cannot_be_written_ends_in_one_plain_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    ended = start("--store", str(tmp_path / "file" / "x"), "--port", "0", tmp_path=tmp_path)
    assert ended.returncode == 2 and "Traceback" not in ended.stderr and "--store" in ended.stderr


def test_the_page_is_built_without_loading_anything_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ui import page; from ui.context import Settings; "
        f"page.build(Settings(home=Path({str(tmp_path)!r}))); "
        "print([m for m in ('torch', 'transformers', 'peft', 'sentence_transformers', 'evaluate', 'faiss') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.stdout.strip().splitlines()[-1] == "[]", ended.stderr


def test_every_component_that_a_person_can_use_has_an_id(tmp_path: Path, examples_folder: Path) -> None:
    demo = page.build(Settings(home=tmp_path / "home", examples=examples_folder))
    kinds = {"textbox", "number", "dropdown", "radio", "checkbox", "checkboxgroup", "button", "file", "html", "plot", "slider"}
    used = [b for b in demo.blocks.values() if b.get_block_name() in kinds and b.get_block_name() != "html"]
    nameless = [f"{b.get_block_name()} {getattr(b, 'label', '') or getattr(b, 'value', '')}" for b in used if not b.elem_id]
    assert nameless == []
    ids = [b.elem_id for b in used]
    assert len(ids) == len(set(ids))


def test_no_update_is_handed_out_twice() -> None:
    """Gradio takes an update's value out of it: a second place that is given the same one would keep its old value."""
    twice = [str(path) for path in (ROOT / "ui").rglob("*.py") if re.search(r"\[gr\.update\([^()\n]*\)\] \* \d", path.read_text())]
    assert twice == []


def test_no_event_is_offered_as_an_api(tmp_path: Path, examples_folder: Path) -> None:
    demo = page.build(Settings(home=tmp_path / "home", examples=examples_folder))
    assert {fn.api_visibility for fn in demo.fns.values()} == {"private"}


def test_files_of_the_machine_are_not_served(serve: Callable[..., str], examples_folder: Path) -> None:
    url = serve("--examples", str(examples_folder))
    for path in (
        f"gradio_api/file={ROOT / 'app.py'}",
        "gradio_api/file=app.py",
        "gradio_api/file=../../etc/passwd",
        "gradio_api/file=/etc/passwd",
        "monitoring/summary",
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url + path, timeout=10)
        assert refused.value.code in (401, 403, 404), path
