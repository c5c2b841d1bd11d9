"""Several rows in one sequence: the loss of each as if it were alone, every end of turn a label, and the same weights after training."""

import pytest
import torch

from core.errors import MethodError
from models.loading import ModelSpec
from training import forward, packing
from training.batches import collate
from training.job import TrainingJob, TrainingRow
from training.loop import Step, _Run, train
from training.peft_configs import LoraSettings
from training.prompt_learning import PromptTuningSettings

END = 1
ROWS = tuple(
    TrainingRow(id=f"{n:02d}", prompt_ids=tuple(10 + (7 * n + i) % 200 for i in range(4 + 3 * n)), completion_ids=(20 + n, 40 + n, END))
    for n in range(8)
)
FAST = LoraSettings(epochs=2, learning_rate=0.02, batch_size=4, seed=1)


@pytest.fixture
def job(tiny_model, tmp_path):
    spec = ModelSpec(id=str(tiny_model), dtype="float32", threads=1)
    return TrainingJob(base=spec, models_home=tmp_path, settings=FAST, train=ROWS, validation=ROWS[:2], out=tmp_path / "out")


def with_settings(job, out=None, **changes):
    return job.model_copy(update={"settings": FAST.model_copy(update=changes), "out": out or job.out})


def test_rows_go_into_the_first_sequence_with_room_the_longest_first():
    lengths = [[row.length for row in found] for found in packing.bins(ROWS, 40)]
    assert lengths == [[28, 10], [25, 13], [22, 16], [19, 7]]
    assert sorted(row.id for found in packing.bins(ROWS, 40) for row in found) == [row.id for row in ROWS]
    assert packing.bins(ROWS, 40) == packing.bins(ROWS[::-1], 40)


def test_a_row_over_the_budget_has_a_sequence_of_its_own_and_rows_can_be_capped():
    assert [len(found) for found in packing.bins(ROWS[-2:], 16)] == [1, 1]
    assert max(len(found) for found in packing.bins(ROWS, 1000, most_rows=3)) == 3


def test_positions_restart_and_no_token_looks_into_another_row():
    batch = packing.packed(ROWS[:2])
    first, second = ROWS[0].length, ROWS[1].length
    assert batch.position_ids.tolist() == [[*range(first), *range(second)]]
    mask = batch.attention_mask[0, 0]
    assert mask.shape == (first + second,) * 2
    for row in range(first + second):
        start = 0 if row < first else first
        assert mask[row].nonzero().flatten().tolist() == list(range(start, row + 1))


def test_every_answer_is_supervised_up_to_the_end_of_its_turn():
    """E3. Each row's end of turn is a label, and its place predicts it: the column before."""
    batch = packing.packed(ROWS[:3])
    assert batch.labels[0].tolist() == [token for row in ROWS[:3] for token in row.completion_ids]
    assert batch.labels[0].tolist().count(END) == 3 and batch.supervised == 9
    assert batch.input_ids[0][batch.columns + 1].tolist() == batch.labels[0].tolist()


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_the_packed_loss_is_that_of_the_rows_alone(job, attention, monkeypatch):
    """Within 1e-4 in float32, whichever attention computes it; with the mask left open it is another."""
    run = _Run(job, ROWS, (), [])
    monkeypatch.setattr(forward, "attend", lambda base, device, width: base.set_attn_implementation(attention))
    run.model.eval()
    with torch.no_grad():
        alone = sum(float(run.figures(collate([row], 1)).loss) for row in ROWS)
        batch = packing.packed(ROWS)
        packed = run.figures(batch)
        leaky = run.figures(batch._replace(attention_mask=torch.ones_like(batch.attention_mask).tril()))
    assert run.model.get_base_model().config._attn_implementation == attention
    assert float(packed.loss) == pytest.approx(alone, abs=1e-4) and packed.tokens == 24
    assert abs(float(leaky.loss) - alone) > 1e-2


def test_packing_changes_neither_curve_nor_weights(job, tmp_path):
    from safetensors.torch import load_file

    plain = [event for event in train(job) if isinstance(event, Step)]
    other = with_settings(job, tmp_path / "packed", packing=True, pack_tokens=48)
    packed = [event for event in train(other) if isinstance(event, Step)]
    assert [(e.step, e.tokens) for e in plain] == [(e.step, e.tokens) for e in packed]
    assert [e.loss for e in plain] == pytest.approx([e.loss for e in packed], abs=1e-4)
    one, two = (load_file(folder / "adapter_model.safetensors") for folder in (job.out, other.out))
    assert all(torch.allclose(one[key], two[key], atol=1e-4) for key in one)


def test_a_model_that_looks_beyond_the_mask_is_refused(job, monkeypatch):
    """The check compares two rows packed and alone before the first step."""
    monkeypatch.setattr(packing, "mask_for", lambda mask, attention, dtype: torch.ones_like(mask).tril() if mask.dim() == 4 else mask)
    with pytest.raises(MethodError, match=r"packing must not change the loss .* Set packing: false"):
        list(train(with_settings(job, packing=True)))


def test_kinds_and_models_that_cannot_share_a_sequence_are_refused():
    with pytest.raises(MethodError, match="virtual tokens stand before each single row"):
        packing.refuse(PromptTuningSettings(packing=True), None)

    class Config:
        is_encoder_decoder = True

    with pytest.raises(MethodError, match="decoder-only"):
        packing.refuse(LoraSettings(packing=True), Config())
    packing.refuse(LoraSettings(), Config())
