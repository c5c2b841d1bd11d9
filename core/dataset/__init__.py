"""Files of any common shape to examples, split without leaks."""

from core.dataset.further import RowsOfFile, cleared, rows_of_file
from core.dataset.labels import find_labels
from core.dataset.leakage import Leaks, compared_texts, find_leaks, normalise, same_item
from core.dataset.load import Dataset, NearFinder, load_dataset
from core.dataset.nearness import NEAR_FROM, Near, near_pairs
from core.dataset.paragraphs import cleaned, paragraphs, sentences
from core.dataset.planted import Planted, find_planted
from core.dataset.preview import Preview, preview, preview_hub
from core.dataset.rows import BadRow
from core.dataset.spec import ColumnsSpec, DataSpec, FilesSpec, HubSpec, LimitSpec, SplitSpec

__all__ = [
    "NEAR_FROM",
    "BadRow",
    "ColumnsSpec",
    "DataSpec",
    "Dataset",
    "FilesSpec",
    "HubSpec",
    "Leaks",
    "LimitSpec",
    "Near",
    "NearFinder",
    "Planted",
    "Preview",
    "RowsOfFile",
    "SplitSpec",
    "cleaned",
    "cleared",
    "compared_texts",
    "find_labels",
    "find_leaks",
    "find_planted",
    "load_dataset",
    "near_pairs",
    "normalise",
    "paragraphs",
    "preview",
    "preview_hub",
    "rows_of_file",
    "same_item",
    "sentences",
]
