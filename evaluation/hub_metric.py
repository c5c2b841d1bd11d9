"""Any further metric of the `evaluate` library, named in a plan by its hub name or by the path of a local script.

    metrics:
      - rouge1
      - {evaluate: scripts/sentence_count.py, name: sentences, args: {target: 2}, key: sentences}

Such a metric runs code: a local script is the person's own, a hub name runs what its author published there. Name only what you trust.
`evaluate` takes seconds to import and its hub metrics need the hub, so both wait until there are answers to score. Scores are needed per
item (for intervals and paired tests), so each pair is given alone, unless the metric itself returns a list with one number per item.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

from pydantic import Field

from core.errors import Cancelled, PlanError, nearest
from core.records import Score, Scored, Unscored
from core.specs import Spec
from evaluation.base import Item, MetricInfo, Resources


class HubMetricSpec(Spec):
    """A metric of the `evaluate` library."""

    evaluate: str = Field(min_length=1, description="A hub name (meteor), or a local script's path, from the plan's folder.")
    name: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]{1,40}$", description="Its key in tables; by default the end of `evaluate`.")
    args: dict[str, Any] = Field(default_factory=dict, description="Arguments for the metric's compute().")
    key: str | None = Field(None, description="Which value of its result to take; by default its only number.")
    per_item: bool = Field(True, description="True asks for each pair alone; False once for all and expects a list of a number per item.")
    higher_is_better: bool = Field(True, description="False for error rates and distances.")
    low: float = Field(0.0, allow_inf_nan=False, description="Lowest value it can give.")
    high: float = Field(1.0, allow_inf_nan=False, description="Highest value it can give; often 1 or 100.")

    @property
    def key_in_tables(self) -> str:
        return self.name or Path(self.evaluate).stem or self.evaluate


def hub_metric(spec: HubMetricSpec, base: Path) -> HubMetric:
    """The metric that a plan describes; nothing is imported or loaded yet.

    Args:
        base: the folder from which a relative path is meant (the plan's).

    Raises:
        PlanError: it is written as a path and there is no such file, or its range is empty.
    """
    if spec.low >= spec.high:
        raise PlanError(f"{spec.key_in_tables}.high must be above low ({spec.low:g}); got {spec.high:g}.", "Give the range of the metric.")
    path = base / Path(spec.evaluate).expanduser()
    written_as_path = spec.evaluate.endswith(".py") or spec.evaluate.startswith((".", "/", "~"))
    if written_as_path and not path.exists():
        raise PlanError(f"There is no metric script {spec.evaluate}.", f"Paths are from the plan's folder; looked for {path}.")
    source = str(path.resolve()) if path.exists() else spec.evaluate
    info = MetricInfo(
        name=spec.key_in_tables,
        label=f"{spec.key_in_tables}, by evaluate",
        low=spec.low,
        high=spec.high,
        unit="",
        higher_is_better=spec.higher_is_better,
        how=f"{spec.evaluate} of the evaluate library" + (f" with {spec.args}" if spec.args else "") + "; per item, then the mean.",
    )
    return HubMetric(info, spec, source)


@dataclass(frozen=True)
class HubMetric:
    """Wraps an `evaluate` module as one of our metrics. `source` is a hub name or an absolute path."""

    info: MetricInfo
    spec: HubMetricSpec
    source: str
    loaded: list[Any] = field(default_factory=list, repr=False, compare=False)

    def load(self) -> Any:
        """The module, loaded once.

        Raises:
            PlanError: the hub can't be reached, it has no such metric, or the script does not run.
        """
        if not self.loaded:
            try:
                import evaluate

                self.loaded.append(evaluate.load(self.source, keep_in_memory=True))
            except Cancelled:
                raise
            except Exception as error:
                reason = " ".join(str(error).replace(self.source, self.spec.evaluate).split())[:200] or type(error).__name__
                raise PlanError(
                    f"The metric '{self.spec.evaluate}' could not be loaded: {reason}",
                    "A hub name needs the hub and the metric's own requirements; a local script's path works without.",
                ) from error
        return self.loaded[0]

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        """Raises PlanError where the metric can't be loaded or its result has no such key."""
        if not items:
            return []
        module = self.load()
        return [self._one(module, item) for item in items] if self.spec.per_item else self._all(module, items)

    def _one(self, module: Any, item: Item) -> Scored:
        result = _compute(module, [item], self.spec.args)
        return result if isinstance(result, Unscored) else self._checked(self._take(result))

    def _all(self, module: Any, items: Sequence[Item]) -> list[Scored]:
        result = _compute(module, items, self.spec.args)
        if isinstance(result, Unscored):
            return [result for _ in items]
        values = self._take(result)
        if not isinstance(values, Sequence) or len(values) != len(items):
            raise PlanError(
                f"{self.info.name} must give a list of {len(items)} numbers with per_item: false; got {type(values).__name__}.",
                "Leave per_item out, so that each pair is scored alone.",
            )
        return [self._checked(value) for value in values]

    def _take(self, result: Mapping[str, Any]) -> Any:
        wanted = (list if not self.spec.per_item else Real) if self.spec.key is None else object
        keys = [key for key, value in result.items() if self.spec.key in (None, key) and isinstance(value, wanted)]
        if self.spec.key is None and len(keys) > 1 and self.info.name in keys:
            keys = [self.info.name]
        if len(keys) != 1:
            got = self.spec.key or "none"
            raise PlanError(f"{self.info.name}.key must name one value of the metric's result; got {got}.", nearest(str(got), result))
        return result[keys[0]]

    def _checked(self, value: Any) -> Scored:
        if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
            value = value[0]
        if not isinstance(value, Real) or not math.isfinite(float(value)):
            return Unscored(f"the metric gave {str(value)[:40]!r}, which is not a number")
        if not self.spec.low <= float(value) <= self.spec.high:
            return Unscored(f"the metric gave {float(value):g}, outside the stated range {self.spec.low:g} to {self.spec.high:g}")
        return Score(float(value))


def _compute(module: Any, items: Sequence[Item], args: Mapping[str, Any]) -> Mapping[str, Any] | Unscored:
    try:
        result = module.compute(predictions=[item.prediction for item in items], references=[item.reference for item in items], **args)
    except Cancelled:
        raise
    except Exception as error:
        return Unscored(f"the metric failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
    return result if isinstance(result, Mapping) else Unscored("the metric gave no result")
