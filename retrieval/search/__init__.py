"""Questions to passages: each step is a small file, and `pipeline.py` joins them. Importing this folder registers the retrievers."""

from retrieval.search import dense as dense
from retrieval.search import fusion as fusion
from retrieval.search import lexical as lexical
