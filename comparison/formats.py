"""The same comparison in other prompt formats: does the ranking hold when only the layout of the prompts changes?

Every method that has prompts is asked again in each format of `adapters.formats`, with the weights and indexes that it has: a tuned method is
not trained anew, so its spread also shows how far it leans on the format that it was trained in. E30: Sclar et al. 2023 (arXiv:2310.11324)
found up to 76 points between formats of one meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from adapters.base import Bound
from adapters.formats import OTHER_FORMATS, STAGE_VERSION
from comparison.again import Reworded, Worded, run_again
from comparison.events import Event
from comparison.format_spread import prompted, suffix
from comparison.store import Store
from comparison.wording import worded
from core.errors import StoreError

COMMAND = "formats"


def formats(store: Store, comparison_id: str, wanted: Sequence[str] = ()) -> Iterator[Event]:
    """Ask the methods that have prompts (by default all) again in the other formats; see `comparison.again.run_again`."""
    return run_again(Formats, store, comparison_id, wanted)


class Formats(Reworded):
    """The methods' own prompts in other formats."""

    command: ClassVar[str] = COMMAND

    def names(self) -> list[str]:
        able = [name for name in self.ready.methods if name in self.done() and prompted(self.result.answers(name).answers)]
        nobody = StoreError(f"No method of {self.id} has prompts.", "Run a plan with a method that asks a language model.")
        return self.chosen(able, "a method that has prompts and answers", nobody)

    def asides(self, name: str) -> list[str]:
        return [name + suffix(number) for number in OTHER_FORMATS]

    def word(self, aside: str, bound: Bound) -> Worded | None:
        number = next(number for number in OTHER_FORMATS if aside.endswith(suffix(number)))
        prompts, failures = worded(bound, self.ready.dataset.test)
        return Worded({i: OTHER_FORMATS[number](prompt) for i, prompt in prompts.items()}, failures, [STAGE_VERSION, number])
