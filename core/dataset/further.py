"""Further files of rows, for training on several tasks at once: read as the task's own file is, but never cut into splits nor tested on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from core.dataset.leakage import KINDS, Leaks, compared_texts, find_leaks
from core.dataset.load import LISTED_BAD_ROWS, NearFinder, read_part
from core.dataset.rows import BadRow
from core.dataset.spec import DataSpec
from core.dataset.split import identify
from core.errors import DataError
from core.records import Example


@dataclass(frozen=True)
class RowsOfFile:
    """One file's rows.

    Attributes:
        file: its name, as results may show it.
        bad: the first 20 rows that cannot be used; `bad_count` counts them all.
        leaks: what was taken out because it stands in the task's test set, by kind.
        in_validation: how many more were taken out because they stand among its validation rows, which choose the best epoch.
        in_probe: and how many because they stand in the general probe, by which forgetting is measured.
    """

    file: str
    examples: tuple[Example, ...]
    bad: tuple[BadRow, ...] = ()
    bad_count: int = 0
    leaks: Leaks = field(default_factory=Leaks)
    in_validation: int = 0
    in_probe: int = 0

    def to_report(self) -> dict[str, object]:
        """Counts, and the pairs of test items and rows, by id."""
        first = [{"file": row.file, "line": row.line, "reason": row.reason} for row in self.bad]
        counts = {"rows": len(self.examples), "bad_rows": {"count": self.bad_count, "first": first}, "in_validation": self.in_validation}
        counts |= {"in_probe": self.in_probe}
        return {"file": self.file, **counts, "leakage": self.leaks.to_report()}

    @property
    def taken_out(self) -> int:
        """How many rows stood in the test set."""
        return len(self.leaks.others() | {pair.other for pair in self.leaks.near or ()})


def rows_of_file(spec: DataSpec, base: Path) -> RowsOfFile:
    """All usable rows of the one file that `spec.path` names.

    Raises:
        PlanError: the mapping of columns does not fit it.
        DataError: it cannot be used.
    """
    part = read_part(spec, base)
    name = Path(spec.path or "").name
    return RowsOfFile(name, tuple(identify(part.examples)), tuple(part.bad[:LISTED_BAD_ROWS]), len(part.bad))


def cleared(
    rows: RowsOfFile, test: tuple[Example, ...], validation: tuple[Example, ...], instruction: str, near: NearFinder | None = None
) -> RowsOfFile:
    """The rows without those that stand in the test set or among the validation rows.

    They are compared by the bare question as well as by instruction and question, since another task may ask of the same text.

    Args:
        instruction: `Dataset.instruction`.
        near: finds near duplicates of test items too, where the plan wants these dropped.

    Raises:
        DataError: none is left.
    """
    asked, bare = compared_texts(rows.examples, instruction), [(e.id, e.question) for e in rows.examples]
    leaks = find_leaks(test, asked, instruction).and_further(find_leaks(test, bare))
    gone = leaks.others()
    if near is not None:
        leaks = leaks.with_near(near(compared_texts(test, instruction), [text for text in asked if text[0] not in gone]))
    gone |= {pair.other for pair in leaks.near or ()}
    seen = (find_leaks(validation, asked, instruction).others() | find_leaks(validation, bare).others()) - gone
    kept = tuple(e for e in rows.examples if e.id not in gone and e.id not in seen)
    if not kept:
        kinds = ", ".join(f"{leaks.count(kind)} {kind}" for kind in KINDS if leaks.count(kind))
        raise DataError(
            f"None of the {len(rows.examples)} rows of {rows.file} can be mixed into training: all stand in the test or validation rows ({kinds}).",
            "Mix in rows of another task, or leave this file out.",
        )
    return replace(rows, examples=kept, leaks=leaks, in_validation=len(seen))
