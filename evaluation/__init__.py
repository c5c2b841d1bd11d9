"""Answers to scores, and scores to intervals, without knowing who wrote the answers. Importing this folder registers every metric."""
