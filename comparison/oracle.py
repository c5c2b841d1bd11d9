"""The oracle re-run: methods that retrieve are asked again with the gold passage in the prompt, and what that changes is added to the report.

The gold passage is the one of the method's own index that holds the reference (`evaluation.gold`); of several the one that shares most words
with the question. Items without a known one are left out and counted. Prompts, answers and scores go the way of every run, so answers are
kept beside the method's under `<method>.oracle`, and found again. The judge is not asked. `comparison.oracle_loss` says what the numbers mean.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.base import Method
from adapters.retrieved import PassageFinder
from comparison import events, generate, jobs, lines
from comparison.analyses import analysed
from comparison.answers import read_answers
from comparison.artefacts import Artefact, obtain
from comparison.events import Event, Note, Progressed
from comparison.judging import judging
from comparison.oracle_loss import is_oracle, oracle_name
from comparison.plan import Plan
from comparison.ready import Ready, make_ready
from comparison.rescore import check_model, with_metrics
from comparison.result import Result
from comparison.run import method_key
from comparison.score import Adapter, Scorer
from comparison.seeds import member_names, members
from comparison.store import Store, alone
from comparison.wording import load_for
from core.errors import BakeoffError, Cancelled, MethodError, PlanError, StoreError, nearest
from core.files import write_json
from core.fingerprint import fingerprint
from core.records import Example, Passage, Prompt, Retrieved
from evaluation.content import content_words
from evaluation.gold import known_in

STATE = "oracle.json"
STAGE_VERSION = "1"  # raised by hand when other passages would be chosen
LEFT_OUT = "no passage of the index is known to hold its reference"


def oracle(store: Store, comparison_id: str, wanted: Sequence[str] = ()) -> Iterator[Event]:
    """Ask the methods that retrieve (by default all) again with the gold passage, and write the next report. Ends with `Finished`.

    Raises:
        PlanError: one of `wanted` is no method of the plan that retrieves.
        StoreError: another process works on it, it has no report, or its data or model are not there as they were.
        Cancelled: Stop was pressed; what was answered is kept.
    """
    with alone(store.folder(comparison_id)):
        result = store.result(comparison_id)
        report, log = result.report(), result.folder / "events.jsonl"
        lines.heal(log)
        try:
            for event in _Oracle(store, comparison_id, result, report, tuple(wanted)).events():
                lines.append(log, [{"at": round(time.time(), 3), **event.to_json()}], sync=False)
                yield event
        except Exception as error:
            _note_the_end(store, result, report, error)
            raise


def _note_the_end(store: Store, result: Result, report: Mapping[str, Any], error: Exception) -> None:
    """The comparison is what it was before; why there are no new numbers stands in a file of its own."""
    state = "cancelled" if isinstance(error, Cancelled) else "failed"
    reason = error.message if isinstance(error, BakeoffError) else f"A bug: {type(error).__name__}: {error}"
    write_json(result.folder / STATE, {"state": state, "reason": reason, "remedy": getattr(error, "remedy", "")})
    last = events.Finished(result.folder.name, report["status"], report["verdict"]["text"], result.report_names()[-1])
    lines.append(result.folder / "events.jsonl", [{"at": round(time.time(), 3), **last.to_json()}])
    store.close(result.folder.name, report["status"], report["verdict"]["text"])


def last_state(result: Result) -> dict[str, str]:
    """How the last oracle re-run ended: {state, reason, remedy}; empty where there was none."""
    path = result.folder / STATE
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def start(store: Store, comparison_id: str) -> None:
    """Start the re-run as a job of its own, by the very command that a user could type.

    Raises:
        StoreError: the comparison is active, or the process could not be started.
    """
    jobs.step(store, comparison_id, "oracle")


def retrieves(method: Method, ready: Ready) -> bool:
    return any(recipe.kind == "index" for recipe in method.recipes(ready.setting))


@dataclass
class _Oracle:
    store: Store
    id: str
    result: Result
    report: dict[str, Any]
    wanted: tuple[str, ...]
    ready: Ready = field(init=False)
    scorer: Scorer = field(init=False)
    plan: Plan = field(init=False)

    def events(self) -> Iterator[Event]:
        environment = self.result.environment()
        self.plan = with_metrics(self.result, self.report, (), None)
        self.ready = make_ready(self.plan, self.store.models, environment)
        check_model(self.id, environment, self.ready.identity)
        if self.result.splits().about["fingerprint"] != self.ready.dataset.fingerprint:
            raise StoreError(f"The data of {self.id} have changed since it was run.", "Run the plan anew, and then this.")
        names = self._names()
        yield events.Started(self.id, self.report["name"], tuple(map(oracle_name, names)), len(self.ready.dataset.test))
        judge = judging(self.plan.spec.judge, self.ready.identity, self.ready.loaded, self.result.folder)
        test, labels = self.ready.dataset.test, self.ready.dataset.labels
        self.scorer = Scorer(
            self.store, self.id, test, labels, self.ready.identity, self.ready.loaded, self.ready.setting.embedder_id, judge,
            without_paths=self.plan.without_paths,
        )  # fmt: skip
        for place, name in enumerate(names, 1):
            yield events.MethodStarted(oracle_name(name), place, len(names))
            yield from self._method(name)
        yield self._finish()

    def _names(self) -> list[str]:
        done = {method["name"] for method in self.report["methods"] if method["status"] == "done"}
        able = [name for name, method in self.ready.methods.items() if name in done and retrieves(method, self.ready)]
        for name in self.wanted:
            if name not in able:
                raise PlanError(f"--method must name a method that retrieves and has answers; got '{name}'.", nearest(name, able))
        if not able:
            remedy = "Add {kind: rag} to the plan and run it; without documents there is no passage to put into a prompt."
            raise StoreError(f"No method of {self.id} retrieves.", remedy)
        return [name for name in able if name in self.wanted or not self.wanted]

    def _method(self, name: str) -> Iterator[Event]:
        method, aside = members(name, self.ready.methods[name])[0].method, oracle_name(name)
        artefacts: list[Artefact] = []
        for recipe in method.recipes(self.ready.setting):
            for step in obtain(self.store, recipe, [artefact.path for artefact in artefacts]):
                if isinstance(step, Artefact):
                    artefacts.append(step)
                else:
                    yield Progressed(aside, step.stage, step.done, step.total, step.unit)
        asked = yield from self._asked(name, method, artefacts)
        if asked is None:
            yield Note(f"No item has a known gold passage, so {name} cannot be asked again.", aside)
            return
        saved = generate.find_method(self.store, self.id, aside, asked.method_key, asked.generation)
        if saved is None:
            yield from generate.generate(self.store, self.ready.loaded, asked)
            saved = read_answers(self.result.folder, aside)
        if asked.artefact:
            self.scorer.adapters[aside] = Adapter(asked.artefact, lambda: asked.adapter)
        metrics = [metric for metric in self.plan.metrics if "judge" not in metric.info.needs]
        yield from self.scorer.score(aside, saved, metrics)

    def _asked(self, name: str, method: Method, artefacts: Sequence[Artefact]) -> Generator[Event, None, generate.Asked | None]:
        """The method's prompts with the gold passage; None where no item has one."""
        test, spec = self.ready.dataset.test, self.plan.spec
        yield Progressed(oracle_name(name), "looking for gold passages", 0, len(test), "items")
        bound = method.bind(self.ready.setting, [artefact.path for artefact in artefacts])
        finder = getattr(bound, "finder", None)
        if not isinstance(finder, PassageFinder):
            raise MethodError(f"{name} must say how it words passages; it does not.", "Leave it out: --method names the others.")
        load_for(bound, test)
        gold = gold_passages(test, finder.index.passages, self.ready.dataset.labels)
        prompts, failures = _worded(finder, test, gold)
        if not prompts:
            return None
        weights = next((artefact.fingerprint for artefact in artefacts if artefact.kind == "weights"), "")
        codec = self.ready.loaded.codec()
        chosen = {i: passage.id for i, passage in gold.items()}
        key = method_key(self.ready, method, [artefact.fingerprint for artefact in artefacts])
        return generate.Asked(
            comparison=self.id,
            method=oracle_name(name),
            method_key=fingerprint([key, "oracle", STAGE_VERSION, chosen]),
            identity=self.ready.identity,
            artefact=weights if bound.adapter is not None else "",
            adapter=bound.adapter,
            generation=spec.generation,
            policy=spec.batch,
            examples=[example for example in test if example.id in prompts],
            prompts=list(prompts.values()),
            prompt_ids=[codec.prompt_ids(prompt.messages) for prompt in prompts.values()],
            failures=failures,
        )

    def _finish(self) -> Event:
        methods = [name for method in self.report["methods"] for name in member_names(method["name"], method.get("spec") or {})]
        kept = [name for name, _ in self.scorer.rows if is_oracle(name)]
        self.scorer.pack([*methods, *dict.fromkeys(kept)], [metric.info.name for metric in self.plan.metrics])
        fresh = json.loads(json.dumps(analysed(self.result, self.report, self.result.scores())))
        name = self.result.report_names()[-1]
        if fresh != self.report:
            name = self.result.next_report_name()
            write_json(self.result.folder / name, fresh)
        write_json(self.result.folder / STATE, {"state": "done", "reason": "", "remedy": ""})
        self.store.close(self.id, fresh["status"], fresh["verdict"]["text"])
        return events.Finished(self.id, fresh["status"], fresh["verdict"]["text"], name)


def gold_passages(examples: Sequence[Example], passages: Sequence[Passage], labels: Sequence[str]) -> dict[str, Passage]:
    """For each item that has one the passage that holds its reference; of several the one nearest to the question, then the first."""
    order = {passage.id: place for place, passage in enumerate(passages)}
    asked = {example.id: set(content_words(example.question)) for example in examples}

    def nearness(example_id: str, passage: Passage) -> tuple[int, int]:
        return len(asked[example_id] & set(content_words(passage.text))), -order[passage.id]

    return {i: max(found, key=lambda p, i=i: nearness(i, p)) for i, found in known_in(examples, passages, labels).items()}  # type: ignore[misc]


def _worded(finder: PassageFinder, examples: Sequence[Example], gold: Mapping[str, Passage]) -> tuple[dict[str, Prompt], dict[str, str]]:
    """A prompt with the gold passage for each item that has one and fits, and a reason for each other."""
    prompts: dict[str, Prompt] = {}
    failures = {example.id: LEFT_OUT for example in examples if example.id not in gold}
    for example in examples:
        if example.id in gold:
            try:
                prompt = finder.worded([example], [[Retrieved(gold[example.id], 1.0, 0)]])[0]
            except MethodError as reason:
                failures[example.id] = reason.message
                continue
            if prompt.passages:
                prompts[example.id] = prompt
            else:
                failures[example.id] = "the gold passage does not fit the prompt"
    return prompts, failures
