"""What a report says beyond means: worked out from answers and scores once scoring is over, and anew by every re-scoring.

An analysis is a pure function of a `Study`; it generates nothing and loads no model. What it returns is added to the report: `whole` beside the
report's own fields, `methods` to the entries of single methods. One analysis is one line of `ANALYSES`. It must do without what an older or
a failed comparison lacks, and say less then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.formats import OTHER_FORMATS
from comparison.asides import aside_scores
from comparison.curve import curve_of
from comparison.diagnosis import Diagnosis, error_section, method_entry
from comparison.forgotten import forgotten, probe_section
from comparison.format_spread import prompt_format, suffix
from comparison.gold import read_gold
from comparison.judge_report import judge_fields
from comparison.left_out import kept, kept_splits, left_out
from comparison.noise import noise_floor
from comparison.oracle_loss import SUFFIX as ORACLE
from comparison.oracle_loss import oracle_entries
from comparison.people import people
from comparison.pinned import digests
from comparison.probe import read_probe
from comparison.reading import perplexities, reading_notes, readings
from comparison.result import Result, ScoreTable, Splits
from comparison.retrieval_report import retrieval_entries
from comparison.votes import Vote, counted_votes, marks, read_votes
from core.records import Answer


@dataclass(frozen=True)
class Study:
    """All that is known of a finished comparison.

    Attributes:
        report: the report so far; not to be changed.
        answers: {method: {example id: answer}}, only of methods that are done.
        scores: {metric: {method: {example id: score or reason}}}, of the same methods.
        votes: what people said in blind reviews.
        gold: ids of the items whose reference is known to stand in the documents; None where that was not kept.
        oracle: as `scores`, of the answers to prompts with the gold passage (`comparison.oracle`).
        probe: what the general probe has brought (`comparison.probe`).
        formats: as `scores`, by number, of the answers to prompts in another format (`comparison.formats`).
    """

    report: Mapping[str, Any]
    splits: Splits
    answers: Mapping[str, Mapping[str, Answer]]
    scores: ScoreTable
    votes: tuple[Vote, ...] = ()
    gold: frozenset[str] | None = None
    oracle: ScoreTable = field(default_factory=dict)
    formats: Mapping[int, ScoreTable] = field(default_factory=dict)
    probe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Addition:
    """What an analysis adds: fields of the report, and fields of methods' entries by method.

    Attributes:
        notes: sentences for the report's notes; one replaces an earlier one with the same words before its colon.
    """

    whole: dict[str, Any] = field(default_factory=dict)
    methods: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def blind_reviews(study: Study) -> Addition:
    """What people said; nothing where nobody has voted."""
    higher = {name: bool(info.get("higher_is_better", True)) for name, info in (study.report.get("metrics") or {}).items()}
    found = people(study.votes, [method["name"] for method in study.report["methods"]], study.scores, higher)
    return Addition({"people": found} if found else {})


def aa_run(study: Study) -> Addition:
    """How far two runs of one method are apart; nothing for other comparisons."""
    found = noise_floor(study.report)
    return Addition({"noise_floor": found} if found else {})


def reading(study: Study) -> Addition:
    """Strict beside lenient reading, the references' perplexity, and how many ways of wording stand behind the numbers."""
    found = readings(study.report, study.splits.test, study.splits.labels, study.answers, study.scores)
    methods: dict[str, dict[str, Any]] = {name: {"reading": of_method} for name, of_method in found.items()}
    for name, value in perplexities(study.report).items():
        methods[name] = methods.get(name, {}) | value
    primary = str((study.report.get("verdict") or {}).get("primary") or "")
    higher = bool(((study.report.get("metrics") or {}).get(primary) or {}).get("higher_is_better", True))
    wording = prompt_format(study.answers, primary, study.scores, study.formats, higher)
    return Addition({"prompt_format": wording} if wording else {}, methods, tuple(reading_notes(found)))


def errors(study: Study) -> Addition:
    """Why answers are wrong, and what of them stands in their passages."""
    diagnosis = Diagnosis(study)
    return Addition({"errors": error_section(diagnosis)}, {name: method_entry(diagnosis, name) for name in study.answers})


def retrieval(study: Study) -> Addition:
    """How well methods find, and how good their answers are by what was found; nothing where none retrieves."""
    return Addition(methods=retrieval_entries(study))


def oracle_runs(study: Study) -> Addition:
    """What the gold passage would have brought; nothing where nobody has tried."""
    return Addition(methods=oracle_entries(study))


def general_probe(study: Study) -> Addition:
    """What fine-tunes have forgotten; nothing where nobody has asked."""
    found = forgotten(study.report, study.probe)
    return Addition({"forgetting": probe_section(study.probe)} if found else {}, found)


def judged(study: Study) -> Addition:
    """Whom the judge could not mark, whether length pays, and what people's votes make of its certificate."""
    return Addition(judge_fields(study.report, study.scores.get("judge", {}), study.answers, marks(study.votes)))


def learning_curve(study: Study) -> Addition:
    """Scores over shots or training rows; nothing for other comparisons."""
    found = curve_of(study.report)
    return Addition({"curve": found} if found else {})


Analysis = Callable[[Study], Addition]
ANALYSES: tuple[Analysis, ...] = (blind_reviews, aa_run, reading, errors, retrieval, oracle_runs, general_probe, judged, learning_curve)


def study(result: Result, report: Mapping[str, Any], scores: ScoreTable | None = None) -> Study:
    """A comparison's folder as analyses take it. `scores` are by default those on disk."""
    done = [method["name"] for method in report["methods"] if method["status"] == "done"]
    out = left_out(report["data"])
    answers = {name: kept(result.answers(name).answers, out) for name in done}
    table = result.scores() if scores is None else scores
    counted = {metric: {name: dict(kept(of_one, out)) for name, of_one in row.items() if name in done} for metric, row in table.items()}
    aside = aside_scores(result, answers, ORACLE)
    formats = {number: aside_scores(result, answers, suffix(number)) for number in OTHER_FORMATS}
    votes = counted_votes(read_votes(result.folder), out)
    probe, gold = read_probe(result.folder), read_gold(result.folder)
    return Study(report, kept_splits(result.splits(), out), answers, counted, votes, gold, aside, formats, probe)


def analysed(result: Result, report: dict[str, Any], scores: ScoreTable) -> dict[str, Any]:
    """The report with everything that the analyses add. One that fails by a bug is left out and logged: the scores must not fall with it."""
    known = study(result, report, scores)
    whole, methods = dict(report), {method["name"]: dict(method) for method in report["methods"]}
    for analysis in ANALYSES:
        try:
            added = analysis(known)
        except Exception:
            logging.getLogger(__name__).exception("%s failed", analysis.__name__)
            continue
        whole |= added.whole
        said = {note.partition(":")[0] for note in added.notes}
        whole["notes"] = [*(note for note in whole.get("notes", ()) if note.partition(":")[0] not in said), *added.notes]
        for name, fields in added.methods.items():
            methods[name] |= fields
    for name, fields in digests(scores).items():
        if name in methods:
            methods[name] |= fields
    return whole | {"methods": list(methods.values())}
