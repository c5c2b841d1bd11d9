"""How much power the machine draws while something is worked on, by codecarbon's offline tracker (https://codecarbon.io), which asks no network.

The tracker measures a mean power; energy is that power times the seconds of the work, so that work which was killed and gone on with, or is
reused years later, still states what all of it took. It looks at the whole machine, since trainers are processes of their own: other work
beside a run counts, too. On a CPU it is an estimate, from its load and its rated power and from a fixed figure for memory; a GPU's share is
read from its driver. Work of a few seconds is not measured: starting the tracker takes as long.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, NamedTuple

from pydantic import Field

from core.specs import Spec

BEGIN_AFTER_S = 5.0
"""By then starting the tracker, which takes a second or two of the processor, does not disturb the times of what is quick."""
LEAST_S = 1.0
WAIT_S = 5.0
WORLD = "WLD"
"""No country's code: codecarbon then takes its world average (475 g of CO2 per kWh, IEA 2019)."""
TOO_SHORT = "it took only seconds, or was done where energy was not measured"


class EnergySpec(Spec):
    """How energy is measured."""

    measure: bool = Field(True, description="Measure the machine's power while preparing and answering; false leaves energy out.")
    country: str | None = Field(
        None, pattern="^[A-Z]{3}$", description="Where the machine stands, for emissions: a code like DEU; by default the world's average."
    )


class Power(NamedTuple):
    """Mean power of the machine in watts, the GPUs' share of it, and kg of CO2 equivalents per kWh of the place's electricity."""

    watts: float
    gpu_watts: float
    kg_per_kwh: float

    def to_json(self) -> dict[str, float]:
        return self._asdict()

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Power | None:
        """None where the row, of work that was not measured, has no power."""
        values = [row.get(name) for name in cls._fields]
        return None if None in values else cls(*(float(v) for v in values if v is not None))


def kwh(watts: float, seconds: float) -> float:
    return watts * seconds / 3_600_000


class Meter:
    """Measures while it is open, in a thread of its own. Afterwards `power`, or None and a `reason`; it never fails, and never fails the work.

    Args:
        spec: None measures nothing.
        make: makes codecarbon's tracker, for tests.
    """

    def __init__(self, spec: EnergySpec | None, make: Callable[[str], Any] | None = None) -> None:
        self.power: Power | None = None
        self.reason = TOO_SHORT if spec and spec.measure else "the plan asks for no measurement"
        self._country = (spec.country if spec else None) or WORLD
        self._make, self._tracker = make or _tracker, None
        self._over, self._turn = False, threading.Lock()
        self._timer = threading.Timer(BEGIN_AFTER_S, self._begin) if spec and spec.measure else None

    def __enter__(self) -> Meter:
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer.join(WAIT_S)
        with self._turn:
            self._over = True
        if self._tracker is None:
            return
        try:
            self._tracker.stop()
            self._read(self._tracker.final_emissions_data)
        except Exception as fault:
            self._say(fault)

    def _begin(self) -> None:
        try:
            tracker = self._make(self._country)
            tracker.start()
            with self._turn:
                late = self._over
                self._tracker = None if late else tracker
            if late:
                tracker.stop()
        except Exception as fault:
            self._say(fault)

    def _read(self, found: Any) -> None:
        if found.duration < LEAST_S or found.energy_consumed <= 0:
            return
        hours = found.duration / 3600
        power = Power(1000 * found.energy_consumed / hours, 1000 * found.gpu_energy / hours, found.emissions / found.energy_consumed)
        self.power, self.reason = Power(*(round(value, 4) for value in power)), ""

    def _say(self, fault: Exception) -> None:
        self.reason = f"codecarbon failed ({type(fault).__name__})"
        logging.getLogger(__name__).info("Energy is not known: %s", fault)


def _tracker(country: str) -> Any:
    logging.getLogger("codecarbon").disabled = True
    from codecarbon import OfflineEmissionsTracker

    return OfflineEmissionsTracker(
        country_iso_code=country,
        save_to_file=False,
        save_to_api=False,
        allow_multiple_runs=True,
        tracking_mode="machine",
        log_level="critical",
    )
