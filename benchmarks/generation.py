"""How fast answers come: `python -m benchmarks.generation [--with-lm-eval] [--json PATH]`.

The same prompts, the same number type, as many new tokens for everybody (nobody may stop early), in one process and in turns:

    one by one    transformers' `generate`, one prompt after the other; a few prompts, evenly spaced by length, give its rate
    lm-eval       lm-evaluation-harness's `hf` backend at its batch size 16; its start-up is not counted
    Bakeoff       models.batching.compose with the default policy, then TransformersModel.generate, as a comparison does it

and this twice: with prompts of mixed lengths, and with short questions behind demonstrations that all of them share.
`--check` measures nothing: it compares Bakeoff's ids in float32 with those of `generate`, prompt by prompt.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from adapters.prompts import word
from benchmarks import common
from benchmarks.common import EXAMPLES, Timed
from comparison.store import default_home
from core.records import Message
from models.base import Batch, BatchPolicy, GenerationConfig, Ids
from models.batching import compose
from models.chat import ChatCodec
from models.decoding import Prefix
from models.loading import DEFAULT_MODEL, ModelSpec
from models.transformers_backend import TransformersModel

ONE_BY_ONE, LM_EVAL, OURS = "one by one", "lm-eval, batch 16", "Bakeoff"
SHORTEST, MIDDLE, LONGEST = 36, 200, 404
LM_EVAL_REQUIREMENT = "lm_eval>=0.4.13,<0.5"
"""Imported with its `hf` backend alone, it needs nothing that the app lacks; its tables, cache and some tasks would."""


class Prompts(NamedTuple):
    """The same prompts as text, for those who tokenise themselves, and as ids."""

    name: str
    texts: list[str]
    ids: list[Ids]


def rendered(name: str, chats: Sequence[Sequence[Message]], codec: ChatCodec) -> Prompts:
    return Prompts(name, [codec.prompt_text(chat) for chat in chats], [codec.prompt_ids(chat) for chat in chats])


def mixed_prompts(codec: ChatCodec, items: int) -> Prompts:
    """Test questions of the three examples in turn, most of them filled up with a passage to lengths spread from 36 to 404 tokens.

    The shortest questions get the smallest lengths; a question that is longer than its length stays alone.
    """
    tasks = [common.read_task(name) for name in EXAMPLES]
    found = [(len(codec.prompt_ids(word(e, t.dataset.instruction))), e.id, e, t) for t in tasks for e in t.dataset.test]
    found.sort(key=lambda one: one[:2])
    chats = []
    for place in range(items):
        share = place / max(1, items - 1)
        target = SHORTEST + (MIDDLE - SHORTEST) * 2 * share if share < 0.5 else MIDDLE + (LONGEST - MIDDLE) * (2 * share - 1)
        _, _, example, task = found[place % len(found)]
        chats.append(common.excerpted(example, task, codec, round(target), start=place * 997))
    return rendered("prompts of mixed lengths", chats, codec)


def demonstrated_prompts(codec: ChatCodec, items: int, demonstrations: int) -> Prompts:
    """Notes of `house_style` behind the same solved notes (its longest), worded as the method few_shot words them."""
    dataset = common.read_task("house_style").dataset
    shown = sorted(dataset.train, key=lambda example: (-codec.count(example.input + example.reference), example.id))[:demonstrations]
    asked = (dataset.test * (items // len(dataset.test) + 1))[:items]
    chats = [word(example, dataset.instruction, shown) for example in asked]
    return rendered(f"{demonstrations} shared demonstrations", chats, codec)


def evenly_spaced(prompts: Sequence[Ids], count: int) -> list[Ids]:
    """Prompts whose lengths stand for all: the middles of `count` equal parts, by length."""
    ranked, count = sorted(prompts, key=len), min(count, len(prompts))
    return [ranked[(2 * part + 1) * len(ranked) // (2 * count)] for part in range(count)]


def generate_alone(plain: Any, ids: Ids, pad: int, **options: Any) -> Ids:
    """One prompt through transformers' `generate`, greedily."""
    import torch

    tokens = torch.tensor([ids], device=plain.device)
    with torch.inference_mode():
        out = plain.generate(tokens, attention_mask=torch.ones_like(tokens), do_sample=False, pad_token_id=pad, **options)
    return tuple(out[0, len(ids) :].tolist())


def one_by_one(plain: Any, prompts: Sequence[Ids], new_tokens: int, pad: int) -> Timed:
    begun = time.perf_counter()
    for ids in prompts:
        written = generate_alone(plain, ids, pad, min_new_tokens=new_tokens, max_new_tokens=new_tokens)
        expect(len(written), new_tokens, ONE_BY_ONE)
    return Timed(len(prompts), time.perf_counter() - begun, {})


def batches(prompts: Sequence[Ids], new_tokens: int) -> list[Batch]:
    return compose(prompts, BatchPolicy(), new_tokens)


def bakeoff(model: TransformersModel, prompts: Sequence[Ids], new_tokens: int) -> Timed:
    """As a comparison answers; the shared beginning is computed anew in each round."""
    model.prefix, model.codec.stops = Prefix(), frozenset()
    config = GenerationConfig(max_new_tokens=new_tokens)
    begun = time.perf_counter()
    for batch in batches(prompts, new_tokens):
        for completion in model.generate(batch, config):
            expect(len(completion.token_ids), new_tokens, OURS)
    return Timed(len(prompts), time.perf_counter() - begun, {})


def lm_eval_backend(plain: Any, codec: ChatCodec) -> Callable[[Prompts, int], Timed]:
    """lm-evaluation-harness around the plain model, started once."""
    import torch
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    backend: Any = HFLM(pretrained=plain, tokenizer=codec.tokenizer, batch_size=16)
    whole, lengths = backend._model_generate, list[tuple[int, int]]()

    def noted(context: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        out: torch.Tensor = whole(context, *args, **options)
        lengths.append((len(context), out.shape[1] - context.shape[1]))
        return out

    backend._model_generate = noted

    def run(prompts: Prompts, new_tokens: int) -> Timed:
        for text, ids in zip(prompts.texts, prompts.ids, strict=True):
            expect(len(backend.tok_encode(text)), len(ids), f"{LM_EVAL}, prompt")
        settings = {"until": [], "max_gen_toks": new_tokens, "min_new_tokens": new_tokens, "do_sample": False}
        requests = [Instance("generate_until", {}, (text, settings), place) for place, text in enumerate(prompts.texts)]
        lengths.clear()
        begun = time.perf_counter()
        backend.generate_until(requests, disable_tqdm=True)
        seconds = time.perf_counter() - begun
        expect(sum(rows for rows, _ in lengths), len(requests), f"{LM_EVAL}, rows")
        for _, written in lengths:
            expect(written, new_tokens, LM_EVAL)
        return Timed(len(requests), seconds, {})

    return run


def expect(got: int, wanted: int, who: str) -> None:
    if got != wanted:
        raise SystemExit(f"{who}: {got} instead of {wanted}; a ratio of unequal work would mean nothing.")


def check(model: TransformersModel, prompts: Prompts, new_tokens: int) -> dict[str, Any]:
    """Batched and prefix-shared ids beside one-by-one ids; both end where the model ends."""
    plain, config = common.load_plain(model.source.folder, model.hardware), GenerationConfig(max_new_tokens=new_tokens)
    model.prefix = Prefix()
    ours: dict[int, Ids] = {}
    composed = batches(prompts.ids, new_tokens)
    for batch in composed:
        ours |= {row: completion.token_ids for row, completion in zip(batch.rows, model.generate(batch, config), strict=True)}
    stops = sorted(model.codec.stops)
    theirs = [generate_alone(plain, ids, model.codec.pad, max_new_tokens=new_tokens, eos_token_id=stops) for ids in prompts.ids]
    equal = sum(ours[row] == ids for row, ids in enumerate(theirs))
    return {
        "prompts": prompts.name,
        "batches": len(composed),
        "shared tokens": composed[0].shared,
        "equal ids": f"{equal} of {len(theirs)}",
    }


def measure(model: TransformersModel, sets: Sequence[Prompts], options: argparse.Namespace) -> list[dict[str, Any]]:
    plain = common.load_plain(model.source.folder, model.hardware)
    backend = lm_eval_backend(plain, model.codec) if options.with_lm_eval else None
    results = []
    for prompts in sets:
        few, pad, new = evenly_spaced(prompts.ids, options.one_by_one), model.codec.pad, options.new_tokens
        sides: dict[str, common.Side] = {ONE_BY_ONE: lambda few=few, pad=pad: one_by_one(plain, few, options.new_tokens, pad)}  # type: ignore[misc]
        if backend:
            sides[LM_EVAL] = lambda prompts=prompts: backend(prompts, options.new_tokens)  # type: ignore[misc]
        sides[OURS] = lambda prompts=prompts: bakeoff(model, prompts.ids, options.new_tokens)  # type: ignore[misc]
        rows = common.summarise(common.take_turns(sides, options.rounds), "prompts", ONE_BY_ONE, OURS)
        composed = batches(prompts.ids, new)
        about = f"{len(prompts.ids)} prompts of {common.spread([len(ids) for ids in prompts.ids])}; {len(few)} of them one by one; "
        about += f"batches of Bakeoff: {len(composed)}, the first {composed[0].shared} tokens of all prompts computed once"
        print(f"\n**{prompts.name}** ({about})\n\n{common.markdown(rows)}\n", flush=True)
        results.append({"prompts": prompts.name, "about": about, "sides": rows})
    return results


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model id as in a plan")
    parser.add_argument("--dtype", default="auto", help="auto, bfloat16 or float32; auto takes what the processor does fast")
    parser.add_argument("--threads", type=int, help="CPU threads; by default all that this process may use")
    parser.add_argument("--items", type=int, default=48, help="prompts in each set")
    parser.add_argument("--new-tokens", type=int, default=64, help="tokens of each answer, for everybody")
    parser.add_argument("--demonstrations", type=int, default=5, help="demonstrations that the second set shares")
    parser.add_argument("--one-by-one", type=int, default=8, help="prompts that stand for all where they go one by one")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side; medians are shown")
    parser.add_argument(
        "--with-lm-eval", action="store_true", help="install lm-evaluation-harness into .benchmark-packages and measure it, too"
    )
    parser.add_argument("--check", action="store_true", help="only compare ids in float32")
    parser.add_argument("--json", type=Path, help="write figures and the machine's description there")
    return parser.parse_args(arguments)


def main() -> None:
    options = parse()
    if options.with_lm_eval:
        common.install(LM_EVAL_REQUIREMENT, "lm_eval")
    spec = ModelSpec(id=options.model, dtype="float32" if options.check else options.dtype, threads=options.threads)
    model = TransformersModel(spec, default_home() / "models")
    about = common.machine(model.hardware)
    print(common.describe(about), flush=True)
    sets = [mixed_prompts(model.codec, options.items), demonstrated_prompts(model.codec, options.items, options.demonstrations)]
    if options.check:
        results = [check(model, prompts, options.new_tokens) for prompts in sets]
        print(f"\n{common.markdown(results)}")
    else:
        results = measure(model, sets, options)
    if options.json:
        common.write_json(options.json, {"machine": about, "settings": vars(options), "results": results})


if __name__ == "__main__":
    main()
