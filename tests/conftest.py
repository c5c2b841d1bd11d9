"""Fixtures that several folders use: a tiny real language model made on the spot, the folder of unpacked models, a scripted judge's server."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


def keep_to_one_core() -> None:
    """One of several test processes computes on a core of its own, with all that it starts: threads that wait for each other cost more than they bring."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})


keep_to_one_core()
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def save_tiny_model(folder: Path, seed: int = 0, layers: int = 2) -> Path:
    """A Llama of few layers with random weights and a byte-level tokenizer with chat marks: real transformers code, milliseconds to run."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<|im_start|>": 0, "<|im_end|>": 1, **{letter: i + 2 for i, letter in enumerate(letters)}}
    raw = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens([AddedToken("<|im_start|>", special=True), AddedToken("<|im_end|>", special=True)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|im_end|>", chat_template=CHATML)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=64, intermediate_size=128, num_hidden_layers=layers, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=1024, bos_token_id=0, eos_token_id=1, pad_token_id=1, initializer_range=0.1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random model; its path is a model id."""
    return save_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny-llama")


@pytest.fixture(scope="session")
def deep_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model that takes its time for an answer."""
    return save_tiny_model(tmp_path_factory.mktemp("deep") / "deep-llama", layers=40)


@pytest.fixture(scope="session")
def models_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where embedded models are unpacked: kept between test runs if BAKEOFF_TEST_MODELS says where, else once a session."""
    named = os.environ.get("BAKEOFF_TEST_MODELS")
    return Path(named) if named else tmp_path_factory.mktemp("models")


class JudgeServer:
    """An OpenAI-compatible server on loopback that answers by a script, and remembers what it was sent.

    Each step of the script answers one request: a text is the model's reply; a dict is the JSON body; a tuple is (status, headers, body);
    `CUT` breaks off in the middle, `HANG` says nothing for 5 s, a function makes a step of the request. The last step answers all further
    requests.
    """

    CUT, HANG = "<cut>", "<hang>"

    def __init__(self) -> None:
        self.script: list[Any] = ["4"]
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.usage: dict[str, int] | None = {"prompt_tokens": 1000, "completion_tokens": 1, "total_tokens": 1001}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                outer.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                step = outer.script.pop(0) if len(outer.script) > 1 else outer.script[0]
                step = step(outer.requests[-1]) if callable(step) else step
                if step == outer.HANG:
                    time.sleep(5)
                    return
                status, headers, body = step if isinstance(step, tuple) else (200, {}, outer.body(step))
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body) * (2 if step == outer.CUT else 1)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = step == outer.CUT

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def body(self, step: Any) -> bytes:
        if isinstance(step, bytes):
            return step
        if step == self.CUT:
            whole = self.body("4")
            return whole[: len(whole) // 2]
        if isinstance(step, dict):
            return json.dumps(step).encode()
        message = {"role": "assistant", "content": step}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        base = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "usage": self.usage}
        return json.dumps({**base, "choices": [choice]}).encode()

    def weighing(self, logprobs: dict[str, float], content: str = "4") -> dict[str, Any]:
        """A reply with log-probabilities of its first token."""
        found: dict[str, Any] = json.loads(self.body(content))
        top = [{"token": token, "logprob": value, "bytes": None} for token, value in logprobs.items()]
        found["choices"][0]["logprobs"] = {"content": [{"token": content, "logprob": 0.0, "bytes": None, "top_logprobs": top}]}
        return found


@pytest.fixture
def judge_server() -> Iterator[JudgeServer]:
    server = JudgeServer()
    yield server
    server.server.shutdown()
    server.server.server_close()
