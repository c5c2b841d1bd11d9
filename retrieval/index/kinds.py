"""Which kind of index suits how many passages, and how each is set.

flat     every vector is compared: exact, nothing to set, and bound by memory's speed (about 20 single queries/s at a million of 384).
hnsw     a graph of near neighbours is walked (Malkov and Yashunin 2018, arXiv:1603.09320): quick, whole vectors in memory.
ivfpq    vectors in lists by cluster, each in dimension/8 bytes (Jégou et al. 2011, doi:10.1109/TPAMI.2010.57): little memory; the best
         candidates are compared again by the whole vectors, which stay on disk.
"""

from __future__ import annotations

from math import sqrt
from typing import Literal, get_args

from core import memory
from core.errors import PlanError, nearest

Kind = Literal["auto", "flat", "hnsw", "ivfpq"]
Built = Literal["flat", "hnsw", "ivfpq"]

FLAT_UP_TO = 100_000
"""Passages up to which comparing all is quick enough (some milliseconds a query) and exact."""
MEMORY_SHARE = 0.5
"""Of the memory that is free, what an HNSW index may take; a larger one is cut to IVF-PQ."""

HNSW_LINKS = 32
"""Neighbours of a vector in the graph; 16 to 64 are usual."""
HNSW_BUILD = 160
"""Candidates that are looked at to place a vector; 40 to 400 are usual."""
HNSW_SEARCH = 128
"""Candidates that a query keeps; more find more, and take longer."""

IVF_PROBES = 32
"""Lists that a query reads."""
CODE_BITS = 8
"""Bits of the code of one part of a vector, so 256 codes are learnt for each part."""
IVF_LEAST = 2_048
"""Vectors below which lists and codes cannot be learnt; such an index is flat."""
TRAIN_PER_LIST = 40
RESCORED = 20
"""Candidates for each wanted passage whose whole vectors are compared."""


def choose(asked: Kind, count: int, dimension: int) -> Built:
    """What is built for `count` passages.

    Raises:
        PlanError: there is no such kind.
    """
    if asked not in get_args(Kind):
        raise PlanError(f"There is no index '{asked}'.", nearest(asked, get_args(Kind)))
    if asked == "auto":
        asked = "flat" if count <= FLAT_UP_TO else "hnsw" if _fits(count, dimension) else "ivfpq"
    return "flat" if asked == "ivfpq" and count < IVF_LEAST else asked


def settled(asked: Kind, characters: int) -> Kind:
    """What is certainly built from so many characters: no passage is empty, so there are at most as many of them."""
    return "flat" if characters <= {"auto": FLAT_UP_TO, "ivfpq": IVF_LEAST - 1}.get(asked, -1) else asked


def _fits(count: int, dimension: int) -> bool:
    free = memory.free_mb()
    return free is None or hnsw_bytes(count, dimension) <= MEMORY_SHARE * free * 2**20


def hnsw_bytes(count: int, dimension: int) -> int:
    """Memory of an HNSW index: four bytes a number, and four for each of twice the links at the lowest level."""
    return count * (4 * dimension + 8 * HNSW_LINKS + 32)


def lists(count: int) -> int:
    """Lists of an IVF-PQ index: four times the root of the count, and at least `TRAIN_PER_LIST` vectors to learn each."""
    return max(1, min(round(4 * sqrt(count)), count // TRAIN_PER_LIST))


def parts(dimension: int) -> int:
    """Parts that a vector is cut into for its code, each of one byte and at least 8 numbers; they must be equal."""
    return next(n for n in range(max(1, dimension // 8), 0, -1) if dimension % n == 0)


def table_bytes(count: int, dimension: int) -> int:
    """Most that FAISS may work out beside an IVF-PQ index that it reads: a number for each list, part and code, lists being learnt again
    only beyond twice as many vectors."""
    return 4 * 2 * max(1, round(4 * sqrt(count))) * parts(dimension) * (1 << CODE_BITS)


def settings(kind: Built, count: int, dimension: int) -> dict[str, int]:
    """What an index of this kind is built and searched with, for its card."""
    if kind == "hnsw":
        return {"links": HNSW_LINKS, "build_candidates": HNSW_BUILD, "search_candidates": HNSW_SEARCH}
    if kind == "ivfpq":
        return {"lists": lists(count), "code_bytes": parts(dimension), "probes": IVF_PROBES, "rescored": RESCORED}
    return {}
