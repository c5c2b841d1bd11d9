"""Judge a finished comparison again: by another model, rubric or scale, or only to certify its judge. Nothing is generated.

It is a job like a run: it waits for its turn, can be stopped, and finds its calls again. However it ends, the comparison is afterwards what
it was, with one more report where it went well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from comparison import event_log, jobs
from comparison.certify import METHOD
from comparison.events import Event, Finished, Note, Started
from comparison.judge_spec import SAME, JudgeSpec, kept_section, read_section
from comparison.plan import with_override
from comparison.rescore import rescore
from comparison.result import Result
from comparison.slot import Slot
from comparison.store import Store
from core.errors import BakeoffError


def section_for(result: Result, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """By which judge: the comparison's last one, changed by overrides ("judge.scale=7").

    Raises:
        PlanError: an override leads nowhere, or the section is wrong.
    """
    whole: dict[str, Any] = {"judge": dict(kept_section(result.folder, result.plan()) or {})}
    for override in overrides:
        whole = with_override(whole, override)
    section: dict[str, Any] = whole["judge"] or {}
    spec = read_section(section)
    return {**section, "model": str(Path(spec.model).resolve())} if _is_folder(spec) else section


def _is_folder(spec: JudgeSpec) -> bool:
    return spec.model != SAME and not spec.model.startswith(("fake/", "embedded/")) and Path(spec.model).is_dir()


def judge_again(store: Store, comparison_id: str, section: Mapping[str, Any]) -> Iterator[Event]:
    """Wait for the slot, certify, score, and write the next report. Ends with `Finished`.

    Raises:
        StoreError: another process works on it, or it has no report.
        Cancelled: Stop was pressed; the calls so far are kept.
    """
    result = store.result(comparison_id)
    report = result.report()
    jobs.requeue(store, comparison_id, jobs.own_handle())
    try:
        with Slot(store) as slot:
            yield from slot.wait(comparison_id)
            yield from event_log.kept(result.folder, _events(store, comparison_id, report, section))
    except BaseException as error:
        _restore(store, result, report, error)
        raise


def _events(store: Store, comparison_id: str, report: Mapping[str, Any], section: Mapping[str, Any]) -> Iterator[Event]:
    yield Started(comparison_id, str(report["name"]), (METHOD,), int(report["data"]["counts"]["test"]), resumed=True)
    yield from rescore(store, comparison_id, ["judge"], section, own_job=True)


def _restore(store: Store, result: Result, report: Mapping[str, Any], error: BaseException) -> None:
    reason = str(error) if isinstance(error, BakeoffError) else f"A bug: {type(error).__name__}."
    last = Finished(
        result.folder.name, report["status"], report["verdict"]["text"], result.report_names()[-1], f"Not judged again: {reason}"
    )
    event_log.add(result.folder, Note(last.reason), last)
    store.close(result.folder.name, report["status"], report["verdict"]["text"], last.reason)
