"""The plan: what to run, on which data, judged by what. YAML or JSON, read strictly; what reading shows to be wrong is refused here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

import evaluation  # noqa: F401  (registers the metrics)
from adapters.base import MethodSpec
from adapters.rewarding import RewardSpec
from adapters.specs import read_method_specs
from comparison import plan_paths
from comparison.curve import CurveSpec
from comparison.energy import EnergySpec
from comparison.judge_spec import JudgeSpec, check_judge, check_section
from comparison.money import LimitsSpec, PricesSpec, check_limits
from comparison.rehearsing import RehearsalSpec
from comparison.sweep import SweepSpec
from core.dataset import DataSpec
from core.errors import PlanError, nearest
from core.fingerprint import fingerprint
from core.specs import Spec, read_spec
from evaluation.base import Metric, metrics
from evaluation.hub_metric import HubMetricSpec, hub_metric
from evaluation.reward import deciding_reward
from models.base import BatchPolicy, GenerationConfig
from models.loading import ModelSpec

DEFAULT_METRICS = ("token_f1", "exact_match", "rougeL")
JUDGE = "judge"
MAX_PLAN_BYTES = 2**20


class KnowledgeSpec(Spec):
    """The documents for methods that retrieve."""

    path: str = Field(
        min_length=1,
        description="A folder of files, or one: txt, rst, md, html, pdf, docx, pptx, xlsx, csv, tsv, jsonl, or a zip of those.",
    )
    text_column: str | None = Field(
        None,
        min_length=1,
        description="The column of csv, tsv and jsonl files that holds the text, each row being a document; by default text, content, "
        "passage, document or body.",
    )
    drop_leaks: bool = Field(False, description="Cut paragraphs out of the documents that hold test questions; by default they are listed.")


class PlanSpec(Spec):
    """A plan as it stands in the file."""

    name: str = Field("Comparison", min_length=1, max_length=100, description="A name for lists and titles.")
    primary: str | None = Field(None, description="The metric that the verdict is about; by default the first one that may decide.")
    data: DataSpec = Field(description="The examples: {path: file}, {files: {train, validation, test}} or {hub: {id}}.")
    knowledge: KnowledgeSpec | None = Field(None, description="Documents to retrieve from: {path: folder, text_column: ...}.")
    model: ModelSpec = Field(ModelSpec(), description="The base model: {id: ...}.")
    methods: tuple[dict[str, Any], ...] = Field(
        min_length=1, description="What to compare, each {kind: ..., settings}; see `python -m comparison methods`."
    )
    metrics: tuple[str | dict[str, Any], ...] = Field(
        (),
        description="Names of metrics (see `python -m comparison metrics`), or {evaluate: name or script} for one of the evaluate library.",
    )
    judge: JudgeSpec | None = Field(None, description="Grade answers with a model: {model: same, scale: 5, rubric: ...}.")
    generation: GenerationConfig = Field(GenerationConfig(), description="How answers are decoded: {max_new_tokens: 64}.")
    batch: BatchPolicy = Field(BatchPolicy(), description="How prompts are put into batches: {max_rows: 48}.")
    reward: RewardSpec | None = Field(
        None,
        description="The reward model of the metric reward: {pairs: votes.jsonl}; without pairs synthetic ones, of references and wrong answers.",
    )
    prices: PricesSpec = Field(PricesSpec(), description="Prices for the costs: {per_hour, per_million_prompt_tokens, ..., currency}.")
    limits: LimitsSpec = Field(LimitsSpec(), description="What an answer may take: {seconds_per_answer, cost_per_1000}.")
    curve: CurveSpec | None = Field(None, description="Says that this is a learning curve; written by `python -m comparison curve`.")
    rehearsal: RehearsalSpec | None = Field(
        None, description="General rows for fine-tunes with rehearsal_alpha: {path: file}; by default those that come with the project."
    )
    forgetting: bool = Field(
        False, description="Also ask every fine-tune 168 general questions, to see what it has forgotten; the untuned model is asked once."
    )
    sweep: SweepSpec | None = Field(None, description="Says that this is a sweep; written by `python -m comparison sweep`.")
    energy: EnergySpec = Field(EnergySpec(), description="How energy is measured, and where: {country: DEU}.")


@dataclass(frozen=True)
class Plan:
    """A plan that was read and found sound.

    Attributes:
        mapping: the plan with absolute paths; read again it gives the same plan from any folder.
        methods: one spec each, all with a name.
        metrics: what is scored, in the plan's order.
        primary: name of the metric that the verdict is about.
    """

    spec: PlanSpec
    mapping: Mapping[str, Any]
    methods: tuple[MethodSpec, ...]
    metrics: tuple[Metric, ...]
    primary: str

    @property
    def hash(self) -> str:
        """Equal for plans that ask for the same work under the same name."""
        return fingerprint(self.mapping)

    @property
    def method_names(self) -> tuple[str, ...]:
        return tuple(str(spec.name) for spec in self.methods)

    def to_yaml(self) -> str:
        return yaml.safe_dump(dict(self.mapping), sort_keys=False, allow_unicode=True, width=120)

    def without_paths(self, text: str) -> str:
        """A sentence for results, which travel: each of the plan's absolute paths becomes its last part."""
        for path in sorted(plan_paths.found(self.mapping), key=len, reverse=True):
            text = text.replace(path, Path(path).name)
        return text

    def shown(self) -> dict[str, Any]:
        """The plan for reports, which travel: of each absolute path only the last part."""
        shown: dict[str, Any] = plan_paths.names_only(dict(self.mapping))
        return shown


def read_plan(source: Path | Mapping[str, Any], base: Path | None = None, overrides: Sequence[str] = ()) -> Plan:
    """Read and check a plan.

    Args:
        source: a YAML or JSON file, or what such a file holds.
        base: the folder that paths in the plan are relative to; by default the file's, or the working folder.
        overrides: "methods.0.shots=8"; the value is read as YAML.

    Raises:
        PlanError: the first thing that is wrong, with the remedy.
    """
    raw = load_plan(source) if isinstance(source, Path) else dict(source)
    folder = (base or (source.parent if isinstance(source, Path) else Path.cwd())).resolve()
    for override in overrides:
        raw = with_override(raw, override)
    _plain_values(raw)
    check_section(raw.get("judge"))
    raw = plan_paths.absolute(raw, folder)
    spec = read_spec(PlanSpec, raw)
    check_limits(spec.prices, spec.limits)
    check_judge(spec.judge)
    chosen = _metrics(spec)
    return Plan(spec, raw, tuple(read_method_specs(list(spec.methods))), chosen, _primary(spec, chosen))


def load_plan(path: Path) -> dict[str, Any]:
    """What a plan's file holds, unchecked.

    Raises:
        PlanError: it cannot be read, or holds no mapping.
    """
    try:
        if path.stat().st_size > MAX_PLAN_BYTES:
            raise PlanError(f"The plan {path} has over {MAX_PLAN_BYTES // 2**20} MB.", "Name data files in it instead of holding them.")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise PlanError(f"There is no plan file {path}.", "Check the path; examples/*/plan.yaml are plans to start from.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"The plan {path} cannot be read ({error}).", "It must be a UTF-8 text file.") from None
    try:
        raw = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise PlanError(f"The plan {path.name} is not valid YAML or JSON: {_place(error)}.", "Mend that line.") from None
    if not isinstance(raw, dict):
        raise PlanError(f"The plan {path.name} must be key: value lines; got {type(raw).__name__}.", "See the README for a whole plan.")
    return raw


def _place(error: Exception) -> str:
    """Where a file cannot be read, and why."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    text = str(error) if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: {problem}"
    return " ".join(text.split())[:200]


def with_override(raw: dict[str, Any], override: str) -> dict[str, Any]:
    """The mapping with one place changed: "methods.0.shots=8".

    Raises:
        PlanError: it leads nowhere, or its value is no YAML.
    """
    path, equals, text = override.partition("=")
    if not equals or not path.strip():
        raise PlanError(f"--set must be path=value; got '{override}'.", "For example --set methods.0.shots=8.")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise PlanError(f"The value of --set {path} is not valid YAML; got '{text}'.", "Put text with special signs in quotes.") from None
    changed: dict[str, Any] = _put(raw, path.strip().split("."), value, path)
    return changed


def _put(node: Any, parts: list[str], value: Any, path: str) -> Any:
    if not parts:
        return value
    head, rest = parts[0], parts[1:]
    if isinstance(node, list):
        if not head.isdigit() or int(head) > len(node):
            raise PlanError(
                f"--set {path}: '{head}' must be a place in a list of {len(node)}, counted from 0.",
                "A place just behind the last adds one.",
            )
        place = int(head)
        inner = _put(node[place] if place < len(node) else {}, rest, value, path)
        return [*node[:place], inner, *node[place + 1 :]]
    if node is not None and not isinstance(node, dict):
        raise PlanError(f"--set {path}: '{head}' must lie in a mapping; got {node!r}.", "Set the whole of it.")
    known = node or {}
    return {**known, head: _put(known.get(head), rest, value, path)}


def _plain_values(raw: Mapping[str, Any]) -> None:
    """YAML knows dates and binary values, which have no place in a plan nor a form in JSON."""
    try:
        json.dumps(raw, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PlanError(f"The plan holds a value that JSON has no form for ({error}).", "Put dates and the like in quotes.") from None


def _metrics(spec: PlanSpec) -> tuple[Metric, ...]:
    wanted: list[str | dict[str, Any]] = list(spec.metrics or DEFAULT_METRICS)
    if spec.judge is not None and "judge" not in wanted:
        wanted.append("judge")
    found = [metrics.get(m) if isinstance(m, str) else _of_evaluate(m, f"metrics.{place}") for place, m in enumerate(wanted)]
    found = [deciding_reward(metric) if metric.info.name == spec.primary else metric for metric in found]
    names = [metric.info.name for metric in found]
    for name in names:
        if names.count(name) > 1:
            raise PlanError(f"metrics must name each metric once; '{name}' stands there {names.count(name)} times.", "Remove one.")
    return tuple(found)


def _of_evaluate(raw: dict[str, Any], where: str) -> Metric:
    spec = read_spec(HubMetricSpec, raw, where)
    path = Path(spec.evaluate)
    # A script goes by its name below its own folder, so that no report shows where somebody keeps it.
    return hub_metric(spec.model_copy(update={"evaluate": path.name}), path.parent) if path.is_absolute() else hub_metric(spec, Path("/"))


def _primary(spec: PlanSpec, chosen: Sequence[Metric]) -> str:
    deciding = [metric.info.name for metric in chosen if metric.info.in_verdict]
    if spec.primary == JUDGE and deciding and JUDGE in {metric.info.name for metric in chosen}:
        return JUDGE  # where its certificate does not let it decide, the first metric that may does
    if spec.primary is None:
        if not deciding:
            raise PlanError("metrics must hold at least one metric that may decide; it holds none.", "Add token_f1, for example.")
        return deciding[0]
    if spec.primary in deciding:
        return spec.primary
    if spec.primary in {metric.info.name for metric in chosen}:
        raise PlanError(f"primary must be a metric that may decide; '{spec.primary}' is only shown.", nearest(spec.primary, deciding))
    raise PlanError(f"primary must be one of the plan's metrics; got '{spec.primary}'.", nearest(spec.primary, deciding))
