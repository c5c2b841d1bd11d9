"""Paths in a plan: made absolute when it is read, so that it runs from any folder, and taken out of what travels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from comparison.judge_spec import SAME


def absolute(raw: dict[str, Any], base: Path) -> dict[str, Any]:
    """The plan with every path made absolute, so that it can be run from elsewhere."""

    def within(section: Any, *names: str) -> Any:
        if not isinstance(section, dict):
            return section
        return {
            k: str((base / Path(v).expanduser()).resolve()) if k in names and isinstance(v, str) and v else v for k, v in section.items()
        }

    def weights(section: Any) -> Any:
        local = {
            k for k in ("id", "embedder") if isinstance(section, dict) and isinstance(section.get(k), str) and _is_folder(section[k], base)
        }
        return within(section, *local)

    changed = dict(raw)
    if isinstance(data := raw.get("data"), dict):
        data = within(data, "path")
        changed["data"] = {**data, "files": within(data["files"], "train", "validation", "test")} if "files" in data else data
    if "knowledge" in raw:
        changed["knowledge"] = within(raw["knowledge"], "path")
    if "rehearsal" in raw:
        changed["rehearsal"] = within(raw["rehearsal"], "path")
    if isinstance(raw.get("methods"), list):
        changed["methods"] = [{**m, "mix": [within(e, "path") for e in m["mix"]]} if _mixes(m) else m for m in raw["methods"]]
    if isinstance(changed.get("methods"), list):
        changed["methods"] = [_local(within(method, "pairs"), "teacher", base) for method in changed["methods"]]
    if "reward" in raw:
        changed["reward"] = within(raw["reward"], "pairs")
    if "model" in raw:
        changed["model"] = weights(raw["model"])
    judge = raw.get("judge")
    if isinstance(judge, dict) and judge.get("model") != SAME and _is_folder(str(judge.get("model", "fake/")), base):
        changed["judge"] = within(judge, "model")
    if isinstance(raw.get("metrics"), list):
        changed["metrics"] = [
            within(m, "evaluate") if isinstance(m, dict) and _is_script(m.get("evaluate"), base) else m for m in raw["metrics"]
        ]
    return changed


def _mixes(method: Any) -> bool:
    return isinstance(method, dict) and isinstance(method.get("mix"), list)


def _local(section: Any, name: str, base: Path) -> Any:
    """A section whose model of that name is made absolute where it is a folder of this machine, and no server is named beside it."""
    value = section.get(name) if isinstance(section, dict) else None
    if not isinstance(value, str) or section.get(f"{name}_url") or not _is_folder(value, base):
        return section
    return {**section, name: str((base / Path(value).expanduser()).resolve())}


def _is_folder(name: str, base: Path) -> bool:
    return name.startswith((".", "/", "~")) or (not name.startswith(("fake/", "embedded/")) and (base / name).is_dir())


def _is_script(value: Any, base: Path) -> bool:
    return isinstance(value, str) and (value.endswith(".py") or value.startswith((".", "/", "~")) or (base / value).exists())


def found(value: Any) -> set[str]:
    """The absolute paths that stand in a plan."""
    if isinstance(value, Mapping):
        return set().union(*(found(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(found(inner) for inner in value))
    return {value} if isinstance(value, str) and "\n" not in value and Path(value).is_absolute() and Path(value).name else set()


def names_only(value: Any) -> Any:
    """The same value, of each absolute path only the last part."""
    if isinstance(value, dict):
        return {key: names_only(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [names_only(inner) for inner in value]
    if isinstance(value, str) and "\n" not in value and Path(value).is_absolute():
        return Path(value).name
    return value
