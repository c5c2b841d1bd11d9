"""F22: whatever a run, a folder or a model is called, commands are lists of arguments, and no shell reads them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.errors import MethodError, ModelError
from models.loading import ModelSpec, identify
from training.job import TrainingJob, TrainingRow
from training.launch import command, run_job
from training.peft_configs import LoraSettings

NASTY = ["; rm -rf x", "$(touch planted)", "`touch planted`", "--config=evil", "line\nbreak", "-rf", "a && touch planted", "'\"quote"]


@pytest.mark.parametrize("name", NASTY)
def test_a_trainers_folder_is_one_argument_whatever_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """F22: the argv of the trainer's process, recorded; its options come before the path, which is absolute and no option."""
    recorded: list[tuple[Any, dict[str, Any]]] = []

    def popen(command: Any, **options: Any) -> subprocess.Popen[str]:
        recorded.append((command, options))
        return original([sys.executable, "-c", 'print(\'{"event": "Epoch"}\')'], stdout=subprocess.PIPE, text=True)

    original = subprocess.Popen
    monkeypatch.setattr("training.launch.subprocess.Popen", popen)
    monkeypatch.chdir(tmp_path)
    row = TrainingRow(id="1", prompt_ids=(1,), completion_ids=(2,))
    job = TrainingJob(base=ModelSpec(), models_home=tmp_path, settings=LoraSettings(), train=(row,), out=tmp_path / name / "out")
    assert [event["event"] for event in run_job(job)] == ["Epoch"]
    ((command, options),) = recorded
    assert command == [sys.executable, "-m", "training", str(tmp_path / name / "out" / "job.json")]
    assert not options.get("shell") and Path(command[-1]).is_absolute()
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize("told", ["; rm -rf x", "2 --evil", "-1", "0", "", "²", "99999"])
def test_a_number_of_processes_is_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    """F22: it reaches the command of torchrun only as one."""
    monkeypatch.setenv("BAKEOFF_PROCESSES", told)
    with pytest.raises(MethodError, match="BAKEOFF_PROCESSES must be a number of processes"):
        command("training", tmp_path / "job.json")


def test_several_processes_are_started_by_torchrun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same job file; other trainers stay alone."""
    alone = [sys.executable, "-m", "training", str(tmp_path / "job.json")]
    assert command("training", tmp_path / "job.json") == alone
    monkeypatch.setenv("BAKEOFF_PROCESSES", "2")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    assert command("training", tmp_path / "job.json") == [alone[0], *launcher, *alone[1:]]
    assert command("training.encoder", tmp_path / "job.json") == [sys.executable, "-m", "training.encoder", str(tmp_path / "job.json")]


@pytest.mark.parametrize("name", [*NASTY, "a/b\n", "\na/b", "a/b/c", "a//b", "организация/модель", "a/" + "x" * 97, "a/b;c", "a/b c"])
def test_a_model_id_is_matched_whole_before_anybody_else_sees_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """F22: neither the Hub's client nor a file system is asked for an id with anything but letters, digits, '.', '-' and '_' in two parts."""
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: pytest.fail("the Hub was asked"))
    with pytest.raises(ModelError, match="must be an embedded model, a folder or a Hub id"):
        identify(ModelSpec(id=name), tmp_path)


@pytest.mark.parametrize("revision", ["main; rm -rf x", "$(id)", "--config=evil", "main\n", "", "../../x y"])
def test_a_revision_is_matched_whole_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str) -> None:
    """F22."""
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: pytest.fail("the Hub was asked"))
    with pytest.raises(ModelError, match=r"model\.revision must be"):
        identify(ModelSpec(id="somebody/something", revision=revision), tmp_path)


def test_the_job_file_holds_names_as_data(tmp_path: Path) -> None:
    """F22: a name is read back as it was, so it was never a part of a command."""
    row = TrainingRow(id="$(id)", prompt_ids=(1,), completion_ids=(2,))
    job = TrainingJob(base=ModelSpec(id="a/b"), models_home=tmp_path, settings=LoraSettings(), train=(row,), out=tmp_path / "; rm -rf x")
    assert TrainingJob.model_validate(json.loads(job.model_dump_json())) == job
