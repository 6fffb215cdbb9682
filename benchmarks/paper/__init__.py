"""The paper's tables and figures 1 and 5, made again; the report is ``benchmarks/paper.md``."""
