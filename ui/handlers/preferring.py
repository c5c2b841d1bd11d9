"""Preference pairs that a person brings: a file of prompt, chosen and rejected, looked at before anything is trained on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from core.dataset.pairs import COLUMNS, PairsOfFile, read_pairs
from core.errors import BakeoffError
from ui import uploads
from ui.context import Context
from ui.handlers.methods import offers
from ui.markup import render

SHOWN, LONGEST = 5, 400
SYNTHETIC = (
    "No file: the pairs will be synthetic, the reference against the base model's wrong answer to each training row, and called so wherever "
    "they are told of."
)


class Brought(NamedTuple):
    """The kept file's path, "" where it cannot be used, and its first pairs or what is wrong with it, as HTML."""

    path: str
    html: str


def takes_pairs(kind: str) -> bool:
    """Whether this kind of fine-tune learns from preference pairs."""
    return any(offer.kind == kind and "pairs" in offer.spec.model_fields for offer in offers())


def bring(ctx: Context, uploaded: str | None) -> Brought:
    """Keep a file of pairs; one that cannot be used is told of and not kept in mind."""
    if not uploaded:
        return Brought("", render("caption", text=SYNTHETIC))
    try:
        path = uploads.keep_named(ctx, uploaded)
        return Brought(str(path), shown(read_pairs(path)))
    except BakeoffError as error:
        remedy = f'{error.remedy} A row is, as JSONL: {{"prompt": …, "chosen": …, "rejected": …}}; as CSV, three columns of these names.'
        return Brought("", render("problem", message=error.message, remedy=remedy))


def shown(found: PairsOfFile) -> str:
    """How many pairs there are, the first of them, and rows that cannot be used."""
    first = [[(name, _cut(getattr(pair, name))) for name in COLUMNS] for pair in found.pairs[:SHOWN]]
    return render("preferring", file=found.file, count=len(found.pairs), first=first, bad=found.bad, bad_count=found.bad_count)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def settings(kind: str, path: str) -> dict[str, Any]:
    """The plan's settings for an uploaded file; none for a kind without pairs, or where it is gone."""
    return {"pairs": path} if path and takes_pairs(kind) and Path(path).is_file() else {}
