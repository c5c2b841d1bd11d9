"""Blind reviews without the page: make links, count the votes, export them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from comparison.review import resolve, steps
from comparison.store import Store
from comparison.votes import Vote, cast

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def comparison(command: Command, write_plan: Callable[..., Path]) -> str:
    done = command("run", write_plan(), "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["id"])


def test_a_link_is_made_voted_by_counted_exported_and_closed(command: Command, comparison: str, tmp_path: Path) -> None:
    made = json.loads(command("review", comparison, "--items", "5", "--json").stdout)
    assert made["link"] == f"/?review={made['token']}"
    store = Store(tmp_path / "home")
    found = resolve(store, made["token"])
    assert found is not None and len(steps(found)) == 5
    refused = command("votes", comparison, "--json")
    assert refused.returncode == 2 and "Nobody has voted" in json.loads(refused.stdout)["error"]["message"]
    for step in steps(found):
        cast(store.folder(comparison), Vote(found.id, "ann", "Ann", *step, "a", True, False))
    pairs = tmp_path / "pairs.jsonl"
    counted = command("votes", comparison, "--export", pairs)
    assert counted.returncode == 0, counted.stderr
    assert (
        "report.2.json: votes 5, raters 1, items 5, ties 0" in counted.stdout
        and "none (no item was marked by two raters)" in counted.stdout
    )
    rows = [json.loads(line) for line in pairs.read_text().splitlines()]
    assert rows and all(list(row) == ["prompt", "chosen", "rejected"] for row in rows)
    assert f"{len(rows)} preference pair" in counted.stderr
    assert json.loads(command("votes", comparison, "--json").stdout)["report"] == "report.2.json"
    assert json.loads(command("show", comparison, "--json").stdout)["people"]["votes"] == 5
    assert json.loads(command("review", comparison, "--close", "--json").stdout) == {"closed": 1}
    assert resolve(store, made["token"]) is None


def test_wrong_input_is_one_plain_message(command: Command, comparison: str) -> None:
    for arguments, said in (
        (("review", "20200101-000000-0000-00000000"), "There is no comparison"),
        (("review", comparison, "--method", "zero_shoot", "--method", "few_shot"), "zero_shot"),
        (("review", comparison, "--items", "0"), "at least 1 item"),
    ):
        done = command(*arguments)
        assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
