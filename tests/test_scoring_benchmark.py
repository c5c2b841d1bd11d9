"""Scoring and statistics are quick enough, and their benchmark measures what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import scoring

pytest.importorskip("rouge_score")


def test_1000_answers_of_60_words_and_all_pairs_of_6_methods_take_under_a_minute() -> None:
    """Issue 3, how it is shown, 5: all text metrics, 10,000 resamples; processor seconds, so that other programs' share does not count."""
    found = scoring.answers(1_000, 6, 60)
    assert sum(map(len, found.values())) >= 1_000 and {len(i.prediction.split()) for items in found.values() for i in items} == {60}
    assert scoring.RESAMPLES == 10_000
    scoring.warm_up()
    rows = scoring.ours(found)
    assert {"exact_match", "token_f1", "exact_match_lenient", "rouge1", "rouge2", "rougeL", "rougeLsum", "bleu", "chrf"} <= {
        r["step"] for r in rows
    }
    assert sum(row["processor, s"] for row in rows) < 60


def test_it_prints_both_sides_and_writes_every_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "RESAMPLES", 20)
    scoring.main(["--answers", "12", "--methods", "3", "--words", "8", "--embedder", "fake/hash-64", "--json", str(tmp_path / "s.json")])
    printed, written = capsys.readouterr().out, json.loads((tmp_path / "s.json").read_text())
    for step in ("rougeLsum", "no pairs)", "Bakeoff, all of the above", "rouge_score: its four variants", "answer_relevancy, fake/hash-64"):
        assert step in printed
    assert written["answers"] == 12 and all(
        row["seconds"] >= 0 for row in [*written["ours"], *written["rouge_score"], *written["embedded"]]
    )
    assert written["total"]["seconds"] == pytest.approx(sum(row["seconds"] for row in written["ours"]))
