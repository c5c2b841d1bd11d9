"""Files of preference pairs that a plan names: read once for all that train on them, cleared of test items, and told of in the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from comparison.near import Nearness
from comparison.plan import Plan
from core.dataset import Dataset
from core.dataset.pairs import PairsOfFile, cleared_pairs, read_pairs
from core.errors import PlanError
from models import address


def guarded_pairs(plan: Plan, dataset: Dataset, nearness: Nearness) -> dict[str, PairsOfFile]:
    """Every file of pairs that some method or the reward model names, by its path.

    Raises:
        PlanError: it lacks a column.
        DataError: it cannot be read, or all of its pairs are about test items.
    """
    near = nearness.rows if plan.spec.data.near_duplicates == "drop" else None
    named = [getattr(spec, "pairs", None) for spec in (*plan.methods, *((plan.spec.reward,) if plan.spec.reward else ()))]
    paths = dict.fromkeys(path for path in named if path)
    return {path: cleared_pairs(read_pairs(Path(path)), dataset.test, dataset.instruction, near) for path in paths}


def refuse_files(plan: Plan, *, public: bool, own: Callable[[str], bool] = lambda path: False) -> None:
    """Where other people use the app, too, nobody may name a file or a folder of its machine, nor a server that only it can reach.

    Args:
        own: whether a file is one that this person brought.

    Raises:
        PlanError: a method names pairs by their path, or a folder as its teacher.
        ModelError: a teacher's server is not public.
    """
    for spec in (*plan.methods, *((plan.spec.reward,) if plan.spec.reward else ())) if public else ():
        pairs = getattr(spec, "pairs", None)
        if pairs and not own(pairs):
            raise PlanError(
                "A file of pairs cannot be named here: this app is shared.", "Upload it on the Fine-tuning tab, or leave pairs empty."
            )
        teacher, url = getattr(spec, "teacher", None), getattr(spec, "teacher_url", None)
        if teacher and not url and Path(teacher).is_absolute():
            raise PlanError("A folder cannot be the teacher here: this app is shared.", "Name an embedded model or a Hub id.")
        if url:
            parts = urlsplit(url)
            address.public_address(parts.hostname or "", parts.port or 443)


def pairs_entries(pairs: Mapping[str, PairsOfFile]) -> list[dict[str, Any]]:
    """The report's `data.pairs`, one entry a file."""
    return [found.to_report() for found in pairs.values()]


def pairs_notes(pairs: Mapping[str, PairsOfFile]) -> Iterator[str]:
    """Sentences on pairs that were taken out, or cannot be used."""
    for found in pairs.values():
        if found.taken_out:
            yield f"{found.taken_out} pairs of {found.file} are about test items ({found.leaks.words}) and were not trained on."
        if found.bad:
            yield f"{found.bad_count} pairs of {found.file} cannot be used; the first: line {found.bad[0].line}: {found.bad[0].reason}."
