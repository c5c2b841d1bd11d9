"""The weights of a finished fine-tune, found again: what is merged, zipped and pushed. Nothing is trained here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from adapters.base import Method
from comparison.plan import Plan, read_plan
from comparison.ready import Ready, make_ready
from comparison.result import Result
from comparison.seeds import members
from comparison.store import Store
from core.errors import PlanError, StoreError, nearest
from core.files import manifest_fault


class TrainedMethod(NamedTuple):
    """A tuned method with its artefacts.

    Attributes:
        entry: the method's entry of the report.
        ready: with the base as the method asks for it.
        paths: its artefacts, the weights last.
        fingerprint: of the weights.
    """

    result: Result
    report: Mapping[str, Any]
    entry: Mapping[str, Any]
    plan: Plan
    ready: Ready
    method: Method
    paths: tuple[Path, ...]
    fingerprint: str

    @property
    def weights(self) -> Path:
        return self.paths[-1]

    @property
    def adapter(self) -> Path:
        """The folder that the language model answers with.

        Raises:
            PlanError: the method asks no language model.
        """
        found = self.method.bind(self.ready.setting, self.paths).adapter
        if found is None:
            raise PlanError(
                f"{self.entry['name']} is no fine-tune of the language model, so there is nothing to merge.", "Name another method."
            )
        return found


def trained(store: Store, comparison_id: str, name: str) -> TrainedMethod:
    """Find a tuned method's weights; with several seeds, those of the first.

    Raises:
        PlanError: there is no such method, or it trains nothing.
        StoreError: there is no report, or the weights are gone or damaged, or data or model have changed since.
    """
    result = store.result(comparison_id)
    report = result.report()
    entries = {entry["name"]: entry for entry in report["methods"]}
    tuned = [key for key, entry in entries.items() if entry.get("training")]
    if name not in entries:
        raise PlanError(f"{comparison_id} has no method '{name[:40]}'.", nearest(name, tuned or entries))
    plan = read_plan(result.plan(), result.folder)
    ready = make_ready(plan, store.models, result.environment())
    method = members(name, ready.methods[name])[0].method
    ready = ready.of(method)
    recipes = method.recipes(ready.setting)
    if not recipes or recipes[-1].kind != "weights":
        raise PlanError(f"{name} trains no weights.", f"Those that do: {', '.join(tuned) or 'none of this comparison'}.")
    paths = tuple(store.artefacts / recipe.fingerprint for recipe in recipes)
    if any(manifest_fault(path, hashes=False) for path in paths):
        raise StoreError(
            f"The weights of {name} are not there any more, or its data, model or libraries have changed since.", "Run it again."
        )
    return TrainedMethod(result, report, entries[name], plan, ready, method, paths, recipes[-1].fingerprint)
