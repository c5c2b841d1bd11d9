"""What the statistics fold shows of a report: pairs, power, seeds, groups, the noise floor. Pure functions of the JSON report.

A report of before some of these were kept has fewer of them, and nothing stands in their place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from evaluation.compare import REAL_BELOW
from evaluation.statistics import detectable, items_for
from ui.figures import count, decimals
from ui.present import Report, in_words, infos, method_label, metric_label

TESTS = {
    "mcnemar exact": "McNemar's exact test on the items that only one of the two has right",
    "permutation": "sign-flip permutation test over the items",
    "group permutation": "sign-flip permutation test over the groups of items",
}


class PairRow(NamedTuple):
    """Two methods. `only` is how many items only the one and only the other has right; `smallest` the difference that could have been shown."""

    a: str
    b: str
    difference: str
    interval: str
    p: str
    adjusted: str
    only: str
    smallest: str
    said: str
    real: bool


class SeedRow(NamedTuple):
    method: str
    means: str
    over_seeds: str
    over_items: str


class Section(NamedTuple):
    """Everything about one metric; `has_…` says whether any row has that cell, `notes` are sentences, `tests` what gave the p-values."""

    pairs: list[PairRow]
    has_only: bool
    has_smallest: bool
    tests: list[str]
    notes: list[str]
    seeds: list[SeedRow]


def section(report: Report, metric: str) -> Section:
    """What stands in the fold for this metric."""
    digits, pairs = _digits(report, metric), of_metric(report, metric)
    names = labels(report)
    rows = [_row(pair, names, digits, level(report, metric)) for pair in pairs]
    tests = [TESTS[test] for test in dict.fromkeys(pair.get("test") for pair in pairs) if test in TESTS]
    notes = [in_words(text) for text in (*_power(report, metric, names), *_groups(report, metric), *_trained_once(report))]
    floor = _floor(report, metric, digits)
    return Section(
        rows,
        any(row.only for row in rows),
        any(row.smallest for row in rows),
        tests,
        [*([floor] if floor else []), *notes],
        _seeds(report, metric, digits),
    )


def labels(report: Report) -> dict[str, str]:
    return {method["name"]: method_label(method) for method in report["methods"]}


def of_metric(report: Report, metric: str) -> list[Mapping[str, Any]]:
    return [pair for pair in report.get("pairwise") or () if pair["metric"] == metric]


def level(report: Report, metric: str) -> float:
    """Holm's strictest level: that of the first of this metric's pairs."""
    return REAL_BELOW / max(1, len(of_metric(report, metric)))


def p_words(p: float | None) -> str:
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def needed(report: Report, metric: str, target: float | None) -> str:
    """How many items it would take to find a difference of `target` between methods like the two best, in a sentence."""
    if not target or target < 0:
        return "Give a difference above 0."
    power = (report.get("power") or {}).get(metric) or {}
    smallest, best = power.get("minimum_detectable_difference"), list(power.get("between") or ())
    n = _items(report, metric)
    pair: Mapping[str, Any] = next((p for p in of_metric(report, metric) if {p["a"], p["b"]} == set(best)), {})
    if smallest is None or not n:
        return f"It cannot be told: {power.get('reason') or 'this metric has no numbers'}."
    alpha, seeds = level(report, metric), float(pair.get("seed_error") or 0.0)
    error = pair.get("item_error") or smallest / detectable(1.0, alpha=alpha)
    items = items_for(target, n, float(error), seeds, alpha)
    if items is None:
        return f"No number of items would show {target:g}: the seeds of the trained methods alone vary too much. Train more of them."
    more = f", {count(items - n)} more than there are" if items > n else "; there are enough"
    return f"A difference of {target:g} takes about {count(items)} items{more}."


def suggested(report: Report, metric: str) -> float | None:
    """The difference between the two best, to begin with; where there is none, half of what could have been shown."""
    power = (report.get("power") or {}).get(metric) or {}
    best = set(power.get("between") or ())
    pair: Mapping[str, Any] = next((p for p in of_metric(report, metric) if {p["a"], p["b"]} == best), {})
    observed, smallest = abs(pair.get("difference") or 0.0), power.get("minimum_detectable_difference")
    found = observed or (smallest or 0.0) / 2
    return float(f"{found:.2g}") if found else None


def _digits(report: Report, metric: str) -> int:
    info = infos(report).get(metric) or {}
    halves = [(p["ci_high"] - p["ci_low"]) / 2 for p in of_metric(report, metric) if p.get("ci_low") is not None]
    return decimals(halves, info.get("low", 0.0), info.get("high", 1.0))


def _row(pair: Mapping[str, Any], names: Mapping[str, str], digits: int, alpha: float) -> PairRow:
    difference, low, high = pair.get("difference"), pair.get("ci_low"), pair.get("ci_high")
    adjusted = pair.get("p_adjusted")
    real = adjusted is not None and adjusted < REAL_BELOW
    only = "" if pair.get("only_a") is None else f"{pair['only_a']} / {pair['only_b']}"
    error = pair.get("item_error")
    return PairRow(
        a=names.get(pair["a"], pair["a"]),
        b=names.get(pair["b"], pair["b"]),
        difference="–" if difference is None else _signed(difference, digits),
        interval="" if low is None or high is None else f"{low + 0.0:.{digits}f} to {high + 0.0:.{digits}f}",
        p=p_words(pair.get("p_value")),
        adjusted=p_words(adjusted),
        only=only,
        smallest="" if error is None else f"{detectable(error, pair.get('seed_error') or 0.0, alpha):.{digits}f}",
        said="different" if real else str(pair.get("note") or "cannot tell"),
        real=real,
    )


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text if float(text) else text[1:]


def _power(report: Report, metric: str, names: Mapping[str, str]) -> Iterator[str]:
    power = (report.get("power") or {}).get(metric) or {}
    best = [names.get(name, name) for name in power.get("between") or ()]
    smallest, items, n = power.get("minimum_detectable_difference"), power.get("items_needed"), _items(report, metric)
    if smallest is not None and n and len(best) == 2:
        yield f"On {n} items, a true difference of {smallest:.2g} between {best[0]} and {best[1]}, the two best, is found 4 times of 5."
        if items is not None and items > n:
            yield f"To find a difference as large as the observed one takes about {count(items)} items."
    if power.get("reason"):
        yield f"How many items it takes cannot be told: {power['reason']}."


def _items(report: Report, metric: str) -> int:
    return max([(_score(method, metric).get("n") or 0) for method in report["methods"]], default=0)


def _score(method: Mapping[str, Any], metric: str) -> Mapping[str, Any]:
    return (method.get("scores") or {}).get(metric) or {}


def _groups(report: Report, metric: str) -> Iterator[str]:
    found = next((s for m in report["methods"] if (s := _score(m, metric)).get("clusters")), None)
    if found:
        worth = f"{found['effective_clusters']:.1f}"
        yield f"The {found['n']} items fall into {found['clusters']} groups, worth {worth} of equal size; a group counts as one observation."
        if found.get("note"):
            yield f"{str(found['note']).capitalize()}."


def _floor(report: Report, metric: str, digits: int) -> str:
    """The noise floor by this metric."""
    pair = ((report.get("noise_floor") or {}).get("metrics") or {}).get(metric) or {}
    if pair.get("difference") is None:
        return ""
    seeds = " and ".join(str(seed) for seed in report["noise_floor"]["seeds"])
    text = f"Noise floor: under the seeds {seeds} the same method differs by {abs(pair['difference']):.{digits}f} {metric_label(metric)}"
    if pair.get("ci_low") is None:
        return f"{text}."
    reach = max(abs(pair["ci_low"]), abs(pair["ci_high"]))
    interval = f"{pair['ci_low']:.{digits}f} to {pair['ci_high']:.{digits}f}"
    return f"{text} (95 % interval {interval}). Methods that differ by less than {reach:.{digits}f} may differ by their seeds alone."


def _several(method: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The rows of a method's seeds; none in old reports, which state their number."""
    rows = (method.get("training") or {}).get("seeds")
    return rows if isinstance(rows, list) and len(rows) > 1 else ()


def _seeds(report: Report, metric: str, digits: int) -> list[SeedRow]:
    rows = []
    for method in report["methods"]:
        means = [(row["seed"], (row.get("means") or {}).get(metric)) for row in _several(method)]
        score = _score(method, metric)
        if means and all(mean is not None for _, mean in means):
            shown = ", ".join(f"{mean:.{digits}f} (seed {seed})" for seed, mean in means)
            over = [f"{score[key]:.{digits + 1}f}" if score.get(key) is not None else "–" for key in ("seed_sd", "item_sd")]
            rows.append(SeedRow(method_label(method), shown, *over))
    return rows


def _trained_once(report: Report) -> Iterator[str]:
    once = [method_label(m) for m in report["methods"] if m.get("training") and not _several(m)]
    if once:
        names, were = (once[0], "was") if len(once) == 1 else (f"{', '.join(once[:-1])} and {once[-1]}", "were")
        about = f"{names} {were} trained under one seed, so the numbers are about these very weights."
        yield f"{about} Plan seeds: 3, or run A/A, to see how much training itself varies."
