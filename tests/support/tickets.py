"""24 tickets with two labels in turn: a task that the tiny model is trained on in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

DATA = {"path": "tickets.csv", "instruction": "Route it."}


def write_tickets(folder: Path) -> None:
    lines = [f"Ticket {n} about the {('stove', 'lamp', 'door')[n % 3]},{('billing', 'repair')[n % 2]}" for n in range(24)]
    (folder / DATA["path"]).write_text("input,output\n" + "\n".join(lines) + "\n")


def section_of(model: Path) -> dict[str, Any]:
    """A plan's `model`: these weights, as exact and as slow as it takes for runs to be equal."""
    return {"id": str(model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"}


def ticket_plan(folder: Path, model: Path, *methods: dict[str, Any]) -> dict[str, Any]:
    """The tickets in the folder, and a plan for them that can be read from anywhere."""
    write_tickets(folder)
    return {
        "name": "Tickets",
        "data": {**DATA, "path": str(folder / DATA["path"])},
        "model": section_of(model),
        "methods": list(methods),
        "metrics": ["token_f1"],
        "generation": {"max_new_tokens": 4},
    }
