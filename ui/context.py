"""What every handler is given: where things are kept, and whose request this is. Nothing here changes while the app runs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from comparison.store import LOCAL_OWNER, Store
from models.loading import DEFAULT_EMBEDDER, DEFAULT_MODEL
from ui.loaded import ModelCache
from ui.stops import Stops

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@dataclass(frozen=True)
class Settings:
    """How the app was started.

    Attributes:
        home: the store's folder; None for `BAKEOFF_HOME` or the platform's.
        examples: folder of the bundled examples.
        model, embedder: ids that a new task begins with; where the embedded packages are not installed, their ids load the same weights from the Hub.
        public: several people use it, each of whom may see only their own.
        models: what the page answers with; holds nothing of any visitor.
        stops: answers that somebody stopped.
    """

    home: Path | None = None
    examples: Path = EXAMPLES
    model: str = DEFAULT_MODEL
    embedder: str = DEFAULT_EMBEDDER
    public: bool = False
    models: ModelCache = field(default_factory=ModelCache, compare=False)
    stops: Stops = field(default_factory=Stops, compare=False)


class Context(NamedTuple):
    """One request: the app's settings, the owner in whose name the handler acts, and which comparison or blind review the address names."""

    settings: Settings
    owner: str = LOCAL_OWNER
    wanted: str = ""
    review: str = ""

    @property
    def store(self) -> Store:
        return Store(self.settings.home)


def owner_of(settings: Settings, username: str | None, session: str | None) -> str:
    """Local mode has one owner. In public mode it is the login, else the browser session, which ends with the tab."""
    if not settings.public:
        return LOCAL_OWNER
    return f"user:{username}" if username else f"session:{session or 'none'}"


def start_settings(home: Path | None, examples: Path | None) -> Settings:
    """Settings of an app that starts now; the store is opened once, so that a folder that cannot be written is told at once.

    Raises:
        StoreError: the store cannot be used.
    """
    Store(home)
    return Settings(home, examples or EXAMPLES, public=bool(os.environ.get("SPACE_ID")))
