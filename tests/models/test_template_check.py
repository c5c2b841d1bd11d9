"""F24: a chat template that nobody has read is tried in a bounded child; what people type is never compiled."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.errors import ModelError
from core.records import Message
from models import template_check
from models.template_check import TRUSTED, check_template, found_harmless

HARMLESS = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
TOKENS = {"eos_token": "</s>"}
ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ messages.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{% if messages|length > 2 %}{{ (''|attr('__class__')).mro() }}{% endif %}",
]


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    found_harmless.clear()


@pytest.mark.parametrize("template", ESCAPES)
def test_a_template_that_reaches_for_pythons_objects_is_refused(template: str) -> None:
    """F24: the sandbox's SecurityError, in a shape of chat that a first look would not show, too."""
    with pytest.raises(ModelError, match=r"SecurityError.*do not trust this one"):
        check_template(template, TOKENS, None)


def test_a_nested_loop_is_stopped_by_the_clock() -> None:
    """F24: 100,000 × 100,000 rounds; jinja's sandbox alone would go on for minutes."""
    begun = time.monotonic()
    with pytest.raises(ModelError, match=r"its 5 s or its memory|still at work"):
        check_template("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", TOKENS, None)
    assert time.monotonic() - begun < template_check.WALL_S + 30


def test_the_childs_limits_are_five_seconds_of_a_processor_and_512_mib() -> None:
    """F24: told by the system, since on a busy machine five seconds of a processor may take longer than anybody waits."""
    code = "import resource as r; from models.template_check import limit_this_process as l; l(); print(*r.getrlimit(r.RLIMIT_CPU), *r.getrlimit(r.RLIMIT_AS))"
    done = subprocess.run([sys.executable, "-c", code], cwd=template_check.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5", "5", str(512 * 2**20), str(512 * 2**20)]


@pytest.mark.parametrize(
    "template", ["{{ 'x' * 1000000000 }}", "{% set s = namespace(t='x') %}{% for i in range(40) %}{% set s.t = s.t ~ s.t %}{% endfor %}"]
)
def test_a_gigabyte_of_text_is_stopped_by_the_memory_limit(template: str) -> None:
    """F24: by one product and by doubling."""
    with pytest.raises(ModelError, match="512 MiB"):
        check_template(template, TOKENS, None)


def test_what_is_no_template_is_refused() -> None:
    """F24."""
    with pytest.raises(ModelError, match="TemplateSyntaxError"):
        check_template("{% for m in messages %}", TOKENS, None)


def test_a_harmless_template_is_tried_once_and_remembered_by_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F24: in this process, and on disk for the next one; another template is tried for itself."""
    check_template(HARMLESS, TOKENS, tmp_path)
    started: list[object] = []
    monkeypatch.setattr(
        subprocess, "run", lambda *args, **options: started.append(args) or subprocess.CompletedProcess([], 1, "it was tried")
    )
    check_template(HARMLESS, TOKENS, tmp_path)
    found_harmless.clear()
    check_template(HARMLESS, TOKENS, tmp_path)
    assert not started
    with pytest.raises(ModelError, match="it was tried"):
        check_template(HARMLESS + " ", TOKENS, tmp_path)
    with pytest.raises(ModelError, match="it was tried"):
        check_template(HARMLESS + " ", TOKENS, tmp_path)
    assert len(started) == 2, "a refusal is not remembered: a busy machine may have been the reason"


def test_a_template_may_refuse_a_chat_and_use_what_transformers_offers() -> None:
    """F24: no false alarm for raise_exception, loop controls, tojson, generation marks or a date."""
    template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ strftime_now('%d') }}{{ date_string | tojson }}"
        "{% for m in messages %}{% if loop.index > 3 %}{% break %}{% endif %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
        "{% endgeneration %}{% else %}{{ m.content.split('x')[0] | trim }}{% endif %}{% endfor %}"
    )
    check_template(template, TOKENS, None)


def test_templates_that_were_read_by_a_person_start_no_child(monkeypatch: pytest.MonkeyPatch, tiny_model: Path, tmp_path: Path) -> None:
    """F24: ChatML, which the tiny model has."""
    from models.chat import load_codec

    monkeypatch.setattr(template_check, "tried", lambda *_: pytest.fail("a child was started"))
    codec = load_codec(tiny_model, tmp_path)
    assert hashlib.sha256(codec.tokenizer.chat_template.encode()).hexdigest() in TRUSTED


def test_a_folder_with_a_bad_template_gives_no_codec(tiny_model: Path, tmp_path: Path) -> None:
    """F24: it is refused before its first render in this process."""
    import shutil

    from models.chat import load_codec

    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / "chat_template.jinja").write_text(ESCAPES[0])
    with pytest.raises(ModelError, match="SecurityError"):
        load_codec(tmp_path / "model", tmp_path)


def test_what_people_type_is_never_compiled(tiny_model: Path, tmp_path: Path) -> None:
    """F24: a question that looks like a template reaches the model as it was typed."""
    from models.chat import load_codec

    typed = "{{ 7 * 7 }} {% for a in range(100000) %}{% endfor %} {{ ''.__class__.__mro__ }}"
    text = load_codec(tiny_model, tmp_path).prompt_text([Message("system", typed), Message("user", typed)])
    assert text.count(typed) == 2 and "49" not in text


@pytest.mark.real
def test_the_embedded_models_template_is_one_that_was_read(models_home: Path) -> None:
    """F24: embedded models start no child."""
    from models.chat import load_tokenizer

    folder = locate_embedded(models_home)
    assert hashlib.sha256(load_tokenizer(folder).get_chat_template().encode()).hexdigest() in TRUSTED


def locate_embedded(home: Path) -> Path:
    from models.weights import locate

    return locate("embedded/smollm2-135m-instruct", None, home).folder
