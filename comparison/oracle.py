"""The oracle re-run: methods that retrieve are asked again with the gold passage in the prompt, and what that changes is added to the report.

The gold passage is the one of the method's own index that holds the reference (`evaluation.gold`); of several the one that shares most words
with the question. Items without a known one are left out and counted. `comparison.oracle_loss` says what the numbers mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from adapters.base import Bound, Method
from adapters.retrieved import PassageFinder
from comparison.again import Reworded, Worded, run_again
from comparison.events import Event
from comparison.oracle_loss import oracle_name
from comparison.ready import Ready
from comparison.store import Store
from core.errors import MethodError, StoreError
from core.records import Example, Passage, Prompt, Retrieved
from evaluation.content import content_words
from evaluation.gold import known_in

COMMAND = "oracle"
STAGE_VERSION = "1"  # raised by hand when other passages would be chosen
LEFT_OUT = "no passage of the index is known to hold its reference"


def oracle(store: Store, comparison_id: str, wanted: Sequence[str] = ()) -> Iterator[Event]:
    """Ask the methods that retrieve (by default all) again with the gold passage; see `comparison.again.run_again`."""
    return run_again(Oracle, store, comparison_id, wanted)


def retrieves(method: Method, ready: Ready) -> bool:
    return any(recipe.kind == "index" for recipe in method.recipes(ready.setting))


class Oracle(Reworded):
    """Prompts with the gold passage."""

    command: ClassVar[str] = COMMAND

    def names(self) -> list[str]:
        able = [name for name, method in self.ready.methods.items() if name in self.done() and retrieves(method, self.ready)]
        remedy = "Add {kind: rag} to the plan and run it; without documents there is no passage to put into a prompt."
        nobody = StoreError(f"No method of {self.id} retrieves.", remedy)
        return self.chosen(able, "a method that retrieves and has answers", nobody)

    def asides(self, name: str) -> list[str]:
        return [oracle_name(name)]

    def note_none(self, name: str) -> str:
        return f"No item has a known gold passage, so {name} cannot be asked again."

    def word(self, aside: str, bound: Bound) -> Worded | None:
        """Prompts with the gold passage; None where no item has one."""
        finder, test = getattr(bound, "finder", None), self.ready.dataset.test
        if not isinstance(finder, PassageFinder):
            raise MethodError(f"{aside} must say how it words passages; it does not.", "Leave it out: --method names the others.")
        gold = gold_passages(test, finder.index.passages, self.ready.dataset.labels)
        prompts, failures = _worded(finder, test, gold)
        return Worded(prompts, failures, [STAGE_VERSION, {i: passage.id for i, passage in gold.items()}]) if prompts else None


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
