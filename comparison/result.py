"""Reading a comparison's folder: the same for one in the store and for a frozen one in `examples/<name>/result/`. Writes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from comparison import event_log, events
from comparison.answers import Saved, read_answers, read_timings
from comparison.lines import read
from core.errors import StoreError
from core.records import Example, Score, Scored, Unscored, example_from_json

CARD = "comparison.json"
REPORT_PATTERN = re.compile(r"^report(?:\.(\d+))?\.json$")

ScoreTable = dict[str, dict[str, dict[str, Scored]]]


def scored_from_json(value: float | Mapping[str, str]) -> Scored:
    return Unscored(value["unscored"]) if isinstance(value, Mapping) else Score(float(value))


def scored_to_json(scored: Scored) -> float | dict[str, str]:
    return scored.value if isinstance(scored, Score) else {"unscored": scored.reason}


@dataclass(frozen=True)
class Splits:
    """What `splits.json` holds: the test examples whole, since answers are read beside them; ids of the others."""

    test: tuple[Example, ...]
    train_ids: tuple[str, ...]
    validation_ids: tuple[str, ...]
    labels: tuple[str, ...]
    instruction: str
    about: Mapping[str, Any]


class Result:
    """A comparison's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _json(self, name: str) -> Any:
        path = self.folder / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StoreError(f"{self.folder.name} has no {name}.", "It was stopped before that was written; resume it.") from None
        except ValueError as error:
            raise StoreError(
                f"{name} of {self.folder.name} cannot be read ({error}).", "Restore the file, or run the comparison again."
            ) from None

    def card(self) -> dict[str, Any]:
        """Id, name, owner, time of creation and plan hash."""
        card: dict[str, Any] = self._json(CARD)
        return card

    def plan(self) -> dict[str, Any]:
        """The plan as it was run, with absolute paths where it ran from a store."""
        plan: dict[str, Any] = yaml.safe_load((self.folder / "plan.yaml").read_text(encoding="utf-8"))
        return plan

    def environment(self) -> dict[str, Any]:
        environment: dict[str, Any] = self._json("environment.json")
        return environment

    def splits(self) -> Splits:
        data = self._json("splits.json")
        return Splits(
            tuple(example_from_json(e) for e in data["test"]),
            tuple(data["train"]),
            tuple(data["validation"]),
            tuple(data["labels"]),
            data["instruction"],
            data["about"],
        )

    def report_names(self) -> list[str]:
        """Report files in the order in which they were written."""
        found = [(int(m[1] or 1), p.name) for p in self.folder.iterdir() if (m := REPORT_PATTERN.match(p.name))]
        return [name for _, name in sorted(found)]

    def next_report_name(self) -> str:
        return f"report.{len(self.report_names()) + 1}.json" if self.report_names() else "report.json"

    def report(self, name: str | None = None) -> dict[str, Any]:
        """A report, by default the latest.

        Raises:
            StoreError: there is none yet.
        """
        names = self.report_names()
        if not names or (name is not None and name not in names):
            raise StoreError(f"{self.folder.name} has no report yet.", "It is still running, or was stopped: see `list`, or `resume` it.")
        report: dict[str, Any] = self._json(name or names[-1])
        return report

    def answers(self, method: str) -> Saved:
        """What a method answered so far, failures with their reasons included."""
        return read_answers(self.folder, method)

    def timings(self, method: str) -> dict[str, float]:
        """Seconds for each example's answer: its batch's time shared out evenly. Empty where nothing was generated."""
        return read_timings(self.folder, method).latency_s

    def score_rows(self) -> list[dict[str, Any]]:
        """One row for each (method, metric): those of the packed file, then what came after it; the last one counts."""
        found = [path for name in ("scores.jsonl.gz", "scores.jsonl") if (path := self.folder / name).exists()]
        rows = {(line.record["method"], line.record["metric"]): line.record for path in found for line in read(path)}
        return list(rows.values())

    def scores(self) -> ScoreTable:
        """{metric: {method: {example id: score}}}"""
        table: ScoreTable = {}
        for row in self.score_rows():
            table.setdefault(row["metric"], {})[row["method"]] = {i: scored_from_json(v) for i, v in row["scores"].items()}
        return table

    def events(self) -> Iterator[events.Event]:
        """What the run told so far, in order; kinds that this code does not know are left out."""
        path = self.folder / event_log.NAME
        if path.exists():
            for line in read(path):
                event = events.from_json(line.record)
                if event is not None:
                    yield event
