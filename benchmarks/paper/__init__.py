"""The paper's tables and figures 1 and 5, made again: results, pictures and the commands that make ../paper.md."""
