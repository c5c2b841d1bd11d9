"""Asking the methods of a finished comparison again with other prompts: what the oracle re-run and the formats share.

Prompts, answers and scores go the way of every run. What is answered is kept beside the methods' own answers under names with a dot
(`rag.oracle`, `rag.format2`), and found again; the judge is not asked. How the last such run ended stands in a file of its own.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from adapters.base import Bound, Direct, Method
from comparison import event_log, events, generate, jobs
from comparison.analyses import analysed
from comparison.answers import read_answers
from comparison.artefacts import Artefact, obtain
from comparison.events import Event, Note, Progressed
from comparison.judging import judging
from comparison.plan import Plan
from comparison.ready import Ready, make_ready
from comparison.rescore import check_model, with_metrics
from comparison.result import Result
from comparison.run import method_key
from comparison.score import Adapter, Base, Scorer
from comparison.seeds import member_names, members
from comparison.store import Store, alone
from comparison.wording import load_for, prompting
from core.errors import BakeoffError, Cancelled, PlanError, StoreError, nearest
from core.files import write_json
from core.fingerprint import fingerprint
from core.records import Prompt


class Worded(NamedTuple):
    """Other prompts for a method.

    Attributes:
        prompts, failures: example id to prompt, or to the reason why there is none.
        basis: what chose the prompts beside the method's own key.
    """

    prompts: dict[str, Prompt]
    failures: dict[str, str]
    basis: Any


@dataclass
class Again(ABC):
    """One such run. A subclass says which methods, under which names, and how they are asked."""

    command: ClassVar[str]

    store: Store
    id: str
    result: Result
    report: dict[str, Any]
    wanted: tuple[str, ...]
    ready: Ready = field(init=False)
    scorer: Scorer = field(init=False)
    plan: Plan = field(init=False)

    @abstractmethod
    def names(self) -> list[str]:
        """The methods to ask again.

        Raises:
            BakeoffError: there is none, or one of `wanted` cannot be asked so.
        """

    def chosen(self, able: Sequence[str], who: str, nobody: StoreError) -> list[str]:
        """Those of `able` that are wanted; all of them where none is named.

        Args:
            who: what `able` are: "a method that retrieves and has answers".
            nobody: what is raised where none is.

        Raises:
            PlanError: one of `wanted` is not able.
        """
        for name in self.wanted:
            if name not in able:
                raise PlanError(f"--method must name {who}; got '{name}'.", nearest(name, able))
        if not able:
            raise nobody
        return [name for name in able if name in self.wanted or not self.wanted]

    @abstractmethod
    def asides(self, name: str) -> list[str]:
        """The names under which the method's further answers are kept."""

    @abstractmethod
    def _ask(self, name: str, aside: str) -> Iterator[Event]:
        """Answer and score one of the asides of a method."""

    def events(self) -> Iterator[Event]:
        environment = self.result.environment()
        self.plan = with_metrics(self.result, self.report, (), None)
        self.ready = make_ready(self.plan, self.store.models, environment)
        check_model(self.id, environment, self.ready.identity)
        if self.result.splits().about["fingerprint"] != self.ready.dataset.fingerprint:
            raise StoreError(f"The data of {self.id} have changed since it was run.", "Run the plan anew, and then this.")
        asides = {name: self.asides(name) for name in self.names()}
        every = tuple(aside for of_one in asides.values() for aside in of_one)
        test, labels = self.ready.dataset.test, self.ready.dataset.labels
        yield events.Started(self.id, self.report["name"], every, len(test))
        judge = judging(self.plan.spec.judge, self.ready.identity, self.ready.loaded, self.result.folder)
        self.scorer = Scorer(
            self.store, self.id, test, labels, self.ready.identity, self.ready.loaded, self.ready.setting.embedder_id, judge,
            without_paths=self.plan.without_paths,
        )  # fmt: skip
        for place, (name, aside) in enumerate(((n, a) for n, of_one in asides.items() for a in of_one), 1):
            yield events.MethodStarted(aside, place, len(every))
            yield from self._ask(name, aside)
        yield self._finish()

    def done(self) -> set[str]:
        """Names of the methods that have answers."""
        return {method["name"] for method in self.report["methods"] if method["status"] == "done"}

    def _finish(self) -> Event:
        methods = [name for method in self.report["methods"] for name in member_names(method["name"], method.get("spec") or {})]
        kept = [name for name, _ in self.scorer.rows if name not in methods]
        self.scorer.pack([*methods, *dict.fromkeys(kept)], [metric.info.name for metric in self.plan.metrics])
        fresh = json.loads(json.dumps(analysed(self.result, self.report, self.result.scores())))
        name = self.result.report_names()[-1]
        if fresh != self.report:
            name = self.result.next_report_name()
            write_json(self.result.folder / name, fresh)
        write_json(self.result.folder / _state_file(self.command), {"state": "done", "reason": "", "remedy": ""})
        self.store.close(self.id, fresh["status"], fresh["verdict"]["text"])
        return events.Finished(self.id, fresh["status"], fresh["verdict"]["text"], name)


class Reworded(Again):
    """The test items again, in other words. A subclass says in which."""

    @abstractmethod
    def word(self, aside: str, bound: Bound) -> Worded | None:
        """The prompts of one of `asides`; None where no item can be asked so. Direct methods are not asked."""

    def note_none(self, name: str) -> str:
        """What is said where no item can be asked so."""
        return f"No item of {name} can be asked so."

    def _ask(self, name: str, aside: str) -> Iterator[Event]:
        method = members(name, self.ready.methods[name])[0].method
        artefacts: list[Artefact] = []
        ready = self.ready.of(method)
        for recipe in method.recipes(ready.setting):
            for step in obtain(self.store, recipe, [artefact.path for artefact in artefacts]):
                if isinstance(step, Artefact):
                    artefacts.append(step)
                else:
                    yield Progressed(aside, step.stage, step.done, step.total, step.unit)
        asked = yield from self._asked(aside, method, artefacts)
        if asked is None:
            yield Note(self.note_none(name), aside)
            return
        saved = generate.find_method(self.store, self.id, aside, asked.method_key, asked.generation)
        if saved is None:
            yield from generate.generate(self.store, ready.loaded, asked)
            saved = read_answers(self.result.folder, aside)
        self.scorer.bases[aside] = Base(ready.identity, ready.loaded)
        if asked.artefact:
            self.scorer.adapters[aside] = Adapter(asked.artefact, lambda: asked.adapter)
        metrics = [metric for metric in self.plan.metrics if "judge" not in metric.info.needs]
        yield from self.scorer.score(aside, saved, metrics)

    def _asked(self, aside: str, method: Method, artefacts: Sequence[Artefact]) -> Generator[Event, None, generate.Asked | None]:
        ready = self.ready.of(method)
        test, spec = ready.dataset.test, self.plan.spec
        yield Progressed(aside, "wording prompts", 0, len(test), "items")
        bound = method.bind(ready.setting, [artefact.path for artefact in artefacts])
        if isinstance(bound, Direct):
            return None
        bound = prompting(bound, aside)
        load_for(bound, test)
        worded = self.word(aside, bound)
        if worded is None:
            return None
        weights = next((artefact.fingerprint for artefact in artefacts if artefact.kind == "weights"), "")
        codec = ready.loaded.codec()
        key = method_key(ready, method, [artefact.fingerprint for artefact in artefacts])
        return generate.Asked(
            comparison=self.id,
            method=aside,
            method_key=fingerprint([key, self.command, worded.basis]),
            identity=ready.identity,
            artefact=weights if bound.adapter is not None else "",
            adapter=bound.adapter,
            generation=spec.generation,
            policy=spec.batch,
            examples=[example for example in test if example.id in worded.prompts],
            prompts=list(worded.prompts.values()),
            prompt_ids=[codec.prompt_ids(prompt.messages) for prompt in worded.prompts.values()],
            failures=worded.failures,
        )


def run_again(
    kind: Callable[[Store, str, Result, dict[str, Any], tuple[str, ...]], Again],
    store: Store,
    comparison_id: str,
    wanted: Sequence[str] = (),
) -> Iterator[Event]:
    """Ask `wanted` methods (by default all that can be) again, and write the next report. Ends with `Finished`.

    Raises:
        PlanError: one of `wanted` cannot be asked so.
        StoreError: another process works on it, it has no report, or its data or model are not there as they were.
        Cancelled: Stop was pressed; what was answered is kept.
    """
    with alone(store.folder(comparison_id)):
        result = store.result(comparison_id)
        report = result.report()
        again = kind(store, comparison_id, result, report, tuple(wanted))
        steps = event_log.kept(result.folder, again.events())
        try:
            yield from steps
        except Exception as error:
            _note_the_end(store, result, report, again.command, error)
            raise


def _note_the_end(store: Store, result: Result, report: Mapping[str, Any], command: str, error: Exception) -> None:
    """The comparison is what it was before; why there are no new numbers stands in a file of its own."""
    state = "cancelled" if isinstance(error, Cancelled) else "failed"
    reason = error.message if isinstance(error, BakeoffError) else f"A bug: {type(error).__name__}: {error}"
    write_json(result.folder / _state_file(command), {"state": state, "reason": reason, "remedy": getattr(error, "remedy", "")})
    last = events.Finished(result.folder.name, report["status"], report["verdict"]["text"], result.report_names()[-1])
    event_log.add(result.folder, last)
    store.close(result.folder.name, report["status"], report["verdict"]["text"])


def _state_file(command: str) -> str:
    return f"{command}.json"


def last_state(result: Result, command: str) -> dict[str, str]:
    """How the last such run ended: {state, reason, remedy}; empty where there was none."""
    path = result.folder / _state_file(command)
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def start(store: Store, comparison_id: str, command: str) -> None:
    """Start it as a job of its own, by the very command that a user could type.

    Raises:
        StoreError: the comparison is active, or the process could not be started.
    """
    jobs.step(store, comparison_id, command)
