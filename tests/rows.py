"""Which test shows which row of the correctness tables: `python tests/rows.py`. Ends with 1 where a row that must have a test has none.

A test claims rows in its docstring, or in its module's, by beginning a sentence with them: "E5. …", "F1, F2: …".
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
ROW = re.compile(r"\b[EF](?:[1-9]|[1-3][0-9])\b")
REQUIRED = [
    *(f"E{number}" for number in range(1, 32)),
    *(f"F{number}" for number in (1, 2, 3, 6, 9, 10, 11, 12, 13, 20, 22, 23, 24, 26, 36)),
]


def claims(path: Path) -> Iterator[tuple[str, str]]:
    """(row, test) for each row that a test of the file names. A module's rows count for the module as a whole."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    place = path.relative_to(TESTS.parent).as_posix()
    for row in ROW.findall(ast.get_docstring(tree) or ""):
        yield row, place
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            for row in ROW.findall(ast.get_docstring(node) or ""):
                yield row, f"{place}::{node.name}"


def table() -> dict[str, list[str]]:
    """Row to its tests, the rows in the tables' order."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for row, test in claims(path):
            found.setdefault(row, []).append(test)
    order = sorted({*found, *REQUIRED}, key=lambda row: (row[0], int(row[1:])))
    return {row: list(dict.fromkeys(found.get(row, []))) for row in order}


def main() -> int:
    rows = table()
    for row, tests in rows.items():
        print(f"{row:4} {tests[0] if tests else 'NO TEST'}")
        for test in tests[1:]:
            print(f"     {test}")
    missing = [row for row in REQUIRED if not rows[row]]
    print(f"\n{len(rows) - len(missing)} rows have tests" + (f"; none has {', '.join(missing)}" if missing else ""))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
