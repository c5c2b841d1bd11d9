"""`certify`: check a comparison's judge on its own task, and score its answers by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from comparison.command import IdArgument, JsonOption, StoreOption, plain_errors, print_json
from comparison.following import lead


def certify(
    comparison_id: IdArgument,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change the judge: judge.scale=7, judge.model=org/name, judge.pairwise=true; may be repeated."),
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the judge on the comparison's own references, score the saved answers by it, and write a new report."""
    from comparison.judge_again import judge_again, section_for
    from comparison.store import Store
    from comparison.terminal import Printer

    with plain_errors(as_json):
        lead()
        kept, show = Store(store), Printer()
        for event in judge_again(kept, comparison_id, section_for(kept.result(comparison_id), overrides or ())):
            show(event)
        judge = kept.result(comparison_id).report()["judge"]
    if as_json:
        print_json(judge)
    else:
        typer.echo("\n".join(certificate_lines(judge)))


def certificate_lines(judge: Mapping[str, Any]) -> list[str]:
    """A judge's section as lines of text."""
    checked = judge["certificate"]
    rows: list[tuple[str, Any, Sequence[Any]]] = [
        (name, checked.get(name), (checked.get("intervals") or {}).get(name) or (None, None))
        for name in ("auc", "flip_rate", "length_slope", "injection_gain", "human_kappa", "human_spearman")
    ]
    kinds = ", ".join(f"{kind} {value:.2f}" for kind, value in (checked.get("auc_by_kind") or {}).items())
    found = [f"judge {judge['model']}, marks 1 to {judge['scale']}: {'trusted' if checked['trusted'] else 'not trusted'}"]
    found += [f"  because {checked['reason']}"] if checked["reason"] else []
    found += [f"  {name.replace('_', ' ')}: {_number(value, ends)}" for name, value, ends in rows]
    found += [f"  AUC by kind: {kinds}"] if kinds else []
    found += [f"  {checked['family_warning']}"] if checked.get("family_warning") else []
    found.append(
        f"  {checked.get('n', 0)} items, {checked.get('calls', 0)} calls, {checked.get('seconds') or 0:.1f} s, spent {judge.get('spent') or 0:g}"
    )
    for pair in judge.get("pairwise") or ():
        rate = _number(pair["win_rate"], (pair["ci_low"], pair["ci_high"]))
        found.append(f"  {pair['a']} against {pair['b']}: {rate} ({pair['wins']} won, {pair['ties']} tied, {pair['losses']} lost)")
    return found


def _number(value: float | None, ends: Sequence[float | None]) -> str:
    if value is None:
        return "not known"
    low, high = ends[0], ends[1]
    return f"{value:.2f}" + (f" [{low:.2f}, {high:.2f}]" if low is not None and high is not None else "")


def add_to(app: typer.Typer) -> None:
    app.command()(certify)
