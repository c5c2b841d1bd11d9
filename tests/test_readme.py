"""The README cannot drift: its commands run, its table is the one that the command prints, its example method works."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", README, re.S) for line in block.splitlines() if line.strip()]


def test_its_two_commands_are_make_run_and_make_test():
    assert [line for line in COMMANDS if line.startswith("make")] == ["make run", "make test"]


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("make")])
def test_a_make_target_exists_and_sets_up_first(command):
    done = subprocess.run(
        ["make", "-n", "-W", "requirements.txt", *command.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "-r requirements.txt -r requirements-dev.txt" in done.stdout
    assert "--no-deps -r requirements-embedded.txt" in done.stdout


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("python -m comparison")])
def test_a_command_of_the_readme_runs(command, tmp_path):
    parts = [sys.executable, *command.split()[1:]]
    if "run" in parts:
        shorter = ["model.id=fake/echo", "model.embedder=fake/hash-64", "data.limit.test=3", "methods=[{kind: zero_shot}, {kind: rag}]"]
        parts += [part for change in (*shorter, "metrics=[token_f1]", "judge=null") for part in ("--set", change)]
    if parts[3] in ("run", "list"):
        parts += ["--store", str(tmp_path)]
    done = subprocess.run(parts, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = {"run": "Zero-shot", "list": "", "methods": "few_shot", "metrics": "token_f1"}[parts[3]]
    assert expected in done.stdout


def test_its_results_are_those_of_the_frozen_runs():
    from benchmarks.example_table import table

    assert between("results") == table()


def test_its_example_method_obeys_the_contract():
    """The block is run as it stands, under the imports of `adapters/zero_shot.py`."""
    from adapters.base import methods
    from adapters.specs import read_method_specs
    from core.records import Example

    block = next(b for b in re.findall(r"```python\n(.*?)```", README, re.S) if "PoliteSpec" in b)
    head = (ROOT / "adapters" / "zero_shot.py").read_text().partition("\n\n\nclass ")[0].replace("from __future__ import annotations\n", "")
    names: dict[str, object] = {"__name__": "polite"}
    try:
        exec(compile(head + "\nfrom core.records import Example, Message, Prompt\n" + block, "README.md", "exec"), names)
        spec = read_method_specs([{"kind": "polite"}])[0]
        method = methods.get("polite")(spec)
        prompts = method.bind(None, []).prompts([Example("1", "", "Which tide?", "low")])
        assert method.recipes(None) == [] and prompts[0].messages[-1].content == "Please: Which tide?"
    finally:
        methods._entries.pop("polite", None)


def test_the_page_on_kinds_holds_the_tables_of_the_frozen_reports():
    from benchmarks.kinds_table import tables

    assert between("kinds", (ROOT / "docs" / "kinds.md").read_text()) == tables()


def between(mark: str, text: str = README) -> str:
    return text.partition(f"<!-- {mark} -->\n")[2].partition(f"\n<!-- /{mark} -->")[0]
