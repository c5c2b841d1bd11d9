"""The report's `retrieval` of each method that retrieves: how well it finds, and how good its answers are where it found and where it did not.

Worked out from the passages that stood in the prompts, so what was found and did not fit counts as not found. How good answers are by what was
found tells the retriever from the generator, but items whose passage is hard to find may be hard in themselves, too: only the oracle re-run
asks the same items twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from comparison.diagnosis import Diagnosis
from core.records import Answer, Passage, Score, Scored
from evaluation.evidence import OUTCOMES, Evidence, evidence
from evaluation.gold import named_documents, same_document
from evaluation.ranking import MEASURES, NO_GOLD
from evaluation.statistics import mean_interval

if TYPE_CHECKING:
    from comparison.analyses import Study

SHOWN = (1, 3, 5, 10)
"""The k that are reported, as far as the method's own reaches, which is always one."""


def retrieval_entries(study: Study) -> dict[str, dict[str, Any]]:
    """{method: {"retrieval": entry}} of the methods that retrieve."""
    diagnosis = Diagnosis(study)
    by_document = _names_documents(diagnosis)
    return {name: {"retrieval": _entry(diagnosis, name, by_document)} for name in diagnosis.retrieving}


def _names_documents(diagnosis: Diagnosis) -> bool:
    """Whether the gold columns name documents: at least one of them does. A column `source` may hold anything."""
    names = {name for example in diagnosis.examples.values() for name in named_documents(example)}
    passages = (passage for name in diagnosis.retrieving for a in diagnosis.study.answers[name].values() for passage in ranked_passages(a))
    documents = {passage.document for passage in passages}
    return any(same_document(name, document) for name in names for document in documents)


def ranked_passages(answer: Answer) -> list[Passage]:
    """A prompt's passages, best first: a prompt may hold them in another order."""
    return [found.passage for found in sorted(answer.prompt.passages, key=lambda found: found.rank)]


def _entry(diagnosis: Diagnosis, method: str, by_document: bool) -> dict[str, Any]:
    answers = {i: answer for i, answer in diagnosis.study.answers[method].items() if i in diagnosis.examples}
    looked = {
        i: evidence(diagnosis.examples[i], ranked_passages(answer), i in diagnosis.known, diagnosis.labels, by_document=by_document)
        for i, answer in answers.items()
    }
    k = _top_k(diagnosis.study.report, method, answers.values())
    groups = {i: example.group for i, example in diagnosis.examples.items() if example.group}
    without = sum(not found.gold for found in looked.values())
    return {
        "k": k,
        "by": "document" if by_document else "answer",
        "known_from": "prompts" if diagnosis.study.gold is None else "documents",
        "n": len(looked) - without,
        "without_gold": {"n": without, "reason": NO_GOLD} if without else None,
        **measured(looked, [*(cut for cut in SHOWN if cut < k), k], groups),
        "quality": _quality(diagnosis, method, looked, groups),
    }


def _top_k(report: Mapping[str, Any], method: str, answers: Collection[Answer]) -> int:
    stated = next((entry.get("spec") or {} for entry in report["methods"] if entry["name"] == method), {}).get("top_k")
    return max(1, int(stated or 0), *(len(answer.prompt.passages) for answer in answers))


def measured(looked: Mapping[str, Evidence], cuts: Sequence[int], groups: Mapping[str, str]) -> dict[str, Any]:
    """Each measure at each cut k, with "mrr" at the greatest, and "answer@k": the share whose first k passages hold the answer.

    {} where nothing is known to be gold.
    """
    found: dict[str, Any] = {}
    if not any(one.gold for one in looked.values()):
        return found
    for cut in sorted(set(cuts)):
        for name, measure in MEASURES.items():
            if name != "mrr" or cut == max(cuts):
                scores = {i: measure(one.ids, one.gold, cut) for i, one in looked.items()}
                found[name if name == "mrr" else f"{name}@{cut}"] = mean_of(scores, groups)
        held = {i: Score(float(any(one.answer[:cut]))) for i, one in looked.items() if one.answer is not None}
        if held:
            found[f"answer@{cut}"] = mean_of(held, groups)
    return found


def mean_of(scores: Mapping[str, Scored], groups: Mapping[str, str], share: bool = True) -> dict[str, Any]:
    """Mean and interval over the items that have a number; {"mean", "ci_low", "ci_high", "n"}."""
    values = {i: scored.value for i, scored in scores.items() if isinstance(scored, Score)}
    found = mean_interval(list(values.values()), share=share, groups=[groups.get(i, "") for i in values] if groups else None)
    low = found.low if found.low is None or not share else max(found.low, 0.0)
    return {"mean": found.mean, "ci_low": low, "ci_high": found.high, "n": found.n}


def _quality(diagnosis: Diagnosis, method: str, looked: Mapping[str, Evidence], groups: Mapping[str, str]) -> dict[str, Any]:
    """The primary metric's mean over the items with a hit, a part, and a miss, and with the gold passage in the prompt where that was tried."""
    share = (float(diagnosis.info.get("low", 0.0)), float(diagnosis.info.get("high", 1.0))) == (0.0, 1.0)
    scores = diagnosis.scores.get(method, {})

    def over(items: Sequence[str], of: Mapping[str, Scored]) -> dict[str, Any]:
        return mean_of({i: of[i] for i in items if i in of}, groups, share)

    by_outcome = {outcome: [i for i, found in looked.items() if found.outcome == outcome] for outcome in OUTCOMES}
    quality: dict[str, Any] = {outcome: over(items, scores) for outcome, items in by_outcome.items() if any(by_outcome.values())}
    oracle = diagnosis.study.oracle.get(diagnosis.primary, {}).get(method)
    if oracle:
        quality["oracle"] = over(list(looked), oracle)
    return {"metric": diagnosis.primary, **quality}
