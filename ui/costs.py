"""The table's cost rows. Totals of the report's ledger are over a method's answers, so "each" is the total by their number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from comparison.money import answering_s as answering_s
from ui.figures import amount, carbon, count, duration, energy, size

Cost = Mapping[str, Any]


class CostRow(NamedTuple):
    """A row of the table: its label, what it means, and each method's text from its ledger and its number of answers."""

    label: str
    hint: str
    key: str
    text: Callable[[Cost, int], str]


def each(total: float | None, n: int) -> float | None:
    return None if total is None or not n else total / n


def _bytes(megabytes: float | None) -> float | None:
    return None if megabytes is None else megabytes * 1024 * 1024


COSTS = (
    CostRow("Prepare", "Building the index or the weights, once.", "prepare_s", lambda c, n: duration(c.get("prepare_s"))),
    CostRow(
        "Answer, each",
        "Time for one answer in its batch: looking up passages, wording the prompt, generating.",
        "generate_s",
        lambda c, n: duration(each(answering_s(c), n)),
    ),
    CostRow("Prompt tokens, each", "Mean length of a prompt.", "prompt_tokens", lambda c, n: count(each(c.get("prompt_tokens"), n))),
    CostRow(
        "Answer tokens, each", "Mean length of an answer.", "completion_tokens", lambda c, n: count(each(c.get("completion_tokens"), n))
    ),
    CostRow(
        "Money for 1,000 answers",
        "At the plan's prices; others can be tried under Costs.",
        "money",
        lambda c, n: amount((c.get("money") or {}).get("per_1000"), (c.get("money") or {}).get("currency", "")),
    ),
    CostRow(
        "Energy",
        "To prepare and to answer all items: mean power of the machine times the time. On a CPU an estimate.",
        "energy_kwh",
        lambda c, n: energy(c.get("energy_kwh")),
    ),
    CostRow("CO₂", "The energy times what the place's electricity emits.", "co2_kg", lambda c, n: carbon(c.get("co2_kg"))),
    CostRow("Trained parameters", "", "trainable_params", lambda c, n: count(c.get("trainable_params"))),
    CostRow("Stored", "Size of the index or the weights on disk.", "artefact_bytes", lambda c, n: size(c.get("artefact_bytes"))),
    CostRow("Peak memory", "", "peak_memory_mb", lambda c, n: size(_bytes(c.get("peak_memory_mb")))),
    CostRow(
        "Weights in memory",
        "Bytes of the weights that answered, as they were held: quantised ones are smaller.",
        "weight_bytes",
        lambda c, n: size(c.get("weight_bytes")),
    ),
)
