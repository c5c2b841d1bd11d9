"""Links to a frozen result: a random token of 192 bits that pins one report file. Only its hash is kept, so a stolen store opens no link.

Shares also stand in the comparison's folder, so that `reindex` brings them back.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from comparison.result import Result
from comparison.store import Store
from core.errors import StoreError
from core.files import write_json

SHARES = "shares.json"
TOKEN_BYTES = 24
ID_DIGITS = 16
PRIVATE_PLAN = ("data", "knowledge", "metrics")


@dataclass(frozen=True)
class Share:
    """What a token opens.

    Attributes:
        report: name of the report file that it pins.
        with_rows: whether prompts, answers and references may be shown, or the scores alone.
    """

    comparison: str
    report: str
    with_rows: bool
    owner: str
    expires: float | None


class Link(NamedTuple):
    """A link as its owner may know it; what opens it is known to nobody but those who have it.

    Attributes:
        id: by which it can be closed.
        created, expires: seconds since 1970; None for a link that does not end by itself.
        report: name of the report file that it pins.
        state: open, expired, or closed.
    """

    id: str
    created: float
    expires: float | None
    with_rows: bool
    report: str
    state: str


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def create(store: Store, comparison_id: str, owner: str, *, with_rows: bool = False, expires: float | None = None) -> str:
    """A new token for the comparison's latest report; it cannot be read from the store again.

    Raises:
        StoreError: no such comparison of this owner, or no report yet.
    """
    check_owner(store, comparison_id, owner)
    result = store.result(comparison_id)
    names = result.report_names()
    if not names:
        raise StoreError(f"{comparison_id} has no report to share yet.", "Wait until it is done.")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = (_digest(token), comparison_id, names[-1], int(with_rows), owner, time.time(), expires)
    with store.database.write() as db:
        db.execute("INSERT INTO shares (digest, comparison, report, with_rows, owner, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    write_json(store.comparisons / comparison_id / SHARES, _rows(store, comparison_id))
    return token


def resolve(store: Store, token: str) -> Share | None:
    """What a token opens; None for a wrong, revoked or expired one. Looked up by hash, so the time taken says nothing about the token."""
    with store.database.read() as db:
        row = db.execute("SELECT * FROM shares WHERE digest = ?", (_digest(token),)).fetchone()
    if row is None or row["revoked"] or (row["expires"] is not None and row["expires"] < time.time()):
        return None
    if not (store.comparisons / row["comparison"] / row["report"]).is_file():
        return None
    return Share(row["comparison"], row["report"], bool(row["with_rows"]), row["owner"], row["expires"])


def links(store: Store, comparison_id: str, owner: str) -> list[Link]:
    """All links that were made to a comparison, the newest first.

    Raises:
        StoreError: no such comparison of this owner.
    """
    check_owner(store, comparison_id, owner)
    return [_link(row) for row in sorted(_rows(store, comparison_id), key=lambda row: row["created"], reverse=True)]


def _link(row: Mapping[str, Any]) -> Link:
    late = row["expires"] is not None and row["expires"] < time.time()
    state = "closed" if row["revoked"] else "expired" if late else "open"
    return Link(row["digest"][:ID_DIGITS], row["created"], row["expires"], bool(row["with_rows"]), row["report"], state)


def revoke(store: Store, comparison_id: str, owner: str, link: str | None = None) -> int:
    """Close the link with this id, or all links to a comparison; how many were closed now. The folder learns it first, so that no `reindex`
    opens them again.

    Raises:
        StoreError: no such comparison of this owner, or no such link.
    """
    check_owner(store, comparison_id, owner)
    rows = _rows(store, comparison_id)
    meant = [row["digest"] for row in rows if link in (None, row["digest"][:ID_DIGITS])]
    if link is not None and not meant:
        raise StoreError("There is no such link to this comparison.", "Choose one of the list.")
    write_json(
        store.comparisons / comparison_id / SHARES, [{**row, "revoked": int(row["revoked"] or row["digest"] in meant)} for row in rows]
    )
    marks = ", ".join("?" * len(meant))
    with store.database.write() as db:
        count = db.execute(f"UPDATE shares SET revoked = 1 WHERE revoked = 0 AND digest IN ({marks})", meant).rowcount
    return count


def check_owner(store: Store, comparison_id: str, owner: str) -> None:
    """Refuse another owner's comparison in the very words used for one that does not exist.

    Raises:
        StoreError: it is not there, or not this owner's.
    """
    with store.database.read() as db:
        row = db.execute("SELECT owner FROM comparisons WHERE id = ?", (comparison_id,)).fetchone()
    if row is None or row["owner"] != owner:
        raise StoreError(f"There is no comparison '{comparison_id[:60]}'.", "Open one from the library.")
    store.folder(comparison_id)


def shared_report(store: Store, share: Share) -> dict[str, Any]:
    """The report that a share pins, without texts and names of files where only scores were shared."""
    report = Result(store.folder(share.comparison)).report(share.report)
    return report if share.with_rows else scores_only(report)


def scores_only(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report without prompts, answers, labels, instruction, ids of items and names of files."""
    plan = {key: value for key, value in report["plan"].items() if key not in PRIVATE_PLAN}
    data = {"counts": report["data"]["counts"], "leakage": {part: _counts(found) for part, found in report["data"]["leakage"].items()}}
    plan |= {"methods": [_without_wordings(spec) for spec in plan.get("methods", ())]}
    plan |= {"reward": _without_wordings(plan["reward"])} if plan.get("reward") else {}
    methods = [_method_alone(method) for method in report["methods"]]
    metrics = {name: {**info, "how": "" if info.get("script") else info["how"]} for name, info in report.get("metrics", {}).items()}
    return {**report, "plan": plan, "data": data, "methods": methods, "metrics": metrics, "notes": []}


def _method_alone(method: Mapping[str, Any]) -> dict[str, Any]:
    alone = {
        **method,
        "failures": {},
        "reason": "it failed" if method["reason"] else "",
        "spec": _without_wordings(method.get("spec") or {}),
    }
    if not (training := method.get("training")):
        return alone
    prepared = training.get("preparation") or {}
    rest: dict[str, Any] = {key: {**prepared, "dropped": [], "mix": [], "notes": []} for key in ("preparation",) if prepared}
    if pairs := training.get("pairs"):
        rest["pairs"] = {**pairs, "source": "synthetic" if pairs["synthetic"] else "a file", "left_out": []}
    rest["findings"] = [found for found in training.get("findings") or () if found.get("rule") != "pairs"]  # that one names the file
    return {**alone, "training": {**training, "left_out": [], **rest}}


def _without_wordings(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A method's settings without instructions and further files."""
    return {key: value for key, value in spec.items() if key not in ("instructions", "mix", "pairs")}


def _counts(found: Mapping[str, Any]) -> dict[str, int]:
    return {key: value for key, value in found.items() if isinstance(value, int)}


def _rows(store: Store, comparison_id: str) -> list[dict[str, Any]]:
    """The shares of database and folder; either may be behind. What one of them calls revoked is."""
    with store.database.read() as db:
        found = {row["digest"]: dict(row) for row in db.execute("SELECT * FROM shares WHERE comparison = ?", (comparison_id,))}
    for row in saved(store.comparisons / comparison_id):
        known = found.get(row["digest"], row)
        found[row["digest"]] = {**known, "revoked": max(known["revoked"], row["revoked"])}
    return list(found.values())


def saved(folder: Path) -> list[dict[str, Any]]:
    """The shares that a comparison's folder states, for `reindex`."""
    path = folder / SHARES
    rows: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return rows
