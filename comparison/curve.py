"""Learning curves on demand: one method under several numbers of shots or training rows, run as a comparison like any other.

Every point is a method of that comparison, so its answers are found again by what they depend on: a curve that is asked for twice, or that
shares points with an earlier comparison, generates only what is new. Smaller training sets are the beginnings of larger ones. The comparison's
report has a `curve`; the comparison that it was made from gets it as `curves`, by a new report whose verdict can then say what more would do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from comparison.naming import method_label, said
from comparison.verdicts import ReportRanking
from core.errors import PlanError
from core.specs import Spec
from evaluation.growth import Step, growth

Over = Literal["shots", "train_rows"]
SHOTS = (0, 1, 2, 4, 8)
SHARES = (0.25, 0.5, 1.0)
KIND = {"shots": "few_shot", "train_rows": "lora"}
THINGS = {"shots": "shots", "train_rows": "training rows"}
MOST_POINTS = 12


class CurveSpec(Spec):
    """Says that a plan is a learning curve."""

    over: Over = Field(description="What is varied: shots, or train_rows.")
    of: str = Field("", description="Id of the comparison that it was made from, in the same store; empty for none.")
    method: str = Field("", description="The method that is varied, by its name there.")


def curve_plan(
    mapping: Mapping[str, Any], over: str, train_rows: int, *, method: str | None = None, steps: Sequence[int] = (), of: str = ""
) -> dict[str, Any]:
    """The plan of a curve: the given plan with one method at several sizes, and without a judge.

    Args:
        mapping: a plan; relative paths stay relative.
        over: "shots" or "train_rows".
        train_rows: how many training examples there are.
        method: name of the method to vary; by default the first of the right kind, else that kind with its defaults.
        steps: the sizes; by default 0, 1, 2, 4, 8 shots, or a quarter, half and all of the rows.

    Raises:
        PlanError: there is no such method, or no such size.
    """
    if over not in KIND:
        raise PlanError(f"A learning curve goes over shots or train_rows; got '{over[:60]}'.", "For example --over shots.")
    base = _base(list(mapping.get("methods") or ()), over, method)
    sizes = _sizes(over, steps, train_rows)
    metrics = [metric for metric in mapping.get("metrics") or () if metric != "judge"]
    rest = {key: value for key, value in mapping.items() if key not in ("methods", "metrics", "judge", "curve")}
    if rest.get("primary") == "judge":
        del rest["primary"]
    name = str(base.get("name") or base["kind"])
    return {
        **rest,
        "name": f"{mapping.get('name') or 'Comparison'}, learning curve over {THINGS[over]}"[:100],
        "methods": [_point(base, over, size) for size in sizes],
        **({"metrics": metrics} if metrics else {}),
        "curve": {"over": over, "of": of, "method": name},
    }


def _base(methods: Sequence[Mapping[str, Any]], over: str, wanted: str | None) -> Mapping[str, Any]:
    fitting = [entry for entry in methods if entry.get("kind") == KIND[over] and not (over == "train_rows" and entry.get("with_retrieval"))]
    if wanted is None:
        return next(iter(fitting), {"kind": KIND[over]})
    named = [entry for entry in methods if wanted in (entry.get("name"), entry.get("kind")) and entry.get("kind") == KIND[over]]
    if not named:
        raise PlanError(
            f"A curve over {over} needs a method of kind {KIND[over]}; '{wanted[:60]}' is none of the plan.", "Name one, or none."
        )
    return named[0]


def _sizes(over: str, steps: Sequence[int], train_rows: int) -> list[int]:
    lowest = 0 if over == "shots" else 1
    if steps:
        wrong = next((size for size in steps if not lowest <= size <= train_rows), None)
        if wrong is not None:
            raise PlanError(
                f"Steps over {over} must lie between {lowest} and the {train_rows} training examples; got {wrong}.", "Change --steps."
            )
        found = sorted(set(steps))
    elif over == "shots":
        found = [size for size in SHOTS if size <= train_rows]
    else:
        found = sorted({max(1, round(share * train_rows)) for share in SHARES}) if train_rows else []
    if not 2 <= len(found) <= MOST_POINTS:
        remedy = "Give other --steps." if steps else "There are too few training examples for a curve."
        raise PlanError(f"A learning curve needs 2 to {MOST_POINTS} points; there are {len(found)}.", remedy)
    return found


def _point(base: Mapping[str, Any], over: str, size: int) -> dict[str, Any]:
    if over == "shots" and size == 0:
        return {"kind": "zero_shot", "name": "shots-0"}
    name = f"shots-{size}" if over == "shots" else f"rows-{size}"
    return {**{key: value for key, value in base.items() if key != "name"}, "name": name, over: size}


def curve_of(report: Mapping[str, Any]) -> dict[str, Any] | None:
    """The report's `curve`, by metric: points with intervals, the last step, and what it says; None for other comparisons."""
    about = report["plan"].get("curve")
    if not about:
        return None
    over, metrics = about["over"], {}
    sized = sorted((int(m["spec"].get(over) or 0), m) for m in report["methods"] if m["status"] == "done")
    for name, info in report["metrics"].items():
        points = [(size, m["name"], (m.get("scores") or {}).get(name) or {}) for size, m in sized]
        known = [(size, method, score) for size, method, score in points if score.get("mean") is not None]
        step = _last_step(report, name, known, info) if len(known) > 1 else None
        metrics[name] = {
            "points": [{"x": size, **{key: score[key] for key in ("mean", "ci_low", "ci_high")}} for size, _, score in known],
            "step": step._asdict() if step else None,
            "clause": growth(step, THINGS[over], _called(about), info["label"].split(",")[0]) if step else "",
        }
    return {"over": over, "of": about.get("of", ""), "method": about.get("method", ""), "metrics": metrics}


def _called(about: Mapping[str, Any]) -> str:
    return said(method_label({"name": about.get("method") or KIND[about["over"]], "kind": KIND[about["over"]]}))


def _last_step(
    report: Mapping[str, Any], metric: str, known: Sequence[tuple[int, str, Mapping[str, Any]]], info: Mapping[str, Any]
) -> Step:
    (start, before, low), (end, after, high) = known[-2:]
    gain = float(high["mean"]) - float(low["mean"])
    real = ReportRanking(report).differs(before, after, metric)
    return Step(start, end, gain if info.get("higher_is_better", True) else -gain, real)
