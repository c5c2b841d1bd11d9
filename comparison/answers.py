"""The answers of one method, append-only: `answers/<method>.jsonl`, packed to `.jsonl.gz` once whole.

    {"head": {...}}                                   what the file was generated with; a resumed run must agree or start the file anew
    {"failure": {"example_id", "reason"}}             items that this method cannot answer
    {"answer": {...}} …  {"batch": key, "rows": n}    a marker behind each batch: answers count once their marker is there

How long it took is never the same twice, so it stands in `timings/<method>.jsonl` and outside every equality.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comparison import lines
from comparison.energy import Power
from core.records import Answer, answer_from_json, to_json


@dataclass
class Saved:
    """What an answers file holds, up to its last marker.

    Attributes:
        batches: key to answers, in the order of writing.
        failures: example id to reason.
        end: offset in bytes behind the last marker (or the last failure, where no batch is there yet).
    """

    head: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    batches: dict[str, tuple[Answer, ...]] = field(default_factory=dict)
    complete: bool = False
    end: int = 0

    @property
    def answers(self) -> dict[str, Answer]:
        """Example id to answer."""
        return {answer.example_id: answer for batch in self.batches.values() for answer in batch}


@dataclass
class Timings:
    """Attributes:
    batches: key to the row of that batch: `seconds` as generated (then or now), `ids`, `reused`; where it was reused, its `power`.
    stages: further figures: seconds for each metric ("score:rouge1"), `peak_memory_mb`, `word_s` (wording all prompts), `weight_bytes`.
    power: mean power while answering, where it was measured.
    """

    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)
    power: Power | None = None

    def power_of(self, row: Mapping[str, Any]) -> Power | None:
        """The power that a batch was answered with: its own where another comparison answered it."""
        return Power.from_json(row["power"] or {}) if "power" in row else self.power

    @property
    def generate_s(self) -> float:
        return sum(float(row["seconds"]) for row in self.batches.values())

    @property
    def latency_s(self) -> dict[str, float]:
        return {i: row["seconds"] / len(row["ids"]) for row in self.batches.values() for i in row["ids"]}


def paths(folder: Path, method: str) -> tuple[Path, Path, Path]:
    """The open answers file, the packed one, the timings."""
    return folder / "answers" / f"{method}.jsonl", folder / "answers" / f"{method}.jsonl.gz", folder / "timings" / f"{method}.jsonl"


def _parse(path: Path, complete: bool) -> Saved:
    saved, waiting = Saved(complete=complete), list[Answer]()
    for record, end in lines.read(path):
        if "answer" in record:
            waiting.append(answer_from_json(record["answer"]))
            continue
        if "head" in record:
            saved.head = record["head"]
        elif "failure" in record:
            saved.failures[record["failure"]["example_id"]] = record["failure"]["reason"]
        elif "batch" in record:
            if record["rows"] != len(waiting):
                break
            saved.batches[record["batch"]] = tuple(waiting)
            waiting = []
        saved.end = end
    return saved


def read_answers(folder: Path, method: str) -> Saved:
    """The answers so far, from the packed file where there is one."""
    plain, packed, _ = paths(folder, method)
    if packed.exists():
        return _parse(packed, True)
    return _parse(plain, False) if plain.exists() else Saved()


def read_timings(folder: Path, method: str) -> Timings:
    timings, path = Timings(), paths(folder, method)[2]
    for record, _ in lines.read(path) if path.exists() else ():
        if "batch" in record:
            timings.batches[record["batch"]] = record
        elif "power" in record:
            timings.power = Power.from_json(record["power"])
        else:
            timings.stages.update(record)
    return timings


def keep_power(folder: Path, method: str, power: Power | None) -> None:
    """Beside the times of a method: what the machine drew while it answered."""
    if power is not None:
        lines.append(paths(folder, method)[2], [{"power": power.to_json()}], sync=False)


class AnswerWriter:
    """Goes on with a method's answers file, or starts it.

    Args:
        folder: the comparison's folder.
        method: the method's name, which is also a safe file name.
    """

    def __init__(self, folder: Path, method: str) -> None:
        self.folder, self.method = folder, method
        self.plain, self.packed, self.timing = paths(folder, method)

    def open(self) -> Saved:
        """What is there already; the torn tail of a killed run is cut, and what it was just packing is thrown away."""
        for left in self.packed.parent.glob(f".{self.packed.name}.*.tmp"):
            left.unlink()
        saved = read_answers(self.folder, self.method)
        if saved.complete:
            self.plain.unlink(missing_ok=True)
        elif self.plain.exists():
            lines.cut(self.plain, saved.end)
        lines.heal(self.timing)
        return saved

    def start(self, head: Mapping[str, Any], failures: Mapping[str, str]) -> None:
        """Begin from nothing; what was there before is gone."""
        for path in (self.plain, self.packed, self.timing):
            path.parent.mkdir(exist_ok=True)
            path.unlink(missing_ok=True)
        rows = [{"head": dict(head)}, *({"failure": {"example_id": i, "reason": r}} for i, r in failures.items())]
        lines.append(self.plain, rows)

    def add(self, key: str, answers: Sequence[Answer], seconds: float, reused: str = "", power: Power | None = None) -> None:
        """One batch: its time first, then its answers and marker in one write, which is what counts.

        Args:
            reused: the comparison that answered it, with `power`.
        """
        ids = [answer.example_id for answer in answers]
        row = {"batch": key, "ids": ids, "seconds": seconds, "reused": reused}
        lines.append(self.timing, [row | ({"power": power and power.to_json()} if reused else {})], sync=False)
        lines.append(self.plain, [*({"answer": to_json(answer)} for answer in answers), {"batch": key, "rows": len(answers)}])

    def finish(self, peak_memory_mb: float, word_s: float = 0.0, weight_bytes: int = 0) -> None:
        """Pack the file: from now on it is whole and never changes.

        Args:
            weight_bytes: of the weights that answered, as they are held in memory; 0 where that is not known.
        """
        held = {"weight_bytes": weight_bytes} if weight_bytes else {}
        lines.append(self.timing, [{"peak_memory_mb": peak_memory_mb, "word_s": word_s, **held}], sync=False)
        lines.pack(self.packed, [line.record for line in lines.read(self.plain)])
        self.plain.unlink()

    def adopt(self, other: Path, method: str) -> Saved:
        """Take over the whole answers file of another comparison, whose method had the same key; its times are marked as reused."""
        from core.files import write_whole

        _, packed, _ = paths(other, method)
        timings = read_timings(other, method)
        rows = [
            {**row, "reused": row["reused"] or other.name, "power": (found := timings.power_of(row)) and found.to_json()}
            for row in timings.batches.values()
        ]
        power = [{"power": timings.power.to_json()}] if timings.power else []
        for path in (self.plain, self.timing):
            path.parent.mkdir(exist_ok=True)
            path.unlink(missing_ok=True)
        stages = {name: timings.stages.get(name, 0.0) for name in ("peak_memory_mb", "word_s")}
        stages |= {name: value for name, value in timings.stages.items() if name == "weight_bytes"}
        lines.append(self.timing, [*rows, stages, *power], sync=False)
        write_whole(self.packed, packed.read_bytes())
        return read_answers(self.folder, self.method)
