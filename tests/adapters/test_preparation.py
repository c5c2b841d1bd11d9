"""What is done to training rows before a fine-tune sees them: words, wordings, further tasks, filters; and that it all can be taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Setting
from adapters.dpo import Dpo, DpoSpec
from adapters.lora import Lora, LoraSpec
from adapters.mixing import counts, draw
from adapters.preparation import MixSpec, wording_of, wordings
from adapters.prepared import Prepared, in_words, prepared
from adapters.retrieved import index_recipe
from adapters.screening import What
from adapters.specs import read_method_specs
from core.dataset import RowsOfFile
from core.errors import MethodError, PlanError
from core.records import Example
from models.fake import FakeCodec, FakeModel

Make = Callable[..., Setting]


def spec(**settings: Any) -> LoraSpec:
    made = read_method_specs([{"kind": "lora", **settings}])[0]
    assert isinstance(made, LoraSpec)
    return made


def rows_of(made: LoraSpec, setting: Setting, screened: dict[What, Path] | None = None) -> Prepared:
    return prepared(made, setting, None, screened or {}, made.seed, made.max_tokens)


def key(made: LoraSpec, setting: Setting) -> str:
    return Lora(made).recipes(setting)[-1].fingerprint


def asked_ids(made: LoraSpec, setting: Setting, examples: list[Example]) -> list[tuple[int, ...]]:
    bound = Lora(made).bind(setting, [Path("weights")])
    return [FakeCodec().prompt_ids(prompt.messages) for prompt in bound.prompts(examples)]  # type: ignore[union-attr]


@pytest.mark.parametrize("settings", [{}, {"template": "alpaca"}, {"instructions": ["Say one word."]}])
def test_the_prompt_that_is_asked_begins_the_training_row_in_any_words(
    settings: dict[str, Any], setting: Setting, train: list[Example]
) -> None:
    """E2. Token for token, and the row goes on with the reference and the end of the turn."""
    made, codec = spec(**settings), FakeCodec()
    for row, ids, example in zip(rows_of(made, setting).rows, asked_ids(made, setting, train), train, strict=True):
        assert row.prompt_ids == ids and row.completion_ids == codec.completion_ids(example.reference)


def text_of(made: LoraSpec, setting: Setting, example: Example) -> str:
    bound = Lora(made).bind(setting, [Path("weights")])
    (prompt,) = bound.prompts([example])  # type: ignore[union-attr]
    (turn,) = prompt.messages
    assert turn.role == "user"
    return turn.content


def test_the_alpaca_prompt_is_one_user_turn_with_instruction_and_input(make_setting: Make, train: list[Example]) -> None:
    said = text_of(spec(template="alpaca"), make_setting(), train[0])
    assert said.startswith("Below is an instruction that describes a task, paired with an input")
    assert said.endswith(f"### Instruction:\nAnswer in one word.\n\n### Input:\n{train[0].input}\n\n### Response:")
    own = text_of(spec(template="alpaca"), make_setting(instruction=""), replace(train[0], instruction="Name the {bird}.", input=""))
    assert own.endswith("### Instruction:\nName the {bird}.\n\n### Response:") and "### Input:" not in own
    bare = text_of(spec(template="alpaca"), make_setting(instruction=""), replace(train[0], instruction="", choices=("owl", "heron")))
    assert bare.endswith(f"### Instruction:\n{train[0].input}\n\nOptions:\n- owl\n- heron\n\n### Response:")


def test_training_rows_take_turns_with_the_wordings_and_questions_have_the_first(setting: Setting, train: list[Example]) -> None:
    """E2 under several wordings: a row that has the first one begins as its question would."""
    made = spec(instructions=["First.", "Second.", "Third."], seed=3)
    texts = wordings(made, setting)
    chosen = [wording_of(example, texts, 3) for example in train]
    assert set(chosen) == set(texts)
    first = asked_ids(made, setting, train)
    for row, ids, wording in zip(rows_of(made, setting).rows, first, chosen, strict=True):
        assert (row.prompt_ids == ids) == (wording == "First.")
    assert [wording_of(example, texts, 3) for example in train[::-1]] == chosen[::-1]
    assert (
        rows_of(spec(instructions=["First.", "Second."], wordings=1), setting).rows == rows_of(spec(instructions=["First."]), setting).rows
    )


def test_wordings_are_filled_with_the_labels(make_setting: Make) -> None:
    labelled = replace(make_setting(), labels=("owl", "heron"))
    assert wordings(spec(instructions=["One of {labels}."]), labelled) == ("One of owl, heron.",)
    with pytest.raises(PlanError, match="answers form no label set"):
        Lora(spec(instructions=["One of {labels}."])).check(make_setting())


def test_data_that_bring_their_own_instructions_take_no_other(make_setting: Make) -> None:
    with pytest.raises(MethodError, match=r"lora\.instructions must word one task"):
        Lora(spec(instructions=["Say."])).check(make_setting(instruction=""))


OTHER = [Example(f"o{n}", "Shorten it.", f"text number {n}", f"t{n}") for n in range(6)]


def with_mix(setting: Setting, made: LoraSpec, examples: list[Example] = OTHER) -> Setting:
    return replace(setting, mixes={entry.key: RowsOfFile("other.jsonl", tuple(examples)) for entry in made.mix})


def test_a_file_gives_the_share_of_all_rows_that_its_weight_says() -> None:
    assert counts([0.3], 70) == [30] and counts([0.5], 10) == [10]
    assert counts([0.2, 0.3], 50) == [20, 30] and counts([0.01], 8) == [1]


def test_rows_of_another_task_are_mixed_in_under_their_own_instruction(setting: Setting) -> None:
    made = spec(mix=[{"path": "/x/other.jsonl", "weight": 0.2}])
    found = rows_of(made, with_mix(setting, made))
    mixed = [row for row in found.rows if row.id.startswith("mix1:")]
    assert len(found.rows) == 10 and len(mixed) == 2
    assert found.record["mix"] == [{"file": "other.jsonl", "weight": 0.2, "rows": 6, "drawn": 2, "taken_out": 0}]
    by_id = {f"mix1:{e.id}": e for e in OTHER}
    told = FakeCodec().prompt_ids(
        Lora(spec()).bind(replace(setting, instruction="Shorten it."), [Path("w")]).prompts([by_id[mixed[0].id]])[0].messages
    )  # type: ignore[union-attr]
    assert mixed[0].prompt_ids == told


def test_a_small_file_gives_rows_several_times_under_ids_of_their_own(setting: Setting) -> None:
    made = spec(mix=[{"path": "other.jsonl", "weight": 0.6}])
    found = draw(made.mix, with_mix(setting, made), own=8, seed=0)[0].examples
    assert len(found) == 12 and len({e.id for e in found}) == 12
    assert all(sum(e.input == other.input for e in found) == 2 for other in OTHER)
    other_order = draw(made.mix, with_mix(setting, made, OTHER[::-1]), own=8, seed=0)[0].examples
    assert sorted(e.id for e in found) == sorted(e.id for e in other_order)


def test_each_filter_sees_what_those_before_it_kept_and_all_is_told(make_setting: Make, train: list[Example], tmp_path: Path) -> None:
    more = [
        replace(train[0], id="same"), replace(train[1], id="empty", reference="..."), replace(train[2], id="long", reference="x" * 90),
        replace(train[3], id="echo", reference=train[3].input), replace(train[4], id="odd", input="How many crates stand here, then?"),
    ]  # fmt: skip
    setting = replace(make_setting(train=[*train, *more]), language_model=lambda: FakeModel("fake/echo"))
    made = spec(filters=["already_right", "near_duplicates", "empty", "too_long", "noisy"])
    screened: dict[What, Path] = {}
    for what, recipe in Lora(made).screenings(setting).items():
        (tmp_path / what).mkdir()
        list(recipe.build(tmp_path / what, []))
        screened[what] = tmp_path / what
    lines = [{"id": e.id, "loss": 9.0 if e.id == "odd" else 1.0} for e in setting.train]
    (tmp_path / "losses" / "losses.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = rows_of(made, setting, screened)
    assert {d["id"]: d["filter"] for d in found.record["dropped"]} == {
        "same": "near_duplicates", "empty": "empty", "long": "too_long", "echo": "already_right",
    }  # fmt: skip
    assert found.record["notes"] == ["noisy marks no row: 10 rows are fewer than the 12 that it needs."]
    assert found.record["counts"] == {"already_right": 1, "near_duplicates": 1, "empty": 1, "too_long": 1, "noisy": 0}
    assert (found.record["rows"], found.record["kept"], len(found.rows)) == (13, 9, 9)
    assert in_words(found.record) == "training on 9 rows of up to 70 tokens; left out: 4 by filters"
    assert not any(example.input in json.dumps(found.record) for example in setting.train), "the record travels, so it holds no texts"
    assert len(rows_of(spec(), setting).rows) == 13, "nothing was deleted"


def test_one_row_is_taken_back_with_its_filter_still_on(make_setting: Make, train: list[Example]) -> None:
    """It stays whatever any filter says of it, the others stay out, and both are told."""
    more = [replace(train[0], id="dots", reference="..."), replace(train[1], id="dashes", reference="---")]
    setting = make_setting(train=[*train, *more])
    found = rows_of(spec(filters=["empty"], keep_rows=["dots", "dots"]), setting)
    assert {row.id for row in found.rows} == {e.id for e in setting.train} - {"dashes"}
    assert [d["id"] for d in found.record["dropped"]] == ["dashes"] and found.record["counts"] == {"empty": 1}
    assert [d["id"] for d in found.record["taken_back"]] == ["dots"] and found.record["notes"] == []
    gone = rows_of(spec(filters=["empty"], keep_rows=["nobody"]), setting)
    assert gone.record["notes"] == ["keep_rows names 1 rows that are not among the training rows."]
    assert "taken_back" not in rows_of(spec(filters=["empty"]), setting).record


def test_rows_that_are_taken_back_are_a_part_of_the_key_and_none_leaves_it_as_it_was(setting: Setting) -> None:
    """E22 for artefacts."""
    assert "keep_rows" not in spec(filters=["empty"]).trained_with() and "keep_rows" not in spec(keep_rows=["a"]).trained_with()
    back, other = spec(filters=["empty"], keep_rows=["a", "b"]), spec(filters=["empty"], keep_rows=["b", "a"])
    assert key(back, setting) == key(other, setting) != key(spec(filters=["empty"]), setting)


def test_a_screening_that_was_cut_off_goes_on_behind_its_last_line(make_setting: Make, tmp_path: Path) -> None:
    model = FakeModel("fake/echo")
    setting = replace(make_setting(), language_model=lambda: model)
    recipe = Lora(spec(filters=["already_right"])).screenings(setting)["answers"]
    list(recipe.build(tmp_path, []))
    whole = (tmp_path / "answers.jsonl").read_text()
    (tmp_path / "answers.jsonl").write_text(whole[:-7])
    before = model.batches
    list(recipe.build(tmp_path, []))
    assert model.batches == before + 1
    assert {line["id"]: line["text"] for line in map(json.loads, (tmp_path / "answers.jsonl").read_text().splitlines())} == {
        line["id"]: line["text"] for line in map(json.loads, whole.splitlines())
    }


def test_two_fine_tunes_of_the_same_rows_in_the_same_words_share_what_was_screened(setting: Setting) -> None:
    def screened(**settings: Any) -> list[str]:
        return [recipe.fingerprint for recipe in Lora(spec(filters=["already_right"], **settings)).screenings(setting).values()]

    assert screened() == screened(rank=2, epochs=9, seed=4)
    assert screened() != screened(template="alpaca") and screened() != screened(instructions=["Else."])


def test_the_base_is_asked_its_training_rows_once_for_a_filter_and_for_synthetic_pairs(setting: Setting) -> None:
    """The same rows in the same words are one artefact, whoever wants the answers; other words are another."""

    def asked(**settings: Any) -> str:
        return Lora(spec(filters=["already_right"], **settings)).screenings(setting)["answers"].fingerprint

    pairs = Dpo(DpoSpec(kind="dpo")).before(setting, None)["answers"].fingerprint
    assert asked() == pairs == asked(rank=2) and pairs not in (asked(template="alpaca"), asked(instructions=["Else."]))
    index = index_recipe(setting, spec(with_retrieval=True).cutting())
    found = Lora(spec(filters=["already_right"], with_retrieval=True, top_k=2)).screenings(setting)["answers"].fingerprint
    assert found == Dpo(DpoSpec(kind="dpo", with_retrieval=True, top_k=2)).before(setting, index)["answers"].fingerprint != pairs


def test_filters_that_leave_no_row_are_one_plain_message(make_setting: Make, train: list[Example]) -> None:
    setting = make_setting(train=[replace(example, reference="-") for example in train])
    with pytest.raises(MethodError, match=r"must leave at least 1 training row; they leave none of 8 \(8 by empty\)"):
        rows_of(spec(filters=["empty"]), setting)


def test_the_key_of_the_weights_changes_with_all_that_prepares_the_rows(setting: Setting) -> None:
    """E22 for artefacts. The place of a mixed file is no part of it, its rows are."""
    changed = [{}, {"template": "alpaca"}, {"instructions": ["A."]}, {"instructions": ["A.", "B."]}, {"filters": ["empty"]}]
    keys = [key(spec(**change), setting) for change in changed]
    one, moved = (spec(mix=[{"path": f"/{place}/other.jsonl", "weight": 0.2}]) for place in ("here", "there"))
    assert key(one, with_mix(setting, one)) == key(moved, with_mix(setting, moved))
    keys += [key(one, with_mix(setting, one)), key(one, with_mix(setting, one, OTHER[:5]))]
    keys += [key(two := spec(mix=[{"path": "/here/other.jsonl", "weight": 0.3}]), with_mix(setting, two))]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"filters": ["dull"]}, r"filters\.0 must be 'near_duplicates'.*got 'dull'"),
        ({"filters": ["empty", "empty"]}, "must name each filter once"),
        ({"mix": [{"path": "x.jsonl", "weight": 0}]}, r"mix\.0\.weight must be greater than 0; got 0"),
        ({"mix": [{"path": "x", "weight": 0.6}, {"path": "y", "weight": 0.4}]}, "must add up to below 1"),
        ({"instructions": []}, r"instructions must be at least one wording.*got \[\]"),
        ({"instructions": ["A.", " "]}, "none of them empty"),
        ({"instructions": ["A."], "wordings": 2}, "wordings must be at most the 1 entries of instructions; it is 2"),
    ],
)
def test_a_wrong_setting_is_one_plain_message(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        spec(**settings)


def test_gold_share_without_retrieval_is_refused(setting: Setting) -> None:
    with pytest.raises(MethodError, match=r"Set with_retrieval: true, or leave gold_share out"):
        Lora(spec(gold_share=0.5)).check(setting)


def test_a_result_holds_no_more_of_a_mixed_files_place_than_its_name() -> None:
    entry = MixSpec(path="/home/somebody/other.jsonl", weight=0.1)
    assert entry.model_dump(mode="json")["path"] == "other.jsonl" and entry.path.startswith("/home")
