"""Answers to scores: each metric over each method's answers, from saved scores where the same answers were scored the same way before.

A score's key is a hash of the metric with its version and arguments, of all that it read, and of the models it used; any comparison of the
store that holds the key gives its scores. What a metric needs of the answering model (log-probabilities of labels, options, references)
is worked out in `likelihood.py`, so that `evaluation/` asks no model itself but the judge that it is handed.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from comparison import lines
from comparison.answers import Saved, paths, read_timings
from comparison.asides import base_of
from comparison.events import Note, Pace, Progressed
from comparison.events import Scored as ScoredEvent
from comparison.judging import Judging
from comparison.likelihood import Weighed, item_fields, stated, texts, weigh
from comparison.loaded import Loaded
from comparison.result import Result, scored_from_json, scored_to_json
from comparison.rewarding import Rewarder
from comparison.store import Store
from core import versions
from core.errors import BakeoffError, Cancelled, StoreError
from core.fingerprint import fingerprint
from core.records import Answer, Example, Scored, Unscored
from evaluation.abstention import answerable_marks
from evaluation.base import ASK_A_MODEL, LOGPROBS, Item, Metric, Resources
from evaluation.hub_metric import HubMetric
from evaluation.reward import REWARD
from models.base import ModelIdentity, OutOfMemory

STAGE_VERSION = "1"  # raised by hand when the same answers would be handed to metrics differently
JUDGED_AT_ONCE = 8
NO_KEY = ""
"""The key of scores that a later try may better (a model had no memory left): they are found by nobody."""


class Adapter(NamedTuple):
    """Trained weights: their fingerprint, and how to get at their folder, which costs something only when it is asked for."""

    fingerprint: str
    folder: Callable[[], Path | None]


class Base(NamedTuple):
    """The model that a method answered with, before any trained weights: its weights may be held in few bits."""

    identity: ModelIdentity
    loaded: Loaded


class Known(NamedTuple):
    """Scores that were found: example id to number or reason, and the seconds that they took when they were worked out."""

    scores: dict[str, Any]
    seconds: float | None


@dataclass
class Scorer:
    """Scores the answers of one comparison.

    Attributes:
        identity: the base model.
        embedder_id: what names the embedder's vectors (`models.loading.embedder_key`).
        adapters: method to its trained weights; methods of the base model are absent.
        bases: method to the base that it asks; those of the comparison's own base may be absent.
        without_paths: rids a reason of the paths of this machine, since scores travel with results.
        rewarder: asks the reward model; None where the plan's data are not at hand.
    """

    store: Store
    comparison: str
    examples: Sequence[Example]
    labels: tuple[str, ...]
    identity: ModelIdentity
    loaded: Loaded
    embedder_id: str
    judge: Judging
    adapters: dict[str, Adapter] = field(default_factory=dict)
    rows: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    without_paths: Callable[[str], str] = str
    bases: dict[str, Base] = field(default_factory=dict)
    rewarder: Rewarder | None = None

    def __post_init__(self) -> None:
        self.result = Result(self.store.folder(self.comparison))
        lines.heal(self.result.folder / "scores.jsonl")
        self.rows.update({(row["method"], row["metric"]): row for row in self.result.score_rows()})
        self.answerable = answerable_marks(self.examples)

    def score(self, method: str, saved: Saved, metrics: Sequence[Metric]) -> Iterator[Progressed | ScoredEvent | Note]:
        """Score one method by each metric; each result is on disk when its event comes out.

        A metric that fails leaves the method without that metric's numbers, and is tried again by the next start of the run.
        """
        asked = [e for e in self.examples if e.id in saved.answers]
        answers = [saved.answers[e.id] for e in asked]
        weighed: dict[str, tuple[Weighed, ...]] = {}  # worked out at most once for all metrics of a method
        for metric in metrics:
            try:
                yield from self._by(metric, method, asked, answers, saved.failures, weighed)
                continue
            except (Cancelled, StoreError):
                raise
            except BakeoffError as error:
                reason = f"{metric.info.name} cannot be had: {error}"
            except OutOfMemory:
                reason = f"{metric.info.name} cannot be had: there is no memory left for it."
            except Exception as error:
                logging.getLogger(__name__).exception("%s of %s failed", metric.info.name, method)
                reason = f"{metric.info.name} failed by a bug: {type(error).__name__}: {error}. The traceback is in the log."
            yield Note(reason, method)
            none = Known({example.id: {"unscored": reason} for example in asked}, None)
            yield self._keep(method, metric, NO_KEY, none, saved.failures, reused=False)

    def _by(
        self,
        metric: Metric,
        method: str,
        asked: list[Example],
        answers: list[Answer],
        failures: Mapping[str, str],
        weighed: dict[str, tuple[Weighed, ...]],
    ) -> Iterator[Progressed | ScoredEvent]:
        key = self.key(method, metric, asked, answers)
        known = self._known(method, metric, key)
        if known is not None:
            yield self._keep(method, metric, key, known, failures, reused=True)
            return
        rows = list(zip(asked, answers, strict=True))
        for need in LOGPROBS.intersection(metric.info.needs).difference(weighed):
            if answers and all(answer.finish_reason == "direct" for answer in answers):
                weighed[need] = stated(need, answers)
            elif any(texts(need, example, self.labels) for example in asked):
                adapter = self.adapters[method].folder() if method in self.adapters else None
                weighed[need] = yield from weigh(self.base(method).loaded.model(), adapter, need, method, rows, self.labels)
        begun = time.monotonic()
        asked_reward = REWARD in metric.info.needs and self.rewarder is not None
        rewards = (yield from self.rewarder.rewards(method, rows)) if asked_reward and self.rewarder else {}
        scored = yield from self._score(method, metric, _items(rows, weighed, self.answerable, rewards))
        new = Known({e.id: scored_to_json(s) for e, s in zip(asked, scored, strict=True)}, round(time.monotonic() - begun, 4))
        transient = any(isinstance(s, Unscored) and s.transient for s in scored)
        yield self._keep(method, metric, NO_KEY if transient else key, new, failures, reused=False)

    def base(self, method: str) -> Base:
        return self.bases.get(method) or Base(self.identity, self.loaded)

    def key(self, method: str, metric: Metric, examples: Sequence[Example], answers: Sequence[Answer]) -> str:
        """Hash of all that the metric's numbers depend on."""
        needs = metric.info.needs
        read: list[Any] = [
            [a.example_id, a.text, a.finish_reason, e.reference, e.instruction, e.input] for e, a in zip(examples, answers, strict=True)
        ]
        if "passages" in needs:
            read.append([[found.passage.text for found in a.prompt.passages] for a in answers])
        if "answerable" in needs:
            read.append([self.answerable.get(e.id) for e in examples])
        if "choices" in needs or "choice_logprobs" in needs:
            read.append([list(e.choices) for e in examples])
        models: list[Any] = [self.embedder_id if "embedder" in needs else "", self.judge.key if "judge" in needs else ""]
        models += [self.rewarder.key if self.rewarder else ""] if REWARD in needs else []
        if LOGPROBS.intersection(needs):
            prompts = [[[m.role, m.content] for m in a.prompt.messages] for a in answers]
            adapter = self.adapters.get(method)
            models.append([asdict(self.base(method).identity), adapter.fingerprint if adapter else "", fingerprint(prompts)])
            models += [[a.example_id, list(a.grounds.probabilities.items())] for a in answers if a.grounds]
        if ASK_A_MODEL.intersection(needs):
            models.append(versions.libraries())
        return fingerprint([metric.info.name, metric.info.version, _arguments(metric), list(self.labels), read, models, STAGE_VERSION])

    def _resources(self, needs: Sequence[str]) -> Resources:
        lengths: tuple[int, ...] = ()
        if "label_logprobs" in needs:
            lengths = tuple(len(self.loaded.codec().completion_ids(label)) for label in self.labels)
        judge = self.judge
        return Resources(self.labels, lengths, self.loaded.embedder, lambda: judge.chooser, judge.spec.scale, judge.spec.rubric)

    def _known(self, method: str, metric: Metric, key: str) -> Known | None:
        own = self.rows.get((method, metric.info.name))
        if own is not None and own["key"] == key:
            return Known(_without_failures(own), None)
        for place in self.store.find("score_keys", key):
            folder = self.store.comparisons / place["comparison"]
            if place["comparison"] != self.comparison and folder.is_dir():
                for row in Result(folder).score_rows():
                    if row["key"] == key:
                        seconds = read_timings(folder, row["method"]).stages.get(f"score:{metric.info.name}")
                        return Known(_without_failures(row), seconds)
        return None

    def _score(self, method: str, metric: Metric, items: list[Item]) -> Generator[Progressed, None, list[Scored]]:
        resources = self._resources(metric.info.needs)
        if "judge" not in metric.info.needs:
            return metric.score(items, resources)
        scored: list[Scored] = []
        pace = Pace()
        for start in range(0, len(items), JUDGED_AT_ONCE):
            scored += metric.score(items[start : start + JUDGED_AT_ONCE], resources)
            yield Progressed(method, "judging", len(scored), len(items), "answers", {}, pace.eta_s(len(scored), len(items)))
        return scored

    def _keep(self, method: str, metric: Metric, key: str, known: Known, failures: Mapping[str, str], *, reused: bool) -> ScoredEvent:
        name, scores = metric.info.name, known.scores
        everything = {
            e.id: scores[e.id] if e.id in scores else {"unscored": f"no answer: {failures.get(e.id, 'unknown')}"} for e in self.examples
        }
        everything = {i: {"unscored": self.without_paths(v["unscored"])} if isinstance(v, Mapping) else v for i, v in everything.items()}
        row = {"method": method, "metric": name, "key": key, "scores": everything}
        if self.rows.get((method, name)) != row:
            self.rows[(method, name)] = row
            lines.append(self.result.folder / "scores.jsonl", [row])
        if known.seconds is not None:
            lines.append(paths(self.result.folder, method)[2], [{f"score:{name}": known.seconds}], sync=False)
        numbers = [v for v in scores.values() if not isinstance(v, Mapping)]
        if numbers and key != NO_KEY:
            self.store.remember("score_keys", [(key, self.comparison, method, name)])
        return ScoredEvent(method, name, sum(numbers) / len(numbers) if numbers else None, len(numbers), reused)

    def pack(self, methods: Sequence[str], metrics: Sequence[str]) -> None:
        """Write all scores in the plan's order, whatever the order in which they came."""
        order = [(method, metric) for method in methods for metric in metrics]
        others = [place for place in self.rows if place not in order and base_of(place[0]) in methods]
        lines.pack(self.result.folder / "scores.jsonl.gz", [self.rows[place] for place in [*order, *others] if place in self.rows])
        (self.result.folder / "scores.jsonl").unlink(missing_ok=True)

    def table(self, methods: Sequence[str], metrics: Sequence[str]) -> dict[str, dict[str, dict[str, Scored]]]:
        """{metric: {method: {example id: score}}}, for statistics."""
        found: dict[str, dict[str, dict[str, Scored]]] = {}
        for metric in metrics:
            rows = {method: self.rows[(method, metric)] for method in methods if (method, metric) in self.rows}
            found[metric] = {method: {i: scored_from_json(v) for i, v in row["scores"].items()} for method, row in rows.items()}
        return found


def _items(
    rows: Sequence[tuple[Example, Answer]],
    weighed: dict[str, tuple[Weighed, ...]],
    answerable: Mapping[str, bool],
    rewards: Mapping[str, Scored],
) -> list[Item]:
    return [
        Item(
            example_id=e.id,
            question="\n".join(t for t in (e.instruction, e.input) if t),
            prediction=a.text,
            reference=e.reference,
            finish_reason=a.finish_reason,
            passages=tuple(found.passage.text for found in a.prompt.passages),
            answerable=answerable.get(e.id),
            input=e.input,
            choices=e.choices,
            reward=rewards.get(e.id),
            **item_fields(weighed, n),
        )
        for n, (e, a) in enumerate(rows)
    ]


def _without_failures(row: Mapping[str, Any]) -> dict[str, Any]:
    return {i: v for i, v in row["scores"].items() if not (isinstance(v, Mapping) and v["unscored"].startswith("no answer: "))}


def _arguments(metric: Metric) -> list[Any]:
    if not isinstance(metric, HubMetric):
        return [metric.info.signature]
    return [metric.spec.model_dump(mode="json"), _script_digest(Path(metric.source))]


def _script_digest(source: Path) -> str:
    """Hash of a script, or of all scripts of a folder; "" for a name of the hub."""
    scripts = [source] if source.is_file() else sorted(source.rglob("*.py")) if source.is_dir() else []
    whole = hashlib.sha256()
    for script in scripts:
        whole.update(f"{script.name}\0".encode() + script.read_bytes() + b"\0")
    return whole.hexdigest() if scripts else ""
