"""How long scoring takes, beside rouge_score's own aggregator: `python -m benchmarks.scoring`.

1,000 answers of 60 words, shared out over 6 methods, by every metric that needs no model; then all that a report says of them: means, intervals
and the tests of all 15 pairs, with 10,000 resamples each. rouge_score scores the same answers by its own four variants and gives percentile
intervals of each method's mean from as many resamples; it compares nothing. Caches are cold; imports are not counted. With --embedder the
metrics that embed texts are timed too, apart. With --answers 6000 each method answers 1,000 items.

Seconds are what one waits; processor seconds add up all cores and leave out what other programs took.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import evaluation  # noqa: F401  (registers the metrics)
from benchmarks import common
from core.records import Score, Scored
from evaluation.base import Item, Metric, Resources, metrics
from evaluation.compare import scoreboard
from evaluation.resampling import RESAMPLES
from models.device import choose

ROUGE = ("rouge1", "rouge2", "rougeL", "rougeLsum")
VOCABULARY = 3_000
Answers = dict[str, list[Item]]
Scores = dict[str, dict[str, Scored]]
Row = dict[str, Any]
T = TypeVar("T")


def answers(count: int, methods: int, words: int) -> Answers:
    """Answers in two lines that keep less and less of their reference from method to method; the same each time."""
    dice = random.Random(7)
    vocabulary = ["".join(dice.choices("aeioubdfgklmnprstvz", k=dice.randint(3, 9))) for _ in range(VOCABULARY)]
    found: Answers = {f"method {n + 1}": [] for n in range(methods)}
    for item in range(-(-count // methods)):
        reference = dice.choices(vocabulary, k=words)
        for place, of_method in enumerate(found.values()):
            said = [word if dice.random() > 0.1 + 0.1 * place else dice.choice(vocabulary) for word in reference]
            of_method.append(Item(str(item), "What?", _text(said), _text(reference)))
    return found


def _text(words: Sequence[str]) -> str:
    half = len(words) // 2
    return f"{' '.join(words[:half])}.\n{' '.join(words[half:])}.".capitalize()


def text_metrics() -> dict[str, Metric]:
    """Every metric that needs neither a model nor labels nor passages."""
    return {name: metric for name, metric in metrics.items() if not metric.info.needs}


def timed(step: str, work: Callable[[], T]) -> tuple[Row, T]:
    """A row of the table, and what came of the work."""
    begun, worked = time.perf_counter(), time.process_time()
    result = work()
    return {"step": step, "seconds": time.perf_counter() - begun, "processor, s": time.process_time() - worked}, result


def score_all(metric: Metric, found: Answers, resources: Resources) -> Scores:
    """All methods' answers by one metric: {method: {item: score}}."""
    return {
        name: {item.example_id: one for item, one in zip(items, metric.score(items, resources), strict=True)}
        for name, items in found.items()
    }


def ours(found: Answers) -> list[Row]:
    """A row for each metric and one for the statistics of all of them."""
    rows, scores, chosen = [], {}, text_metrics()
    for name, metric in chosen.items():
        row, table = timed(name, partial(score_all, metric, found, Resources()))
        rows.append(row)
        if any(isinstance(one, Score) for of_method in table.values() for one in of_method.values()):
            scores[name] = table
    pairs = len(scores) * len(found) * (len(found) - 1) // 2
    what = f"means, intervals and tests ({len(scores)} metrics, {pairs} pairs)"
    row, board = timed(what, lambda: scoreboard(scores, {name: chosen[name].info for name in scores}, list(found)))
    if len(board.pairwise) != pairs:
        raise SystemExit(f"{len(board.pairwise)} pairs were compared instead of {pairs}: this is another amount of work.")
    return [*rows, row]


def rouge_scores_own(found: Answers, resamples: int) -> list[Row]:
    """rouge_score's scorer and its bootstrap, as its documentation uses them."""
    from rouge_score import rouge_scorer, scoring

    scorer = rouge_scorer.RougeScorer(list(ROUGE), use_stemmer=True)

    def intervals(scored: dict[str, list[Any]]) -> None:
        for of_method in scored.values():
            aggregator = scoring.BootstrapAggregator(n_samples=resamples)
            for one in of_method:
                aggregator.add_scores(one)
            aggregator.aggregate()

    first, scored = timed(
        "rouge_score: its four variants",
        lambda: {name: [scorer.score(item.reference, item.prediction) for item in items] for name, items in found.items()},
    )
    second, _ = timed(f"rouge_score: intervals ({len(ROUGE)} metrics, no pairs)", lambda: intervals(scored))
    return [first, second]


def embedded(found: Answers, embedder_id: str, home: Path, threads: int) -> list[Row]:
    """The metrics that embed texts; loading the embedder is not counted."""
    from models.loading import load_embedder

    embedder = load_embedder(embedder_id, home, threads)
    resources = Resources(embedder=lambda: embedder)
    embedding = {name: metric for name, metric in metrics.items() if set(metric.info.needs) == {"embedder"}}
    return [timed(f"{name}, {embedder_id}", partial(score_all, metric, found, resources))[0] for name, metric in embedding.items()]


def warm_up() -> None:
    """Import what metrics import at their first call."""
    from rouge_score import rouge_scorer

    items = [Item("0", "What?", "one two three four", "one two three four")]
    rouge_scorer.RougeScorer(list(ROUGE), use_stemmer=True).score("one two", "one two")
    scores = {name: {"a": {"0": metric.score(items, Resources())[0]}} for name, metric in text_metrics().items()}
    scoreboard(scores, {name: metric.info for name, metric in text_metrics().items()}, ["a"])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=1_000, help="answers in total, shared out over the methods")
    parser.add_argument("--methods", type=int, default=6)
    parser.add_argument("--words", type=int, default=60, help="words of an answer")
    parser.add_argument(
        "--embedder", help="time the metrics that embed texts, too: an embedder's id, embedded/all-minilm-l6-v2 for example"
    )
    parser.add_argument("--home", type=Path, default=common.ROOT / ".benchmark-models", help="where the embedder is unpacked")
    parser.add_argument("--threads", type=int, help="CPU threads; by default all that this process may use")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args(arguments)
    hardware = choose("auto", options.threads)
    about = common.machine(hardware)
    print(common.describe(about))
    found = answers(options.answers, options.methods, options.words)
    warm_up()
    rows = ours(found)
    total = {"step": "Bakeoff, all of the above", **{key: sum(row[key] for row in rows) for key in ("seconds", "processor, s")}}
    beside = rouge_scores_own(found, RESAMPLES)
    apart = embedded(found, options.embedder, options.home, hardware.threads) if options.embedder else []
    count = sum(map(len, found.values()))
    print(f"\n{count:,} answers of {options.words} words, {options.methods} methods, {RESAMPLES:,} resamples\n")
    print(common.markdown([*rows, total, *beside, *apart]))
    if options.json:
        written = {"machine": about, "answers": count, "methods": options.methods, "words": options.words, "resamples": RESAMPLES}
        common.write_json(options.json, written | {"ours": rows, "total": total, "rouge_score": beside, "embedded": apart})


if __name__ == "__main__":
    main()
