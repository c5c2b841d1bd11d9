"""The weights of a fine-tune, found again: what is merged, zipped and pushed. Nothing is trained here.

Of a run that was stopped there is no report, yet the weights that it kept can be handed out. They are labelled by the epoch wherever they go,
and what would stand in a report is put together of what is known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from adapters.base import Method
from comparison.plan import Plan, read_plan
from comparison.ready import Ready, make_ready
from comparison.result import Result
from comparison.seeds import members
from comparison.stopped import Stopped, of_result
from comparison.store import Store
from core.errors import PlanError, StoreError, nearest
from core.files import manifest_fault
from training.checkpoints import HISTORY


class TrainedMethod(NamedTuple):
    """A tuned method with its artefacts.

    Attributes:
        entry: the method's entry of the report.
        stopped: what was kept of it, where its run was stopped; then there are no scores.
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
    stopped: Stopped | None = None

    @property
    def file_name(self) -> str:
        """What a file with these weights is called, without its ending."""
        name = str(self.entry["name"])
        return f"{name}-stopped-after-{self.stopped.unit}-{self.stopped.epoch}" if self.stopped else name

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
    """Find a tuned method's weights; with several seeds, those of the first. Of a run that was stopped, those that were kept.

    Raises:
        PlanError: there is no such method, or it trains nothing.
        StoreError: there is no report and nothing was kept, or the weights are gone or damaged, or data or model have changed since.
    """
    result = store.result(comparison_id)
    kept = {} if result.report_names() else {one.method: one for one in of_result(result)}
    plan = read_plan(result.plan(), result.folder)
    names = [str(spec.name) for spec in plan.methods]
    report = result.report() if not kept else {}
    entries = {entry["name"]: entry for entry in report["methods"]} if report else {key: {} for key in names}
    tuned = list(kept) or [key for key, entry in entries.items() if entry.get("training")]
    if name not in entries:
        raise PlanError(f"{comparison_id} has no method '{name[:40]}'.", nearest(name, tuned or entries))
    if kept and name not in kept:
        raise StoreError(f"{comparison_id} was stopped, and nothing of {name} was kept.", f"There is: {', '.join(kept)}. Or resume it.")
    ready = make_ready(plan, store.models, result.environment())
    method = members(name, ready.methods[name])[0].method
    if kept:
        method = type(method)(method.spec.model_copy(update={"stop_after": kept[name].epoch}))
    ready = ready.of(method)
    recipes = method.recipes(ready.setting)
    if not recipes or recipes[-1].kind != "weights":
        raise PlanError(f"{name} trains no weights.", f"Those that do: {', '.join(tuned) or 'none of this comparison'}.")
    paths = tuple(store.artefacts / recipe.fingerprint for recipe in recipes)
    if any(manifest_fault(path, hashes=False) for path in paths):
        raise StoreError(
            f"The weights of {name} are not there any more, or its data, model or libraries have changed since.", "Run it again."
        )
    if kept:
        report = _in_place_of_a_report(result, plan, ready, method, paths[-1])
        entries = {name: report["methods"][0]}
    return TrainedMethod(result, report, entries[name], plan, ready, method, paths, recipes[-1].fingerprint, kept.get(name))


def _in_place_of_a_report(result: Result, plan: Plan, ready: Ready, method: Method, weights: Path) -> dict[str, Any]:
    """What a card says, of a run that wrote no report."""
    training = json.loads((weights / HISTORY).read_text(encoding="utf-8"))
    spec = method.spec.model_dump(mode="json")
    kept = {key: training.get(key) for key in ("best_epoch", "pairs")}
    entry = {"name": spec["name"], "kind": spec["kind"], "spec": spec, "training": kept}
    return {
        "name": plan.spec.name,
        "methods": [entry],
        "metrics": {},
        "data": {"counts": ready.dataset.counts},
        "environment": result.environment(),
    }
