"""Write Python's language reference, which every Python carries, into `topics/` beside this file: one text file for each topic.

    python examples/pydoc_topics/write_topics.py

The texts are `pydoc_data.topics`, which `help("topics")` shows (Python Software Foundation Licence); they are not part of this repository.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

LEFT_OUT = frozenset(
    {"compound", "execmodel", "specialnames", "else", "augassign", "dynamic-features", "id-classes", "in", "typesseq-mutable"}
)
"""Chapters that hold other topics word for word, and topics that stand in another: each sentence should be found in one place."""


def write_topics(folder: Path) -> int:
    """Write the topics of the Python that runs this, and say how many there are. Files of another Python's topics are removed."""
    from pydoc_data.topics import topics

    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.txt"):
        old.unlink()
    kept = {name: text for name, text in topics.items() if name not in LEFT_OUT}
    for name, text in kept.items():
        (folder / f"{name}.txt").write_text(text.strip() + "\n", encoding="utf-8", newline="\n")
    return len(kept)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "topics"
    print(f"{write_topics(target)} topics of Python {platform.python_version()} are in {target}.")
