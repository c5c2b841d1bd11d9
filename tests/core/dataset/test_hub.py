"""Data sets of the hub, with the `datasets` library played by a few lines: no network."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest

import core.dataset.limits as limits
from core.dataset import DataSpec, HubSpec, load_dataset, preview_hub
from core.errors import DataError, PlanError
from core.specs import read_spec


class Streamed(list[dict[str, Any]]):
    """Rows as `datasets` streams them."""

    features: Any = None


def rows(n: int, start: int = 0) -> Streamed:
    return Streamed({"question": f"question {place}", "answer": "a"} for place in range(start, start + n))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What the played hub answers ("found", or an exception), and how it was asked ("asked")."""
    state: dict[str, Any] = {}

    def load(*args: Any, **more: Any) -> Any:
        state["asked"] = (args, more)
        if isinstance(state["found"], Exception):
            raise state["found"]
        return state["found"]

    module, readers = types.ModuleType("datasets"), types.ModuleType("datasets.packaged_modules")
    module.load_dataset = load  # type: ignore[attr-defined]
    (tmp_path / "packaged" / "csv").mkdir(parents=True)
    (tmp_path / "packaged" / "csv" / "__init__.py").touch()
    module.__path__ = []
    readers.__path__ = [str(tmp_path / "packaged")]
    monkeypatch.setitem(sys.modules, "datasets", module)
    monkeypatch.setitem(sys.modules, "datasets.packaged_modules", readers)
    monkeypatch.chdir(tmp_path)
    return state


def load(folder: Path, **hub_section: Any) -> Any:
    return load_dataset(read_spec(DataSpec, {"hub": hub_section}, "data"), folder)


def test_the_hubs_own_splits_are_kept(hub: dict[str, Any], tmp_path: Path) -> None:
    hub["found"] = {"train": rows(10), "dev": rows(4, 100), "test": rows(6, 200), "extra": rows(3, 300)}
    assert load(tmp_path, id="org/name", revision="abc").counts == {"train": 10, "validation": 4, "test": 6}
    assert hub["asked"] == (("org/name", None), {"split": None, "revision": "abc", "streaming": True})


def test_one_split_is_cut_by_us(hub: dict[str, Any], tmp_path: Path) -> None:
    hub["found"] = rows(20)
    assert load(tmp_path, id="org/name", name="de", split="train").counts == {"train": 12, "validation": 3, "test": 5}
    assert hub["asked"] == (("org/name", "de"), {"split": "train", "revision": None, "streaming": True})
    hub["found"] = {"train": rows(20)}
    assert load(tmp_path, id="squad").counts == {"train": 12, "validation": 3, "test": 5}


def test_splits_that_do_not_say_what_to_test_on_are_asked_for(hub: dict[str, Any], tmp_path: Path) -> None:
    hub["found"] = {"train": rows(10), "other": rows(10)}
    with pytest.raises(DataError, match=r"has the splits train, other; .* Add split: NAME"):
        load(tmp_path, id="org/name")


def test_the_plan_may_say_which_split_is_which(hub: dict[str, Any], tmp_path: Path) -> None:
    """Benchmarks keep the labels of their test split secret, so that one tests on their validation split."""
    hub["found"] = {"train": rows(10), "validation": rows(4, 100), "test": rows(6, 200)}
    counts = load(tmp_path, id="org/glue", splits={"train": "train", "test": "validation"}).counts
    assert counts["test"] == 4 and counts["train"] + counts["validation"] == 10
    with pytest.raises(
        PlanError, match=r"data\.hub\.splits\.test must be a split of 'org/glue' .*; got 'valid'. Did you mean 'validation'"
    ):
        load(tmp_path, id="org/glue", splits={"train": "train", "test": "valid"})
    with pytest.raises(PlanError, match="split or splits, not both"):
        load(tmp_path, id="org/glue", split="train", splits={"train": "train", "test": "validation"})


def test_a_benchmark_of_the_hub_loads_as_from_a_file(hub: dict[str, Any], tmp_path: Path) -> None:
    """A test split without labels says so; the right options of MMLU are class names (letters) there."""
    hub["found"] = Streamed({"premise": f"house {n}", "hypothesis": "it is old", "label": -1, "idx": n} for n in range(10))
    hub["found"].features = {"label": types.SimpleNamespace(names=["entailment", "neutral", "contradiction"])}
    with pytest.raises(DataError, match="kept secret"):
        load(tmp_path, id="org/glue", split="test")
    quiz = Streamed({"question": f"What is {n} + 1?", "choices": [str(n), str(n + 1)], "answer": 1, "subject": "sums"} for n in range(12))
    quiz.features = {"answer": types.SimpleNamespace(names=["A", "B", "C", "D"])}
    hub["found"] = quiz
    example = load(tmp_path, id="org/mmlu", split="test").test[0]
    assert example.reference == example.choices[1] and example.columns["subject"] == "sums"


def test_class_numbers_become_their_names(hub: dict[str, Any], tmp_path: Path) -> None:
    found = Streamed({"text": f"message {n}", "label": n % 2} for n in range(20))
    found.features = {"text": object(), "label": types.SimpleNamespace(names=["bad", "good"])}
    hub["found"] = found
    assert load(tmp_path, id="org/name", split="train").labels == ("bad", "good")


@pytest.mark.parametrize(
    "error", [ConnectionError("no route to the hub"), RuntimeError("Dataset scripts are no longer supported"), OSError()]
)
def test_any_failure_of_the_hub_is_one_plain_message(error: Exception, hub: dict[str, Any], tmp_path: Path) -> None:
    hub["found"] = error
    with pytest.raises(DataError) as caught:
        load(tmp_path, id="org/name")
    assert "'org/name' could not be read from the hub" in caught.value.message and str(error) in caught.value.message
    assert "give it as path" in caught.value.remedy


def test_a_missing_library_is_one_plain_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match="could not be read from the hub"):
        load(tmp_path, id="org/name")


@pytest.mark.parametrize("hub_id", ["csv", "packaged", "packaged/csv"])
def test_ids_that_mean_files_here_are_never_asked_for(hub_id: str, hub: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="names files on this machine"):
        load(tmp_path, id=hub_id)
    assert "asked" not in hub


def test_rows_of_the_hub_are_capped(hub: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub["found"] = rows(20)
    monkeypatch.setattr(limits, "MAX_ROWS", 19)
    with pytest.raises(DataError, match="has 20 rows or more; at most 19"):
        load(tmp_path, id="org/name", split="train")


def test_the_columns_are_seen_without_reading_it_all(hub: dict[str, Any]) -> None:
    """The first rows of the part that would be trained on, and no more of them."""
    taken: list[int] = []

    class Counted(Streamed):
        def __iter__(self) -> Any:
            for place, row in enumerate(super().__iter__()):
                taken.append(place)
                yield row

    hub["found"] = {"test": rows(5, 900), "train": Counted(rows(1000))}
    seen = preview_hub(HubSpec(id="org/name"))
    assert seen.columns == ("question", "answer") and seen.mapping == {"input": "question", "output": "answer"}
    assert seen.examples[0].input == "question 0" and len(seen.rows) == 20 and len(taken) <= 21
    with pytest.raises(PlanError, match="qestion"):
        preview_hub(HubSpec(id="org/name"), {"input": "qestion", "output": "answer"})
    hub["found"] = ConnectionError("no route")
    with pytest.raises(DataError, match=r"could not be read from the hub \(ConnectionError: no route\)"):
        preview_hub(HubSpec(id="org/name"))
