"""Content hashes: the keys under which artefacts and answers are found again."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def fingerprint(value: Any) -> str:
    """A 32-digit hexadecimal SHA-256 of a JSON-like value; the order of a mapping's keys does not matter.

    Raises:
        TypeError: the value holds something that JSON has no form for, so its hash would not be stable.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
