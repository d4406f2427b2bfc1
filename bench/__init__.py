"""Measurements that people run: what things cost, next to what they would have to cost.

Every `python -m bench.<name>` prints a table and, as its last line, one JSON object; how each
figure comes about is written in `docs/benchmarks.md`.
"""
