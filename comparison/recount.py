"""Counting the votes: what people said becomes part of a new report, beside the old ones, which never change."""

from __future__ import annotations

import json
from typing import Any

from comparison import jobs
from comparison.analyses import analysed
from comparison.store import Store, alone
from comparison.votes import read_votes
from core.errors import StoreError
from core.files import write_json


def recount(store: Store, comparison_id: str) -> str:
    """Write the latest report anew with all votes that are there now; its name. Where it has them already, no file is written.

    Raises:
        StoreError: the comparison is active, has no report, or nobody has voted.
    """
    with alone(store.folder(comparison_id)):
        if jobs.status(store, comparison_id).active:
            raise StoreError(f"{comparison_id} is still running.", "Wait until it is done, or stop it.")
        result = store.result(comparison_id)
        report: dict[str, Any] = result.report()
        if all(vote.skipped for vote in read_votes(result.folder)):
            raise StoreError("Nobody has voted yet.", "Make a review link, and pass it on.")
        fresh = analysed(result, {key: value for key, value in report.items() if key != "people"}, result.scores())
        if json.loads(json.dumps(fresh)) == report:
            return result.report_names()[-1]
        name = result.next_report_name()
        write_json(result.folder / name, fresh)
        return name
