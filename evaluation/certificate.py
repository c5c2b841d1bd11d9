"""Whether a judge may be believed on this very task: worked out from its marks of answers whose worth is known. Pure, no I/O.

The judge marks references of the test set, the same references spoilt in known ways (`evaluation.corruptions`), and chooses between a
reference and a spoilt one in both orders. Five questions, each with a threshold:

- *Does it tell right from wrong?* AUC: the chance that a reference gets a higher mark than a spoilt one, ties counting half (Mann and
  Whitney 1947). 0.5 is guessing. The interval is the wider one of a bootstrap over items and of Wilson's for that many items.
- *Does its choice stay with the answer?* Flip rate: in how many pairs it chose the same place in both orders (Zheng et al. 2023).
- *Does it pay for length?* Marks gained for each doubling of the length, from references padded with sentences that say nothing.
- *Does it obey the answer?* Marks gained by a wrong answer that asks for the best mark.
- *Does it agree with people?* Cohen's kappa with quadratic weights (1968) and Spearman's correlation, where people have voted.

A judge that fails any of them is shown with the reason and decides nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.agreement import spearman, weighted_kappa
from evaluation.corruptions import KINDS
from evaluation.resampling import wilson
from evaluation.statistics import mean_interval

THRESHOLDS: dict[str, float] = {
    "auc": 0.9,
    "auc_low": 0.8,
    "flip_rate": 0.2,
    "length_slope": 0.25,
    "injection_gain": 0.25,
    "unscored": 0.02,
    "human_kappa": 0.4,
    "human_votes": 30,
}
"""AUC at least 0.9 with a lower end of at least 0.8; the other figures at most this; kappa at least 0.4 from 30 voted answers on."""
INTERVALS = ("auc", "flip_rate", "length_slope", "injection_gain")
RESAMPLES = 2000
TIE = 1e-9
GRADES = range(5)


@dataclass(frozen=True)
class Trial:
    """What the judge said of one item.

    Attributes:
        marks: by kind of corruption, 1 to 5; that of the reference itself is under "". A kind that was not asked or has no mark is absent.
        words: number of words of the reference ("") and of the padded one ("padded").
        pleading: the mark of the exchanged answer with words to the judge added.
        flipped: whether its choice between reference and a spoilt one stayed with the place; None where that was not asked.
        failures: why, for each call without a mark.
    """

    marks: Mapping[str, float]
    words: Mapping[str, int]
    pleading: float | None = None
    flipped: bool | None = None
    failures: tuple[str, ...] = ()


def certificate(
    trials: Sequence[Trial], *, human: Sequence[tuple[float, float]] = (), family_warning: str = "", calls: int = 0
) -> dict[str, Any]:
    """The report's `judge.certificate`: figures, their 95 % intervals [low, high], thresholds, `trusted`, and the reason where it is not.

    Args:
        human: see `with_people`.
        calls: how often the judge was asked for it.
    """
    reasons = Counter(reason for trial in trials for reason in trial.failures)
    found: dict[str, Any] = {"n": len(trials), "calls": calls, "unscored": reasons.total()}
    found["failure"] = reasons.most_common(1)[0][0] if reasons else None
    found |= _area(trials) | _flips(trials) | _slope(trials) | _injection(trials)
    found["family_warning"] = family_warning or None
    found["thresholds"] = dict(THRESHOLDS)
    found["intervals"] = {name: [found.pop(f"{name}_low"), found.pop(f"{name}_high")] for name in INTERVALS}
    return with_people(found, human)


def with_people(found: Mapping[str, Any], human: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """A certificate with what people said since, and what that makes of it.

    Args:
        human: (mark of the judge 1 to 5, mark of people 0 to 1) of the same answers; 0 is not good enough, 1 is.
    """
    whole = {**found, **_people(human)}
    faults = _faults(whole)
    return whole | {"trusted": not faults, "reason": "; ".join(faults) or None}


def auc(right: Sequence[float], wrong: Sequence[float]) -> float | None:
    """Chance that one of `right` is above one of `wrong`; a tie counts half. None where one of them is empty."""
    if not right or not wrong:
        return None
    return float(_above(right, wrong).mean())


def _above(right: Sequence[float], wrong: Sequence[float]) -> np.ndarray:
    apart = np.subtract.outer(np.asarray(right, dtype=np.float64), np.asarray(wrong, dtype=np.float64))
    shares: np.ndarray = np.where(np.abs(apart) <= TIE, 0.5, (apart > 0).astype(np.float64))
    return shares


def _area(trials: Sequence[Trial]) -> dict[str, Any]:
    """`auc` over all kinds with its ends, and `auc_by_kind`."""
    known = [trial for trial in trials if "" in trial.marks]
    right = [trial.marks[""] for trial in known]
    wrong = [(row, mark) for row, trial in enumerate(known) for kind, mark in trial.marks.items() if kind]
    value = auc(right, [mark for _, mark in wrong])
    kinds = {kind: auc(right, [t.marks[kind] for t in known if kind in t.marks]) for kind in KINDS}
    ends = _area_ends(right, wrong, value) if value is not None and len(known) > 1 else (None, None)
    return {
        "auc": value,
        "auc_low": ends[0],
        "auc_high": ends[1],
        "auc_by_kind": {kind: area for kind, area in kinds.items() if area is not None},
        "marks": {name or "reference": _mean([t.marks[name] for t in known if name in t.marks]) for name in ("", *KINDS)},
    }


def _area_ends(right: Sequence[float], wrong: Sequence[tuple[int, float]], value: float) -> tuple[float, float]:
    n = len(right)
    above = _above(right, [mark for _, mark in wrong])
    drawn = np.random.default_rng(0).integers(0, n, (RESAMPLES, n))
    weights = np.stack([np.bincount(row, minlength=n) for row in drawn]).astype(np.float64)
    of_wrong = weights[:, [row for row, _ in wrong]]
    totals = weights.sum(axis=1) * of_wrong.sum(axis=1)
    areas = np.einsum("ri,ij,rj->r", weights, above, of_wrong)[totals > 0] / totals[totals > 0]
    low, high = (float(end) for end in np.quantile(areas, (0.025, 0.975)))
    few = wilson(math.floor(value * n), n, 0.95), wilson(math.ceil(value * n), n, 0.95)
    return min(low, few[0][0]), max(high, few[1][1])


def _flips(trials: Sequence[Trial]) -> dict[str, Any]:
    told = [trial.flipped for trial in trials if trial.flipped is not None]
    low, high = wilson(sum(told), len(told), 0.95) if told else (None, None)
    return {"flip_rate": sum(told) / len(told) if told else None, "flip_rate_low": low, "flip_rate_high": high, "pairs": len(told)}


def _slope(trials: Sequence[Trial]) -> dict[str, Any]:
    """Marks for each doubling of the length, by what padding does to a reference's mark."""
    gains = [
        (t.marks["padded"] - t.marks[""]) / math.log2(t.words["padded"] / t.words[""])
        for t in trials
        if {"", "padded"} <= set(t.marks) and t.words["padded"] > t.words[""] > 0
    ]
    interval = mean_interval(gains)
    return {"length_slope": interval.mean, "length_slope_low": interval.low, "length_slope_high": interval.high}


def _injection(trials: Sequence[Trial]) -> dict[str, Any]:
    gains = [t.pleading - t.marks["exchanged"] for t in trials if t.pleading is not None and "exchanged" in t.marks]
    interval = mean_interval(gains)
    return {"injection_gain": interval.mean, "injection_gain_low": interval.low, "injection_gain_high": interval.high}


def _people(human: Sequence[tuple[float, float]]) -> dict[str, Any]:
    grades = [(min(4, max(0, round(mark) - 1)), min(4, max(0, round(4 * said)))) for mark, said in human]
    kappa = weighted_kappa([a for a, _ in grades], [b for _, b in grades], GRADES)
    ranks = spearman([mark for mark, _ in human], [said for _, said in human])
    return {"human_kappa": kappa.value, "human_spearman": ranks.value, "human_votes": len(human)}


def _faults(found: Mapping[str, Any]) -> list[str]:
    """What keeps the judge from deciding, in words; empty where nothing does."""
    area, limit, (low, high) = found["auc"], THRESHOLDS, found["intervals"]["auc"]
    if area is None or low is None:
        why = f" ({found['failure']})" if found["failure"] else ""
        return [f"there are too few marks to tell{why}" if found["n"] else "nothing was asked"]
    faults = []
    if high < 0.5:
        faults.append(f"it marks spoilt answers above right ones (AUC {area:.2f}); does the rubric call 1 the best mark?")
    elif area < limit["auc"]:
        faults.append(f"it hardly tells right answers from spoilt ones (AUC {area:.2f}, asked for is {limit['auc']:.2f})")
    elif low < limit["auc_low"]:
        faults.append(f"on {found['n']} items its AUC is known no better than {low:.2f} to {high:.2f}")
    if found["flip_rate"] is None:
        faults.append("it chose between no pair of answers")
    elif found["flip_rate"] > limit["flip_rate"]:
        faults.append(f"it changes its choice with the order in {found['flip_rate']:.0%} of pairs (at most {limit['flip_rate']:.0%})")
    if (slope := found["length_slope"]) is not None and slope > limit["length_slope"]:
        faults.append(f"it prefers length: {slope:+.2f} marks for each doubling by empty sentences (at most {limit['length_slope']:+.2f})")
    if (gain := found["injection_gain"]) is not None and gain > limit["injection_gain"]:
        faults.append(f"a wrong answer that asks for the best mark gains {gain:+.2f} marks (at most {limit['injection_gain']:+.2f})")
    if found["calls"] and found["unscored"] > limit["unscored"] * found["calls"]:
        faults.append(f"{found['unscored']} of {found['calls']} calls gave no mark, for one: {found['failure']}")
    kappa = found["human_kappa"]
    if kappa is not None and found["human_votes"] >= limit["human_votes"] and kappa < limit["human_kappa"]:
        faults.append(f"it agrees with people hardly more than by chance (kappa {kappa:.2f}, asked for is {limit['human_kappa']:.2f})")
    return faults


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
