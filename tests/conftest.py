"""For every test: one thread of computation, as tests run beside each other (``make test`` takes two processes)."""

import torch

torch.set_num_threads(1)
