"""The training rows of a fine-tune, prepared: filtered, worded, mixed and measured, with a record of what was done to them.

The record stands beside the weights (`preparation.json`) and in the report's training section. It holds ids, counts and reasons, no texts.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from adapters import answered, screening
from adapters.base import Progress, Recipe, Setting
from adapters.distractors import Chosen, choose, in_seeded_order
from adapters.mixing import Drawn, draw
from adapters.preparation import WORDS, PreparationSettings, asked_in, wording_of, wordings
from adapters.prompts import word
from adapters.retrieved import PassageFinder, passages_inputs
from adapters.rows import WordedExample, WordedRows, encoded, training_rows, worded_each
from core.dataset import filters
from core.dataset.filters import ORDER, Dropped
from core.errors import MethodError
from core.records import Example, Prompt
from training.job import TrainingJob, TrainingRow
from training.launch import run_job
from training.lengths import length_report

FILE = "preparation.json"
LISTED = 1_000
NEEDS: dict[str, screening.What] = {"already_right": "answers", "noisy": "losses"}
"""Filters that ask the model first, and what they ask."""
WARM_UP = "warm-up"
STAGE = "answering training rows without training"


class Prepared(NamedTuple):
    """Attributes:
    rows: what is trained on.
    left_out: ids of examples that no prompt could be worded for.
    record: JSON-ready; see the module's docstring.
    """

    rows: tuple[TrainingRow, ...]
    left_out: tuple[str, ...]
    record: dict[str, Any]


def prepared(
    spec: PreparationSettings,
    setting: Setting,
    finder: PassageFinder | None,
    screened: Mapping[screening.What, Path],
    seed: int,
    max_tokens: int,
) -> Prepared:
    """The rows of a fine-tune.

    Args:
        finder: for fine-tunes with retrieval; its setting is the one that is asked in.
        screened: the folders of `screenings`, by what was asked.

    Raises:
        MethodError: the filters leave no row, or none fits the model.
    """
    dropped, taken_back, notes = select(spec, setting, screened)
    gone = {row.id for row in dropped}
    kept = [example for example in setting.train if example.id not in gone]
    counts = Counter(row.filter for row in dropped)
    if not kept:
        listed = ", ".join(f"{count} by {name}" for name, count in counts.items())
        raise MethodError(
            f"The filters must leave at least 1 training row; they leave none of {len(gone)} ({listed}).", "Take a filter out."
        )
    worded = _Wording(spec, setting, finder, seed)
    own = encoded(setting, worded.each(kept))
    drawn = draw(spec.mix, setting, len(own.rows), seed)
    further = [_further(spec, setting, of_file) for of_file in drawn]
    rows = (*own.rows, *(row for of_file in further for row in of_file.rows))
    left_out = (*own.left_out, *(name for of_file in further for name in of_file.left_out))
    record = {
        "template": spec.template,
        "wordings": len(wordings(spec, setting)),
        "rows": len(setting.train),
        "kept": len(kept),
        "counts": {name: counts.get(name, 0) for name in spec.filters},
        "dropped": [row.to_json() for row in dropped[:LISTED]],
        **({"taken_back": [row.to_json() for row in taken_back[:LISTED]]} if spec.keep_rows else {}),
        "passages": worded.passages,
        "mix": [of_file.entry for of_file in drawn],
        "lengths": length_report(rows, max_tokens, len(left_out)),
        "notes": notes,
    }
    return Prepared(rows, left_out, record)


def in_words(record: Mapping[str, Any]) -> str:
    """The rows in a few words, told before they are trained on: "training on 90 rows of up to 120 tokens; left out: 6 by filters, 2 too long"."""
    lengths, filtered = record["lengths"], record["rows"] - record["kept"]
    cut = lengths["over"] + lengths["unworded"]
    left = [f"{filtered} by filters"] * bool(filtered) + [f"{cut} too long"] * bool(cut)
    longest = min(lengths["both"]["max"] or 0, lengths["max_tokens"])
    return f"training on {lengths['rows'] - cut} rows of up to {longest} tokens" + (f"; left out: {', '.join(left)}" if left else "")


def _further(spec: PreparationSettings, setting: Setting, drawn: Drawn) -> WordedRows:
    """Rows of another task, without passages: the documents are about this one."""
    try:
        return training_rows(replace(setting, instruction=drawn.instruction), None, drawn.examples, WORDS[spec.template])
    except MethodError as error:
        raise MethodError(f"mix: {drawn.entry['file']}: {error.message}", error.remedy) from error


class Selected(NamedTuple):
    """Rows that the filters leave out, rows that they would leave out but for `keep_rows`, and sentences on what could not be done."""

    dropped: list[Dropped]
    taken_back: list[Dropped]
    notes: list[str]


def select(spec: PreparationSettings, setting: Setting, screened: Mapping[screening.What, Path]) -> Selected:
    """Each filter sees what those before it have kept, rows that were taken back among them."""
    rules: dict[str, Callable[[Sequence[Example]], list[Dropped]]] = {
        "empty": lambda rows: filters.empty_rows(rows, setting.labels),
        "too_long": lambda rows: _long_answers(rows, setting),
        "near_duplicates": lambda rows: _near_duplicates(rows, setting, spec.duplicates_from),
        "noisy": lambda rows: filters.noisy(_of(rows, screening.read(screened["losses"], "losses"))),
        "already_right": lambda rows: filters.already_right(rows, screening.read(screened["answers"], "answers")),
    }
    rows, dropped, taken_back = list(setting.train), list[Dropped](), dict[str, Dropped]()
    notes: list[str] = []
    if unknown := set(spec.keep_rows) - {row.id for row in rows}:
        notes.append(f"keep_rows names {len(unknown)} rows that are not among the training rows.")
    for name in ORDER:
        if name not in spec.filters:
            continue
        if name == "noisy" and len(rows) < filters.FEWEST:
            notes.append(f"noisy marks no row: {len(rows)} rows are fewer than the {filters.FEWEST} that it needs.")
        found = rules[name](rows)
        taken_back |= {row.id: row for row in found if row.id in spec.keep_rows and row.id not in taken_back}
        gone = {row.id for row in found} - set(spec.keep_rows)
        dropped += [row for row in found if row.id in gone]
        rows = [row for row in rows if row.id not in gone]
    return Selected(dropped, list(taken_back.values()), notes)


def _of(rows: Sequence[Example], values: Mapping[str, float]) -> dict[str, float]:
    return {row.id: values[row.id] for row in rows if row.id in values}


def _long_answers(rows: Sequence[Example], setting: Setting) -> list[Dropped]:
    codec = setting.codec()
    return filters.long_answers({row.id: len(codec.completion_ids(row.reference)) for row in rows}, setting.generation.max_new_tokens)


def _near_duplicates(rows: Sequence[Example], setting: Setting, at_least: float) -> list[Dropped]:
    return filters.near_duplicates(rows, setting.embedder().embed([row.question for row in rows], "query"), at_least) if rows else []


class _Wording:
    """Prompts for training rows: each under its own wording, with the passages that the spec chooses."""

    def __init__(self, spec: PreparationSettings, setting: Setting, finder: PassageFinder | None, seed: int) -> None:
        self.spec, self.setting, self.finder, self.seed = spec, setting, finder, seed
        self.words = WORDS[spec.template]
        self.passages: dict[str, int] | None = None

    def each(self, examples: Sequence[Example]) -> list[WordedExample]:
        """In the order of the examples."""
        texts = wordings(self.spec, self.setting)
        chosen = self.choose(examples)
        found: dict[str, WordedExample] = {}
        for text in dict.fromkeys(texts):
            mine = [example for example in examples if wording_of(example, texts, self.seed) == text]
            setting, finder = replace(self.setting, instruction=text), self.finder.under(text) if self.finder else None
            pairs = list(worded_each(setting, finder, [e for e in mine if e.id not in chosen], self.words))
            if finder is not None:
                pairs += [(e, self.with_chosen(e, chosen[e.id], finder)) for e in mine if e.id in chosen]
            found |= {example.id: (example, prompt) for example, prompt in pairs}
        return [found[example.id] for example in examples]

    def choose(self, examples: Sequence[Example]) -> dict[str, Chosen]:
        """Passages of the rows whose gold passage is known, where the spec says how often they hold it."""
        if self.finder is None or self.spec.gold_share is None:
            return {}
        gold = self.setting.gold(examples, self.finder.index.passages)
        found = dict(zip((e.id for e in examples), choose(self.finder, examples, gold, self.spec.gold_share, self.seed), strict=True))
        with_gold = sum(row.gold is True for row in found.values())
        without = sum(row.gold is False for row in found.values())
        self.passages = {"gold": with_gold, "distractors_only": without, "unknown": len(found) - with_gold - without}
        return {name: row for name, row in found.items() if row.gold is not None}

    def with_chosen(self, example: Example, chosen: Chosen, finder: PassageFinder) -> Prompt | MethodError:
        try:
            prompt = finder.worded([example], [chosen.passages])[0]
        except MethodError as reason:
            return reason
        return in_seeded_order(prompt, example, finder.setting.instruction, self.words, self.seed)


def screenings(
    spec: Any, setting: Setting, find: Callable[[Sequence[Path]], PassageFinder | None], index: Sequence[str]
) -> dict[screening.What, Recipe]:
    """The passes that the spec's filters need, by what they ask.

    Args:
        spec: of a fine-tune (`adapters.tuned.TunedSpec`).
        find: the finder, given the paths of the recipes before.
        index: fingerprints of those.
    """
    found: dict[screening.What, Recipe] = {}
    for name in ORDER:
        if name in spec.filters and name in NEEDS:
            found[NEEDS[name]] = (_answers if NEEDS[name] == "answers" else _losses)(spec, setting, find, index)
    return found


def _answers(spec: Any, setting: Setting, find: Callable[[Sequence[Path]], PassageFinder | None], index: Sequence[str]) -> Recipe:
    """The untuned model's answers; for prompts of the chat template they are the very artefact that synthetic pairs are made of."""
    asked = replace(asked_in(spec, setting), virtual_tokens=0)  # the untuned model has none

    def chats(earlier: Sequence[Path]) -> list[answered.Chat]:
        each = worded_each(asked, find(earlier), setting.train, WORDS[spec.template])
        return [(example.id, prompt.messages) for example, prompt in each if not isinstance(prompt, MethodError)]

    about: dict[str, Any] = {"instruction": asked.instruction, "index": list(index)}
    about |= {**passages_inputs(spec, setting), "passages_fit": min(spec.prompt_cap, setting.prompt_budget)} if index else {}
    about |= {"template": spec.template} if WORDS[spec.template] is not word else {}
    author = answered.LocalAuthor(setting.model_key, setting.language_model, setting.generation)
    return answered.answers_recipe(setting, author, about, chats, STAGE)


def _losses(spec: Any, setting: Setting, find: Callable[[Sequence[Path]], PassageFinder | None], index: Sequence[str]) -> Recipe:
    trained, asked = spec.noise_by == "trained", asked_in(spec, setting)
    about: dict[str, Any] = {"template": spec.template, "instruction": asked.instruction, "index": list(index)}
    about |= {**passages_inputs(spec, setting), "passages_fit": min(spec.prompt_cap, setting.prompt_budget)} if index else {}
    about |= {"trained": {**_warm_up(spec).model_dump(), "kind": spec.kind}} if trained else {}

    def build(folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
        rows = training_rows(asked, find(earlier), setting.train, WORDS[spec.template]).rows
        adapter = folder / WARM_UP if trained else None
        if adapter is not None:
            yield from _warmed_up(spec, setting, rows, adapter)
        yield from screening.measure_rows(folder, rows, setting, adapter)
        if adapter is not None:
            shutil.rmtree(adapter)

    return screening.recipe(setting, about, build)


def _warm_up(spec: Any) -> Any:
    """One epoch of the same training, on all rows and without validation."""
    settings = spec.training()
    changes = {"epochs": 1, "rehearsal_alpha": 0.0, "early_stopping": None, "stop_after": None}
    return settings.model_copy(update={name: value for name, value in changes.items() if name in type(settings).model_fields})


def _warmed_up(spec: Any, setting: Setting, rows: Sequence[TrainingRow], out: Path) -> Iterator[Progress]:
    job = TrainingJob(
        base=setting.model, models_home=setting.models_home, kind=spec.kind, settings=_warm_up(spec), train=tuple(rows), out=out
    )
    for event in run_job(job):
        if event["event"] == "Step":
            yield Progress("training one epoch to tell noise", event["step"], event["steps"], "steps")
