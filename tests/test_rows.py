"""Every row of the correctness tables that has been promised so far has a test that names it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_promised_row_has_a_named_test() -> None:
    done = subprocess.run([sys.executable, "tests/rows.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout.splitlines()[-1]
