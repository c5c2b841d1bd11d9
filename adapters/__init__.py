"""Adaptation methods: ways to make a base model do a task. Importing this folder registers them all.

To add one, write a file of the shape of `zero_shot.py` and import it here.
"""
