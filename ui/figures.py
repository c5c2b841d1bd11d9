"""Numbers as a person reads them: digits that an interval supports, and units that fit."""

from __future__ import annotations

import math
from collections.abc import Sequence


def decimals(half_widths: Sequence[float], low: float, high: float) -> int:
    """Digits after the point that the intervals support; at least 2 on a 0-1 scale, else 1."""
    least = 2 if high - low <= 1 else 1
    known = [w for w in half_widths if w > 0]
    return least if not known else max(least, min(3, -math.floor(math.log10(max(known)))))


def duration(seconds: float | None) -> str:
    """Seconds in the unit that a person would say: 0.42 s, 41 s, 3 min 20 s, 1 h 05 min."""
    if seconds is None:
        return "–"
    if seconds < 0.0005:
        return "0 s"
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def about(seconds: float) -> str:
    """A time that is only an estimate: whole seconds."""
    return f"{round(seconds)} s" if seconds < 60 else duration(seconds)


def count(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value / 1e6:.1f} M" if value >= 1e6 else f"{round(value):,}"


def size(bytes_: float | None) -> str:
    if bytes_ is None:
        return "–"
    for unit in ("B", "KB", "MB"):
        if bytes_ < 1000:
            return f"{bytes_:.0f} {unit}" if unit == "B" or bytes_ >= 10 else f"{bytes_:.1f} {unit}"
        bytes_ /= 1024
    return f"{bytes_:.1f} GB"


def energy(kwh: float | None) -> str:
    """Kilowatt-hours in the unit that fits."""
    if kwh is None:
        return "–"
    return f"{kwh * 1e6:.3g} mWh" if kwh < 1e-6 else f"{kwh * 1e3:.3g} Wh" if kwh < 1 else f"{kwh:.3g} kWh"


def carbon(kg: float | None) -> str:
    """Kilograms of CO2 equivalents in the unit that fits."""
    if kg is None:
        return "–"
    return f"{kg * 1e6:.3g} mg" if kg < 1e-3 else f"{kg * 1e3:.3g} g" if kg < 1 else f"{kg:.3g} kg"


def amount(value: float | None, currency: str) -> str:
    """Money, with as many digits as a small amount needs."""
    if value is None:
        return "–"
    digits = 0 if value == 0 or value >= 100 else 2 if value >= 0.1 else min(8, 1 - math.floor(math.log10(value)))
    return f"{value:,.{digits}f} {currency}".strip()
