"""The general probe put to a finished comparison: the untuned model and each fine-tune, for what tuning has made them forget.

`comparison.probe` asks, `evaluation.forgetting` says what the numbers mean. A plan with `forgetting: true` does it within its run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from comparison.again import Again, run_again
from comparison.events import Event
from comparison.probe import Prober, can_forget, questions
from comparison.store import Store
from core.errors import StoreError

COMMAND = "forgetting"


def forgetting(store: Store, comparison_id: str, wanted: Sequence[str] = ()) -> Iterator[Event]:
    """Put the probe to the fine-tunes (by default all) and to the untuned model; see `comparison.again.run_again`."""
    return run_again(Forgetting, store, comparison_id, wanted)


class Forgetting(Again):
    """General questions instead of the test items."""

    command: ClassVar[str] = COMMAND

    def names(self) -> list[str]:
        done = self.done()
        able = [name for name, method in self.ready.methods.items() if name in done and can_forget(method.spec.kind)]
        nobody = StoreError(f"No method of {self.id} was trained on the task.", "Add {kind: lora} to the plan and run it.")
        return self.chosen(able, "a fine-tune that has answers", nobody)

    def asides(self, name: str) -> list[str]:
        """The method's own, after that of the untuned model where no method before it has asked that."""
        names = self.names()
        before = {question.aside for question in questions(self.ready, names[: names.index(name)])}
        return [question.aside for question in questions(self.ready, [name]) if question.aside not in before]

    def _ask(self, name: str, aside: str) -> Iterator[Event]:
        question = next(question for question in questions(self.ready, [name]) if question.aside == aside)
        return Prober(self.store, self.id, question).ask()
