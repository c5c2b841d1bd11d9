"""Documents to passages to an index to the passages of a prompt. Importing this folder registers its chunkers and retrievers."""

from retrieval import chunking as chunking
from retrieval import index as index
from retrieval import search as search
