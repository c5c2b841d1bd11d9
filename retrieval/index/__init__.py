"""Passages and their vectors in a folder: built, changed, searched.

kinds      flat, HNSW or IVF-PQ: which suits how many passages
vectors    unit vectors in FAISS; the only file that imports it
folder     the files of an index, read and written
cache      vectors of texts, kept for all indexes of a store
changes    what an earlier index already has
building   documents to a folder
searching  a folder to the nearest passages
"""

from retrieval.index.building import VERSION, Step, build_index, index_fingerprint
from retrieval.index.embedding import unit_vectors
from retrieval.index.kinds import Kind
from retrieval.index.searching import FaissIndex, FlatIndex

__all__ = ["VERSION", "FaissIndex", "FlatIndex", "Kind", "Step", "build_index", "index_fingerprint", "unit_vectors"]
