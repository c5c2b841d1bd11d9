"""What every registered metric must do. A new metric is checked by being registered."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.records import Score, Unscored
from evaluation.base import LOGPROBS, Item, Metric, Resources, metrics
from models.base import Embedder
from models.choosing import LocalChooser
from models.fake import FakeModel, HashEmbedder, turns

NAMES = metrics.names()
OF_FORM = ("repetition", "answer_words", "cut")  # of the answer alone
UNSPACED = ("Chinese", "Japanese", "Thai")
SENTENCES = {
    k: v for k, v in json.loads((Path(__file__).parent / "golden/scripts.json").read_text("utf-8")).items() if k not in ("about", "source")
}


class FairJudge(FakeModel):
    """Certain of 5 where the reference stands in the answer's block too, of 1 elsewhere."""

    def logprobs(self, prompt_ids: Any, continuations: Any, adapter: Path | None = None) -> list[float]:
        lines = turns(prompt_ids)[-1].splitlines()
        same = lines[4] == lines[7]
        return [-1000.0] * 4 + [0.0] if same else [0.0] + [-1000.0] * 4


def resources(labels: tuple[str, ...]) -> Resources:
    embedder: Embedder = HashEmbedder()
    judge = LocalChooser(FairJudge("fake/echo"))
    return Resources(labels=labels, label_lengths=(1,) * len(labels), embedder=lambda: embedder, judge=lambda: judge)


def row(prediction: str, reference: str, labels: tuple[str, ...]) -> Item:
    certain = tuple(0.0 if label == reference else -1000.0 for label in labels)
    return Item(
        "id", "What?", prediction, reference, label_logprobs=certain, passages=(reference,), answerable=True, input=reference,
        choices=(reference, "something else"), choice_logprobs=(0.0, -1000.0), reference_logprob=0.0, reference_tokens=1,
        reward=Score(1000.0 if prediction == reference else -1000.0),
    )  # fmt: skip


def score(metric: Metric, prediction: str, reference: str) -> Any:
    if metric.info.name.startswith("json"):
        prediction, reference = (json.dumps({"text": text}) if text else "" for text in (prediction, reference))
    labels = (reference, "something else")
    return metric.score([row(prediction, reference, labels)], resources(labels))[0]


@pytest.mark.parametrize("script", SENTENCES)
@pytest.mark.parametrize("name", NAMES)
def test_the_same_text_gets_the_best_score_in_every_script(name: str, script: str) -> None:
    """E13, E14, E15: in eight scripts and two more, or the metric is refused for that language, and says why."""
    metric = metrics.get(name)
    scored = score(metric, SENTENCES[script], SENTENCES[script])
    if name == "bleu" and script in UNSPACED:
        assert isinstance(scored, Unscored) and "chrf" in scored.reason
        return
    if name == "answer_words":  # a length has no best
        assert isinstance(scored, Score) and scored.value > 0
        return
    if isinstance(scored, Unscored) and "passages" in metric.info.needs:  # a sentence without a number, a script without capitals
        assert "of its own" in scored.reason and name != "supported_statements"
        return
    assert isinstance(scored, Score)
    assert scored.value == pytest.approx(metric.info.high if metric.info.higher_is_better else metric.info.low)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_answer_is_an_answer_and_gets_a_number(name: str) -> None:
    metric = metrics.get(name)
    scored = score(metric, "", SENTENCES["Latin"])
    if "passages" in metric.info.needs:  # it claims nothing, so nothing can be supported or not
        assert isinstance(scored, Unscored)
        return
    assert isinstance(scored, Score)
    if name not in OF_FORM and not LOGPROBS.intersection(metric.info.needs):  # those read no text
        assert scored.value == (metric.info.low if metric.info.higher_is_better else metric.info.high)


@pytest.mark.parametrize("name", NAMES)
def test_scores_stay_in_the_stated_range_in_order_and_are_the_same_each_time(name: str) -> None:
    metric = metrics.get(name)
    labels = tuple(SENTENCES.values())
    texts = [*labels, "", " ", "?", "\n\n", "🙂", "a" * 3000, "12.25"]
    items = [row(text, reference, labels) for text in texts for reference in labels[:3]]
    together = metric.score(items, resources(labels))
    assert len(together) == len(items)
    assert all(metric.info.low <= s.value <= metric.info.high if isinstance(s, Score) else s.reason for s in together)
    alone = [metric.score([one], resources(labels))[0] for one in items]
    backwards = metric.score(items[::-1], resources(labels))[::-1]
    assert together == alone == backwards


@pytest.mark.parametrize("name", NAMES)
def test_a_resource_that_is_missing_is_a_reason_and_never_a_number(name: str) -> None:
    """E23"""
    metric = metrics.get(name)
    scored = metric.score([Item("id", "What?", "yes", "yes")], Resources())[0]
    # ROUGE-2 has no pair in a one-word reference, which is no JSON either.
    expected = Unscored if metric.info.needs or name in ("rouge2", "json_field_f1") else Score
    assert type(scored) is expected


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is(name: str) -> None:
    info = metrics.get(name).info
    assert info.name == name and info.low < info.high and len(info.how) > 40 and info.label and info.unit
    assert set(info.needs) <= {"labels", "embedder", "judge", "passages", "answerable", "choices", "reward", *LOGPROBS}


@pytest.mark.parametrize("name", NAMES)
def test_no_items_give_no_scores(name: str) -> None:
    assert metrics.get(name).score([], resources(("yes", "no"))) == []


def test_all_metrics_of_the_design_are_registered() -> None:
    expected = "exact_match token_f1 accuracy accuracy_lenient rouge1 rouge2 rougeL rougeLsum bleu chrf semantic_similarity judge"
    assert set(expected.split()) <= set(NAMES)
