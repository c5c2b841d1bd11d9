"""Which judge a comparison has: its model, its rubric, and the names under which its scores and calls are found again.

judge: {model: same}                                  the base model
judge: {model: org/name}                              another model of this machine or the Hub
judge: {endpoint: {url: ..., model: ...}}             an OpenAI-compatible server
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from comparison import judge_key
from comparison.judge_spec import SAME, JudgeSpec
from comparison.judgements import Remembering
from comparison.loaded import Loaded
from core import versions
from evaluation.families import family_warning
from evaluation.judge import names_scale, rubric_text
from models import address
from models.base import ModelIdentity
from models.choosing import Chooser, LocalChooser
from models.endpoint import Endpoint, EndpointSpec
from models.loading import ModelSpec, identify, load_model

JUDGE_STAGE = "1"  # raised by hand when the same judge would be asked otherwise


@dataclass
class Judging:
    """The judge of one comparison.

    Attributes:
        candidate: the model whose answers are judged.
        identity: the judge's own, None behind a server.
        chooser: asks it, and remembers.
    """

    spec: JudgeSpec
    candidate: ModelIdentity
    identity: ModelIdentity | None
    chooser: Remembering

    @property
    def key(self) -> list[Any]:
        """What a mark depends on beside the texts."""
        return [*self.chooser.basis, self.spec.scale, rubric_text(self.spec.rubric, self.spec.scale), JUDGE_STAGE]

    @property
    def name(self) -> str:
        """The model as people know it; of a folder only its name."""
        if self.spec.endpoint is not None:
            return self.spec.endpoint.model
        return (
            Path(self.identity.id).name
            if self.identity and self.identity.id.startswith("/")
            else (self.identity.id if self.identity else "")
        )

    @property
    def family_warning(self) -> str:
        return family_warning(self.name, self.candidate.id)

    def entry(self) -> dict[str, Any]:
        """The report's `judge`, but for what its marks came to. The rubric is what the judge read."""
        kind = "endpoint" if self.spec.endpoint is not None else SAME if self.spec.is_base else "model"
        endpoint = self.spec.endpoint
        return {
            "model": self.name,
            "revision": self.identity.revision if self.identity else None,
            "kind": kind,
            "server": urlsplit(endpoint.url).hostname if endpoint else None,
            "scale": self.spec.scale,
            "rubric": rubric_text(self.spec.rubric, self.spec.scale),
            "own_rubric": bool(self.spec.rubric),
            "scale_added": bool(self.spec.rubric) and not names_scale(self.spec.rubric, self.spec.scale),
            "cap": endpoint.cap if endpoint else None,
        }


def judging(spec: JudgeSpec | None, candidate: ModelIdentity, loaded: Loaded, folder: Path) -> Judging:
    """The judge that a plan asks for; nothing is loaded or asked yet.

    Args:
        loaded: the comparison's models; the base model judges where the plan says so.
        folder: the comparison's, where calls are kept.

    Raises:
        ModelError: there is no such model.
    """
    spec = spec or JudgeSpec()
    if spec.endpoint is not None:
        basis: list[Any] = ["endpoint", spec.endpoint.url.rstrip("/"), spec.endpoint.model]
        return Judging(spec, candidate, None, Remembering(folder, basis, partial(_server, spec.endpoint)))
    identity = judge_identity(spec, candidate, loaded.spec, loaded.home)
    load = loaded.model if spec.is_base else lambda: load_model(_other(spec, loaded.spec), loaded.home, loaded.on_note)
    return Judging(spec, candidate, identity, Remembering(folder, [asdict(identity), versions.libraries()], lambda: LocalChooser(load())))


def _server(spec: EndpointSpec) -> Chooser:
    return Endpoint(spec, judge_key.take(), public_only=address.shared_machine())


def judge_identity(spec: JudgeSpec, candidate: ModelIdentity, base: ModelSpec, home: Path) -> ModelIdentity:
    """The judge's identity, without loading it.

    Raises:
        ModelError: there is no such model.
    """
    return candidate if spec.is_base else identify(_other(spec, base), home)


def _other(spec: JudgeSpec, base: ModelSpec) -> ModelSpec:
    """Another model runs as the base model does."""
    return base.model_copy(update={"id": spec.model, "revision": spec.revision})


def check_there(spec: JudgeSpec | None, candidate: ModelIdentity, base: ModelSpec, home: Path) -> None:
    """What can be known wrong of a judge before work begins.

    Raises:
        ModelError: no such model, or a server that may not be asked.
    """
    if spec is not None:
        check_server(spec, public=address.shared_machine())
    if spec is not None and spec.endpoint is None:
        judge_identity(spec, candidate, base, home)


def check_server(spec: JudgeSpec, *, public: bool) -> None:
    """Refuse a server that only this machine can reach, where other people use it, too.

    Raises:
        ModelError: as above.
    """
    if spec.endpoint is not None and public:
        parts = urlsplit(spec.endpoint.url)
        address.public_address(parts.hostname or "", parts.port or 443)


def uncertified(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry whose judge was never checked."""
    empty = {"auc": None, "flip_rate": None, "length_slope": None, "human_kappa": None}
    return {**entry, "certificate": {**empty, "trusted": False, "reason": "not certified"}}
