"""A comparison from plan to report, as a stream of events. The command line prints them, and they are kept in `events.jsonl`.

Each step finds what is there already, so that running again after a kill is the same call: artefacts by fingerprint, answers by batch,
scores by key. One method's failure is its row's reason; the others go on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from adapters.base import Direct, Method, Recipe
from adapters.prompts import PROMPT_VERSION
from adapters.rewarding import RewardSpec
from adapters.searching import SearchSettings, search_inputs
from comparison import direct, events, generate
from comparison.analyses import analysed
from comparison.answers import Saved, keep_power, read_answers, read_timings
from comparison.artefacts import Artefact
from comparison.certify import judge_all
from comparison.cost import ledger, training_section
from comparison.curve_attach import attach_curve
from comparison.ending import until_the_end
from comparison.energy import Meter
from comparison.environment import check_unchanged, describe
from comparison.events import Event, Note, Progressed
from comparison.gold import write_gold
from comparison.judging import judging
from comparison.leaks import write_leaks
from comparison.mixing import prepared_notes
from comparison.plan import Plan
from comparison.preparing import prepare
from comparison.probe import probed
from comparison.ready import Ready, make_ready
from comparison.report import Frame, Outcome, build_report, groups_of
from comparison.result import Result
from comparison.rewarding import Rewarder
from comparison.score import Adapter, Base, Scorer
from comparison.searching import search_notes
from comparison.seeds import member_names, members, naming_the_seed, told
from comparison.splits import data_entry, data_notes, search, to_search, write_splits
from comparison.store import Store, alone
from comparison.sweep_run import sweep
from comparison.wording import load_for, worded
from core import versions
from core.errors import BakeoffError, Cancelled, StoreError
from core.files import write_json
from core.fingerprint import fingerprint
from evaluation.reward import REWARD
from models.base import OutOfMemory
from models.memory import reset_peak

CUT_WARNING_SHARE = 0.05


def run(plan: Plan, store: Store, comparison_id: str, ready: Ready | None = None) -> Iterator[Event]:
    """Run or go on with a comparison whose folder is there. Ends with `Finished`, and the report on disk.

    Raises:
        BakeoffError: the data or the store cannot be used; the comparison is then marked failed. Where another process works on the
            comparison, it is left as it is.
        Cancelled: Stop was pressed; the comparison is marked cancelled and can be resumed.
    """
    steps = sweep(plan, store, comparison_id, ready) if plan.spec.sweep else _Run(store, comparison_id, plan, ready).events()
    with alone(store.folder(comparison_id)):
        yield from until_the_end(plan, store, comparison_id, steps)


@dataclass
class _Run:
    store: Store
    id: str
    plan: Plan
    given: Ready | None = None
    notes: list[str] = field(default_factory=list)

    def events(self) -> Iterator[Event]:
        result = Result(self.store.folder(self.id))
        before = result.environment() if (result.folder / "environment.json").exists() else None
        self.ready = self.given or make_ready(self.plan, self.store.models, before)
        yield events.Started(self.id, self.plan.spec.name, self.plan.method_names, len(self.ready.dataset.test), resumed=before is not None)
        today = describe(self.plan, self.ready.identity, self.ready.setting.embedder_id)
        check_unchanged(self.id, before or today, today)
        self.environment = before or today
        if texts := to_search(self.ready):
            yield Note(f"Looking for near duplicates of test items among {texts:,} texts.")
        leaks = search(self.ready)
        data = data_entry(self.ready, leaks)
        write_splits(result.folder, self.ready)
        write_gold(result.folder, self.ready.dataset.test, self.ready.documents, self.ready.dataset.labels)
        write_leaks(result.folder, leaks)
        if before is None:
            write_json(result.folder / "environment.json", self.environment)
        for text in (*data_notes(self.ready), *leaks.notes):
            yield self._note(text)
        judge = judging(self.plan.spec.judge, self.ready.identity, self.ready.loaded, result.folder)
        self.scorer = Scorer(
            self.store, self.id, self.ready.dataset.test, self.ready.dataset.labels, self.ready.identity, self.ready.loaded,
            self.ready.setting.embedder_id, judge,
            without_paths=self.plan.without_paths,
            rewarder=Rewarder(self.store, self.ready.setting, self.ready.loaded, self.plan.spec.reward or RewardSpec(), self.plan.spec.energy),
        )  # fmt: skip
        outcomes = []
        for position, (name, method) in enumerate(self.ready.methods.items(), 1):
            yield events.MethodStarted(name, position, len(self.ready.methods))
            outcomes.append((yield from self._attempt(name, method)))
        yield from self._finish(result, data, outcomes)

    def _finish(self, result: Result, data: dict[str, Any], outcomes: Sequence[Outcome]) -> Iterator[Event]:
        names = [name for outcome in outcomes for name in member_names(outcome.name, outcome.spec)]
        metrics = [metric.info.name for metric in self.plan.metrics]
        done = [outcome.name for outcome in outcomes if outcome.status == "done"]
        for event in probed(self.store, self.id, self.ready, done) if self.plan.spec.forgetting else ():
            yield self._note(event.text, event.method) if isinstance(event, Note) else event
        for text in self.scorer.rewarder.notes() if REWARD in metrics and self.scorer.rewarder else ():
            yield self._note(text)
        self.scorer.pack(names, metrics)
        card = result.card()
        scores, groups = self.scorer.table(names, metrics), groups_of(self.ready.dataset.test)
        judged = yield from judge_all(self.scorer.judge, self.store, done, self.plan.metrics, scores, self.notes)
        frame = Frame(
            self.id, card["name"], card["created"], self.plan.shown(), self.environment, data, self.plan.primary, judged.section,
            judged.notes,
        )  # fmt: skip
        report = analysed(result, build_report(frame, outcomes, judged.metrics, scores, groups), scores)
        name = result.next_report_name()
        write_json(result.folder / name, report)
        self.store.close(self.id, report["status"], report["verdict"]["text"])
        attach_curve(self.store, self.id, report)
        yield events.Finished(self.id, report["status"], report["verdict"]["text"], name)

    def _note(self, text: str, method: str = "") -> Note:
        text = self.plan.without_paths(text)
        sentence = f"{method}: {text}" if method else text
        if sentence not in self.notes:
            self.notes.append(sentence)
        return Note(text, method)

    def _attempt(self, name: str, method: Method) -> Generator[Event, None, Outcome]:
        """One method, whatever becomes of it."""
        spec = method.spec.model_dump(mode="json")
        try:
            return (yield from self._method(name, method))
        except (Cancelled, StoreError):
            raise
        except BakeoffError as error:
            reason = str(error)
        except OutOfMemory:
            reason = f"{name}: there is no memory left for a single item. Take a smaller model or shorter texts."
        except Exception as error:
            logging.getLogger(__name__).exception("%s failed", name)
            reason = f"A bug in Bakeoff: {type(error).__name__}: {error}. The traceback is in the log."
        reason = self.plan.without_paths(reason)
        yield events.MethodFailed(name, reason)
        return Outcome(name, method.spec.kind, "failed", reason, spec=spec)

    def _method(self, name: str, method: Method) -> Generator[Event, None, Outcome]:
        """A method under each of its seeds."""
        outcomes = []
        for member in members(name, method):
            with naming_the_seed(member):
                outcomes.append((yield from told(self._member(member.name, member.method), member, name)))
        return outcomes[0].over_seeds(outcomes, method.spec.model_dump(mode="json"))

    def _member(self, name: str, method: Method) -> Generator[Event, None, Outcome]:
        ready = self.ready.of(method)
        reset_peak(ready.identity.device)
        artefacts: list[Artefact] = []
        for recipe in method.recipes(ready.setting):
            artefacts.append((yield from self._prepare(name, recipe, [a.path for a in artefacts])))
        key = method_key(ready, method, [artefact.fingerprint for artefact in artefacts])
        saved = generate.find_method(self.store, self.id, name, key, self.plan.spec.generation)
        weights = next((a.fingerprint for a in artefacts if a.kind == "weights"), "")
        if saved is None:
            yield from self._answer(ready, name, method, artefacts, key, weights)
            saved = read_answers(self.store.folder(self.id), name)
        else:
            yield events.Answered(name, len(saved.answers), len(saved.answers), 0, len(saved.batches))
        if weights:
            paths = [a.path for a in artefacts]
            self.scorer.adapters[name] = Adapter(weights, lambda: method.bind(ready.setting, paths).adapter)
        self.scorer.bases[name] = Base(ready.identity, ready.loaded)
        for event in self.scorer.score(name, saved, self.plan.metrics):
            yield self._note(event.text, name) if isinstance(event, Note) else event
        yield from self._loading_notes(name)
        return (yield from self._outcome(ready, name, method, saved, artefacts))

    def _outcome(
        self, ready: Ready, name: str, method: Method, saved: Saved, artefacts: Sequence[Artefact]
    ) -> Generator[Event, None, Outcome]:
        cut = sum(answer.finish_reason == "length" for answer in saved.answers.values())
        if cut > CUT_WARNING_SHARE * len(saved.answers):
            limit = self.plan.spec.generation.max_new_tokens
            remedy = "raise generation.max_new_tokens if they should be longer"
            yield self._note(f"{cut} of {len(saved.answers)} answers were cut at {limit} tokens; {remedy}.", name)
        if saved.failures:
            yield self._note(f"{len(saved.failures)} items could not be asked: {next(iter(saved.failures.values()))}.", name)
        if saved.head["policy"] != self.plan.spec.batch.model_dump():
            yield self._note(f"for want of memory it was answered in batches of at most {saved.head['policy']['max_rows']}.", name)
        prompts = [answer.prompt for answer in saved.answers.values()]
        shortened, passages = sum(prompt.shortened for prompt in prompts), sum(prompt.dropped_passages for prompt in prompts)
        if shortened:
            yield self._note(f"{shortened} of {len(prompts)} prompts had no room for all of their passages or demonstrations.", name)
        timings = read_timings(self.store.folder(self.id), name)
        spec = method.spec.model_dump(mode="json")
        training = training_section(artefacts, int(spec.get("seed") or 0))
        if training and training["left_out"]:
            yield self._note(
                f"{len(training['left_out'])} training rows are longer than max_tokens or the model's context and were left out.", name
            )
        found = [f"{finding['text']} {finding['remedy']}" for finding in (training or {}).get("findings", ())]
        for text in (
            *prepared_notes(training),
            *direct.remarks(artefacts),
            *search_notes(method.bind(ready.setting, [a.path for a in artefacts]), ready.dataset.test, saved, artefacts),
            *(text for text in found if f"{name}: {text}" not in self.notes),
        ):
            yield self._note(text, name)
        cost = ledger(saved, timings, artefacts)
        counts = (len(saved.answers), cut, saved.failures)
        return Outcome(name, method.spec.kind, "done", "", *counts, cost, training, spec, shortened, passages)

    def _prepare(self, name: str, recipe: Recipe, earlier: Sequence[Path]) -> Generator[Event, None, Artefact]:
        return (yield from prepare(self.store, name, recipe, earlier, self.plan.spec.energy, self._note))

    def _answer(self, ready: Ready, name: str, method: Method, artefacts: Sequence[Artefact], key: str, weights: str) -> Iterator[Event]:
        test, spec = ready.dataset.test, self.plan.spec
        bound = method.bind(ready.setting, [artefact.path for artefact in artefacts])
        if isinstance(bound, Direct):
            yield from self._powered(name, direct.answer(self.store, direct.Asked(self.id, name, key, bound, test, spec.batch)))
            return
        yield Progressed(name, "wording prompts", 0, len(test), "prompts")
        load_for(bound, test)
        begun = time.monotonic()
        prompts, failures = worded(bound, test)
        word_s = round(time.monotonic() - begun, 4)
        codec = ready.loaded.codec()
        asked = generate.Asked(
            comparison=self.id,
            method=name,
            method_key=key,
            identity=ready.identity,
            artefact=weights if bound.adapter is not None else "",
            adapter=bound.adapter,
            generation=spec.generation,
            policy=spec.batch,
            examples=[example for example in test if example.id in prompts],
            prompts=list(prompts.values()),
            prompt_ids=[codec.prompt_ids(prompt.messages) for prompt in prompts.values()],
            failures=failures,
            word_s=word_s,
        )
        yield from self._powered(name, generate.generate(self.store, ready.loaded, asked))

    def _powered(self, name: str, answering: Iterator[Event]) -> Iterator[Event]:
        """Events of answering, with the power that it drew."""
        yield Progressed(name, "answering", 0, len(self.ready.dataset.test), "answers")
        with Meter(self.plan.spec.energy) as meter:
            for event in answering:
                yield from self._loading_notes(name)
                yield event
        keep_power(self.store.folder(self.id), name, meter.power)

    def _loading_notes(self, name: str) -> Iterator[Event]:
        while self.ready.notes:
            yield Note(self.ready.notes.pop(0), name)


def method_key(ready: Ready, method: Method, artefacts: Sequence[str]) -> str:
    """Hash of what decides all answers of the method; known without tokenizer, embedder or model.

    Args:
        artefacts: fingerprints of the method's index and weights.
    """
    spec = ready.plan.spec
    parts: list[Any] = [
        asdict(ready.identity),
        method.spec.model_dump(mode="json", exclude={"name", "weights"} | method.spec.unset()),
        list(artefacts),
    ]
    parts += [ready.dataset.fingerprint, ready.documents_fingerprint, ready.setting.embedder_id, spec.generation.model_dump()]
    parts += [search_inputs(method.spec, ready.setting)] if isinstance(method.spec, SearchSettings) and method.spec.reranker else []
    return fingerprint([*parts, spec.batch.model_dump(), versions.libraries(), PROMPT_VERSION, generate.STAGE_VERSION])
