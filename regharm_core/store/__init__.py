"""Weights and other files: written whole or not at all, read with every check before anything is built."""
