"""A data set of the Hugging Face hub to raw rows, through the `datasets` library.

Streamed, capped, and without any code of its repository.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import core.dataset.limits as limits
from core.dataset.rows import RawRow, Table, gather
from core.dataset.spec import HubSpec
from core.errors import BakeoffError, DataError, PlanError, nearest

VALIDATION_NAMES = ("validation", "valid", "val", "dev")


def hub_tables(spec: HubSpec) -> dict[str, Table]:
    """Tables by split. One table under "" where it is still to be cut.

    Raises:
        PlanError: the id would not be looked up on the hub.
        DataError: the hub cannot be reached, has no such data set, or the data set is over a limit.
    """
    with _hub_errors(spec.id):
        return {part: gather(shown, _counted(rows, shown)) for part, (rows, shown) in _streams(spec).items()}


def hub_head(spec: HubSpec, most: int) -> Table:
    """The first rows of a data set, of the part that would be trained on; enough to see its columns.

    Raises:
        PlanError, DataError: as `hub_tables`.
    """
    with _hub_errors(spec.id):
        rows, shown = next(iter(_streams(spec).values()))
        return gather(shown, islice(_counted(rows, shown), most))


def _streams(spec: HubSpec) -> dict[str, tuple[Any, str]]:
    """Rows that have not been fetched yet, and their name for people, by split; train first."""
    import datasets

    _check_id(spec.id)
    found = datasets.load_dataset(spec.id, spec.name, split=spec.split, revision=spec.revision, streaming=True)
    if spec.split is not None:
        return {"": (found, spec.id)}
    parts = _named_parts(list(found), spec) if spec.splits else _parts(list(found), spec.id)
    return {part: (found[name], f"{spec.id}:{name}") for part, name in parts.items()}


@contextmanager
def _hub_errors(hub_id: str) -> Iterator[None]:
    """Raises: DataError, for whatever the library says."""
    try:
        yield
    except BakeoffError:
        raise
    except Exception as error:  # the library raises many unrelated kinds: of the network, of the hub, of pyarrow, its own
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise DataError(
            f"The data set '{hub_id}' could not be read from the hub ({type(error).__name__}: {first}).",
            "Check its id, configuration and revision and that the hub can be reached, or download it and give it as path.",
        ) from error


def _check_id(hub_id: str) -> None:
    """Ids that `datasets` would take for a folder here or for one of its own file readers are refused."""
    reader = "/" not in hub_id and importlib.util.find_spec(f"datasets.packaged_modules.{hub_id.split('.')[0]}")
    if reader or Path(hub_id).exists():
        what = f"data.hub.id must name a data set of the hub; '{hub_id}' names files on this machine."
        raise PlanError(what, "Use path or files for those.")


def _parts(names: list[str], hub_id: str) -> dict[str, str]:
    """Our split to the hub's split. A data set with a single split is cut by us."""
    if len(names) == 1:
        return {"": names[0]}
    if "train" not in names or "test" not in names:
        what = f"'{hub_id}' has the splits {', '.join(names)}; it must have train and test, or one must be named."
        raise DataError(what, "Add split: NAME to data.hub, or splits: {train: NAME, test: NAME}.")
    validation = next((name for name in VALIDATION_NAMES if name in names), None)
    return {"train": "train", "test": "test", **({"validation": validation} if validation else {})}


def _named_parts(names: list[str], spec: HubSpec) -> dict[str, str]:
    """Our split to the hub's, as the plan says."""
    wanted = spec.splits.model_dump(exclude_none=True) if spec.splits else {}
    for part, name in wanted.items():
        if name not in names:
            what = f"data.hub.splits.{part} must be a split of '{spec.id}' ({', '.join(names)}); got '{name}'."
            raise PlanError(what, nearest(name, names))
    return wanted


def _counted(rows: Any, shown: str) -> Iterator[RawRow]:
    features = getattr(rows, "features", None) or {}
    classes = {name: kind.names for name, kind in features.items() if isinstance(getattr(kind, "names", None), list)}
    text_bytes = 0
    for number, values in enumerate(rows, 1):
        limits.check_rows(shown, number)
        limits.check_columns(shown, len(values))
        text_bytes += sum(len(value) for value in values.values() if isinstance(value, (str, bytes)))
        limits.check_text(shown, text_bytes)
        yield RawRow(number, {name: _class_name(value, classes.get(name)) for name, value in values.items()})
    if not text_bytes:
        raise DataError(f"{shown} has no rows with text.", "Choose another split or configuration.")


def _class_name(value: Any, names: list[str] | None) -> Any:
    """Label columns hold numbers on the hub; their names are what a model can answer with."""
    return names[value] if names and isinstance(value, int) and 0 <= value < len(names) else value
