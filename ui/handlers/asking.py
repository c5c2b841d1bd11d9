"""One question to one method, as a comparison would ask it: the same prompt, the same ids, the same decoding. Prompting, Retrieval and the chat use it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from adapters.base import Bound, Direct, Method, Setting
from comparison.artefacts import Artefact, obtain
from comparison.pairing import refuse_files
from comparison.plan import Plan, read_plan
from comparison.ready import make_ready
from comparison.wording import prompting
from core.dataset import Dataset
from core.errors import DataError
from core.records import Example, Prompt, Score
from evaluation.base import ASK_A_MODEL, Item, Resources
from models.base import GenerationConfig, Ids
from ui import uploads
from ui.context import Context
from ui.loaded import SharedModel
from ui.present import metric_label
from ui.task import Task

LONGEST_QUESTION = 20_000


class Desk(NamedTuple):
    """A method and all it needs, at hand; nothing is loaded yet."""

    plan: Plan
    dataset: Dataset
    setting: Setting
    method: Method
    model: SharedModel


class Asked(NamedTuple):
    """A worded prompt with its ids."""

    prompt: Prompt
    ids: Ids
    adapter: Path | None


def desk(
    ctx: Context,
    task: Task,
    method: Mapping[str, Any],
    generation: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
) -> Desk:
    """Check the method against the task.

    Args:
        environment: of the comparison whose artefacts are to be found again.

    Raises:
        BakeoffError: the task, the model or a setting is wrong.
    """
    if not task.ready:
        raise DataError("There is no task yet.", "Open an example on the Compare tab, or bring data on the Data tab.")
    whole = task.plan([dict(method)], list(task.metrics))
    if generation:
        whole["generation"] = {**(whole.get("generation") or {}), **generation}
    plan = read_plan(whole, Path(task.base))
    refuse_files(plan, public=ctx.settings.public, own=partial(uploads.is_own, ctx))
    models = ctx.store.models
    ready = make_ready(plan, models, environment)
    chosen = next(iter(ready.methods.values()))
    ready = ready.of(chosen)
    model = ctx.settings.models.get(ready.loaded.spec, models)
    setting = replace(ready.setting, codec=model.codec, embedder=model.embedder, language_model=model.model)
    return Desk(plan, ready.dataset, setting, chosen, model)


def own_example(dataset: Dataset, text: str) -> Example:
    """A person's own question, in the task's words.

    Raises:
        DataError: it is empty or very long.
    """
    if not text.strip():
        raise DataError("The question is empty.", "Type one.")
    if len(text) > LONGEST_QUESTION:
        raise DataError(f"A question may have {LONGEST_QUESTION:,} characters; this one has {len(text):,}.", "Shorten it.")
    return Example("own-question", dataset.instruction, text.strip(), "")


def item_of(dataset: Dataset, place: int) -> Example:
    """A test item by its place, counted from 0.

    Raises:
        DataError: there is none at that place.
    """
    if not 0 <= place < len(dataset.test):
        raise DataError(f"Item must be a number from 1 to {len(dataset.test)}; got {place + 1}.", "Those are the task's test items.")
    return dataset.test[place]


def prepare(ctx: Context, at: Desk) -> Generator[str, None, Bound | Direct]:
    """Find or build what the method needs, telling how far it is; the method, ready to word prompts."""
    paths: list[Path] = []
    for recipe in at.method.recipes(at.setting):
        for step in obtain(ctx.store, recipe, paths):
            if isinstance(step, Artefact):
                paths.append(step.path)
            else:
                yield f"{step.stage} {step.done}/{step.total} {step.unit}" if step.total else step.stage
    return at.method.bind(at.setting, paths)


def word(at: Desk, bound: Bound | Direct, example: Example) -> Asked:
    asker = prompting(bound, at.method.spec.kind)
    prompt = asker.prompts([example])[0]
    return Asked(prompt, at.setting.codec().prompt_ids(prompt.messages), asker.adapter)


def stream(at: Desk, asked: Asked) -> Iterator[str]:
    """The answer so far, each time it grows."""
    config: GenerationConfig = at.plan.spec.generation
    yield from at.model.model().stream(asked.ids, config, asked.adapter)


def quick_scores(at: Desk, example: Example, text: str) -> list[tuple[str, str]]:
    """The answer's scores by the task's metrics that need no model; none without a reference."""
    if not example.reference:
        return []
    item = Item(example.id, example.question, text, example.reference, input=example.input, choices=example.choices)
    resources = Resources(labels=at.dataset.labels)
    found: list[tuple[str, str]] = []
    for metric in at.plan.metrics:
        if not ASK_A_MODEL.intersection(metric.info.needs):
            scored = metric.score([item], resources)[0]
            found.append(
                (metric_label(metric.info.name), f"{scored.value:.2f}" if isinstance(scored, Score) else f"unscored ({scored.reason})")
            )
    return found


def turns(prompt: Prompt) -> Sequence[tuple[str, str]]:
    return [(message.role, message.content) for message in prompt.messages]
