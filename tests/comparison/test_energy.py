"""Energy: mean power times seconds, kept with the work, so that reused work still states what it took; never a reason to fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.base import Progress, Recipe
from comparison import energy
from comparison.answers import AnswerWriter, Timings, keep_power, read_timings
from comparison.artefacts import Artefact, obtain
from comparison.cost import energy_fields
from comparison.energy import EnergySpec, Meter, Power, kwh
from comparison.plan import read_plan
from comparison.store import Store
from core.records import Answer, Prompt

Complete = Callable[..., tuple[str, list[Any]]]
DRAWN = Power(36.0, 0.0, 0.5)


class Tracker:
    """Says that 36 W were drawn for 10 s: 0.0001 kWh, and 0.5 kg of CO2 for each kWh."""

    def __init__(self, country: str, duration: float = 10.0) -> None:
        self.country, self.final_emissions_data = country, SimpleNamespace(
            duration=duration, energy_consumed=0.0001, gpu_energy=0.0, emissions=0.00005
        )  # fmt: skip

    def start(self) -> None: ...

    def stop(self) -> None: ...


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[Tracker]:
    """Measuring begins at once, by a tracker without a machine; those that were made."""
    made: list[Tracker] = []
    monkeypatch.setattr(energy, "BEGIN_AFTER_S", 0.0)
    monkeypatch.setattr(energy, "_tracker", lambda country: made.append(Tracker(country)) or made[-1])
    return made


def work(spec: EnergySpec | None = None, seconds: float = 0.1) -> Meter:
    with Meter(spec or EnergySpec()) as meter:
        time.sleep(seconds)
    return meter


def test_energy_is_mean_power_times_time(quick: list[Tracker]) -> None:
    assert work(EnergySpec(country="DEU")).power == DRAWN
    assert kwh(36.0, 100.0) == pytest.approx(0.001)
    assert [tracker.country for tracker in quick] == ["DEU"]
    assert work().power == DRAWN and quick[-1].country == energy.WORLD


def test_short_work_is_not_measured_and_starts_no_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "_tracker", None)
    meter = work()
    assert (meter.power, meter.reason) == (None, energy.TOO_SHORT)


def test_no_measurement_where_the_plan_wants_none(quick: list[Tracker]) -> None:
    meter = work(EnergySpec(measure=False))
    assert (meter.power, meter.reason, quick) == (None, "the plan asks for no measurement", [])


def test_a_tracker_that_starts_too_late_is_stopped_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[bool] = []

    class Slow(Tracker):
        def start(self) -> None:
            time.sleep(0.4)

        def stop(self) -> None:
            stopped.append(True)

    monkeypatch.setattr(energy, "BEGIN_AFTER_S", 0.0)
    monkeypatch.setattr(energy, "WAIT_S", 0.05)
    monkeypatch.setattr(energy, "_tracker", Slow)
    assert work(seconds=0.05).power is None
    time.sleep(0.8)
    assert stopped == [True]


@pytest.mark.parametrize("fault", ["make", "start", "stop", "read"])
def test_a_failing_tracker_costs_the_number_and_not_the_work(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    def fail(*given: Any) -> None:
        raise RuntimeError("no such sensor")

    def make(country: str) -> Tracker:
        tracker = Tracker(country)
        if fault == "make":
            fail()
        if fault == "read":
            del tracker.final_emissions_data
        else:
            setattr(tracker, fault, fail)
        return tracker

    monkeypatch.setattr(energy, "BEGIN_AFTER_S", 0.0)
    monkeypatch.setattr(energy, "_tracker", make)
    meter = work()
    assert meter.power is None and meter.reason.startswith("codecarbon failed (")


def test_an_error_of_the_work_passes_through(quick: list[Tracker]) -> None:
    with pytest.raises(ZeroDivisionError), Meter(EnergySpec()) as meter:
        time.sleep(0.05)
        raise ZeroDivisionError
    assert meter.power == DRAWN


def test_an_artefact_keeps_the_power_that_it_was_built_with(store: Store, quick: list[Tracker]) -> None:
    def build(folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
        time.sleep(0.05)
        (folder / "weights").write_text("w")
        yield Progress("training")

    def last(spec: EnergySpec | None) -> Artefact:
        *_, artefact = obtain(store, Recipe("weights", "f" * 32, {}, build), [], spec)
        assert isinstance(artefact, Artefact)
        return artefact

    assert (last(EnergySpec()).power, last(EnergySpec()).reused, last(None).power, len(quick)) == (DRAWN, True, DRAWN, 1)


def test_answers_that_are_taken_over_keep_their_power(tmp_path: Path) -> None:
    """By batch and as a whole file; a batch without a measurement says so."""
    answer = Answer("a", "x", (1,), "stop", Prompt(()), 3)
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        (folder / "answers").mkdir(parents=True)
        (folder / "timings").mkdir()
    writer = AnswerWriter(one, "rag")
    writer.start({"basis": "b"}, {})
    writer.add("k1", [answer], 10.0)
    writer.add("k2", [answer], 5.0, "elsewhere", Power(72.0, 0.0, 0.5))
    writer.add("k3", [answer], 5.0, "elsewhere", None)
    writer.finish(1.0)
    keep_power(one, "rag", DRAWN)
    AnswerWriter(two, "rag").adopt(one, "rag")
    for timings in (read_timings(one, "rag"), read_timings(two, "rag")):
        assert [timings.power_of(timings.batches[key]) for key in ("k1", "k2", "k3")] == [DRAWN, Power(72.0, 0.0, 0.5), None]
    assert energy_fields(read_timings(two, "rag"), [])["energy"]["answer_kwh"] == pytest.approx(
        kwh(36, 10) + kwh(72, 5) + kwh(36, 5), rel=1e-3
    )


def test_the_ledger_adds_up_preparing_and_answering() -> None:
    index = Artefact("index", "f", Path(), 100.0, 1, False, Power(72.0, 0.0, 0.5))
    timings = Timings({"k": {"seconds": 100.0, "ids": ["a"], "reused": ""}}, {"word_s": 20.0}, DRAWN)
    found = energy_fields(timings, [index])
    assert found["energy"]["prepare_kwh"] == pytest.approx(0.002)
    assert found["energy"]["answer_kwh"] == pytest.approx(0.001 + 0.0004)
    assert (found["energy_kwh"], found["co2_kg"]) == (pytest.approx(0.0034), pytest.approx(0.0017))
    assert found["energy"]["estimate"] is True


def test_unmeasured_work_of_some_length_leaves_no_number_but_a_reason() -> None:
    index = Artefact("index", "f", Path(), 100.0, 1, False)
    timings = Timings({"k": {"seconds": 100.0, "ids": ["a"], "reused": ""}}, {}, DRAWN)
    found = energy_fields(timings, [index])
    assert (found["energy_kwh"], found["co2_kg"]) == (None, None) and found["energy"]["reason"]
    assert energy_fields(Timings(), [])["energy"]["reason"].startswith("Not measured")


def test_a_run_states_its_energy_and_a_second_one_reuses_it(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store, quick: list[Tracker]
) -> None:
    mapping = {**mapping, "model": {"id": "fake/slow-60", "embedder": "fake/hash-64"}, "methods": [{"kind": "zero_shot"}]}
    cost = store.result(complete(read_plan(mapping, task))[0]).report()["methods"][0]["cost"]
    assert cost["energy_kwh"] == pytest.approx(kwh(36.0, cost["generate_s"] + cost["word_s"]), rel=1e-2)
    count = len(quick)
    again = store.result(complete(read_plan({**mapping, "name": "Again"}, task))[0]).report()["methods"][0]["cost"]
    assert (again["energy_kwh"], again["co2_kg"], len(quick)) == (cost["energy_kwh"], cost["co2_kg"], count)
    assert again["reused"]["batches"] == again["reused"]["of_batches"]


def test_codecarbon_measures_this_machine_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "BEGIN_AFTER_S", 0.0)
    with Meter(EnergySpec(country="FRA")) as meter:
        until = time.monotonic() + 60
        while meter._tracker is None and time.monotonic() < until:
            time.sleep(0.1)
        until = time.monotonic() + 2
        while time.monotonic() < until:
            sum(range(10_000))
    assert meter.power is not None, meter.reason
    assert 0 < meter.power.watts < 2_000
    assert 0.01 < meter.power.kg_per_kwh < 0.2
