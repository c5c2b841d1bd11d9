"""The length report, counted by hand."""

from training.job import TrainingRow
from training.lengths import figures, length_report


def row(number, prompt, answer):
    return TrainingRow(id=str(number), prompt_ids=(5,) * prompt, completion_ids=(6,) * answer)


def test_lengths_quantiles_and_the_share_that_is_cut():
    rows = [row(n, prompt, 2) for n, prompt in enumerate([3, 4, 5, 6, 7, 8, 9, 10, 11, 50])]
    report = length_report(rows, max_tokens=12, unworded=2)
    assert report["rows"] == 12 and report["over"] == 2 and report["unworded"] == 2 and report["share_cut"] == round(4 / 12, 4)
    assert {key: report["prompt"][key] for key in ("tokens", "min", "median", "p90", "p99", "max")} == {
        "tokens": 113, "min": 3, "median": 7, "p90": 11, "p99": 50, "max": 50,
    }  # fmt: skip
    assert report["completion"]["median"] == 2 and report["both"]["max"] == 52


def test_the_histogram_holds_every_row_once_in_bars_of_one_width():
    bars = figures([3, 4, 5, 6, 7, 8, 9, 10, 11, 50])["histogram"]
    assert sum(bar["rows"] for bar in bars) == 10 and len(bars) <= 12
    assert {bar["to"] - bar["from"] for bar in bars} == {3} and bars[0] == {"from": 3, "to": 6, "rows": 4}
    assert figures([7, 7])["histogram"] == [{"from": 7, "to": 7, "rows": 2}]


def test_no_rows_have_no_figures():
    report = length_report([], 100)
    assert report["share_cut"] is None and report["prompt"] == {
        "tokens": 0, "min": None, "max": None, "median": None, "p90": None, "p99": None, "histogram": [],
    }  # fmt: skip
