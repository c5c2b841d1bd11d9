"""Retriever or generator: which of the two loses the points? What the oracle re-run found, in numbers.

In an oracle re-run (`comparison.oracle`) a method that retrieves is asked again with the gold passage in the prompt, instead of those that were
found. Over the items that have a known gold passage, by each metric:

    retrieval loss = oracle - actual     what a perfect retriever would add
    generator loss = best - oracle       what the model still gets wrong with the right passage before it

so that actual + retrieval loss + generator loss = the best possible score. This is the usual ceiling analysis of pipelines; for RAG compare
"oracle" settings in RGB (Chen et al. 2023, arXiv:2309.01431) and BERGEN (Rau et al. 2024, arXiv:2407.01102).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.records import Score, Scored
from evaluation.statistics import mean_interval, paired_difference

if TYPE_CHECKING:
    from comparison.analyses import Study

SUFFIX = ".oracle"


def oracle_name(method: str) -> str:
    """Under which name a method's oracle answers and scores are kept; a dot stands in no method's name."""
    return method + SUFFIX


def oracle_entries(study: Study) -> dict[str, dict[str, Any]]:
    """{method: {"oracle": entry}} of the methods that were asked again."""
    infos = study.report.get("metrics") or {}
    primary = str((study.report.get("verdict") or {}).get("primary") or "")
    groups = {example.id: example.group for example in study.splits.test if example.group}
    found: dict[str, dict[str, Any]] = {}
    for metric, by_method in study.oracle.items():
        for method, scores in by_method.items():
            actual = study.scores.get(metric, {}).get(method, {})
            entry = found.setdefault(method, {"metric": primary, "scores": {}})
            entry["scores"][metric] = _loss(scores, actual, infos.get(metric) or {}, groups)
    for entry in found.values():
        of_primary = entry["scores"].get(primary) or {}
        entry |= {key: of_primary.get(key) for key in ("n", "left_out", "retrieval_loss", "generator_loss")}
    return {method: {"oracle": entry} for method, entry in found.items()}


def _loss(oracle: Mapping[str, Scored], actual: Mapping[str, Scored], info: Mapping[str, Any], groups: Mapping[str, str]) -> dict[str, Any]:
    """One metric's row: means over the items that have both scores; a loss is positive where something is lost."""
    pairs = {i: (s.value, other.value) for i, s in oracle.items() if isinstance(s, Score) and isinstance(other := actual.get(i), Score)}
    with_gold, without = [pair[0] for pair in pairs.values()], [pair[1] for pair in pairs.values()]
    low, high, higher = float(info.get("low", 0.0)), float(info.get("high", 1.0)), bool(info.get("higher_is_better", True))
    share, inside = (low, high) == (0.0, 1.0), [groups.get(i, "") for i in pairs] if groups else None
    mean = mean_interval(with_gold, share=share, groups=inside)
    gain = paired_difference(with_gold, without, share=share, groups=inside)
    sign = 1.0 if higher else -1.0
    ends = sorted(sign * end for end in (gain.low, gain.high) if end is not None)
    return {
        "mean": mean.mean,
        "ci_low": mean.low,
        "ci_high": mean.high,
        "n": mean.n,
        "left_out": len(actual) - mean.n,
        "actual": sum(without) / len(without) if without else None,
        "retrieval_loss": None if gain.difference is None else 0.0 + sign * gain.difference,
        "retrieval_ci_low": ends[0] if ends else None,
        "retrieval_ci_high": ends[-1] if ends else None,
        "generator_loss": None if mean.mean is None else (high - mean.mean if higher else mean.mean - low),
    }
