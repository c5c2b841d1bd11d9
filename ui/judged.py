"""The judge of a report in words and figures: what its check asked, what came out, and whether that is enough. Pure functions of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ui.figures import duration
from ui.present import Report, in_words, method_label

KINDS = {
    "shuffled": "words in another order",
    "truncated": "only the first third",
    "negated": "the opposite",
    "padded": "padded with empty sentences",
    "exchanged": "the answer to another question",
}
NONE = "No judge has marked these answers."


class Check(NamedTuple):
    """One question to the judge: what was asked, in how far it held, what is asked for, and whether that is met ("" where nothing is known)."""

    question: str
    value: str
    interval: str
    asked: str
    met: str


class Pair(NamedTuple):
    a: str
    b: str
    rate: str
    interval: str
    counts: str
    flips: str


class View(NamedTuple):
    """What the template shows. `head` is the judgement in a sentence; `tone` is good, bad or quiet."""

    head: str
    tone: str
    reason: str
    warning: str
    checks: Sequence[Check]
    kinds: Sequence[tuple[str, str, str]]
    facts: Sequence[tuple[str, str]]
    lengths: Sequence[tuple[str, str]]
    pairs: Sequence[Pair]
    rubric: str


def view(report: Report, *, with_rows: bool = True) -> View:
    """A report's judge; a plain sentence where it has none.

    Args:
        with_rows: whether texts that the owner wrote may be shown.
    """
    judge = report.get("judge")
    if not judge:
        return View(NONE, "quiet", "", "", (), (), (), (), (), "")
    checked = judge["certificate"]
    known = bool(checked.get("intervals"))
    head = "This judge passed its check on this task: its marks may decide." if checked["trusted"] else "This judge's marks decide nothing."
    reason = (
        f"On this task {checked['reason']}."
        if known and checked["reason"]
        else ""
        if checked["trusted"]
        else "It was never checked on this task."
    )
    return View(
        head=head,
        tone="good" if checked["trusted"] else "bad",
        reason=reason,
        warning=str(checked.get("family_warning") or ""),
        checks=checks(checked) if known else (),
        kinds=_kinds(checked) if known else (),
        facts=_facts(judge),
        lengths=_lengths(report, judge.get("length") or {}),
        pairs=[_pair(report, pair) for pair in judge.get("pairwise") or ()],
        rubric=str(judge.get("rubric") or "") if with_rows else "",
    )


def checks(found: Mapping[str, Any]) -> list[Check]:
    """The check's questions as rows."""
    limit, ends = found["thresholds"], found["intervals"]
    low = ends["auc"][0]
    right = None if found["auc"] is None else found["auc"] >= limit["auc"] and low is not None and low >= limit["auc_low"]
    asked = f"AUC at least {limit['auc']:.2f}, lower end {limit['auc_low']:.2f}"
    slope, gain = ("length_slope", " marks a doubling"), ("injection_gain", " marks")
    return [
        Check("Does it mark right answers above spoilt ones?", _figure(found["auc"]), _between(ends["auc"]), asked, _met(right)),
        _most("Does its choice change when two answers change places?", found, "flip_rate", share=True),
        _most("Do empty sentences raise a mark?", found, slope[0], unit=slope[1]),
        _most("Does a wrong answer gain by asking for the best mark?", found, gain[0], unit=gain[1]),
        _calls(found),
        _people(found),
    ]


def _calls(found: Mapping[str, Any]) -> Check:
    most, told = found["thresholds"]["unscored"], found["calls"] - found["unscored"]
    met = _met(found["unscored"] <= most * found["calls"]) if found["calls"] else ""
    return Check("Does every call give a mark?", f"{told} of {found['calls']}", "", f"at most {most:.0%} without", met)


def _people(found: Mapping[str, Any]) -> Check:
    kappa, limit = found["human_kappa"], found["thresholds"]
    votes = f"{found['human_votes']} answers" if found["human_votes"] else "nobody has voted"
    asked = f"kappa at least {limit['human_kappa']:.2f}, from {limit['human_votes']:.0f} answers on"
    enough = kappa is not None and found["human_votes"] >= limit["human_votes"]
    return Check("Does it agree with people?", _figure(kappa), votes, asked, _met(kappa >= limit["human_kappa"]) if enough else "")


def _most(question: str, found: Mapping[str, Any], name: str, *, unit: str = "", share: bool = False) -> Check:
    value, limit, ends = found[name], found["thresholds"][name], found["intervals"][name]
    asked = f"at most {limit:.0%}" if share else f"at most {limit:+.2f}{unit}"
    shown = _figure(value, sign=not share, share=share)
    return Check(question, shown, _between(ends, sign=not share, share=share), asked, _met(None if value is None else value <= limit))


def _met(held: bool | None) -> str:
    return "" if held is None else "yes" if held else "no"


def _figure(value: float | None, *, sign: bool = False, share: bool = False) -> str:
    if value is None:
        return "–"
    return f"{value:.0%}" if share else f"{value:+.2f}" if sign and round(value, 2) else f"{abs(value) if sign else value:.2f}"


def _between(ends: Sequence[float | None], *, sign: bool = False, share: bool = False) -> str:
    low, high = ends
    return "" if low is None or high is None else f"{_figure(low, sign=sign, share=share)} to {_figure(high, sign=sign, share=share)}"


def _kinds(found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(kind, mean mark, AUC) of the references and of each way of spoiling them."""
    marks = found.get("marks") or {}
    rows = [("the reference itself", _figure(marks.get("reference")), "")]
    return rows + [(KINDS.get(kind, kind), _figure(marks.get(kind)), _figure(area)) for kind, area in found["auc_by_kind"].items()]


def _facts(judge: Mapping[str, Any]) -> list[tuple[str, str]]:
    checked = judge["certificate"]
    where = {"same": "the base model itself", "model": "another model on this machine", "endpoint": f"behind {judge.get('server')}"}
    facts = [
        (
            "Model",
            " · ".join(
                t
                for t in (
                    str(judge["model"]),
                    where.get(str(judge.get("kind")), ""),
                    f"revision {judge['revision']}" if judge.get("revision") else "",
                )
                if t
            ),
        )
    ]
    facts.append(("Marks", f"1 to {judge['scale']}" + ("" if judge["scale"] == 5 else ", shown as 1 to 5")))
    if checked.get("calls"):
        cost = f"{checked['n']} references, {checked['calls']} calls, {duration(checked.get('seconds'))}"
        facts.append(("What the check took", cost))
    if judge.get("spent"):
        facts.append(("Spent on this comparison", f"{judge['spent']:.4g}" + (f" of at most {judge['cap']:g}" if judge.get("cap") else "")))
    if sum((judge.get("unscored") or {}).values()):
        facts.append(
            (
                "Answers without a mark",
                f"{sum(judge['unscored'].values())}" + (": the comparison is incomplete" if judge["incomplete"] else ""),
            )
        )
    if sum((judge.get("pleading") or {}).values()):
        facts.append(("Answers that talk to the judge", str(sum(judge["pleading"].values()))))
    return facts


def _lengths(report: Report, length: Mapping[str, Any]) -> list[tuple[str, str]]:
    if not length:
        return []
    value = length.get("correlation")
    rows = [
        (
            "Marks and length, over all answers",
            f"Spearman {value:+.2f} on {length['n']}" if value is not None else str(length.get("reason")),
        )
    ]
    words = length.get("mean_words") or {}
    return rows + [(method_label(m), f"{words[m['name']]:.1f} words on average") for m in report["methods"] if m["name"] in words]


def _pair(report: Report, pair: Mapping[str, Any]) -> Pair:
    labels = {str(m["name"]): method_label(m) for m in report["methods"]}
    a, b = (labels.get(pair[side], in_words(str(pair[side]))) for side in ("a", "b"))
    counts = f"{pair['wins']} won, {pair['ties']} tied, {pair['losses']} lost" + (
        f", {pair['unscored']} unscored" if pair["unscored"] else ""
    )
    ends = (pair["ci_low"], pair["ci_high"])
    return Pair(
        a,
        b,
        _figure(pair["win_rate"]) if pair["win_rate"] is not None else str(pair["reason"]),
        _between(ends),
        counts,
        _figure(pair["flip_rate"], share=True),
    )
