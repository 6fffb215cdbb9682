"""Measurements. Each module here and in ``paper`` is one command, ``python -m benchmarks.NAME``.

A command measures, keeps its figures in ``results``, and writes its tables into its report, ``NAME.md``. The text
around the tables is written by people and stays (:mod:`.helpers.reports`).
"""
