"""Check a comparison's judge on the comparison's own task, and compare its methods in pairs; all of it found again call by call.

About 24 test references are marked as they are and spoilt in up to five ways, one spoilt answer is marked once more with a plea for the best
mark, and a reference is held against a spoilt one in both orders: nine calls an item at most. It happens in each run that has a judge, before
its marks are used, and by `python -m comparison certify ID`.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from comparison import votes
from comparison.events import Pace, Progressed
from comparison.judge_report import JUDGE, NOT_TRUSTED, PREFIX, beside_people, judge_notes
from comparison.judging import Judging, uncertified
from comparison.result import Result, ScoreTable
from comparison.store import Store
from core.errors import Cancelled, StoreError
from core.fingerprint import fingerprint
from core.records import Answer, Example, Score, Unscored
from evaluation.base import Metric
from evaluation.certificate import Trial, certificate, with_people
from evaluation.corruptions import EXCHANGED, corrupted, pleading
from evaluation.judge import marked, question_of
from evaluation.preference import Verdict, compared, pairs_of, win_rate

METHOD = "judge"
"""Under this name the judge's own work stands among the methods' progress."""
CERTIFICATE_STAGE = "1"  # raised by hand when another thing is asked


class Judged(NamedTuple):
    """What became of the judge: the report's section, the metrics with what they now say of themselves, and the report's notes."""

    section: dict[str, Any] | None
    metrics: tuple[Metric, ...]
    notes: list[str]


def judge_all(
    judge: Judging, store: Store, methods: Sequence[str], metrics: Sequence[Metric], scores: ScoreTable, notes: Sequence[str],
    before: Mapping[str, Any] | None = None,
) -> Generator[Progressed, None, Judged]:  # fmt: skip
    """Certify the judge, and compare the methods in pairs where the plan says so.

    Args:
        methods: those that are done.
        before: the section of an earlier report, which stays where nobody may be asked and something is not known.
    """
    if not any("judge" in metric.info.needs for metric in metrics):
        return Judged(dict(before) if before else None, tuple(metrics), list(notes))
    try:
        return (yield from _judged(judge, store, methods, metrics, scores, notes, before))
    except (Cancelled, StoreError):
        raise
    except Exception as error:  # the run's other scores must not fall with its judge
        logging.getLogger(__name__).exception("checking the judge failed")
        words = f"{PREFIX}it could not be checked, by a bug: {type(error).__name__}. The traceback is in the log."
        return Judged(uncertified(judge.entry()), tuple(metrics), [*notes, words])


def _judged(
    judge: Judging, store: Store, methods: Sequence[str], metrics: Sequence[Metric], scores: ScoreTable, notes: Sequence[str],
    before: Mapping[str, Any] | None,
) -> Generator[Progressed, None, Judged]:  # fmt: skip
    result = Result(judge.chooser.folder)
    marks = scores.get(JUDGE, {})
    checked = with_people((yield from _certificate(judge, store, result)), beside_people(votes.human_marks(result), marks))
    in_pairs = (yield from _in_pairs(judge, result, methods)) if judge.spec.pairwise else None
    if judge.chooser.missed:
        section = dict(before) if before else uncertified(judge.entry())
    else:
        rows = judge.chooser.rows
        section = {**judge.entry(), "certificate": checked, "pairwise": in_pairs, "calls": len(rows), "spent": judge.chooser.spent}
        if not checked["failure"]:
            store.remember("score_keys", [(certificate_key(judge, result.splits().test), result.folder.name, "", "certificate")])
    judge.chooser.pack()
    answers = {name: result.answers(name).answers for name in methods}
    kept = [note for note in notes if not note.startswith(PREFIX)]
    return Judged(section, tuple(_with_word(metric, section) for metric in metrics), [*kept, *judge_notes(section, marks, answers)])


def certificate_key(judge: Judging, examples: Sequence[Example]) -> str:
    """Hash of all that a certificate depends on but people's votes."""
    texts = [[e.id, e.instruction, e.input, e.reference] for e in examples]
    return fingerprint([judge.key, texts, judge.spec.certificate_items, CERTIFICATE_STAGE])


def chosen(examples: Sequence[Example], most: int) -> list[Example]:
    """The examples that the judge is checked on: those with a reference, drawn by their ids."""
    return sorted((e for e in examples if e.reference.strip()), key=lambda e: fingerprint(["certificate", e.id]))[:most]


def _certificate(judge: Judging, store: Store, result: Result) -> Generator[Progressed, None, dict[str, Any]]:
    examples = result.splits().test
    for known in store.find("score_keys", certificate_key(judge, examples)):
        folder = store.comparisons / known["comparison"]
        if folder != result.folder and folder.is_dir():
            judge.chooser.adopt(folder)
            break
    drawn, trials, calls, pace = chosen(examples, judge.spec.certificate_items), [], 0, Pace()
    references = [example.reference for example in examples]
    judge.chooser.used.clear()
    for place, example in enumerate(drawn):
        made, asked = trial(judge, example, references, place)
        trials.append(made)
        calls += asked
        yield Progressed(METHOD, "checking the judge", place + 1, len(drawn), "items", {}, pace.eta_s(place + 1, len(drawn)))
    found = certificate(trials, family_warning=judge.family_warning, calls=calls)
    return found | {"seconds": round(judge.chooser.seconds(judge.chooser.used), 2)}


def trial(judge: Judging, example: Example, references: Sequence[str], place: int) -> tuple[Trial, int]:
    """One item's calls, and how many they are.

    Args:
        place: the item's, so that the pairs take turns among the kinds of corruption.
    """
    question, right = question_of(example.instruction, example.input), example.reference
    spoilt = corrupted(right, references)
    texts = {"": right, **spoilt}
    if EXCHANGED in spoilt:
        texts["pleading"] = pleading(spoilt[EXCHANGED], judge.spec.scale)
    found = {kind: marked(judge.chooser, question, right, text, judge.spec.scale, judge.spec.rubric) for kind, text in texts.items()}
    reasons = [scored.reason for scored in found.values() if isinstance(scored, Unscored)]
    marks = {kind: scored.value for kind, scored in found.items() if isinstance(scored, Score)}
    flipped = None
    if spoilt:
        other = list(spoilt.values())[place % len(spoilt)]
        verdict = compared(judge.chooser, question, right, right, other, judge.spec.scale, judge.spec.rubric)
        flipped = verdict.flipped if verdict.points is not None else None
        reasons += [verdict.reason] if verdict.points is None else []
    words = {kind: len(text.split()) for kind, text in texts.items()}
    return Trial(marks, words, marks.pop("pleading", None), flipped, tuple(reasons)), len(texts) + 2 * bool(spoilt)


def _in_pairs(judge: Judging, result: Result, methods: Sequence[str]) -> Generator[Progressed, None, list[dict[str, Any]]]:
    """Each method against each other, on the items that both answered."""
    answers: dict[str, Mapping[str, Answer]] = {name: result.answers(name).answers for name in methods}
    pairs, test, found, done, pace = pairs_of(methods), result.splits().test, [], 0, Pace()
    for a, b in pairs:
        verdicts: dict[str, Verdict] = {}
        for example in test:
            done += 1
            if example.id in answers[a] and example.id in answers[b]:
                question, texts = (
                    question_of(example.instruction, example.input),
                    (answers[a][example.id].text, answers[b][example.id].text),
                )
                verdicts[example.id] = compared(judge.chooser, question, example.reference, *texts, judge.spec.scale, judge.spec.rubric)
            total = len(pairs) * len(test)
            yield Progressed(METHOD, "comparing in pairs", done, total, "pairs", {}, pace.eta_s(done, total))
        found.append(dict(win_rate(a, b, verdicts)))
    return found


def _with_word(metric: Metric, section: Mapping[str, Any]) -> Metric:
    """The judge's metric as its certificate makes it: one that may decide, or one that says why not."""
    if metric.info.name != JUDGE:
        return metric
    checked = section["certificate"]
    if checked["trusted"]:
        return _replaced(metric, in_verdict=True, note="")
    known = checked.get("auc") is not None
    return _replaced(metric, in_verdict=False, note=NOT_TRUSTED if known else "not certified")


def _replaced(metric: Any, **changes: Any) -> Metric:
    changed: Metric = replace(metric, info=replace(metric.info, **changes))
    return changed
