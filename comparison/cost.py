"""What each method cost: the ledger beside its scores. Work that was reused still states what it took when it was done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from adapters.prepared import FILE as PREPARATION
from comparison.answers import Saved, Timings
from comparison.artefacts import Artefact
from comparison.energy import TOO_SHORT, Power, kwh
from comparison.searching import rewriting

TRAINING = "training.json"
SHORT_S = 10.0
"""Work of more seconds has a power of its own where power was measured."""


def training_record(artefacts: Sequence[Artefact]) -> dict[str, Any]:
    """What the trainer wrote beside the weights: curves, epochs, the best epoch; {} for methods that train nothing."""
    return _beside_weights(artefacts, TRAINING)


def preparation_record(artefacts: Sequence[Artefact]) -> dict[str, Any]:
    """What was done to the training rows before, by ids and counts; {} where nothing was kept of it."""
    return _beside_weights(artefacts, PREPARATION)


def _beside_weights(artefacts: Sequence[Artefact], name: str) -> dict[str, Any]:
    for artefact in artefacts:
        path = artefact.path / name
        if artefact.kind == "weights" and path.is_file():
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return record
    return {}


def ledger(saved: Saved, timings: Timings, artefacts: Sequence[Artefact]) -> dict[str, Any]:
    """Seconds, tokens, parameters, bytes and memory (MB) of one method. `reused` says what of it was not done anew by this run.

    An answer's seconds are those of wording its prompt (retrieval included) and of generating. Where questions were rewritten before the
    search, that is a part of each answer, too: its seconds and tokens count, and stand by themselves in `rewriting`.
    """
    rewritten = rewriting(artefacts)
    rewrite_s = rewritten["seconds"] / max(rewritten["questions"], 1) if rewritten else 0.0
    answers = saved.answers.values()
    trained = training_record(artefacts)
    score_s = sum(seconds for stage, seconds in timings.stages.items() if stage.startswith("score:"))
    memory = max(timings.stages.get("peak_memory_mb", 0.0), float(trained.get("peak_memory_mb") or 0.0))
    count, word_s = len(saved.answers), float(timings.stages.get("word_s", 0.0))
    return {
        "prepare_s": round(sum(artefact.prepare_s for artefact in artefacts), 3),
        "word_s": round(word_s, 3),
        "generate_s": round(timings.generate_s, 3),
        "score_s": round(score_s, 3),
        "seconds_per_answer": round((word_s + timings.generate_s) / count + rewrite_s, 4) if count else None,
        "prompt_tokens": sum(answer.prompt_tokens for answer in answers) + rewritten.get("prompt_tokens", 0),
        "completion_tokens": sum(answer.completion_tokens for answer in answers) + rewritten.get("completion_tokens", 0),
        **({"rewriting": rewritten} if rewritten else {}),
        "trainable_params": int(trained.get("trainable_params") or 0),
        "artefact_bytes": sum(artefact.bytes for artefact in artefacts),
        "peak_memory_mb": memory or None,
        "weight_bytes": timings.stages.get("weight_bytes"),
        **energy_fields(timings, artefacts),
        "reused": {
            "artefacts": bool(artefacts) and all(artefact.reused for artefact in artefacts),
            "batches": sum(1 for row in timings.batches.values() if row["reused"]),
            "of_batches": len(timings.batches),
        },
    }


def energy_fields(timings: Timings, artefacts: Sequence[Artefact]) -> dict[str, Any]:
    """`energy_kwh` and `co2_kg` of preparing and answering, None where some of it was not measured, and `energy` with the parts.

    Work too short to be measured is taken to have drawn what the method's other work drew.
    """
    word_s = float(timings.stages.get("word_s", 0.0))
    prepared = [(artefact.prepare_s, artefact.power) for artefact in artefacts]
    answered = [(float(row["seconds"]), timings.power_of(row)) for row in timings.batches.values()]
    known = [(seconds, power) for seconds, power in (*prepared, *answered) if power is not None]
    if not known:
        return {"energy_kwh": None, "co2_kg": None, "energy": {"reason": f"Not measured: {TOO_SHORT}."}}
    usual = max(known, key=lambda row: row[0])[1]
    if any(power is None and seconds > SHORT_S for seconds, power in (*prepared, *answered)):
        reason = "Some of its work was done where energy was not measured."
        return {"energy_kwh": None, "co2_kg": None, "energy": {"reason": reason}}
    parts = {"prepare_kwh": _energy(prepared, usual), "answer_kwh": _energy([*answered, (word_s, None)], usual)}
    spent = [(seconds, power or usual) for seconds, power in (*prepared, *answered, (word_s, None))]
    co2 = sum(kwh(power.watts, seconds) * power.kg_per_kwh for seconds, power in spent)
    measured = all(power.gpu_watts > 0 for _, power in spent)
    about = {**parts, "watts": round(usual.watts, 1), "kg_per_kwh": usual.kg_per_kwh, "estimate": not measured, "reason": None}
    return {"energy_kwh": _short(sum(parts.values())), "co2_kg": _short(co2), "energy": about}


def _energy(work: Sequence[tuple[float, Power | None]], usual: Power) -> float:
    return _short(sum(kwh((power or usual).watts, seconds) for seconds, power in work))


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def training_section(artefacts: Sequence[Artefact], seed: int) -> dict[str, Any] | None:
    """The report's `training` of a tuned method under one seed; None for others. `seeds` has a row for each, whose means come from the scores."""
    record = training_record(artefacts)
    if not record:
        return None
    keys = ("curves", "epochs", "best_epoch", "trainable_params", "seconds", "peak_memory_mb")
    row = {"seed": seed, "prepare_s": round(sum(artefact.prepare_s for artefact in artefacts), 3)}
    lists = {key: list(record.get(key) or ()) for key in ("left_out", "findings")}
    prepared = {"preparation": preparation} if (preparation := preparation_record(artefacts)) else {}
    preferred = {"pairs": record["pairs"]} if record.get("pairs") else {}
    return {"seeds": [row], **{key: record.get(key) for key in keys}, **lists, **prepared, **preferred}
