"""Files of any common shape to examples, split without leaks."""

from core.dataset.labels import find_labels
from core.dataset.leakage import Leaks, compared_texts, find_leaks, normalise, same_item
from core.dataset.load import Dataset, load_dataset
from core.dataset.preview import Preview, preview
from core.dataset.rows import BadRow
from core.dataset.spec import ColumnsSpec, DataSpec, FilesSpec, HubSpec, LimitSpec, SplitSpec

__all__ = [
    "BadRow",
    "ColumnsSpec",
    "DataSpec",
    "Dataset",
    "FilesSpec",
    "HubSpec",
    "Leaks",
    "LimitSpec",
    "Preview",
    "SplitSpec",
    "compared_texts",
    "find_labels",
    "find_leaks",
    "load_dataset",
    "normalise",
    "preview",
    "same_item",
]
