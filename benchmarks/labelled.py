"""How often the rules are right that read answers: causes of errors, groundedness, the gold passage, abstention.

    python -m benchmarks.labelled            # a table of precision and recall
    python -m benchmarks.labelled --wrong    # and every case in which rule and label differ

The labels stand in `tests/evaluation/golden/`, given by hand by reading. Precision: of those that the rule calls so, the share that the
label calls so; recall: of those that the label calls so, the share that the rule does. The rules were mended while looking at these cases,
so on new data they will do somewhat worse.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from comparison.result import Result
from core.records import Example, Passage
from evaluation import gold, groundedness
from evaluation.abstention import abstains
from evaluation.causes import CAUSES, TaskFacts, WrongAnswer, causes, task_facts
from retrieval.documents import load_documents

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "evaluation" / "golden"


class Judged(NamedTuple):
    """One decision: what of which table, what rule and label say, and the case in words."""

    table: str
    what: str
    rule: bool
    label: bool
    case: str


class Row(NamedTuple):
    """`cases` is how many decisions there were, `labelled` how many of them the label says yes to."""

    table: str
    what: str
    cases: int
    labelled: int
    precision: float | None
    recall: float | None


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def judged() -> list[Judged]:
    """Every decision of every table."""
    return [*_causes(), *_support(), *_gold(), *_abstention()]


def _causes() -> Iterator[Judged]:
    table = golden("causes")
    facts = {name: _facts(json.dumps(task)) for name, task in table["tasks"].items()}
    for case in table["cases"]:
        wrong = WrongAnswer(case["answer"], case["reference"], case["finish"], "retrieved" in case, case.get("retrieved", "unknown"))
        found = {cause.name for cause in causes(wrong, facts[case["task"]])}
        for name in CAUSES:
            yield Judged("causes", name, name in found, name in case["causes"], f"{case['reference']} | {case['answer']}")


@cache
def _facts(task: str) -> TaskFacts:
    told = json.loads(task)
    if "examples" in told:
        return task_facts([Example(str(n), "", question, answer) for n, (question, answer) in enumerate(told["examples"])])
    splits = Result(ROOT / told["result"]).splits()
    return task_facts(splits.test, splits.labels, [document.text for document in load_documents(ROOT / told["knowledge"]).documents])


def _support() -> Iterator[Judged]:
    table = golden("groundedness")
    for case in table["cases"]:
        question, passages = f"{table['instruction']}\n{case['question']}", [table["passages"][key] for key in case["passages"]]
        said = groundedness.claimed_statements(case["answer"], question)
        if len(said) != len(case["statements"]):
            raise SystemExit(f"{case['answer']!r} is cut into {len(said)} statements, its label has {len(case['statements'])}")
        for statement, label in zip(said, case["statements"], strict=True):
            rule = groundedness.statement_is_supported(statement, passages, question)
            yield Judged("groundedness", "statement not supported", not rule, not label, statement)
        for what, claims, check in (
            ("number", groundedness.claimed_numbers, groundedness.number_is_supported),
            ("name", groundedness.claimed_names, groundedness.name_is_supported),
        ):
            found, labels = claims(case["answer"], question), case[f"{what}s"]
            for thing in dict.fromkeys([*found, *labels]):
                yield Judged("extraction", what, thing in found, thing in labels, f"{thing} | {case['answer']}")
                if thing in found and thing in labels:
                    rule = check(thing, passages, question)
                    yield Judged("groundedness", f"{what} not supported", not rule, not labels[thing], f"{thing} | {case['answer']}")


def _gold() -> Iterator[Judged]:
    table = golden("gold")
    cases = table["cases"]
    examples = [Example(str(n), "", c["question"], c["reference"], columns={"document": c["document"]}) for n, c in enumerate(cases)]
    windows = [window for document in load_documents(ROOT / table["known_documents"]).documents for window in gold.windows(document)]
    known = gold.known_in([e for e, case in zip(examples, cases, strict=True) if case["documents_known"]], windows)
    for example, case in zip(examples, cases, strict=True):
        passages = [Passage(str(n), p["document"], p["text"], 0, len(p["text"])) for n, p in enumerate(case["passages"])]
        found = gold.retrieved(example, passages, example.id in known)
        for state in ("yes", "no", "unknown"):
            yield Judged("gold passage", f"retrieved: {state}", found == state, case["retrieved"] == state, case["question"])
        for answer in case["answers"]:
            used = gold.agrees(answer["text"], case["reference"])
            yield Judged("gold passage", "used", used, answer["used"], f"{case['reference']} | {answer['text']}")


def _abstention() -> Iterator[Judged]:
    for case in golden("abstention")["cases"]:
        yield Judged("abstention", "abstains", abstains(case["answer"]), case["abstains"], case["answer"])


def rows(decisions: list[Judged]) -> list[Row]:
    """Precision and recall of each thing that is decided, and of all causes together."""
    kinds = list(dict.fromkeys((d.table, d.what) for d in decisions))
    found = [_row(table, what, [d for d in decisions if (d.table, d.what) == (table, what)]) for table, what in kinds]
    return [_row("causes", "all causes", [d for d in decisions if d.table == "causes"]), *found]


def _row(table: str, what: str, decisions: list[Judged]) -> Row:
    both = sum(d.rule and d.label for d in decisions)
    called, labelled = sum(d.rule for d in decisions), sum(d.label for d in decisions)
    return Row(table, what, len(decisions), labelled, both / called if called else None, both / labelled if labelled else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--wrong", action="store_true", help="print every case in which rule and label differ")
    given = parser.parse_args()
    decisions = judged()
    print("| table | what | cases | labelled so | precision | recall |\n|---|---|---:|---:|---:|---:|")
    for row in rows(decisions):
        shares = ["–" if share is None else f"{share:.2f}" for share in (row.precision, row.recall)]
        print(f"| {row.table} | {row.what} | {row.cases} | {row.labelled} | {' | '.join(shares)} |")
    for decision in decisions:
        if given.wrong and decision.rule != decision.label:
            print(f"\n{decision.table}: {decision.what} by the {'rule' if decision.rule else 'label'} alone\n  {decision.case}")


if __name__ == "__main__":
    main()
