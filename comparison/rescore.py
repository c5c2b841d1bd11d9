"""Further metrics over saved answers: nothing is generated, and the new numbers make a new report beside the old one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.rewarding import RewardSpec
from comparison import jobs
from comparison.analyses import analysed
from comparison.certify import judge_all
from comparison.environment import fixed
from comparison.events import Finished, Note, Progressed, Scored
from comparison.judge_spec import JudgeSpec, keep_section, kept_section
from comparison.judging import judging
from comparison.loaded import Loaded
from comparison.plan import Plan, read_plan
from comparison.ready import Ready, embedder_key_if_there, make_ready
from comparison.report import Frame, Outcome, build_report, groups_of
from comparison.result import Result
from comparison.rewarding import Rewarder
from comparison.score import Adapter, Base, Scorer
from comparison.seeds import member_names, members
from comparison.store import Store, alone
from core.errors import StoreError
from core.files import write_json
from evaluation.base import LOGPROBS
from evaluation.reward import REWARD
from models.base import ModelIdentity
from models.loading import identify


def rescore(
    store: Store, comparison_id: str, names: Sequence[str], section: Mapping[str, Any] | None = None, *, own_job: bool = False
) -> Iterator[Progressed | Scored | Note | Finished]:
    """Score a finished comparison's answers by further metrics as well, and write the next report.

    Args:
        section: judge by this `judge` section from now on, instead of the plan's.
        own_job: the comparison is active because of this very process.

    Raises:
        PlanError: there is no such metric, or the section is wrong.
        StoreError: the comparison is active, has no report yet, or its model is not there as it was.
    """
    with alone(store.folder(comparison_id)):
        if not own_job and jobs.status(store, comparison_id).active:
            raise StoreError(f"{comparison_id} is still running.", "Wait until it is done, or stop it.")
        yield from _rescore(store, comparison_id, names, section)


def _rescore(
    store: Store, comparison_id: str, names: Sequence[str], section: Mapping[str, Any] | None
) -> Iterator[Progressed | Scored | Note | Finished]:
    result = store.result(comparison_id)
    report, environment = result.report(), result.environment()
    plan = with_metrics(result, report, names, section)
    spec = fixed(plan.spec.model, environment)
    needs = {need for metric in plan.metrics for need in metric.info.needs}
    asks = bool(needs & (LOGPROBS | {REWARD})) or ("judge" in needs and (plan.spec.judge or JudgeSpec()).is_base)
    ready = make_ready(plan, store.models, environment) if needs & (LOGPROBS | {REWARD}) else None
    identity = identify(spec, store.models) if asks else _stated_identity(environment)
    check_model(comparison_id, environment, identity)
    splits = result.splits()
    loaded = ready.loaded if ready else Loaded(spec, store.models)
    embedder = embedder_key_if_there(spec.embedder, store.models) if "embedder" in needs else spec.embedder
    judge = judging(plan.spec.judge, identity, loaded, result.folder)
    scorer = Scorer(store, comparison_id, splits.test, splits.labels, identity, loaded, embedder, judge, without_paths=plan.without_paths)
    scorer.rewarder = Rewarder(store, ready.setting, ready.loaded, plan.spec.reward or RewardSpec()) if ready else None
    outcomes = [Outcome.from_entry(entry) for entry in report["methods"]]
    for outcome in outcomes:
        for name in member_names(outcome.name, outcome.spec) if outcome.status == "done" else ():
            saved = result.answers(name)
            if saved.complete:
                if ready is not None:
                    _find_adapter(store, ready, outcome.name, name, scorer)
                yield from scorer.score(name, saved, plan.metrics)
    methods = [name for outcome in outcomes for name in member_names(outcome.name, outcome.spec)]
    metrics = [metric.info.name for metric in plan.metrics]
    scorer.pack(methods, metrics)
    scores = scorer.table(methods, metrics)
    said = list(scorer.rewarder.notes()) if scorer.rewarder and REWARD in metrics else []
    notes = list(dict.fromkeys([*report["notes"], *said]))
    judge.chooser.ask = "judge" in names
    done = [outcome.name for outcome in outcomes if outcome.status == "done"]
    judged = yield from judge_all(judge, store, done, plan.metrics, scores, notes, report["judge"])
    if section is not None:
        keep_section(result.folder, plan.mapping["judge"])
    frame = Frame.from_report({**report, "judge": judged.section, "notes": judged.notes}, plan.primary)
    fresh = analysed(result, build_report(frame, outcomes, judged.metrics, scores, groups_of(splits.test)), scores)
    name = result.next_report_name()
    write_json(result.folder / name, fresh)
    store.close(comparison_id, fresh["status"], fresh["verdict"]["text"])
    yield Finished(comparison_id, fresh["status"], fresh["verdict"]["text"], name)


def check_model(comparison_id: str, environment: dict[str, Any], identity: ModelIdentity) -> None:
    """Refuse to score by another model under the same name: judge and label scores of both would stand in one table."""
    stated, found = (environment["model"]["revision"], environment["template_hash"]), (identity.revision, identity.template_hash)
    if stated != found:
        raise StoreError(
            f"{comparison_id} was run with revision {stated[0]} of its model; now there is {found[0]}, or another chat template.",
            "Run the plan anew with the further metric; what is still the same is found again.",
        )


def with_metrics(result: Result, report: dict[str, Any], names: Sequence[str], section: Mapping[str, Any] | None) -> Plan:
    mapping = result.plan()
    if (judge := kept_section(result.folder, mapping) if section is None else section) is not None:
        mapping = {**mapping, "judge": dict(judge)}
    before = read_plan(mapping, result.folder)
    listed = list(mapping.get("metrics") or [metric.info.name for metric in before.metrics])
    known = {metric.info.name for metric in before.metrics}
    if "judge" in known and "judge" not in listed:
        listed.append("judge")
    earlier = [name for name in report["metrics"] if name not in known]
    wanted = [*listed, *(name for name in dict.fromkeys([*earlier, *names]) if name not in known)]
    return read_plan({**mapping, "metrics": wanted, "primary": before.primary}, result.folder)


def _stated_identity(environment: dict[str, Any]) -> ModelIdentity:
    """The model as the first start stated it: enough for metrics that ask no model."""
    stated = {key: environment[key] for key in ("dtype", "device", "threads", "template_hash")}
    return ModelIdentity(**environment["model"], **stated)


def _find_adapter(store: Store, ready: Ready, of: str, name: str, scorer: Scorer) -> None:
    """Args:
    of: the method; `name` is its own, or that of one of its seeds.
    """
    method = next(member.method for member in members(of, ready.methods[of]) if member.name == name)
    ready = ready.of(method)
    scorer.bases[name] = Base(ready.identity, ready.loaded)
    recipes = method.recipes(ready.setting)
    weights = next((recipe.fingerprint for recipe in recipes if recipe.kind == "weights"), "")
    if weights:
        paths = [store.artefacts / recipe.fingerprint for recipe in recipes]
        scorer.adapters[name] = Adapter(weights, lambda: method.bind(ready.setting, paths).adapter)
