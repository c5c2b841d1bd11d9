"""What votes come to: counted by hand, with intervals that count items."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison import recount as counting
from comparison import review, share
from comparison.analyses import analysed
from comparison.left_out import leaving_out
from comparison.people import people, wilson
from comparison.plan import Plan, read_plan
from comparison.preferences import preferences
from comparison.rescore import rescore
from comparison.review import Review, Step, steps
from comparison.store import LOCAL_OWNER, Store
from comparison.votes import Vote, cast, human_marks
from core.errors import StoreError
from core.records import Score, Unscored

Complete = Callable[..., tuple[str, list[Any]]]
METHODS = ["x", "y"]


def vote(rater: str, example: str, better: Any, good_x: bool | None = None, good_y: bool | None = None) -> Vote:
    return Vote("r", rater, "", example, "x", "y", better, good_x, good_y)


SIX = [
    vote("ann", "1", "a", True, False),
    vote("ann", "2", "tie", True, True),
    vote("ann", "3", "b", False, None),
    vote("bob", "1", "a", True, True),
    vote("bob", "2", "a", True, True),
    vote("bob", "3", None),
]


def counted(**changes: Any) -> dict[str, Any]:
    found = people(**{"votes": SIX, "methods": METHODS, "scores": {}, "higher": {}, **changes})
    assert found is not None
    return found


def test_votes_are_counted_by_hand() -> None:
    """x: item 1 won twice, item 2 won and tied (0.75), item 3 lost. Means over items: (1 + 0.75 + 0) / 3."""
    found = counted()
    assert (found["raters"], found["votes"], found["skipped"], found["ties"], found["items"]) == (2, 5, 1, 1, 3)
    assert found["win_rates"]["x"]["share"] == pytest.approx(1.75 / 3)
    assert found["win_rates"]["y"]["share"] == pytest.approx(1.25 / 3)
    assert {key: found["win_rates"]["x"][key] for key in ("n", "wins", "ties", "losses")} == {"n": 3, "wins": 3, "ties": 1, "losses": 1}
    assert found["good_enough"]["x"]["share"] == pytest.approx(2 / 3)
    assert found["good_enough"]["y"] == pytest.approx({**wilson([0.5, 1.0]), "yes": 3, "no": 1})
    (pair,) = found["pairs"]
    assert (pair["a"], pair["b"], pair["a_wins"], pair["ties"], pair["b_wins"], pair["n"]) == ("x", "y", 3, 1, 1, 3)


def test_agreement_is_over_what_several_raters_saw() -> None:
    """Better: items 1 (a, a) and 2 (tie, a) have two marks each; item 3 has one and takes no part."""
    alpha = counted()["alpha"]
    assert alpha["better"]["n"] == 2 and alpha["better"]["value"] is not None
    assert alpha["good_enough"]["n"] == 4
    alone = counted(votes=SIX[:3])["alpha"]["better"]
    assert alone == {"value": None, "n": 0, "reason": "no item was marked by two raters"}


def test_wilsons_interval_by_hand() -> None:
    """Wilson 1927, 8 of 10: 0.490 to 0.943 (the score interval that scipy's `binomtest` gives)."""
    from scipy.stats import binomtest

    found = wilson([1.0] * 8 + [0.0] * 2)
    theirs = binomtest(8, 10).proportion_ci(method="wilson")
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((theirs.low, theirs.high))
    assert found["ci_low"] == pytest.approx(0.490, abs=0.001) and found["ci_high"] == pytest.approx(0.943, abs=0.001)
    assert wilson([]) == {"share": None, "ci_low": None, "ci_high": None, "n": 0}


def test_more_raters_on_the_same_items_do_not_narrow_the_interval() -> None:
    """Five people on ten items tell of ten items."""
    one = [vote("r0", str(n), "a" if n < 8 else "b") for n in range(10)]
    five = [vote(f"r{k}", str(n), "a" if n < 8 else "b") for n in range(10) for k in range(5)]
    assert counted(votes=one)["win_rates"]["x"]["ci_low"] == pytest.approx(counted(votes=five)["win_rates"]["x"]["ci_low"])


def test_a_metric_is_held_beside_what_people_chose() -> None:
    """People decided items 1 (x), 3 (y); item 2 is a draw of tie and x. The metric agrees on 1, and is level on 3: (1 + 0.5) / 2."""
    table = {"x": {"1": Score(0.9), "2": Score(0.1), "3": Score(0.5)}, "y": {"1": Score(0.2), "2": Score(0.4), "3": Score(0.5)}}
    found = counted(scores={"f1": table})["metrics"]["f1"]
    assert found["same_choice"]["share"] == pytest.approx(0.75) and found["same_choice"]["n"] == 2
    assert found["spearman"]["n"] == 5
    turned = counted(scores={"f1": table}, higher={"f1": False})["metrics"]["f1"]
    assert turned["same_choice"]["share"] == pytest.approx(0.25)
    unscored = {name: {i: Unscored("no") for i in rows} for name, rows in table.items()}
    assert counted(scores={"f1": unscored})["metrics"]["f1"]["same_choice"]["n"] == 0


def test_nothing_but_skipped_steps_is_no_result() -> None:
    assert people([vote("ann", "1", None)], METHODS, {}, {}) is None
    assert people([], METHODS, {}, {}) is None


@pytest.fixture
def done(complete: Complete, plan: Plan) -> str:
    return complete(plan)[0]


def opened(store: Store, comparison_id: str) -> tuple[Review, tuple[Step, ...]]:
    found = review.resolve(store, review.create(store, comparison_id, LOCAL_OWNER))
    assert found is not None
    return found, steps(found)


def vote_for(store: Store, comparison_id: str, method: str, rater: str = "ann") -> int:
    """One rater finds the method's answers better and good enough, the other's not; how many steps there were."""
    found, every = opened(store, comparison_id)
    for step in every:
        left = step.a == method
        cast(store.folder(comparison_id), Vote(found.id, rater, "Ann", *step, "a" if left else "b", left, not left))
    return len(every)


def test_counting_writes_a_new_report_and_the_old_one_never_changes(store: Store, done: str) -> None:
    result = store.result(done)
    before = (result.folder / "report.json").read_bytes()
    count = vote_for(store, done, "few_shot")
    assert counting.recount(store, done) == "report.2.json"
    report = result.report()
    assert (result.folder / "report.json").read_bytes() == before
    assert report["people"]["votes"] == count and report["people"]["win_rates"]["few_shot"]["share"] == 1.0
    assert {key: report[key] for key in ("verdict", "pairwise", "methods")} == {
        key: json.loads(before)[key] for key in ("verdict", "pairwise", "methods")
    }
    assert counting.recount(store, done) == "report.2.json", "nothing new, no new file"
    list(rescore(store, done, ["rouge1"]))
    assert result.report()["people"]["metrics"].keys() >= {"rouge1", "token_f1"}, "a re-scoring keeps the votes"


def test_no_votes_are_said_to_be_none(store: Store, done: str) -> None:
    with pytest.raises(StoreError, match="Nobody has voted"):
        counting.recount(store, done)
    with pytest.raises(StoreError, match="Nobody has said"):
        preferences(store.result(done))
    assert human_marks(store.result(done)) == []
    assert "people" not in store.result(done).report()


def test_names_of_raters_stay_out_of_the_report(store: Store, done: str) -> None:
    vote_for(store, done, "few_shot")
    counting.recount(store, done)
    assert "Ann" not in json.dumps(store.result(done).report()["people"])
    token = share.create(store, done, LOCAL_OWNER)
    found = share.resolve(store, token)
    assert found is not None
    said = json.dumps(share.shared_report(store, found)["people"])
    assert not any(example.id in said for example in store.result(done).splits().test)


def test_human_marks_name_method_and_example_for_the_judges_certificate(store: Store, done: str) -> None:
    vote_for(store, done, "few_shot")
    found = {(mark.method, mark.example_id): (mark.good_enough, mark.wins, mark.raters) for mark in human_marks(store.result(done))}
    for example in store.result(done).splits().test:
        assert found[("few_shot", example.id)] == (1.0, 1.0, 1)
        assert found[("zero_shot", example.id)] == (0.0, 0.0, 1)


def test_preferences_are_the_zero_shot_question_and_two_answers(store: Store, done: str) -> None:
    """The rows are what preference training reads; ties and equal answers are left out and counted."""
    result = store.result(done)
    found, every = opened(store, done)
    for number, step in enumerate(every):
        cast(result.folder, Vote(found.id, "ann", "", *step, "tie" if number == 0 else "a"))
    texts = {step.example: [result.answers(m).answers[step.example].text for m in (step.a, step.b)] for step in every[1:]}
    same = sum(a.strip() == b.strip() for a, b in texts.values())
    made = preferences(result)
    assert same < len(texts), "some pairs are left to look at"
    assert (len(made.rows), made.ties, made.same) == (len(every) - 1 - same, 1, same)
    examples = {example.id: example for example in result.splits().test}
    by_prompt = {row["prompt"]: row for row in made.rows}
    for example, (a, b) in texts.items():
        if a.strip() != b.strip():
            row = by_prompt[f"{examples[example].instruction}\n\n{examples[example].input}"]
            assert (row["chosen"], row["rejected"]) == (a, b)
    zero_shot = result.answers("zero_shot").answers[every[1].example].prompt.messages
    assert "\n\n".join(m.content for m in zero_shot) in by_prompt
    assert [json.loads(line) for line in made.to_jsonl().splitlines()] == made.rows
    assert "1 tie" in made.in_words()


def test_exported_rows_are_read_by_the_datasets_library(store: Store, done: str, tmp_path: Path) -> None:
    import datasets

    vote_for(store, done, "few_shot")
    path = tmp_path / "pairs.jsonl"
    path.write_text(preferences(store.result(done)).to_jsonl(), encoding="utf-8")
    loaded = datasets.load_dataset("json", data_files=str(path), cache_dir=str(tmp_path / "cache"))["train"]
    assert loaded.column_names == ["prompt", "chosen", "rejected"]


def test_votes_on_items_that_a_report_leaves_out_are_not_counted(store: Store, done: str) -> None:
    """What the headline is recomputed without is no part of what people said either."""
    count = vote_for(store, done, "few_shot")
    result = store.result(done)
    report = result.report()
    gone = result.splits().test[0].id
    fewer = analysed(result, leaving_out(report, [gone], "a test"), result.scores())
    whole = analysed(result, report, result.scores())
    assert (whole["people"]["items"], fewer["people"]["items"]) == (count, count - 1)


def test_counted_votes_enter_the_judges_certificate(complete: Complete, store: Store, mapping: dict[str, Any], task: Path) -> None:
    """E23-E26's people: the judge's marks are held against the votes once they are counted."""
    judged, _ = complete(read_plan({**mapping, "judge": {"model": "same"}}, task))
    before = store.result(judged).report()["judge"]["certificate"]
    vote_for(store, judged, "few_shot")
    counting.recount(store, judged)
    after = store.result(judged).report()["judge"]["certificate"]
    marked = [s for of_one in store.result(judged).scores()["judge"].values() for s in of_one.values() if isinstance(s, Score)]
    assert before.get("human_votes", 0) == 0 and after["human_votes"] == len(marked)
