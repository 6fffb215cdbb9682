"""For every test: one thread of computation, as tests run beside each other (``make test`` takes two processes), and
the same random numbers whichever tests ran before."""

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """torch's own generator starts alike in each test."""
    torch.manual_seed(0)
