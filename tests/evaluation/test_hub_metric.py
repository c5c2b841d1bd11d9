import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import Cancelled, PlanError
from core.records import Score, Unscored
from core.specs import read_spec
from evaluation.base import Resources
from evaluation.hub_metric import HubMetric, HubMetricSpec, hub_metric

SCRIPT = """
import datasets
import evaluate


class WordGap(evaluate.Metric):
    def _info(self):
        features = datasets.Features({"predictions": datasets.Value("string"), "references": datasets.Value("string")})
        return evaluate.MetricInfo(description="", citation="", inputs_description="", features=features)

    def _compute(self, predictions, references, weight=1.0):
        gaps = [abs(len(p.split()) - len(r.split())) * weight for p, r in zip(predictions, references)]
        return {"gap": sum(gaps) / len(gaps), "n": "as text"}
"""


def spec(**settings: Any) -> HubMetricSpec:
    return read_spec(HubMetricSpec, {"evaluate": "some_metric", **settings})


def made(compute: Callable[..., Any], **settings: Any) -> HubMetric:
    """A metric whose module is already loaded."""
    metric = hub_metric(spec(**settings), Path("/nowhere"))
    metric.loaded.append(types.SimpleNamespace(compute=compute))
    return metric


@pytest.fixture
def no_evaluate(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Replace the library by one whose load fails as it does without a network."""

    def replace(error: Exception) -> None:
        def load(*_: Any, **__: Any) -> Any:
            raise error

        monkeypatch.setitem(sys.modules, "evaluate", types.SimpleNamespace(load=load))

    return replace


def test_a_local_script_scores_each_pair_with_its_arguments(tmp_path: Path, item: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (tmp_path / "word_gap.py").write_text(SCRIPT)
    monkeypatch.chdir("/")
    metric = hub_metric(spec(evaluate="word_gap.py", args={"weight": 2.0}, high=100, higher_is_better=False), tmp_path)
    assert metric.score([item("a b c", "a"), item("a", "a"), item("", "a b")], Resources()) == [Score(4.0), Score(0.0), Score(4.0)]
    assert (metric.info.name, metric.info.high, metric.info.higher_is_better) == ("word_gap", 100.0, False)


def test_naming_a_metric_imports_nothing() -> None:
    before = set(sys.modules)
    hub_metric(spec(), Path("/nowhere"))
    assert not {name for name in set(sys.modules) - before if name.split(".")[0] in ("evaluate", "datasets")}


@pytest.mark.parametrize("error", [ConnectionError("no route"), FileNotFoundError("no such module"), ImportError("nltk is missing")])
def test_a_hub_that_is_out_of_reach_is_one_plain_error(error: Exception, no_evaluate: Any, item: Any) -> None:
    no_evaluate(error)
    with pytest.raises(PlanError, match=f"'some_metric' could not be loaded: {error}") as caught:
        hub_metric(spec(), Path("/nowhere")).score([item("a", "b")], Resources())
    assert "local script" in caught.value.remedy


@pytest.mark.parametrize("stop", [Cancelled("Stopped."), KeyboardInterrupt()])
def test_a_stop_while_it_is_loaded_is_a_stop(stop: BaseException, no_evaluate: Any, item: Any) -> None:
    no_evaluate(stop)
    with pytest.raises(type(stop)):
        hub_metric(spec(), Path("/nowhere")).score([item("a", "b")], Resources())


def test_a_path_that_is_not_there_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"no metric script scripts/gone\.py"):
        hub_metric(spec(evaluate="scripts/gone.py"), tmp_path)


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(PlanError, match=r"high must be above low \(1\); got 0"):
        hub_metric(spec(low=1, high=0), Path("/nowhere"))


def test_an_unknown_setting_is_refused_with_the_nearest() -> None:
    with pytest.raises(PlanError, match="higher_is_better"):
        spec(higher_is_beter=False)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"x": 0.5}, Score(0.5)),
        ({"x": [0.5]}, Score(0.5)),
        ({"x": float("nan")}, None),
        ({"x": "high"}, None),
        ({"x": 37.2}, None),
        (None, None),
    ],
)
def test_what_is_not_a_number_in_range_is_unscored(result: Any, expected: Score | None, item: Any) -> None:
    scored = made(lambda **_: result, key="x").score([item("a", "b")], Resources())[0]
    assert scored == expected if expected else isinstance(scored, Unscored)


def test_a_pair_that_the_metric_can_not_do_is_unscored_and_the_next_goes_on(item: Any) -> None:
    def compute(predictions: list[str], references: list[str]) -> dict[str, float]:
        return {"x": 1 / len(predictions[0])}

    failed, fine = made(compute).score([item("", "b"), item("ab", "b")], Resources())
    assert isinstance(failed, Unscored) and "ZeroDivisionError" in failed.reason
    assert fine == Score(0.5)


@pytest.mark.parametrize("settings", [{"key": "y"}, {}])
def test_a_key_that_is_wrong_or_ambiguous_names_the_ones_there_are(settings: Any, item: Any) -> None:
    with pytest.raises(PlanError, match=r"some_metric\.key must name one value.*Known: x, z"):
        made(lambda **_: {"x": 1.0, "z": 0.5}, **settings).score([item("a", "b")], Resources())


def test_a_value_that_has_the_metrics_own_name_needs_no_key(item: Any) -> None:
    assert made(lambda **_: {"x": 1.0, "some_metric": 0.25}).score([item("a", "b")], Resources()) == [Score(0.25)]


def test_one_call_for_all_takes_a_list_with_a_number_per_item(item: Any) -> None:
    rows = [item("a", "b"), item("cd", "e")]
    metric = made(lambda predictions, references: {"f": [len(p) / 10 for p in predictions], "hash": "v1"}, per_item=False)
    assert metric.score(rows, Resources()) == [Score(0.1), Score(0.2)]
    with pytest.raises(PlanError, match="must give a list of 2 numbers"):
        made(lambda **_: {"f": [0.1]}, per_item=False, key="f").score(rows, Resources())


def test_no_items_load_nothing(no_evaluate: Any) -> None:
    no_evaluate(ConnectionError("no hub"))
    assert hub_metric(spec(), Path("/nowhere")).score([], Resources()) == []
