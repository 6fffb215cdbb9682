"""Damaged files of any kind: an answer, or one of the project's own errors, and nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from regharm_core import RegHarmError
from tests.robustness.fuzz import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files(tmp_path: Path, name: str) -> None:
    answers: list[object] = []
    errors: list[RegHarmError] = []

    def attempt(work: Callable[[], object]) -> None:
        try:
            answers.append(work())
        except RegHarmError as error:
            errors.append(error)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of what it finds in broken files
        TARGETS[name](tmp_path, attempt)()
    assert answers and errors  # some damage goes unnoticed: a comment, a weight's last bits
    assert all(len(str(error)) < 400 + len(str(tmp_path)) for error in errors)
