"""The judge against a real `transformers serve` on loopback, with the embedded model. It gives no log-probabilities, so replies are read."""

from __future__ import annotations

import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import ModelError
from core.records import Message, Score, Unscored
from evaluation.judge import marked
from models.endpoint import Endpoint, EndpointSpec
from models.weights import locate

pytestmark = pytest.mark.real
ITEMS = [
    ("What is the capital of France?", "Paris", "Paris"),
    ("What is the capital of France?", "Paris", "a bicycle"),
    ("2 + 2?", "4", "5"),
]


@pytest.fixture(scope="module")
def server(models_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EndpointSpec]:
    folder = locate("embedded/smollm2-135m-instruct", None, models_home).folder
    cache = tmp_path_factory.mktemp("hub")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = "from transformers.cli.transformers import main; main()"
    line = [sys.executable, "-c", code, "serve", str(folder), "--device", "cpu", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "HF_HOME": str(cache), "HF_HUB_CACHE": str(cache / "hub"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    (cache / "hub").mkdir()
    log = (cache / "log").open("wb")
    process = subprocess.Popen(line, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + 240
        while not answering(port):
            assert process.poll() is None, (cache / "log").read_text()
            assert time.monotonic() < deadline, (cache / "log").read_text()
            time.sleep(0.3)
        yield EndpointSpec(url=f"http://127.0.0.1:{port}/v1", model=str(folder), price_per_million_prompt_tokens=1.0, timeout_s=300)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def answering(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_a_real_server_gives_marks_or_reasons_and_counts_its_tokens(server: EndpointSpec) -> None:
    """F12, E23: each item has a mark of 1 to 5 or says that the reply holds none; the tokens that the server counts are paid for."""
    judge = Endpoint(server)
    scored = [marked(judge, *item) for item in ITEMS]
    for one in scored:
        assert (isinstance(one, Score) and 1 <= one.value <= 5) or (isinstance(one, Unscored) and "holds no mark" in one.reason)
    assert judge.calls == len(ITEMS) and judge.spent > 0.0001


def test_a_mark_that_the_model_does_write_is_read(server: EndpointSpec) -> None:
    """The embedded model is a poor judge, but it can say a number."""
    said = [Message("user", "What is 2 + 2? Reply with the number alone."), Message("assistant", "4"), Message("user", "What is 2 + 1?")]
    found = Endpoint(server).choose(said, ["1", "2", "3", "4", "5"])
    assert max(found) == 0.0 and sorted(found)[0] == -math.inf


def test_a_model_that_the_server_does_not_have_is_said_plainly(server: EndpointSpec) -> None:
    judge = Endpoint(server.model_copy(update={"model": "no/such-model", "timeout_s": 60}), sleep=lambda s: None)
    with pytest.raises(ModelError) as error:
        judge.choose([], ["1", "2"])
    assert error.value.remedy
