"""Measurements: each module is one command, ``python -m benchmarks.NAME``, that writes what it found."""
