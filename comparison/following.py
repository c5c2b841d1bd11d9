"""A run in this process, as commands do it: its group, its signals, its place in the queue, its progress, its table."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from comparison.command import print_json
from core.errors import BakeoffError, Cancelled, StoreError

if TYPE_CHECKING:
    from comparison.plan import Plan
    from comparison.ready import Ready
    from comparison.store import Store

METHOD_FAILED = 3


def lead() -> None:
    """Lead a process group of one's own. TERM and Ctrl-C end the run cleanly, once: what follows must not cut off the tidying up."""
    from comparison import judge_key, process

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise Cancelled("Stopped on request.", "Resume goes on where it was.")

    judge_key.take()
    process.lead_own_group()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def admit(store: Store, plan: Plan) -> str:
    """A comparison of the plan that this process will run; its id.

    Raises:
        StoreError: another process is at the same plan.
    """
    from comparison import jobs

    admission = jobs.admit(store, plan, handle=jobs.own_handle())
    if not admission.new:
        raise StoreError(f"This plan is being run already, as {admission.id}.", "Wait for it, or change the plan's name.")
    return admission.id


def follow_new(store: Store, mapping: Mapping[str, Any], base: Path, as_json: bool) -> None:
    """Run a plan that a command made up, as a comparison of its own.

    Args:
        base: the folder that paths in the plan are relative to.
    """
    from comparison.plan import read_plan
    from comparison.ready import make_ready

    plan = read_plan(mapping, base)
    ready = make_ready(plan, store.models)
    follow(store, admit(store, plan), plan, ready, as_json)


def follow(store: Store, comparison_id: str, plan: Plan, ready: Ready | None, as_json: bool) -> None:
    """Wait for the slot, run to the end, print the result."""
    from comparison.run import run as run_plan
    from comparison.slot import Slot
    from comparison.sweep_run import of_result
    from comparison.table import text_table
    from comparison.terminal import Printer

    show = Printer()
    try:
        with Slot(store) as slot:
            for place in slot.wait(comparison_id):
                show(place)
            for event in run_plan(plan, store, comparison_id, ready):
                show(event)
    except Cancelled:
        store.close(comparison_id, "cancelled", unless_ended=True)
        _end_children()
        _tell_kept(store, comparison_id)
        raise
    if (found := of_result(store.result(comparison_id))) is not None:
        _show_sweep(found, as_json)
        return
    report = store.result(comparison_id).report()
    if as_json:
        print_json(report)
    else:
        typer.echo(text_table(report))
    if any(method["status"] == "failed" for method in report["methods"]):
        raise typer.Exit(METHOD_FAILED)


def _show_sweep(found: dict[str, Any], as_json: bool) -> None:
    from comparison.sweep_run import as_text

    if as_json:
        print_json(found)
    else:
        typer.echo(as_text(found))
    if found["chosen"] is None:
        raise typer.Exit(METHOD_FAILED)


def _tell_kept(store: Store, comparison_id: str) -> None:
    """Keep what a stopped fine-tune had trained, and say so."""
    from comparison.stopped import keep

    try:
        for one in keep(store, comparison_id):
            typer.echo(f"{one.method} {one.words}: {one.kept}.", err=True)
    except BakeoffError as error:
        typer.echo(f"What was trained could not be kept: {error}", err=True)


def _end_children() -> None:
    """A trainer that this run started must not outlive its Stop."""
    if os.getpgrp() == os.getpid():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
