"""Answers to scores, and scores to intervals, without knowing who wrote the answers. Importing this folder registers every metric."""

# ruff: noqa: I001  (this is the order in which forms and tables list them)
import evaluation.overlap
import evaluation.extraction
import evaluation.accuracy
import evaluation.choice
import evaluation.rouge
import evaluation.bleu
import evaluation.json_fields
import evaluation.similarity
import evaluation.relevancy
import evaluation.perplexity
import evaluation.form
import evaluation.groundedness
import evaluation.abstention
import evaluation.judge
import evaluation.reward  # noqa: F401
