"""Near duplicates on the Data tab: found on demand, shown side by side, and kept out of training where somebody wants that (E12)."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.dataset import DataSpec
from core.errors import DataError
from core.specs import read_spec
from models.loading import DEFAULT_EMBEDDER
from ui.context import Context, Settings
from ui.handlers import neardata
from ui.handlers.data import Draft
from ui.task import Task


@pytest.fixture
def fake(ctx: Context) -> Context:
    """The fake embedder, which cannot tell questions with the same words."""
    return Context(Settings(home=ctx.settings.home, examples=ctx.settings.examples, model="fake/echo", embedder="fake/hash-64"))


@pytest.fixture
def draft(fake: Context, tmp_path: Path) -> Draft:
    """Rows that share no words, but that each stands there a second time in reverse order."""
    texts = [f"w{n}a w{n}b w{n}c w{n}d w{n}e w{n}f" for n in range(20)]
    rows = [*texts, *(" ".join(reversed(text.split())) for text in texts)]
    path = tmp_path / "rows.csv"
    path.write_text("question,answer\n" + "".join(f"{text} <b>,answer {n}\n" for n, text in enumerate(rows)))
    return Draft(kept=str(path), name="rows")


def test_near_rows_are_shown_beside_the_test_item(fake: Context, draft: Draft) -> None:
    found = neardata.look(fake, draft)
    assert found.rows >= 1
    assert "Other row" in found.html and "<b>" not in found.html


def test_the_task_without_them_has_no_near_rows(fake: Context, draft: Draft) -> None:
    task = neardata.without(fake, draft, Task(), "fake/echo")
    assert task.data["near_duplicates"] == "drop"
    assert read_spec(DataSpec, dict(task.data), "data").near_duplicates == "drop"
    with pytest.raises(DataError):
        neardata.without(fake, Draft(), Task(), "")


def test_what_is_wrong_stands_in_the_place_of_the_pairs(fake: Context) -> None:
    found = neardata.look(fake, Draft())
    assert found.rows == 0 and "There are no examples yet" in found.html


def test_without_an_embedder_it_says_what_is_missing(fake: Context, draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = fake._replace(
        settings=Settings(home=fake.settings.home, examples=fake.settings.examples, model="fake/echo", embedder="no/such-embedder")
    )
    found = neardata.look(missing, draft)
    assert found.rows == 0 and 'role="alert"' in found.html
    assert DEFAULT_EMBEDDER != "no/such-embedder"
