"""What every trainable kind must do, whatever it is: the contract (`contract.py`) over the table, run for each kind that stands in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from core.errors import MethodError
from models.base import Batch, GenerationConfig
from models.batching import BatchPolicy, compose
from models.loading import ModelSpec, load_model
from tests.training import contract
from training import checkpoints
from training.job import TrainingJob, TrainingRow
from training.loop import Epoch, Step, train
from training.peft_configs import kinds

EVERY = pytest.mark.parametrize("kind", kinds.names())
RATES = {"ia3": 0.2, "prompt_tuning": 0.3, "prefix_tuning": 0.3, "full": 0.003, "scratch": 0.01}
RATE_OF_OTHERS = 0.02
NEEDS = {"qlora": "bitsandbytes"}
SHORT = GenerationConfig(max_new_tokens=8)
ORDERS = ("go left", "go right", "stop", "wait here")


@pytest.fixture(scope="module")
def rows(rows_of: Any) -> tuple[TrainingRow, ...]:
    found: tuple[TrainingRow, ...] = rows_of((f"{'very ' * (n % 3)}{ORDERS[n % 4][::-1]} light", ORDERS[n % 4]) for n in range(16))
    return found


def settings_of(kind: str, **changes: Any) -> Any:
    small = {
        "epochs": 4,
        "learning_rate": RATES.get(kind, RATE_OF_OTHERS),
        "batch_size": 4,
        "seed": 1,
        "rank": 4,
        "virtual_tokens": 6,
        "width": 64,
    }
    known = kinds.get(kind).Settings
    return known(**{name: value for name, value in {**small, **changes}.items() if name in known.model_fields})


@pytest.fixture(scope="module")
def make_job(spec: ModelSpec, rows: tuple[TrainingRow, ...], tmp_path_factory: pytest.TempPathFactory) -> Any:
    def make(kind: str, **changes: Any) -> TrainingJob:
        out = tmp_path_factory.mktemp(kind)
        settings = settings_of(kind, **changes)
        base = spec.model_copy(update={"weights": "nf4"}) if kind == "qlora" else spec
        return TrainingJob(base=base, models_home=out, kind=kind, settings=settings, train=rows, validation=rows[:4], out=out / "out")

    return make


class Trained:
    """A kind's weights after a whole run, and what was told on the way."""

    def __init__(self, job: TrainingJob) -> None:
        self.job = job
        self.events = list(train(job))
        self.epochs = [event for event in self.events if isinstance(event, Epoch)]


@pytest.fixture(scope="module")
def trained(make_job: Any) -> Any:
    """Each kind is trained once for all tests of this file."""
    done: dict[str, Trained] = {}

    def of(kind: str) -> Trained:
        if kind in NEEDS:
            pytest.importorskip(NEEDS[kind])
        return done.get(kind) or done.setdefault(kind, Trained(make_job(kind)))

    return of


def all_of(rows: tuple[TrainingRow, ...]) -> Batch:
    return Batch(tuple(range(len(rows))), tuple(row.prompt_ids for row in rows), 0)


@EVERY
def test_a_job_of_every_kind_survives_json_and_yaml(kind: str, make_job: Any) -> None:
    assert contract.survives_json_and_yaml(make_job(kind))


@EVERY
def test_the_loss_falls_and_the_answers_differ_from_the_bases(kind: str, trained: Any, rows: tuple[TrainingRow, ...]) -> None:
    """E19: weights that were saved are loaded again and change the answers; `Adapters` refuses missing keys and what is still at its start."""
    run = trained(kind)
    assert contract.loss_falls(run.events)
    model = load_model(run.job.base, run.job.models_home)
    tuned, base = model.generate(all_of(rows), SHORT, run.job.out), model.generate(all_of(rows), SHORT)
    assert [answer.token_ids for answer in tuned] != [answer.token_ids for answer in base]
    assert json.loads((run.job.out / checkpoints.HISTORY).read_text())["trainable_params"] > 0


@EVERY
def test_the_model_that_answers_has_the_loss_that_training_saw(kind: str, trained: Any) -> None:
    """E2, E3, E20: same ids, same positions, same number type: after saving and loading, the likelihood of the whole answer, its end included,
    is the validation loss of the best epoch."""
    run = trained(kind)
    model = load_model(run.job.base, run.job.models_home)
    losses = [-model.logprobs(row.prompt_ids, [row.completion_ids], run.job.out)[0] for row in run.job.validation]
    tokens = sum(len(row.completion_ids) for row in run.job.validation)
    best = min(epoch.validation_loss for epoch in run.epochs)
    assert sum(losses) / tokens == pytest.approx(best, abs=1e-4)


@EVERY
@pytest.mark.parametrize("size", [1, 2, 7])
def test_batch_size_changes_no_answer_of_a_tuned_model(kind: str, trained: Any, rows: tuple[TrainingRow, ...], size: int) -> None:
    """E5, with and without a shared beginning; the stream ends with the answer of a batch, too."""
    run, prompts = trained(kind), [row.prompt_ids for row in rows[:7]]
    model = load_model(run.job.base, run.job.models_home)
    alone = [model.generate(Batch((0,), (ids,), 0), SHORT, run.job.out)[0] for ids in prompts]
    for shared in (1, 10_000):
        got = {}
        for batch in compose(prompts, BatchPolicy(max_rows=size, min_shared_prefix=shared), SHORT.max_new_tokens):
            got.update(zip(batch.rows, model.generate(batch, SHORT, run.job.out), strict=True))
        assert [got[row] for row in range(len(prompts))] == alone
    assert list(model.stream(prompts[0], SHORT, run.job.out))[-1] == alone[0].text


@EVERY
def test_stopped_in_an_epoch_it_keeps_the_last_checkpoint_and_resumes_to_the_same_weights(kind: str, trained: Any, make_job: Any) -> None:
    """F3, contract 5: only the interrupted epoch is done again."""
    assert contract.stops_and_resumes_to_the_same_weights(train, make_job(kind), trained(kind).job.out, after=6)


def test_a_checkpoint_cut_in_half_is_set_aside_and_told_in_one_sentence(trained: Any, make_job: Any) -> None:
    """F3, bad input: what was wrong with the file, and what follows from it."""
    told = contract.sets_a_checkpoint_that_was_cut_in_half_aside(train, make_job("lora"), trained("lora").job.out, after=9)
    (broken,) = [finding for finding in contract.named(told, "Finding") if finding.rule == "broken"]
    assert broken.text.startswith("The checkpoint of epoch 2 is not whole (")
    assert "so it was set aside. Nothing needs to be done: training " in f"{broken.text} {broken.remedy}"


@EVERY
def test_gradient_accumulation_changes_no_step_of_any_kind(kind: str, trained: Any, make_job: Any) -> None:
    """E28: batch 4 at once, and 4 times 1, with answers of other lengths. Steps of a second epoch are equal only if the weights are."""
    whole, cut = trained(kind), make_job(kind, micro_batch_size=1)
    pieces = list(contract.left_off(train, cut, after=6))
    for one, other in zip(losses(whole.events), losses(pieces), strict=False):
        assert one == pytest.approx(other, abs=1e-4)
    assert len(losses(pieces)) == 7


def losses(events: Sequence[Any]) -> list[float]:
    """Of steps, and of the validation rows after each epoch."""
    return [e.loss if isinstance(e, Step) else float(e.validation_loss or 0) for e in events if isinstance(e, (Step, Epoch))]


def test_base_and_all_kinds_take_turns_on_one_loaded_model(trained: Any, rows: tuple[TrainingRow, ...]) -> None:
    """E19, E22: whatever was loaded before, each answers as it does alone, and the base's weights are what they were."""
    folders = {kind: trained(kind).job.out for kind in ("lora", "dora", "ia3", "prompt_tuning", "prefix_tuning")}
    some = trained("lora").job
    asked = {None: None, **folders}

    def answers(model: Any, name: str | None) -> tuple[Any, ...]:
        written = [answer.token_ids for answer in model.generate(all_of(rows[:4]), SHORT, asked[name])]
        return written, model.logprobs(rows[0].prompt_ids, [rows[0].completion_ids], asked[name])

    alone = {name: answers(load_model(some.base, some.models_home), name) for name in asked}
    assert len({str(said) for said in alone.values()}) == len(asked)
    for order in ([*asked], [*asked][::-1], ["ia3", "lora", None, "prompt_tuning", "dora", "prefix_tuning", "ia3", "lora"]):
        together: Any = load_model(some.base, some.models_home)
        before = [parameter.clone() for parameter in together.module.parameters()]
        for name in [*order, *order]:
            assert answers(together, name) == alone[name], (name, order)
        assert all(torch.equal(old, new) for old, new in zip(before, together.module.parameters(), strict=True))


@pytest.mark.parametrize("kind", ["lora", "rslora", "dora"])
def test_a_rank_over_the_layers_size_is_refused_with_that_size(kind: str, make_job: Any) -> None:
    with pytest.raises(MethodError, match=r"rank must be at most the size of the smallest layer, 32 .*k_proj.*got 33.*Lower rank to 32"):
        list(train(make_job(kind, rank=33)))
    assert list(train(make_job(kind, rank=32, epochs=1)))


@pytest.mark.parametrize("kind", ["prompt_tuning", "prefix_tuning"])
def test_more_virtual_tokens_than_the_context_are_refused_with_its_size(kind: str, make_job: Any) -> None:
    with pytest.raises(
        MethodError, match=r"virtual_tokens must leave room in the model's context of 1024 tokens.*got 1024.*Lower virtual_tokens"
    ):
        list(train(make_job(kind, virtual_tokens=1024)))


@pytest.mark.parametrize("kind", ["prompt_tuning", "prefix_tuning"])
def test_virtual_tokens_are_files_that_peft_reads_and_answers_alike_with(kind: str, trained: Any) -> None:
    """E20: for one row without padding, peft's own forward gives the logits of ours."""
    from peft import PeftModel

    run = trained(kind)
    row = run.job.validation[0]
    ours = load_model(run.job.base, run.job.models_home)
    theirs = PeftModel.from_pretrained(load_model(run.job.base, run.job.models_home).module, str(run.job.out)).eval()
    ids = torch.tensor([[*row.prompt_ids, *row.completion_ids]])
    with torch.no_grad():
        logits = theirs(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -ids.shape[1] :].log_softmax(-1)
    told = sum(float(logits[len(row.prompt_ids) - 1 + place, token]) for place, token in enumerate(row.completion_ids))
    assert ours.logprobs(row.prompt_ids, [row.completion_ids], run.job.out)[0] == pytest.approx(told, abs=1e-3)


@pytest.mark.parametrize("kind", ["prompt_tuning", "prefix_tuning", "ia3"])
def test_weights_that_are_still_what_they_started_from_are_refused(kind: str, make_job: Any) -> None:
    """E19. They may change the logits, as words before a prompt do, and yet nothing was learnt."""
    job = make_job(kind, learning_rate=1e-45, epochs=1)
    list(train(job))
    with pytest.raises(MethodError, match="nothing was learnt"):
        load_model(job.base, job.models_home).generate(all_of(job.train[:1]), SHORT, job.out)


def test_virtual_tokens_count_against_the_models_context(trained: Any) -> None:
    from core.errors import ModelError

    run = trained("prompt_tuning")
    model = load_model(run.job.base, run.job.models_home)
    fits = Batch((0,), ((5,) * (1024 - 8 - 6),), 0)
    assert len(model.generate(fits, SHORT, run.job.out)) == 1
    with pytest.raises(ModelError, match="context of 1024 tokens; got 1025"):
        model.generate(Batch((0,), ((5,) * (1024 - 8 - 5),), 0), SHORT, run.job.out)
